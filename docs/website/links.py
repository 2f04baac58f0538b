"""Checks the finished site: every link, image and anchor leads somewhere, and nothing is fetched from elsewhere."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "use": "href"}
"""What a browser fetches without being asked to."""
_CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")


@dataclass
class _Page(HTMLParser):
    """What a page has: ids, links, and what it loads."""

    ids: set[str] = field(default_factory=set)
    links: list[tuple[str, str, int]] = field(default_factory=list)
    """Tag, address, line."""
    double: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the ids and the addresses of a tag."""
        found = {name: value for name, value in attrs if value is not None}
        if name := found.get("id"):
            if name in self.ids:
                self.double.append(name)
            self.ids.add(name)
        address = found.get("href" if tag == "a" else _LOADED.get(tag, "-"))
        if address is not None and found.get("rel") != "canonical":
            self.links.append((tag, address, self.getpos()[0]))


def mistakes(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site, each with its page and line."""
    site = site.resolve()

    @cache
    def read(path: Path) -> _Page:
        page = _Page()
        page.feed(path.read_text("utf-8"))
        return page

    for path in sorted(site.rglob("*.html")):
        page, name = read(path), path.relative_to(site)
        yield from (f"{name}: the id {each} is there twice" for each in page.double)
        for tag, address, line in page.links:
            if wrong := _wrong(site, path, tag, address, read):
                yield f"{name}:{line}: {wrong}"
    for path in sorted(site.rglob("*.css")):
        for address in _CSS_ADDRESS.findall(path.read_text("utf-8")):
            if not address.startswith("data:") and (wrong := _wrong(site, path, "style", address, read)):
                yield f"{path.relative_to(site)}: {wrong}"


def _wrong(site: Path, page: Path, tag: str, address: str, read: Callable[[Path], _Page]) -> str | None:
    """Return what is wrong with an address on a page, if anything is."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None if tag == "a" or parts.scheme == "data" else f"<{tag}> loads {address} from elsewhere"
    if parts.path.startswith("/"):
        return f"{address} works only at the root of a host"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(site) or not target.is_file():
        return f"{address} leads nowhere"
    has_anchors = parts.fragment and target.suffix == ".html"
    if has_anchors and unquote(parts.fragment) not in read(target).ids:
        return f"{address} names no anchor of that page"
    return None
