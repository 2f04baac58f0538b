"""What is in a drop folder, and what keeps it from being taken in."""

from retraind.report.wording.words import Said, Words


def folder_unreadable(why: Said) -> Words:
    return Words(why.what, f"{why.remedy} Nothing is taken from the folder until then.".strip())
