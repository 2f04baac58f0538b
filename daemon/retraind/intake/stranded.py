"""What looks like a delivery but cannot become one unless somebody acts. Pure.

Everything in a view counts, except what is named here, so a new kind of problem is reported, not forgotten.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from retraind.domain.problems import Problem, problem
from retraind.intake.drop_folder import View
from retraind.intake.pairing import Waiting

_PASSING = frozenset(
    {
        *("still_arriving", "changed_while_taken", "changed_after_marker", "maybe_newer_than_marker"),
        *("manifest_queued", "comparing_with_manifest", "compared_by_daemon", "too_many_files"),
    }
)
"""Retraind itself, or time, sees to these."""
_REPEATED = frozenset({"waits_for_long"})
"""Says again what other reasons of a delivery say."""
_NOBODYS = _PASSING | _REPEATED
_NO_DELIVERY = frozenset({"more_left_alone", "too_many_files"})
"""Nothing that arrived."""
_UNLIKE_DELIVERIES = frozenset({"folder_not_expected"})
_DATA = (".csv", ".tsv")


class Stranded(NamedTuple):
    """One delivery, or one file or folder that is left alone."""

    identity: str
    """What it is, and what is wrong with it first."""
    source: Waiting | Problem
    changed: float = -math.inf
    """When the last of its files changed (`Clock.elapsed` seconds), where that is known."""

    @property
    def problem(self) -> Problem:
        """To be reported."""
        if isinstance(self.source, Problem):
            return self.source
        key, files, why, *_ = self.source
        return problem("incomplete_line", key=key, files=[seen.name for seen in files], why=why)

    @property
    def content(self) -> str:
        """Sizes and times of its files, for a comparison with what another process saw."""
        if isinstance(self.source, Problem):
            return ""
        return ",".join(f"{seen.signature.size}:{seen.signature.mtime_ns}" for seen in self.source.files)


def stranded(view: View) -> Iterator[Stranded]:
    """Yield what needs somebody, in the order in which it is shown."""
    yield from filter(None, map(_of_delivery, view.waiting))
    yield from filter(None, map(_of_stranger, view.strangers))


def _of_delivery(wait: Waiting) -> Stranded | None:
    code = next((reason.code for reason in wait.reasons if reason.code not in _NOBODYS), None)
    if code is None:
        return None
    changed = max((seen.since for seen in wait.files), default=-math.inf)
    return Stranded(f"{wait.key}/{code}", wait, changed)


def _of_stranger(stranger: Problem) -> Stranded | None:
    if stranger.code in _NO_DELIVERY:
        return None
    name, why = str(stranger.facts.get("file", "")), stranger.facts.get("why")
    code = why.code if isinstance(why, Problem) else stranger.code
    if code in _UNLIKE_DELIVERIES or (code == "name_not_expected" and not name.lower().endswith(_DATA)):
        return None
    return Stranded(f"{name}/{code}", stranger)
