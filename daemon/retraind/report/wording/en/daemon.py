"""What the daemon reports of itself: limits, ends, holds that end, deliveries that nobody works on."""

from retraind.report.wording.words import Name, Words

# Limits on what is taken in


def backlog_full(most: int) -> str:
    return f"{most:,} deliveries are taken in and not finished. Further ones are taken in as these finish."


def hour_full(most: int) -> str:
    return f"{most:,} deliveries were taken in within the hour. Further ones are taken in later."


# Deliveries that nobody works on


def job_folder_unknown(folder: Name) -> Words:
    """Its folder is in .retraind."""
    return Words(
        f"{folder} is in work, as its folder in .retraind shows, but retraind does not know it: "
        "its state folder was lost or replaced. Nothing is sent for it meanwhile.",
        "The operator of retraind has to stop it and run: retraind rebuild",
    )


def model_of_job_gone(delivery: Name, before: Name, heir: Name) -> Words:
    """`heir` is the model that has the drop folder now."""
    return Words(
        f"{delivery} was taken in for the model {before}, which is no longer in retraind's configuration.",
        f"If the model is now called {heir}, the operator of retraind runs: retraind adopt {before} {heir}",
    )


# Why a folder is not watched


def retraind_stopped() -> str:
    return "retraind was stopped."


def start_failed() -> str:
    return "retraind could not start: its journal cannot be used."


def model_removed() -> str:
    return "The model was removed from retraind's configuration."


# Why a hold ends


def key_replaced() -> str:
    return "The API key was replaced."


def key_tried_again() -> str:
    return "The API key is tried again."


def key_accepted_again() -> str:
    return "The service accepts the API key again."


def hold_reason_gone() -> str:
    return "The reason for the hold is gone."


def hold_reason_maybe_gone() -> str:
    return "The reason for the hold may be gone."


def retraind_started() -> str:
    return "retraind was started."


def released_by_person() -> str:
    return "A person ended the hold."


# Logged, and shown by systemd


def restart_needed() -> Words:
    return Words(
        "[api], [state] and work.parallel are read only when retraind starts.",
        "To apply their new values, restart retraind.",
    )


def step_cut_off() -> str:
    return "A step did not reach a safe point in time. It is repeated after the next start."


def daemon_status(models: int, held: int, jobs: int) -> str:
    return f"Models watched: {models}, on hold: {held}; jobs in work: {jobs}"
