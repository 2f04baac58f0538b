"""What is around each page: names of places, the daemon, messages in place of a page."""

from datetime import datetime, timedelta

from retraind.report.daemon_condition import Condition
from retraind.report.wording.en._parts import command, moment, span
from retraind.report.wording.words import Place, Said, Words

_CONDITIONS = {
    Condition.RUNNING: "retraind is running",
    Condition.STARTING: "retraind is starting",
    Condition.NOT_RUNNING: "retraind is not running",
    Condition.STOPPING: "retraind is stopping",
    Condition.SUSPENDED: "retraind is suspended by a signal",
    Condition.ZOMBIE: "retraind has ended, but its process remains",
    Condition.SILENT: "retraind has stopped reporting",
    Condition.LOOP_HANGS: "retraind hangs",
    Condition.TIMETABLE_HANGS: "Scheduled work is not running",
    Condition.SCANS_HANG: "Scans of drop folders hang",
}


def page_language() -> str:
    """The language's name in itself."""
    return "English"


def page_title(name: str) -> str:
    """A browser's tab; `name` is empty for the first page."""
    return f"{name} · retraind" if name else "retraind"


def page_skip() -> str:
    return "Skip to the content"


def page_navigation() -> str:
    return "Pages"


def page_models() -> str:
    return "Models"


def page_jobs() -> str:
    return "Jobs"


def page_languages() -> str:
    return "Languages"


def page_live() -> str:
    return "Live"


def page_not_live() -> str:
    return "Not live"


def page_as_of(at: datetime) -> str:
    return f"As of {moment(at)}"


def page_version(version: str) -> str:
    return f"retraind {version}"


def page_condition(condition: Condition) -> str:
    return _CONDITIONS[condition]


def page_condition_headline(condition: Condition) -> str:
    """The same as a sentence."""
    return f"{_CONDITIONS[condition]}."


def page_condition_explained(condition: Condition, stopped: datetime | None) -> str:
    """For a daemon that does not work; empty for one that does."""
    if condition.is_good:
        return ""
    since = f" It stopped on {moment(stopped)}." if stopped and condition is Condition.NOT_RUNNING else ""
    return f"Nothing is taken in or sent until it works again.{since} The page shows what was last known."


def page_swept(lasted: timedelta) -> str:
    """How long ago a sweep of the drop folders ended."""
    return f"drop folders scanned {span(lasted)} ago"


# In place of a page


def page_not_found() -> Words:
    return Words("There is nothing at this address.", "Go back to the list of models.")


def page_model_not_found(name: str) -> Words:
    return Words(f"There is no model {name}.", "Go back to the list of models.")


def page_job_not_found(name: str) -> Words:
    return Words(
        f"There is no job {name}.",
        "Finished jobs are deleted once they are older than the retention of their model.",
    )


def page_access_needed(token: bool) -> Words:
    """`token`: whether a token gives access; otherwise a reverse proxy names the user."""
    if token:
        return Words(
            "This page requires a token.",
            "Reload it, leave the user name empty, and enter the token as the password. The operator of "
            "retraind has it.",
        )
    return Words(
        "This page requires a sign-in.", "Open it at the address of the reverse proxy that signs users in."
    )


def page_host_refused() -> Words:
    return Words(
        "The page does not accept this host name.",
        "Add it to page.allowed_hosts.",
        operator_only=True,
    )


def page_read_only() -> Words:
    return Words("This page is read-only.", "")


def page_busy() -> Words:
    return Words("Too many people are reading this page.", "Reload the page in a moment.")


def page_crashed() -> Words:
    return Words("Internal error in retraind's status page.", "Please report it, with the log.")


def page_journal_missing(path: Place) -> Words:
    return Words(
        f"There is no journal at {path}: retraind has not run with this configuration yet.",
        "The page appears as soon as retraind runs.",
    )


def page_journal_unreadable(path: Place, why: Said) -> Words:
    return Words(
        f"The journal {path} cannot be read now: {why}", "The page appears as soon as it can be read again."
    )


def page_journal_too_old(path: Place, schema: str) -> Words:
    return Words(
        f"The journal {path} is from an older retraind (schema {schema}).",
        "The page appears as soon as this version of retraind has been started once.",
    )


# The process


def page_missing(python: Place) -> Words:
    """`python` runs retraind."""
    return Words(
        "The status page requires Starlette, uvicorn and Jinja2, which are not installed.",
        f"Run: {python} -m pip install 'retraind[page]', or in a copy of the source: {python} -m pip install "
        "'.[page]'",
    )


def page_address_taken(listen: str, why: Said) -> Words:
    return Words(
        f"The status page cannot listen on {listen}: {why}", "Choose another address in page.listen."
    )


def page_token_unusable(path: Place, why: Said) -> Words:
    return Words(
        f"The token for the status page cannot be read from {path}: {why}",
        "Write at least 20 characters to this file, and make it readable by retraind only. To check it, run: "
        f"{command('check')}",
        operator_only=True,
    )


def page_token_short(least: int) -> str:
    return f"It has fewer than {least} characters."


def page_token_exposed() -> str:
    return "Users other than its owner can read it."
