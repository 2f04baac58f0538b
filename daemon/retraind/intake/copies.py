"""Copies that nobody delivered, of programs that synchronize folders and of repeated downloads. Pure."""

import re
from collections.abc import Callable, Sequence

from retraind.config.patterns import canonical
from retraind.domain.problems import Problem, problem
from retraind.intake.pairing import Sighting

_HINT = re.compile(r"\(|copy|コピー|conflict", re.IGNORECASE)
"""What the names of all copies have, and few others: scans ask for all names."""
_CONFLICT = re.compile(r"\.sync-conflict-|\bconflicted copy\b|競合コピー")
"""What Syncthing, and Dropbox, Nextcloud and others, write into the name of a copy."""
_NUMBERED = re.compile(
    r"(.*?\S)(?: ?\(\d{1,3}\)|(?: - copy| - コピー| copy|のコピー)(?: ?\(?\d{1,3}\)?)?)((?:\.[^./]*)?)",
    re.DOTALL | re.IGNORECASE,
)
"""A name with what browsers and file managers add where the plain name is taken."""


def without_copies(
    seen: Sequence[Sighting], was_delivered: Callable[[str], bool]
) -> tuple[list[Sighting], list[tuple[str, Problem]]]:
    """Return the files that somebody delivered, and the names of the others, each with what it is.

    A number in parentheses, or the word for a copy, makes one only where the plain name is here too, or
    `was_delivered`: other people number their deliveries so.
    """
    # All at once: in nearly all folders there is none.
    if not _HINT.search("\n".join([canonical(each.name) for each in seen])):
        return [*seen], []
    plain = {canonical(each.name) for each in seen}
    kept: list[Sighting] = []
    copies: list[tuple[str, Problem]] = []
    for each in seen:
        numbered = _NUMBERED.fullmatch(each.name)
        of = f"{numbered[1]}{numbered[2]}" if numbered else ""
        if _CONFLICT.search(canonical(each.name)):
            copies.append((each.name, problem("conflict_copy")))
        elif numbered and (canonical(of) in plain or was_delivered(of)):
            copies.append((each.name, problem("numbered_copy", of=of)))
        else:
            kept.append(each)
    return kept, copies
