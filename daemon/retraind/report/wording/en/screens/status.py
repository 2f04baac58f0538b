"""STATUS.txt and `retraind status`: how models, their jobs and the hosts are doing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from retraind.domain.job import Outcome, State
from retraind.report.wording.en._parts import count, listing, moment
from retraind.report.wording.words import Host, Name, Said, Section, Words
from retraind.system.clock import with_offset

_DOING: Mapping[State, str] = {
    State.SEALING: "is being taken in",
    State.SEALED: "has been taken in and is checked now, or once deliveries of other models are done",
    State.CHECKED: "has passed the check and is being bundled",
    State.BUNDLED: "is bundled and will be sent to the service",
    State.REGISTERED: "is being sent to the service",
    State.UPLOADED: "has been sent; the service is training",
    State.TRAINED: "has been trained; retraind is deciding whether to publish the model",
    State.SWITCHING: "has been trained, and the model is being published",
    State.FILING: "is finished and is being filed",
    State.RESTORING: "is being brought back for another try",
    State.DONE: "is done",
    State.FAILED: "has failed",
    State.RETURNED: "was returned to the drop folder",
}
_STOOD: Mapping[State, str] = {
    State.SEALING: "was being taken in",
    State.SEALED: "has been taken in",
    State.CHECKED: "has passed the check",
    State.BUNDLED: "is bundled and has not been sent",
    State.REGISTERED: "was being sent to the service",
    State.UPLOADED: "has been sent; the service may have trained it by now",
    State.TRAINED: "has been trained; nothing has been decided about publishing the model",
    State.SWITCHING: "has been trained; the model was about to be published",
    State.FILING: "is finished and has not been filed",
    State.RESTORING: "was being brought back for another try",
}
"""The same while nothing runs."""
_UNDER_WAY = {
    "preflight": "is being checked",
    "bundle": "has passed the check and is being bundled",
    "upload": "is being sent to the service",
    "results": "has been trained; the results are being fetched",
}
_ENDED: Mapping[Outcome, str] = {
    Outcome.TRAINED: "trained, not published",
    Outcome.SWITCHED: "trained and published",
    Outcome.SUPERSEDED: "not used, a newer one followed",
    Outcome.DUPLICATE: "not used, the same files as before",
    Outcome.FAILED: "failed",
}
_SECTIONS: Mapping[Section, str] = {
    Section.IN_WORK: "In work:",
    Section.UNFINISHED: "Not finished:",
    Section.NOT_WORKED_ON: "Taken in, but not processed:",
    Section.INCOMPLETE: "Not complete yet:",
    Section.LEFT_ALONE: "Left alone:",
}

# The folder


def status_intro(model: str) -> str:
    return f"This folder takes in data for the model {model}. retraind keeps this file up to date."


def section(which: Section) -> str:
    return _SECTIONS[which]


def on_hold(why: Said) -> str:
    return f"ON HOLD: {why}"


def action_needed_soon(why: Said) -> str:
    return f"ACTION NEEDED SOON: {why}"


def drop_folder_trouble(why: Said) -> str:
    return f"TROUBLE: {why}"


def waiting_for(outage: str) -> str:
    return f"WAITING: {outage}"


def journal_trouble(why: str) -> str:
    return f"JOURNAL: nothing can be written to it. {why}"


def still_taken_in() -> str:
    return "New files are still taken in; nothing is lost."


def nothing_to_do() -> str:
    return "Nothing is waiting and nothing is in work."


def and_more(number: int) -> str:
    return f"And {number:,} more."


def and_more_in_status_file(number: int) -> str:
    return f"And {number:,} more: see STATUS.txt."


def expected_files(
    names: tuple[Name, ...],
    folders: tuple[Name, ...],
    ready: Literal["settle", "marker", "manifest"],
    proofs: tuple[Name, ...],
) -> Words:
    """Which files the folder waits for. `proofs` are the names of the marker or the manifest, by `ready`."""
    proof = {
        "settle": "",
        "marker": f", and after them the marker {' or '.join(proofs)}",
        "manifest": f", and their manifest {' or '.join(proofs)}",
    }[ready]
    verb = "exist" if len(folders) > 1 else "exists"
    made = f" Make sure that {listing(folders)} {verb}." if folders else ""
    return Words(f"retraind expects files such as {listing(names)}{proof}.{made}")


def published_model(key: Name, since: datetime, by_hand: bool, job: str) -> str:
    hand = ", by hand" if by_hand else ""
    delivery = key or "(without a key)"
    return f"Published: the model trained with delivery {delivery}, since {moment(since)}{hand} ({job})"


def last_finished(
    *,
    key: Name,
    outcome: Outcome,
    unclear: bool,
    ended: datetime,
    job: str,
    times: int = 1,
    since: datetime | None = None,
) -> str:
    """`unclear`: it is not certain whether the model was published; `times`: so many duplicates in a row."""
    how = "trained; it is not certain whether it was published" if unclear else _ENDED[outcome]
    if times > 1:
        how += f", delivered again {count(times, 'time')}{f' since {moment(since)}' if since else ''}"
    folder = "failed" if outcome is Outcome.FAILED else "done"
    return f"Last finished: {key or '(without a key)'} ({how}), {moment(ended)}. See {folder}/{job}/"


def last_changed(at: datetime) -> str:
    """With the offset, for readers in another zone."""
    return f"Last changed: {with_offset(at)}"


def last_checked(at: datetime) -> str:
    return (
        f"Last checked: {with_offset(at)}. retraind renews this line every hour; if it is more than two "
        "hours old, retraind is not running, or cannot write to this folder."
    )


# Nobody looks after the folder


def status_stopped(model: str, at: datetime, why: Said) -> str:
    return (
        f"This folder takes in data for the model {model}.\n\n"
        f"Since {moment(at)}, nothing has been taken in here. {why}\n\n"
        "Files can still be dropped: they are taken in, and deliveries in work continue, as soon as retraind "
        "watches this folder again."
    )


def deliveries_unfinished(number: int) -> str:
    return f"Deliveries that were taken in and are not finished: {number:,}."


def status_moved(model: str, at: datetime) -> str:
    return (
        f"This folder took in data for the model {model} until {moment(at)}.\n\n"
        "The model has another drop folder now. Files that are dropped here are not taken in."
    )


def status_removed(model: str, at: datetime, machine: Name) -> str:
    return (
        f"This folder took in data for the model {model}.\n\n"
        f"retraind was removed from {machine} on {moment(at)}. Files that are dropped here are not "
        "processed.\n\n"
        "Nothing here was deleted: finished deliveries are in done/, failed ones in failed/. Ask the "
        f"operator of {machine} where new data goes now, and before you delete anything here."
    )


def left_in_work(folder: str) -> str:
    """`folder` is the one for work in the drop folder."""
    return (
        f"These deliveries were in work. Their files are in {folder}/, a hidden folder here. If retraind is "
        "installed on that machine again with its state folder, it continues with them. A training that has "
        "begun continues at the service, but its results are not fetched."
    )


# Deliveries


def incomplete_line(key: Name, files: tuple[Name, ...], why: tuple[Said, ...]) -> str:
    names = f" ({', '.join(files)})" if files else ""
    return f"{key or '(without a key)'}{names}: {' '.join(map(str, why))}"


def complete_line(key: Name, running: bool) -> str:
    when = "as soon as they have settled" if running else "once retraind runs"
    return f"{key or '(without a key)'}: its files have arrived and will be taken in {when}."


def keys_out_of_order(first: Name, then: Name) -> Words:
    """`first` arrived before `then`, and comes after it by its key."""
    return Words(
        f"The keys do not show the order in which deliveries arrived: {first} arrived before {then}. They "
        "are processed as they arrived, and none is skipped.",
        "Use keys that sort by time, such as 2026-10-31.",
    )


# Jobs in work


def job_standing(
    *,
    key: Name,
    job: str,
    state: State,
    behind: Name | None,
    reported: Said | None,
    wait: Said | None,
    running: bool = True,
    doing: Literal["preflight", "bundle", "upload", "results"] | None = None,
) -> str:
    """`behind` is the delivery that it waits for, `reported` the service's status, `wait` what delays it.

    `running`: whether retraind works. If not, nothing is being done. `doing` is the step that is under way,
    where that is known.
    """
    if not running and behind is None:
        stood = _STOOD.get(state, _DOING[state])
        return f"{key or job} {stood}. It continues once retraind runs. {wait or ''}".strip()
    does = f"has been taken in and waits for {behind} to finish" if behind else _DOING[state]
    does = _UNDER_WAY[doing] if doing else does
    return " ".join([f"{key or job} {does}.", *(str(each) for each in (reported, wait) if each)])


def service_reports(status: Name, since: datetime | None, message: Name | None) -> str:
    says = f', with the message "{message}"' if message else ""
    if since is None:
        return f'The service reports "{status}"{says}.'
    return f'The service has reported "{status}" since {moment(since)}{says}.'


def waits_for_hold(model: str) -> str:
    return f"It continues when the hold of {model} ends."


def waits_for_host(is_service: bool) -> str:
    return f"It waits for {'the service' if is_service else 'the object store'}."


def last_try(met: Said, *, running: bool = True) -> str:
    return f"Last try: {met}{' retraind tries again automatically.' if running else ''}"


# Hosts


def host_outage(host: Host, is_service: bool, since: datetime, last: Said) -> str:
    whose = "The service" if is_service else "The object store"
    return (
        f"{whose} ({host}) has been failing since {moment(since)}. Last error: {last} retraind tries again "
        "automatically and then continues."
    )


def next_try(at: datetime | None, jobs: int) -> str:
    """`at` is None while retraind does not run."""
    return f"Next try: {moment(at) if at else 'once retraind runs'}. Jobs that wait for it: {jobs:,}."


def try_asked(by: Name, at: datetime) -> str:
    """A person wanted a host that is down to be tried at once."""
    return f"{by} asked on {moment(at)} to try it now."
