"""Sony's retraining service on loopback, true to its manual: four API calls, object store, real training.

    config = EmulatorConfig(
        state_dir=tmp_path / "service",
        models=(EmulatedModel("churn", model_id=1001, api_key="key-of-churn", target="churned"),),
        trainer="instant",
    )
    with Emulator(config) as emulator:
        requests.get(emulator.url + "/v1/external/retrain_jobs/upload_url", …)
        emulator.expire_key("churn")
        emulator.set_faults({"api_503": 0.2, "upload_reset": Fault(times=1)})
    read_records(config.state_dir)

All state is in `state_dir` and survives a kill; `records.jsonl` there records what happened, one fact per
line: registered, put_received, training_started, training_resumed, training_finished, training_failed,
results_downloaded, model_switched, api_key_issued, fault_struck, portal_visited. Each has `time` (ISO 8601,
UTC), `event`, `model` and `retrain_job_id` (None where it does not apply).

Where the vendor's manual leaves something open, the emulator takes the reading that is worst for a client, or
has a field of `EmulatorConfig` for it:

- an error's body is `{"code": int, "error": str, "message": str}` (the fault `api_error_shape` sends other
  shapes);
- an unknown key is refused with `invalid_api_key.`, an expired one with `Inactive_credential.`, and one of
  another model than the retrain job's with `Not_found_credential.`;
- a second complete PUT to one address starts a second training (`repeated_upload`), whose status and results
  replace the first one's;
- a status check signs a new download address each time; every address expires after `url_lifetime`, that of
  results after `results_lifetime`, where given;
- a retrain job without an upload has a status of its own; with the fault `status_unknown` the job is unknown.
  The status shows an upload at once; with `status_hidden` only after `hidden_time`, though its training may
  run;
- `end_date` has `end_date_format`; the fault `api_end_date` sends others. `WORST_CASE` turns on all these
  faults;
- a zip must contain the two files and nothing else, compressed; columns must match in order, too;
- a numeric target with more than ten different values is a quantity, any other a class.

Nothing here imports the rest of retraind.
"""

from retraind.emulator.command import add_arguments, run_from_arguments
from retraind.emulator.config import EmulatedModel, EmulatorConfig, EmulatorError, RequestSeen, StatusWords
from retraind.emulator.faults import FAULTS, STATUSES, WORST_CASE, Fault
from retraind.emulator.records import read_records
from retraind.emulator.service import Emulator

__all__ = [
    "FAULTS",
    "STATUSES",
    "WORST_CASE",
    "EmulatedModel",
    "Emulator",
    "EmulatorConfig",
    "EmulatorError",
    "Fault",
    "RequestSeen",
    "StatusWords",
    "add_arguments",
    "read_records",
    "run_from_arguments",
]
