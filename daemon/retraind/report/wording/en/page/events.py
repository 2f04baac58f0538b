"""The entries of a job's history, in a few words each."""

from collections.abc import Mapping

from retraind.report.wording.words import Host, Name

_EVENTS: Mapping[str, str] = {
    "delivery_complete": "The delivery is complete",
    "delivery_sealed": "Taken in",
    "delivery_returned": "Returned to the drop folder: a file still changed",
    "delivery_superseded": "A newer delivery takes its place",
    "data_checked": "The data follows the rules",
    "duplicate_found": "The same files were trained before",
    "training_taken_over": "Waits for the training of an earlier job",
    "job_continued": "A later job continues its training",
    "note_renewed": "The note says where it continues",
    "bundle_built": "The bundle is built",
    "bundle_missing": "The bundle was gone, and is built again",
    "retrain_job_registered": "The service has registered a retrain job",
    "registration_dropped": "Another retrain job is registered",
    "upload_started": "The upload begins",
    "upload_complete": "The service has every byte",
    "upload_found_complete": "The interrupted upload had arrived",
    "status_seen": "The service reports a status",
    "training_prevented": "A limit of the account prevents the training",
    "training_finished": "The training has finished",
    "switch_decided": "The model is to be published",
    "switch_left_to_owner": "Publishing is left to a person",
    "gate_passed": "The gate approves the model",
    "gate_refused": "The gate rejects the model",
    "gate_not_asked": "The gate was not asked",
    "results_fetched_again": "The results were fetched again",
    "switch_asked": "A person asks to publish the model",
    "model_switched": "The model is published",
    "switch_failed": "Publishing failed",
    "switch_unclear": "It is unknown whether the model was published",
    "job_failed": "The delivery has failed",
    "job_filed": "Filed",
    "retry_asked": "A person asks for another try",
    "job_restored": "Back in work",
    "restore_impossible": "It cannot be brought back",
    "retry": "A step is tried again",
    "job_stuck": "It has made no progress for a long time",
    "job_moves": "It continues",
    "held": "On hold",
    "released": "The hold has ended",
    "job_adopted": "Read again from its folder",
    "model_refused": "The model's settings have a mistake",
    "model_held": "The model is on hold",
    "model_released": "The model's hold has ended",
    "hold_tried": "The hold ends for a try",
    "hold_goes_on": "The hold continues",
    "model_adopted": "The model has the jobs of another name",
    "host_down": "A host fails",
    "host_back": "The host works again",
    "host_still_down": "The host still fails",
    "host_try_asked": "A person asks to try the host now",
    "folder_accepted": "A person accepts another drop folder",
    "rebuild_asked": "A person rebuilds the journal",
    "folder_away": "The drop folder is out of reach",
    "folder_reassigned": "The drop folder was another model's",
    "not_taken_in": "Something in the drop folder needs attention",
    "waits_in_folder": "What waits in the drop folder was noted",
    "waits_for_deletion": "What is due to be deleted was noted",
    "journal_mended": "The journal was repaired",
    "expectation": "A delivery is late",
    "expectation_began": "Deliveries are expected from now on",
    "snoozed": "Nothing is expected for a while",
    "key_seen": "A new key is in use",
    "key_warning": "The key needs attention",
}
_OVER: Mapping[str, str] = {
    "model_refused": "The model's settings are accepted again",
    "folder_away": "The drop folder is back",
    "not_taken_in": "Nothing in the drop folder needs attention any more",
    "expectation": "No delivery is late any more",
    "key_warning": "The key no longer needs attention",
}
"""The same where what was wrong is over."""


def page_event(event: str, host: Host | None = None, *, over: bool = False) -> str:
    """`event` is a name of docs/operations.md; one of a newer retraind is shown as it is.

    `over`: it says of nothing that it is wrong.
    """
    said = (_OVER.get(event) if over else None) or _EVENTS.get(event) or event.replace("_", " ")
    return f"{said} ({host})" if host else said


def person(name: Name, uid: int, sudo_user: Name | None, host: Host) -> str:
    """Who ran a command. `sudo_user` is who called sudo, as the environment says."""
    sudo = f", sudo by {sudo_user}" if sudo_user else ""
    return f"{name} (uid {uid}{sudo}) on {host}"
