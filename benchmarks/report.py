"""Puts what `make bench` found into docs/performance.md, between its markers, and draws docs/performance.svg.

python -m benchmarks.report [RESULTS]
"""

import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import tables
from benchmarks.chart import Bar, Panel, draw
from benchmarks.results import VENDOR, Found, Measured, load, times

_DOCS = Path(__file__).parents[1] / "docs"
_FAST, _SMALL = "retraind, fast", "retraind, small"
_KINDS = {
    "numeric": "numbers",
    "text": "quoted text",
    "japanese": "Japanese",
    "random": "random, as Base64",
}

_WIDTH = 110
"""Of a line of the documents."""


def _matrix(found: Found) -> str:
    """Return how many times as fast as the vendor's script each way is, by kind of data."""
    names = [result.name for result in found.contests[0].results]
    lines = [
        f"| | {' | '.join(_KINDS.get(contest.name, contest.name) for contest in found.contests)} |",
        "|---|" + "---:|" * len(found.contests),
    ]
    lines += [
        f"| {name} | {' | '.join(_cell(contest, name) for contest in found.contests)} |" for name in names
    ]
    return "\n".join(lines)


def _cell(contest: Measured, name: str) -> str:
    result, vendor = contest.of(name), contest.of(VENDOR)
    if result is None or vendor is None:
        return ""
    return f"{tables.factor(times(vendor, result))}, {tables.speed(contest, result)}"


def _details(found: Found) -> str:
    return "\n\n".join(
        f"{_KINDS.get(contest.name, contest.name)}, {contest.bytes / 1e6:,.0f} "
        f"MB:\n\n{tables.markdown(contest)}"
        if contest.bytes
        else f"{contest.name}:\n\n{tables.markdown(contest)}"
        for contest in found.contests
    )


def _where(found: Found) -> str:
    where = f"{found.began:%Y-%m-%d}, median of {found.rounds} rounds; {found.machine}."
    return textwrap.fill(where, _WIDTH, break_on_hyphens=False)


def _overview(found: Found) -> str:
    """Return the ways by kind of data in one table, and all else folded away."""
    details = f"<details><summary>All figures</summary>\n\n{_details(found)}\n\n</details>"
    return f"{_where(found)}\n\n{_matrix(found)}\n\n{details}"


def _plain(found: Found) -> str:
    return f"{_where(found)}\n\n{_details(found)}"


_NOW, _BEFORE = "retraind: ", "before: "
_CHECKS, _ZIP, _STORED = "the checks alone", "checks and zip", "marker to stored"


def _real(found: Found) -> str:
    """Return one line for each table, and all else folded away."""
    lines = [
        "| | checks alone | against before | against csv | checks and zip | of the limit | marker to stored "
        "| against before | against vendor's script |",
        "|---|" + "---:|" * 8,
    ]
    for contest in found.contests:
        checks, packed, stored = (contest.of(_NOW + what) for what in (_CHECKS, _ZIP, _STORED))
        vendor, rows = contest.of(VENDOR), contest.of("the csv module")
        earlier, earlier_stored = contest.of(_BEFORE + _CHECKS), contest.of(_BEFORE + _STORED)
        assert checks
        assert packed
        assert stored
        ratios = (
            tables.factor(times(other, ours)) if other else ""
            for other, ours in (
                (earlier, checks), (rows, checks), (earlier_stored, stored), (vendor, stored),
            )
        )  # fmt: skip
        checks_before, against_csv, stored_before, against_vendor = ratios
        cells = (
            contest.name, tables.speed(contest, checks), checks_before, against_csv,
            tables.speed(contest, packed), tables.share(contest, packed),
            tables.speed(contest, stored), stored_before, against_vendor,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(lines)
    details = f"<details><summary>All figures</summary>\n\n{_details(found)}\n\n</details>"
    return f"{_where(found)}\n\n{table}\n\n{details}"


_FORMS: Mapping[str, Callable[[Found], str]] = {
    "bundling": _overview,
    "delivering": _overview,
    "hundreds": _overview,
    "real": _real,
}
"""How the parts are shown, if not plainly."""


def _goals(parts: Mapping[str, Found]) -> str:
    lines = ["| | aim | measured |", "|---|---:|---|"]
    bundling = parts["bundling"].contests
    lines += [
        _goal("bundling, against the vendor's script", "20 ×", bundling, _FAST, _against_vendor),
        *(
            _goal(what.format(f"{contests[0].bytes / 1e6:,.0f} MB"), aim, contests, _FAST, figure)
            for what, aim, figure, which in (
                ("bundling {}, of what the cores can deflate", "80 %", _of_limit, ("bundling", "limit")),
                (
                    "drop folder to uploaded, {}, all checks on, against the vendor's script",
                    "12 ×",
                    _against_vendor,
                    ("delivering", "hundreds"),
                ),
            )
            for contests in (parts[part].contests for part in which if part in parts)
            if contests
        ),
        _goal("zip against level 6", "at most +11 %", bundling, _FAST, _size),
        _goal("`small`: bundling against the vendor's script", "5 ×", bundling, _SMALL, _against_vendor),
        _goal("`small`: zip against level 6", "at most +3 %", bundling, _SMALL, _size),
    ]
    if "uploading" in parts:
        (upload,) = parts["uploading"].contests
        ours, curl = upload.of("retraind"), upload.of("curl")
        if ours and curl:
            lines.append(f"| upload, against curl | 1 × | {tables.factor(times(curl, ours))} |")
    for contest in parts["stored"].contests if "stored" in parts else ():
        ours, before = contest.of(_NOW + _STORED), contest.of(_BEFORE + _STORED)
        packed = contest.of(_NOW + _ZIP)
        if ours and before and packed:
            against, share = tables.factor(times(before, ours)), tables.share(contest, packed)
            lines.append(f"| {contest.name}: marker to stored, against before | 1.8 × | {against} |")
            lines.append(f"| {contest.name}: checks and zip, of the deflate limit | 45 % | {share} |")
    for part, aim in (("memory", "+40 MB"), ("large", "+80 MB")):
        for contest in parts[part].contests if part in parts else ():
            grown = ", ".join(
                f"{result.name.removeprefix('retraind, ')} {tables.growth(contest, result)}"
                for result in contest.results
            )
            lines.append(f"| memory over idle, {contest.name} | {aim} | {grown} |")
    return "\n".join(lines)


def _goal(
    what: str,
    aim: str,
    contests: Sequence[Measured],
    name: str,
    figure: Callable[[Measured, str], str],
) -> str:
    measured = ", ".join(
        f"{_KINDS.get(contest.name, contest.name)} {figure(contest, name)}" for contest in contests
    )
    return f"| {what} | {aim} | {measured} |"


def _against_vendor(contest: Measured, name: str) -> str:
    result, vendor = contest.of(name), contest.of(VENDOR)
    return tables.factor(times(vendor, result)) if result and vendor else "?"


def _of_limit(contest: Measured, name: str) -> str:
    result = contest.of(name)
    return tables.share(contest, result) if result else "?"


def _size(contest: Measured, name: str) -> str:
    result = contest.of(name)
    return tables.size(contest, result) if result else "?"


def _drawn(found: Found) -> str:
    panels = []
    for contest in found.contests:
        vendor = contest.of(VENDOR)
        assert vendor is not None
        bars = [
            Bar(
                result.name,
                times(vendor, result),
                tables.factor(times(vendor, result)),
                result.name.startswith("retraind"),
            )
            for result in contest.results
            if ":" not in result.name
        ]
        bars.sort(key=lambda bar: bar.value)
        panels.append(Panel(_KINDS.get(contest.name, contest.name), bars))
    return draw("From drop folder to uploaded: how many times as fast as the vendor's script", panels)


def filled(page: str, parts: Mapping[str, Found]) -> str:
    """Return the page with the figures of all parts that were measured between their markers."""
    texts = {part: _FORMS.get(part, _plain)(found) for part, found in parts.items()}
    if {"bundling", "delivering"} <= parts.keys():
        texts["goals"] = _goals(parts)

    def fill(match: re.Match[str]) -> str:
        begin, old, end = match[1], match[3], match[4]
        return f"{begin}\n{texts[match[2]]}\n{end}" if match[2] in texts else f"{begin}{old}{end}"

    return re.sub(r"(<!-- figures: (\w+) -->)(.*?)(<!-- end -->)", fill, page, flags=re.DOTALL)


def main() -> None:
    """Write both files."""
    parts = load(Path(sys.argv[1] if len(sys.argv) > 1 else "build/benchmarks.json"))
    page = _DOCS / "performance.md"
    page.write_text(filled(page.read_text("utf-8"), parts), "utf-8")
    if "delivering" in parts:
        (_DOCS / "performance.svg").write_text(_drawn(parts["delivering"]), "utf-8")


if __name__ == "__main__":
    main()
