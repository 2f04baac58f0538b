"""What is wrong with a site is found: a check that finds nothing would look the same as a good site."""

from pathlib import Path

import pytest

from website.links import mistakes


def site(folder: Path, body: str, css: str = "") -> list[str]:
    (folder / "ja").mkdir()
    (folder / "index.html").write_text(f'<html><body id="top">{body}</body></html>')
    (folder / "other.html").write_text('<p id="a-b">…</p><p id="日本">…</p><a href="index.html#top">x</a>')
    (folder / "ja" / "index.html").write_text('<a href="../index.html">x</a>')
    (folder / "style.css").write_text(css)
    return list(mistakes(folder))


GOOD = (
    '<a href="other.html#a-b">x</a><a href="#top">x</a><a href="#">x</a><a href="ja/index.html">x</a>'
    '<a href="other.html#%E6%97%A5%E6%9C%AC">x</a><a href="https://example.com/">x</a>'
    '<img src="data:image/png;base64,AA"><link rel="stylesheet" href="style.css?v=1">'
)


def test_a_good_site_has_no_mistakes(tmp_path):
    assert site(tmp_path, GOOD, "p { background: url(data:image/png;base64,AA) }") == []


@pytest.mark.parametrize(
    ("body", "css", "found"),
    [
        ('<a href="nowhere.html">x</a>', "", "nowhere.html leads nowhere"),
        ('<a href="other.html#b">x</a>', "", "names no anchor"),
        ('<a href="#nothing">x</a>', "", "names no anchor"),
        ('<a href="../outside.html">x</a>', "", "leads nowhere"),
        ('<a href="ja">x</a>', "", "leads nowhere"),
        ('<a href="/index.html">x</a>', "", "only at the root"),
        ('<img src="missing.png">', "", "leads nowhere"),
        ('<script src="https://cdn.example.com/x.js"></script>', "", "from elsewhere"),
        ('<link rel="stylesheet" href="//fonts.example.com/x.css">', "", "from elsewhere"),
        ('<p id="two"></p><p id="two"></p>', "", "two is there twice"),
        ("", "@import 'https://fonts.example.com/x.css';", "from elsewhere"),
        ("", "p { background: url(missing.png) }", "leads nowhere"),
    ],
)
def test_each_kind_of_mistake_is_found(tmp_path, body, css, found):
    (mistake,) = site(tmp_path, body, css)
    assert found in mistake
