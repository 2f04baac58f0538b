"""How a page looks to whoever asked for it: language, words, links, and the template around it."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from retraind import __version__
from retraind.page.access import Visitor
from retraind.page.assets import assets
from retraind.report.wording import Audience, Voice
from retraind.report.wording.catalogue import LANGUAGES
from retraind.system.escape import display_name

_MOST_LANGUAGES = 20
"""Of a browser's wishes, that are read."""


class Language(NamedTuple):
    """A language that can be chosen."""

    code: str
    name: str
    link: str
    is_current: bool


class Look:
    """One request's."""

    def __init__(self, request: Request, prefix: str) -> None:
        visitor: Visitor = getattr(request.state, "visitor", Visitor(is_operator=False))
        self.is_operator = visitor.is_operator
        self.user = display_name(visitor.user)
        asked = request.query_params.get("lang", "")
        self.chosen = asked if asked in LANGUAGES else ""
        """The language that the address names, if it names one."""
        self.language = self.chosen or preferred(request.headers.get("accept-language", ""), visitor.language)
        audience = Audience.OPERATOR if visitor.is_operator else Audience.SHARE
        self.voice = Voice(audience, self.language)
        self._request = request
        self._prefix = prefix

    def link(self, *parts: str, **query: object) -> str:
        """Return the address of a page; the language stays chosen."""
        path = self._prefix + "/" + "/".join(quote(part, safe="") for part in parts)
        asked = {name: str(value) for name, value in query.items() if value not in ("", None)}
        if self.chosen:
            asked.setdefault("lang", self.chosen)
        return f"{path}?{urlencode(asked)}" if asked else path

    def asset(self, name: str) -> str:
        """Return the address of a file that belongs to every page; another one after each change of it."""
        return f"{self._prefix}/static/{assets()[name].digest}/{name}"

    def languages(self) -> list[Language]:
        """Return what can be chosen, if there is a choice."""
        if len(LANGUAGES) == 1:
            return []
        query = {name: value for name, value in self._request.query_params.items() if name != "lang"}
        return [
            Language(
                code,
                Voice(language=code).label("page_language"),
                "?" + urlencode({**query, "lang": code}),
                code == self.language,
            )
            for code in LANGUAGES
        ]

    def page(self, template: str, status: int = 200, **shown: Any) -> Response:
        """Return a page."""
        text = (
            _environment()
            .get_template(template)
            .render(
                look=self,
                say=self.voice.label,
                link=self.link,
                asset=self.asset,
                version=__version__,
                **shown,
            )
        )
        headers = {"vary": "accept-language, authorization"}
        return HTMLResponse(text, status, headers)


def preferred(header: str, otherwise: str) -> str:
    """Return the language that a browser prefers of those there are (RFC 9110, 12.5.4)."""
    return max(_wishes(header), key=lambda wish: wish[1], default=(otherwise, 0.0))[0]


def _wishes(header: str) -> Iterable[tuple[str, float]]:
    for part in header.split(",")[:_MOST_LANGUAGES]:
        name, _, weight = part.strip().partition(";")
        code = name.strip().lower().partition("-")[0]
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if code in LANGUAGES and quality > 0:
            yield code, quality


@lru_cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("retraind.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["shown"] = display_name
    made.filters["iso"] = _iso
    return made


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
