"""Checks the finished site: every link, image and anchor leads somewhere, and nothing is fetched from elsewhere."""

import re
from collections.abc import Iterator
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
            where, parts = f"{name}:{line}", urlsplit(address)
            if parts.scheme or parts.netloc:
                if tag != "a" and parts.scheme != "data":
                    yield f"{where}: <{tag}> loads {address} from elsewhere"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.path.startswith("/"):
                yield f"{where}: {address} works only at the root of a host"
            elif not target.is_relative_to(site) or not target.is_file():
                yield f"{where}: {address} leads nowhere"
            elif parts.fragment and target.suffix == ".html" and tag != "use":
                if unquote(parts.fragment) not in read(target).ids:
                    yield f"{where}: {address} names no anchor of that page"
    for path in sorted(site.rglob("*.css")):
        for address in _CSS_ADDRESS.findall(path.read_text("utf-8")):
            parts = urlsplit(address)
            if parts.netloc or parts.scheme not in {"", "data"}:
                yield f"{path.relative_to(site)}: loads {address} from elsewhere"
            elif not parts.scheme and parts.path and not (path.parent / unquote(parts.path)).is_file():
                yield f"{path.relative_to(site)}: {address} leads nowhere"
