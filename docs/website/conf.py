"""Sphinx's configuration, for both languages; `website/__main__.py` names the language and where pages are."""

import re
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

import retraind
from website.japanese_search import JapanesePairs
from website.stage import all_pages

project = "retraind"
author = "The retraind authors"
version = release = retraind.__version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
myst_heading_anchors = 6
highlight_language = "none"
smartquotes = False  # messages are shown as they are
html_theme = "furo"
html_title = f"retraind {version}"
html_favicon = "../../daemon/retraind/page/static/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_domain_indices = False
html_use_index = False
html_permalinks_icon = "#"
html_theme_options = {"top_of_page_buttons": []}
templates_path = ["templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

_ID = re.compile(r"<!-- id: (\S+) -->")
_IN_JAPANESE = {"index", "search", *(page.name for page in all_pages("ja"))}


def name_sections(_app: Sphinx, document: nodes.document) -> None:
    """Give each section the address that it has in the repository, and the one in the remark above it.

    docutils would leave out what is not ASCII, and number what is left.
    """
    named: str | None = None
    taken: set[str] = set()
    for node in list(document.findall(lambda each: isinstance(each, nodes.raw | nodes.section))):
        if isinstance(node, nodes.raw):
            if found := _ID.fullmatch(node.astext().strip()):
                named = found[1]
                node.parent.remove(node)
            continue
        slug = node.get("slug")
        wanted = [each for each in dict.fromkeys((named, slug)) if each and each not in taken]
        if (
            named
            and slug
            and named != slug
            and document.settings.env.docname in {"configuration", "commands"}
        ):
            wanted = wanted[:1]  # Many keys have one name: the remark alone tells them apart.
        node["ids"] = wanted or node["ids"]
        taken.update(node["ids"])
        named = None


def counterpart(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Tell the template where this page is in the other language; else that language's first page."""
    if app.config.language == "ja":
        context["other_language"] = ("en", "English", f"../{pagename}.html")
    else:
        name = pagename if pagename in _IN_JAPANESE else "index"
        context["other_language"] = ("ja", "日本語", f"ja/{name}.html")


def setup(app: Sphinx) -> None:
    """Connect what is done here."""
    app.add_search_language(JapanesePairs)
    app.add_lexer("fstab", TextLexer)
    app.connect("doctree-read", name_sections, priority=100)  # before the contents of pages are noted
    app.connect("html-page-context", counterpart)
