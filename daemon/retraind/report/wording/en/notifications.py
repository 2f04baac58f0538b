"""Notifications. Their texts are complete sentences, for somebody who is elsewhere."""

from datetime import datetime, timedelta

from retraind.report.wording.en._parts import command, count, moment, span
from retraind.report.wording.words import Host, Name, Notice, Place, Said, Words


def _delivery(model: str, key: str, job: str) -> str:
    return f"{model}, delivery {key or job}"


def _host(host: Host, is_service: bool) -> str:
    return f"{'The service' if is_service else 'The object store'} ({host})"


def notice_subject(machine: Name, title: str) -> str:
    """The title where it is all that is seen at first."""
    return f"retraind on {machine}: {title}"


def notice_in_one(subject: str, text: str) -> str:
    return f"{subject}. {text}"


def notice_failed(model: str, key: Name, job: str, reason: Said, note: Place | None) -> Notice:
    see = f" See {note}." if note else ""
    return Notice(f"{_delivery(model, key, job)} failed", f"{reason.what}{see} {reason.remedy}")


def notice_done(model: str, key: Name, job: str, headline: Said, folder: Place | None) -> Notice:
    see = f" See {folder}." if folder else ""
    return Notice(f"{_delivery(model, key, job)} is done", f"{headline}{see}")


def notice_model_held(model: str, what: Said) -> Notice:
    text = f"{what.what} New files are still taken in; nothing is lost. {what.remedy}"
    return Notice(f"{model} is on hold", text)


def notice_model_released(model: str, why: Said) -> Notice:
    return Notice(f"{model} is no longer on hold", f"{why} It continues.")


def notice_job_held(model: str, key: Name, job: str, reason: Said) -> Notice:
    text = f"{reason.what} Nothing is lost. {reason.remedy}"
    return Notice(f"{_delivery(model, key, job)} is on hold", text)


def notice_job_released(model: str, key: Name, job: str) -> Notice:
    return Notice(f"{_delivery(model, key, job)} is no longer on hold", "It continues.")


def notice_stuck(model: str, key: Name, job: str, since: datetime, reason: Said) -> Notice:
    text = (
        f"It has been failing since {moment(since)}. Last try: {reason} retraind tries again automatically; "
        "nothing is lost."
    )
    return Notice(f"{_delivery(model, key, job)} cannot continue", text)


def notice_continues(model: str, key: Name, job: str, since: datetime) -> Notice:
    return Notice(f"{_delivery(model, key, job)} continues", f"It had been failing since {moment(since)}.")


def notice_key_ends(model: str, what: Said) -> Notice:
    return Notice(f"{model}: its API key expires soon", str(what))


def notice_host_fails(host: Host, is_service: bool, since: datetime, reason: Said) -> Notice:
    text = (
        f"It has been failing since {moment(since)}. Last error: {reason} retraind tries again automatically "
        "and then continues; nothing is lost."
    )
    return Notice(f"{_host(host, is_service)} is failing", text)


def notice_host_works(host: Host, is_service: bool, since: datetime) -> Notice:
    text = f"It had been failing since {moment(since)}. What waited for it continues."
    return Notice(f"{_host(host, is_service)} works again", text)


def notice_folder_away(model: str, what: Said) -> Notice:
    text = f"{what} The other models continue; this one does so automatically when the folder is back."
    return Notice(f"{model}: its drop folder cannot be reached", text)


def notice_folder_back(model: str) -> Notice:
    return Notice(f"{model}: its drop folder is back", "Its files are taken in again.")


def notice_folder_reassigned(model: str, what: Said) -> Notice:
    return Notice(f"{model}: its drop folder was another model's", str(what))


def not_taken_in(lines: tuple[Said, ...], number: int, waited: timedelta) -> str:
    """`lines` are the first of so many deliveries and files, each with what it lacks."""
    rest = f" And {number - len(lines):,} more." if number > len(lines) else ""
    return f"This has not changed for more than {span(waited)}: {' '.join(map(str, lines))}{rest}"


def notice_not_taken_in(model: str, what: Said, number: int, drop: Place | None) -> Notice:
    where = f" The folder is {drop}; its STATUS.txt says what is there now." if drop else ""
    things = count(number, "delivery or file", "deliveries or files")
    return Notice(f"{model}: {things} cannot be taken in", f"{what}{where}")


def notice_not_taken_in_anywhere(number: int, titles: tuple[Name, ...]) -> Notice:
    """For several models; `titles` are those of some."""
    more = f"; and {number - len(titles):,} more" if number > len(titles) else ""
    return Notice(
        f"Files for {number:,} models cannot be taken in",
        f"{'; '.join(titles)}{more}. See: {command('status')}",
    )


def notice_gate(model: str, key: Name, job: str, why: Said, folder: Place | None) -> Notice:
    filed = f" The results are filed in {folder}." if folder else ""
    title = f"{_delivery(model, key, job)}: the gate refused the new model"
    return Notice(title, f"{why} The published model was not changed.{filed}")


def notice_warnings(model: str, key: Name, job: str, warnings: int, rules: tuple[str, ...]) -> Notice:
    """`rules` are the first of those that the warnings are about."""
    named = f" Rules: {', '.join(rules)}." if rules else ""
    text = f"The data was accepted.{named} See: {command(f'show {job}')}"
    return Notice(f"{_delivery(model, key, job)}: {count(warnings, 'warning')} about its data", text)


def digest_line(model: Name, trained: int, published: int, failed: int, late: int) -> Words:
    parts = {"trained": trained, "published": published, "failed": failed, "late": late}
    told = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
    return Words(f"{model}: {told or 'nothing'}.")


def notice_digest(
    *, since: datetime, lines: tuple[Said, ...], more: int, quiet: int, trained: int, failed: int
) -> Notice:
    """`lines` are of the first models, `more` are further ones, `quiet` those without anything."""
    told = [*map(str, lines)]
    told += [f"And {count(more, 'more model')}."] if more else []
    told += [f"Nothing happened for {count(quiet, 'other model' if lines else 'model')}."] if quiet else []
    return Notice(
        f"Digest: {trained:,} trained, {failed:,} failed",
        f"Since {moment(since)}: {' '.join(told)} See: {command('jobs')}",
    )


def notice_journal_repaired(jobs: int) -> Notice:
    text = (
        f"It was damaged, lost or out of date. Jobs restored from their folders: {jobs:,}. Nothing is "
        "trained again. Check the disk that it is on."
    )
    return Notice("The journal was repaired", text)


def notice_journal_fails(why: Said, since: datetime) -> Notice:
    text = (
        f"It has been failing since {moment(since)}. {why.what} Nothing is taken in or sent meanwhile, and "
        f"nothing is lost. {why.remedy}"
    )
    return Notice("The journal cannot be written", text)


def notice_journal_works() -> Notice:
    return Notice("The journal can be written again", "retraind continues.")


def notice_model_refused(model: str, what: Said) -> Notice:
    text = f"{what.what} {what.remedy} The other models continue. Then reload retraind."
    return Notice(f"{model} does not run: its settings have a mistake", text)


def notice_model_runs(model: str) -> Notice:
    return Notice(f"{model} runs again", "Its settings have been corrected.")


def notice_summary(number: int, titles: tuple[Name, ...]) -> Notice:
    """`titles` are some of the messages that it sums up."""
    more = number - len(titles)
    rest = f"; and {more:,} more" if more else ""
    return Notice(
        count(number, "notification"),
        f"{'; '.join(titles)}{rest}. See: {command('status')}, and {command('jobs')}",
    )


def notice_test() -> Notice:
    return Notice("A test", "This is a test of retraind's notifications. No action is needed.")


# Why a message has not arrived


def message_refused(status: int) -> Words:
    return Words(f"The recipient refused the message (HTTP {status}).")


def recipient_fails(status: int) -> Words:
    return Words(f"The recipient returned HTTP {status}.")


def recipient_silent(limit: timedelta) -> Words:
    return Words(f"The recipient did not accept the message within {span(limit)}.")


def message_not_accepted() -> Words:
    return Words("The recipient did not accept the message.")


def notifier_broken(kind: Name) -> Words:
    return Words(f"The message could not be sent ({kind}).")


def no_more_threads() -> Words:
    return Words("The message could not be sent: no more threads can be started.")
