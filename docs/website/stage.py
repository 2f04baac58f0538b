"""Puts the pages of the site together, as Markdown for Sphinx: those of the repository, and those that are made.

The pages of the repository are plain Markdown, to be read there as well. Here links get the addresses that
they have on the site, names of keys and rules become links, and pictures become part of their page.
"""

import html
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from posixpath import normpath
from typing import NamedTuple

from retraind.domain.data_rules import RULES
from website import commands, configuration, messages, pictures

ROOT = Path(__file__).parents[2]
PAGES = Path(__file__).parent / "pages"


class Page(NamedTuple):
    """A page of the site."""

    name: str
    """Without its ending, and without the folder of its language."""
    source: str
    """The file in the repository; empty for one that is made."""


class Part(NamedTuple):
    """Pages under one caption of the navigation."""

    caption: str
    pages: tuple[Page, ...]


def _docs(*names: str) -> tuple[Page, ...]:
    return tuple(Page(name, f"docs/{name}.md") for name in names)


def _japanese(*names: str) -> tuple[Page, ...]:
    return tuple(Page(name, f"docs/ja/{name}.md") for name in names)


_MADE = Page("troubleshooting", "")
NAVIGATION: Mapping[str, tuple[Part, ...]] = {
    "en": (
        Part("Start", (Page("quick-start", "README.md"),)),
        Part("Deliver data", (*_docs("handoff", "data-rules", "notes"), _MADE)),
        Part(
            "Operate",
            _docs("install", "operations", "monitoring", "status-page", "shared-drives", "containers"),
        ),
        Part("Own a model", _docs("switch", "rehearse")),
        Part("Reference", (Page("configuration", ""), Page("commands", ""), *_docs("glossary"))),
        Part("Inside", _docs("architecture", "reliability", "security", "performance", "decisions")),
        Part(
            "Project",
            (Page("changelog", "CHANGELOG.md"), Page("contributing", "CONTRIBUTING.md"), *_docs("releasing")),
        ),
    ),
    "ja": (Part("データの投入", (*_japanese("handoff", "data-rules", "notes"), _MADE)),),
}
_FENCE = re.compile(r"^(?P<fence>```+)[^\n]*\n.*?^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^)\s]+)\)")
_MADE_LINK = re.compile(r"\*(?P<text>[^*\n]+)\*<!-- page: (?P<page>[\w-]+) -->")
_CODE = re.compile(r"`(?P<code>[^`\n]+)`")
_WIDE = r"[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]"
_BLOCK = r"- |\d+\. |[#>|\x00\n]|<!--"
"""What begins a line that does not continue the one before."""
_JAPANESE_BREAK = re.compile(rf"(?<={_WIDE})\n *(?!{_BLOCK})(?=\S)|(?<=[^\n])\n *(?={_WIDE})")
"""The end of a line within a paragraph, where a browser would show a space."""


class Wrong(Exception):
    """A page names something that there is not."""


def stage(folder: Path) -> list[Path]:
    """Write all pages of both languages below a folder; return the other files that they link to."""
    files: list[Path] = []
    for language in NAVIGATION:
        target = folder / language
        target.mkdir(parents=True)
        (target / "index.md").write_text(_index(language), encoding="utf-8")
        for page in all_pages(language):
            text = _text(page, language)
            maker = _Rewriter(page, language, files)
            (target / f"{page.name}.md").write_text(maker.rewritten(text), encoding="utf-8")
            for picture in maker.pictures:
                shutil.copy(picture, target / picture.name)
    return files


def all_pages(language: str) -> list[Page]:
    """Return the pages of a language but its first one."""
    return [page for part in NAVIGATION[language] for page in part.pages]


def _text(page: Page, language: str) -> str:
    if page.source:
        text = (ROOT / page.source).read_text("utf-8")
        if page.source == "README.md":
            text = text.replace("# retraind\n", "# Quick start\n", 1).partition("\n## More\n")[0]
        return text
    if page is _MADE:
        return messages.page(language)
    return {"configuration": configuration.page, "commands": commands.page}[page.name]()


def _index(language: str) -> str:
    source = PAGES / ("index.md" if language == "en" else f"{language}/index.md")
    page = Page("index", str(source.relative_to(ROOT)))
    parts = [_Rewriter(page, language, []).rewritten(source.read_text("utf-8"))]
    for part in NAVIGATION[language]:
        names = "\n".join(each.name for each in part.pages)
        parts.append(f"```{{toctree}}\n:hidden:\n:caption: {part.caption}\n\n{names}\n```\n")
    return "\n".join(parts)


_NAMES: Mapping[str, tuple[str, str]] = {
    page.source: (language, page.name)
    for language in NAVIGATION
    for page in all_pages(language)
    if page.source
} | {
    "config.example.toml": ("en", "configuration"),
    "docs/website/pages/ja/index.md": ("ja", "index"),
}
"""The pages that files of the repository become."""


class _Rewriter:
    """Makes one page of the site of a text."""

    def __init__(self, page: Page, language: str, files: list[Path]) -> None:
        self._page, self._language, self._files = page, language, files
        self._folder = Path(page.source).parent if page.source else Path("docs")
        self.pictures: list[Path] = []
        """Files that have to be beside the page."""

    def rewritten(self, text: str) -> str:
        """Return the page. Raises Wrong."""
        held: list[str] = []

        def hold(found: str) -> str:
            held.append(found)
            return f"\x00{len(held) - 1}\x00"

        text = _FENCE.sub(lambda found: hold(found[0]), text)
        if self._language == "ja":
            text = _JAPANESE_BREAK.sub("", text)
        # Headings keep their words as they are: their addresses are made of these.
        text = re.sub(r"^#+ .*$", lambda found: hold(found[0]), text, flags=re.MULTILINE)
        text = _MADE_LINK.sub(lambda found: hold(self._made(found)), text)
        text = _LINK.sub(lambda found: hold(self._link(found)), text)
        text = _CODE.sub(lambda found: hold(self._code(found["code"])), text)
        while "\x00" in text:
            text = re.sub(r"\x00(\d+)\x00", lambda found: held[int(found[1])], text)
        return text

    def _link(self, found: re.Match[str]) -> str:
        target, text = found["target"], found["text"]
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        path, _, anchor = target.partition("#")
        if found["image"]:
            return self._image(path, text)
        address = self._address(path) if path else ""
        return f'<a href="{address}{"#" if anchor else ""}{anchor}">{_in_html(text)}</a>'

    def _made(self, found: re.Match[str]) -> str:
        """Return the link to a page that is made: in the repository, where it is not, its name only."""
        language = self._language if found["page"] == _MADE.name else "en"
        return f'<a href="{self._to(language)}{found["page"]}.html">{found["text"]}</a>'

    def _address(self, path: str) -> str:
        name = normpath((self._folder / path).as_posix())
        if name in _NAMES:
            language, page = _NAMES[name]
            return f"{self._to(language)}{page}.html"
        if not (ROOT / name).is_file():
            raise Wrong(f"{self._page.source}: {path} is no file of the repository")
        self._files.append(ROOT / name)
        return f"{self._to('en')}files/{Path(name).name}"

    def _to(self, language: str) -> str:
        """Return the way to a language's pages."""
        if language == self._language:
            return ""
        return "../" if language == "en" else f"{language}/"

    def _image(self, path: str, text: str) -> str:
        file = ROOT / normpath((self._folder / path).as_posix())
        if file.parent == pictures.FOLDER:
            drawn = pictures.pictures()[file.stem].replace("\n", "")
            return f'<figure class="drawn" tabindex="0">{drawn}</figure>'
        self.pictures.append(file)
        return f"![{text}]({file.name})"

    def _code(self, code: str) -> str:
        """Return code as it is, or as a link where it names a key or a rule. Raises Wrong for an unknown key."""
        shown = f"<code>{html.escape(code)}</code>"
        if code in _KEYS:
            return f'<a class="key" href="{self._to("en")}configuration.html#{_KEYS[code]}">{shown}</a>'
        is_rule = code in _RULES or (self._page.name == "data-rules" and code in RULES)
        if is_rule and self._page is not _MADE:
            return f'<a class="key" href="troubleshooting.html#{code}">{shown}</a>'
        if (named := re.fullmatch(r"(\w+)\.(?!json$|csv$|toml$|py$)\w+", code)) and named[1] in _TABLES:
            raise Wrong(f"{self._page.source}: there is no key {code}")
        return f"`{code}`"


def _in_html(text: str) -> str:
    """Return the text of a link, whose code is no link itself."""
    return _CODE.sub(lambda found: f"<code>{html.escape(found['code'])}</code>", text)


def _known_keys() -> dict[str, str]:
    """Return where each key is explained, by how pages call it; of models' keys also the name alone."""
    found = {}
    for table, name, _ in configuration.all_keys():
        full = configuration.full_name(table, name)
        if table.name:
            found[full] = configuration.anchor(full)
        if table.prefix == "models" and "_" in name:
            found[name] = configuration.anchor(full)
    return found


_KEYS = _known_keys()
_RULES = frozenset(rule for rule in RULES if "-" in rule)
_TABLES = frozenset(table.name for table in configuration.TABLES if table.name)
