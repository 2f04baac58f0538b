"""Boxes, arrows and texts as SVG, in the colours of a light or a dark page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

_LIGHT = (
    "--paper:#fff;--ink:#1f2328;--soft:#57606a;--line:#6e7781;--box:#f6f8fa;--blue:#0550ae;--pale:#ddf4ff"
)
_DARK = (
    "--paper:#131416;--ink:#e6edf3;--soft:#adb5bd;--line:#8b949e;--box:#21262d;--blue:#79c0ff;--pale:#0c2d4d"
)
_STYLE = (
    f"svg.picture{{{_LIGHT}}}@media (prefers-color-scheme:dark){{svg.picture{{{_DARK}}}}}"
    ".picture text{fill:var(--ink)}.picture .soft{fill:var(--soft)}"
    ".picture .paper{fill:var(--paper)}"
    ".picture .box{fill:var(--box);stroke:var(--line)}.picture .strong{fill:var(--pale);stroke:var(--blue)}"
    ".picture .room{fill:none;stroke:var(--line);stroke-dasharray:4 4}"
    ".picture .arrow{fill:none;stroke:var(--line);stroke-width:1.4}"
    ".picture .again{stroke-dasharray:5 4}.picture .main{stroke:var(--blue);stroke-width:2.2}"
    ".picture .head{fill:var(--line)}.picture .head-main{fill:var(--blue)}"
)
Kind = Literal["", "again", "main"]
Look = Literal["box", "strong", "room"]
LINE = 17
"""Between two lines of text."""


def colours() -> tuple[str, str]:
    """Return the colours of a light and of a dark page, as declarations of CSS."""
    return _LIGHT, _DARK


@dataclass
class Picture:
    """A picture that grows by what is drawn into it. Lengths are pixels."""

    name: str
    title: str
    width: int
    height: int
    _parts: list[str] = field(default_factory=list)

    def box(  # noqa: PLR0917 - a place and a size, as everybody knows them
        self, x: float, y: float, width: float, height: float, lines: Sequence[str], look: Look = "box"
    ) -> None:
        """Draw a box: a heading and lines below it; a room has its heading at its top, for boxes in it."""
        self._parts.append(f'<rect class="{look}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
        if look == "room":
            self.text(x + 12, y + 20, lines[0], anchor="start", bold=True)
            for number, line in enumerate(lines[1:], 1):
                self.text(x + 12, y + 20 + number * LINE, line, anchor="start", soft=True)
            return
        first = y + height / 2 + 5 - (len(lines) - 1) * LINE / 2
        for number, line in enumerate(lines):
            self.text(x + width / 2, first + number * LINE, line, bold=number == 0, soft=number > 0)

    def text(
        self, x: float, y: float, text: str, *, anchor: str = "middle", bold: bool = False, soft: bool = False
    ) -> None:
        """Write a line of text; `y` is where it stands on."""
        more = ' font-weight="600"' if bold else ""
        more += ' class="soft"' if soft else ""
        self._parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{more}>{escape(text)}</text>')

    def arrow(self, *points: tuple[float, float], kind: Kind = "", both: bool = False) -> None:
        """Draw straight lines through points, with a head at the last one."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        self._path(path, kind, both=both)

    def curve(
        self, begin: tuple[float, float], end: tuple[float, float], bend: float, kind: Kind = ""
    ) -> None:
        """Draw a curve that leaves and arrives sideways; `bend` is how far it goes, to the left if negative."""
        (x, y), (to_x, to_y) = begin, end
        far = max(x, to_x) + bend if bend > 0 else min(x, to_x) + bend
        self._path(f"M{x:g} {y:g} C{far:g} {y:g} {far:g} {to_y:g} {to_x:g} {to_y:g}", kind)

    def _path(self, path: str, kind: Kind, *, both: bool = False) -> None:
        head = f"{self.name}-{'main' if kind == 'main' else 'head'}"
        start = f' marker-start="url(#{head})"' if both else ""
        look = f"arrow {kind}".strip()
        self._parts.append(f'<path class="{look}" d="{path}"{start} marker-end="url(#{head})"/>')

    def svg(self) -> str:
        """Return the picture."""
        heads = "".join(
            f'<marker id="{self.name}-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
            f'<path class="{look}" d="M0 0 L8 4 L0 8 z"/></marker>'
            for name, look in (("head", "head"), ("main", "head-main"))
        )
        body = "\n".join(self._parts)
        return (
            f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="system-ui, sans-serif" font-size="13" '
            f'role="img" aria-label="{escape(self.title)}">\n<title>{escape(self.title)}</title>\n'
            f"<style>{_STYLE}</style>\n<defs>{heads}</defs>\n"
            f'<rect class="paper" width="{self.width}" height="{self.height}" rx="8"/>\n{body}\n</svg>\n'
        )
