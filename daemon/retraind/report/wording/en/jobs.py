"""What keeps a job from continuing, and how it ends."""

from retraind.report.wording.words import Name, Said, Words


def model_not_configured(model: str, heir: str | None) -> Words:
    """`heir` is the model that has the drop folder now."""
    remedy = (
        f"If the model is now called {heir}, run: retraind adopt {model} {heir}. If not, give {heir} another drop "
        f"folder, restore the table of {model} and reload."
        if heir
        else f"Restore its table and reload, so that its deliveries can be finished. If the model has a new name, "
        f"run: retraind adopt {model} NAME"
    )
    return Words(f"The configuration no longer has a model {model}.", remedy, operator_only=True)


def fresh_address_refused(why: Said) -> Words:
    return Words(
        why.what,
        "The upload address was only a moment old: check the machine's clock, and whether a proxy changes requests.",
    )


def data_breaks_rules() -> Words:
    return Words(
        "The data violates the service's rules, so nothing was sent.",
        "Correct the data at its source and deliver both files again.",
    )


def nothing_to_retry(flaws: tuple[Name, ...]) -> Words:
    return Words(
        f"There is nothing to retry with: {', '.join(flaws)}.",
        "Deliver the files again in the drop folder.",
    )


def not_given_back(others_returned: bool) -> Words:
    """A delivery whose files cannot all go back to the drop folder, since newer ones are there."""
    back = " Its other files are back in the drop folder." if others_returned else ""
    return Words(
        "A file of this delivery was still being written when it was taken in, and a newer file with the same name has "
        f"since arrived in the drop folder.{back}",
        "Nothing, if the newer files are the right ones; they are taken in automatically. Have the export write under "
        "a temporary name and rename at the end, or raise settle.",
    )


def switch_by_hand() -> Words:
    return Words("The policy is to switch by hand (switch = manual).")


def switch_unclear(why: Said, job: str) -> Words:
    return Words(
        f"It is not certain whether the new model was published. {why.what}",
        f"Check on the service's screen, or ask again: retraind switch {job}",
    )


def earlier_switch_unclear(last: Said) -> Words:
    return Words(f"An earlier try had no clear answer; the last one: {last.what}", last.remedy)


def later_switch_failed(why: Said, again: bool, job: str) -> Words:
    """`again`: the training is still good, so the switch can be asked for again."""
    remedy = f"Fix that, then run: retraind switch {job}" if again else ""
    return Words(f"A later switch failed: {why.what}", remedy)


def address_locked_under_old_key() -> Words:
    return Words("The API key was replaced, and the upload address was encrypted with the old one.")


def internal_error(kind: Name) -> Words:
    return Words(f"Internal error in retraind ({kind}).", "Please report it; the log has its trace.")
