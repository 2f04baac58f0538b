"""The journal."""

from retraind.report.wording.words import Name, Place, Said, Words


def database_error(reason: Name) -> Words:
    return Words(f"{reason}.", "If the disk is full or read-only, fix that.")


def journal_unusable(path: Place, why: Said) -> Words:
    return Words(
        f"The journal {path}, or a file beside it, cannot be used: {why.what}",
        f"{why.remedy} Nothing is lost; retraind continues with the next start.".strip(),
    )
