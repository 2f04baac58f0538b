"""Builds the site: `python -m website FOLDER`. Needs the dependency group `site`, and no network."""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from website import links
from website.drawing import colours
from website.stage import NAVIGATION, Wrong, stage

HERE = Path(__file__).parent
IN_JAPANESE: Mapping[str, str] = {
    "Skip to content": "本文へ移動",
    "Back to top": "ページの先頭へ",
    "Toggle Light / Dark / Auto color theme": "ライト / ダーク / 自動の切り替え",
    "Toggle site navigation sidebar": "サイト内の目次を開閉",
    "Toggle table of contents sidebar": "ページ内の目次を開閉",
    "On this page": "このページの内容",
    'aria-label="Pages"': 'aria-label="ページの一覧"',
}
"""What the theme has in English only."""

ACCESSIBLE: Mapping[str, str] = {
    'role="heading">': 'role="heading" aria-level="2">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
}
"""What the theme lacks: the level of headings, names of landmarks, and that what scrolls can have the focus."""


def main(site: Path) -> int:
    """Build the site into a folder, which is replaced; return how many mistakes there are, at most 1."""
    shutil.rmtree(site, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="retraind-site-") as folder:
        try:
            files = stage(Path(folder) / "pages")
        except Wrong as wrong:
            print(wrong, file=sys.stderr)
            return 1
        for language in NAVIGATION:
            pages = Path(folder) / "pages" / language
            target = site if language == "en" else site / language
            options = ["--quiet", "--nitpicky", "--fail-on-warning", "--keep-going", "--fresh-env"]
            where = ["--conf-dir", str(HERE), "--doctree-dir", str(Path(folder) / f"trees-{language}")]
            more = ["--define", f"language={language}"]
            if sphinx([*options, *where, *more, str(pages), str(target)]):
                return 1
    for file in files:
        (site / "files").mkdir(exist_ok=True)
        shutil.copy(file, site / "files" / file.name)
    _finish(site)
    found = list(links.mistakes(site))
    print("\n".join(found) or f"{len(list(site.rglob('*.html')))} pages in {site}: all links lead somewhere.")
    return min(len(found), 1)


def _finish(site: Path) -> None:
    """Leave out what is not served, add what the theme lacks, and colour the pictures by its themes."""
    for name in (".buildinfo", "objects.inv", "_sources"):
        for path in (site / name, site / "ja" / name):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    _replace(site.rglob("*.html"), ACCESSIBLE)
    _replace((site / "ja").rglob("*.html"), IN_JAPANESE)
    light, dark = colours()
    rules = "".join(
        f'body[data-theme="{theme}"] svg.picture{{{colour}}}'
        for theme, colour in (("light", light), ("dark", dark))
    )
    for path in site.rglob("_static/site.css"):
        path.write_text(path.read_text("utf-8") + rules + "\n", encoding="utf-8")


def _replace(pages: Iterable[Path], replacements: Mapping[str, str]) -> None:
    """Replace what the theme has on its pages. Ends the program where it no longer has it: it has changed then."""
    missing = set(replacements)
    for path in pages:
        text = path.read_text("utf-8")
        for before, after in replacements.items():
            if before in text:
                missing.discard(before)
                text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")
    if missing:
        raise SystemExit(
            f"The theme no longer has {', '.join(sorted(missing))}: see docs/website/__main__.py."
        )


if __name__ == "__main__":
    sys.exit(main(Path(re.sub(r"/+$", "", sys.argv[1]))))
