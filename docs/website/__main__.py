"""Builds the site: `python -m website FOLDER`. Needs the dependency group `site`, and no network."""

import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
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
}
"""What the theme has in English only."""


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
    """Leave out what is not served, translate what the theme has in English only, and colour the pictures."""
    for name in (".buildinfo", "objects.inv", "_sources"):
        for path in (site / name, site / "ja" / name):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    missing = set(IN_JAPANESE)
    for path in (site / "ja").rglob("*.html"):
        text = path.read_text("utf-8")
        for english, japanese in IN_JAPANESE.items():
            if english in text:
                missing.discard(english)
                text = text.replace(english, japanese)
        path.write_text(text, encoding="utf-8")
    if missing:
        raise SystemExit(f"The theme no longer says {', '.join(sorted(missing))}: correct IN_JAPANESE.")
    light, dark = colours()
    rules = "".join(
        f'body[data-theme="{theme}"] svg.picture{{{colour}}}'
        for theme, colour in (("light", light), ("dark", dark))
    )
    for path in site.rglob("_static/site.css"):
        path.write_text(path.read_text("utf-8") + rules + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(re.sub(r"/+$", "", sys.argv[1]))))
