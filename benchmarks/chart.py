"""A bar chart as SVG, readable on light and dark pages alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_PANEL = 430
"""Pixels of width."""
_GAP = 30
_LABEL = 165
_VALUE = 60
"""Room right of the longest bar."""
_BAR, _PITCH = 15, 22
_TITLE, _HEAD = 46, 26
_OWN, _OTHER, _TEXT, _FAINT = "#1f6feb", "#9aa4b0", "#24292f", "#57606a"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `own` is drawn to stand out."""

    label: str
    value: float
    shown: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars that are compared with one another."""

    title: str
    bars: Sequence[Bar]


def draw(title: str, panels: Sequence[Panel], columns: int = 2) -> str:
    """Return the panels, all to the same scale, as an SVG document."""
    longest = max(bar.value for panel in panels for bar in panel.bars)
    height = _HEAD + _PITCH * max(len(panel.bars) for panel in panels) + 14
    lines = -(-len(panels) // columns)
    width = _GAP + columns * (_PANEL + _GAP)
    total = _TITLE + lines * height + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" '
        f'viewBox="0 0 {width} {total}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{total}" rx="8" fill="#fff"/>',
        f'<text x="{_GAP}" y="30" font-size="16" font-weight="600" fill="{_TEXT}">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        left = _GAP + (number % columns) * (_PANEL + _GAP)
        top = _TITLE + (number // columns) * height
        parts.append(
            f'<text x="{left}" y="{top + 16}" font-weight="600" fill="{_TEXT}">{escape(panel.title)}</text>'
        )
        parts += [
            _bar(bar, left, top + _HEAD + at * _PITCH, (_PANEL - _LABEL - _VALUE) / longest)
            for at, bar in enumerate(panel.bars)
        ]
    return "\n".join([*parts, "</svg>", ""])


def _bar(bar: Bar, left: float, top: float, scale: float) -> str:
    length = max(1.0, bar.value * scale)
    weight = ' font-weight="600"' if bar.own else ""
    baseline = top + _BAR - 3
    return (
        f'<text x="{left + _LABEL - 8}" y="{baseline}" text-anchor="end" fill="{_TEXT}"{weight}>'
        f"{escape(bar.label)}</text>"
        f'<rect x="{left + _LABEL}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2" '
        f'fill="{_OWN if bar.own else _OTHER}"/>'
        f'<text x="{left + _LABEL + length + 6:.1f}" y="{baseline}" fill="{_FAINT}"{weight}>'
        f"{escape(bar.shown)}</text>"
    )
