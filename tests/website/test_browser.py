"""The finished site in a real browser: accessible, searchable, and the same from a disk and under a prefix.

`make site` builds it; Chromium and axe-core are those of the status page's tests.
"""

import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
AXE = ROOT / "build" / "axe-core" / "package" / "axe.min.js"
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
MAIN = (
    "index.html", "quick-start.html", "handoff.html", "notes.html", "troubleshooting.html", "configuration.html",
    "commands.html", "architecture.html", "operations.html", "search.html?q=key",
    "ja/index.html", "ja/handoff.html", "ja/data-rules.html", "ja/notes.html", "ja/troubleshooting.html",
    "ja/search.html?q=再学習",
)  # fmt: skip


def needed(path: Path | None, how: str) -> None:
    if path is None or not path.exists():
        if os.environ.get("RETRAIND_TESTS_NEED_TOOLS"):
            pytest.fail(how)
        pytest.skip(how)


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    needed(SITE / "index.html", "the site is not here; build it with: make site")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    needed(found and Path(found), "chromium is not installed")
    with playwright.sync_playwright() as made:
        started = made.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def under_a_prefix(tmp_path_factory) -> Iterator[str]:
    """Serve the site as a proxy would, below a path."""
    root = tmp_path_factory.mktemp("served")
    (root / "docs").mkdir()
    (root / "docs" / "retraind").symlink_to(SITE)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/docs/retraind/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def bases(under_a_prefix) -> dict[str, str]:
    return {"disk": f"{SITE.as_uri()}/", "prefix": under_a_prefix}


@pytest.fixture
def page(browser):
    """A page; whatever its console says, and whatever it asks of another host, fails the test."""
    said: list[str] = []
    made = browser.new_page(viewport=SIZES["desktop"])
    made.on("console", lambda message: said.append(message.text))
    made.on("pageerror", lambda error: said.append(str(error)))
    made.on("requestfailed", lambda request: said.append(f"{request.url} failed"))
    made.on(
        "request",
        lambda request: (
            re.match(r"file:|data:|http://127\.0\.0\.1:", request.url) or said.append(request.url)
        ),
    )
    yield made
    made.close()
    assert said == []


@pytest.mark.parametrize("name", MAIN)
def test_axe_finds_nothing_on_a_main_page(page, bases, name):
    needed(AXE, "axe-core is not here; fetch it with: make axe")
    page.goto(bases["prefix"] + name)
    page.wait_for_load_state("networkidle")
    # Of hundreds of sections that are alike, axe would look at each for seconds.
    page.evaluate(
        "document.querySelectorAll('article section section:nth-of-type(n+8)').forEach(each => each.remove())"
    )
    page.evaluate(AXE.read_text("utf-8"))
    found = {}
    for size, theme in (("desktop", "light"), ("phone", "dark")):
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=theme)
        told = page.evaluate("axe.run()")
        assert told["passes"], "axe has looked"
        nodes = {(each["id"], node["html"][:160]) for each in told["violations"] for node in each["nodes"]}
        found[theme] = sorted(nodes)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], size
    assert found == {"light": [], "dark": []}


@pytest.mark.parametrize("base", ["disk", "prefix"])
@pytest.mark.parametrize(
    ("start", "query", "leads_to"),
    [
        ("", "key_refused", "troubleshooting.html"),
        ("", "retention_count", "configuration.html"),
        ("ja/", "文字エンコード", "data-rules.html"),
        ("ja/", "完了マーカー", "handoff.html"),
        ("ja/", "再学習ジョブ", "handoff.html"),
        ("ja/", "key_refused", "troubleshooting.html"),
        ("ja/", "STATUS.txt", "notes.html"),
    ],
)
def test_what_is_searched_for_is_found(page, bases, base, start, query, leads_to):  # noqa: PLR0917
    page.goto(f"{bases[base]}{start}index.html")
    page.locator("input[name=q]").fill(query)
    page.locator("input[name=q]").press("Enter")
    page.locator("ul.search li a").first.wait_for()
    page.wait_for_load_state("networkidle")
    addresses = [each.get_attribute("href") for each in page.locator("ul.search li a").all()]
    assert any(address.partition("#")[0].endswith(leads_to) for address in addresses), addresses


@pytest.mark.parametrize("base", ["disk", "prefix"])
def test_pairs_that_are_nowhere_together_are_not_found(page, bases, base):
    page.goto(f"{bases[base]}ja/search.html?q=鯨飲馬食")
    page.locator(".search-summary", has_text=re.compile(".")).wait_for()
    assert page.locator("ul.search li").count() == 0


def test_each_language_leads_to_the_same_page_of_the_other(page, bases):
    page.goto(f"{bases['disk']}notes.html")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("link", name="日本語").first.click()
    page.wait_for_url("**/ja/notes.html")
    assert page.evaluate("document.documentElement.lang") == "ja"
    page.get_by_role("link", name="English").first.click()
    page.wait_for_url(re.compile(r"(?<!/ja)/notes\.html$"))


@pytest.mark.parametrize("language", ["", "ja/"])
def test_a_code_in_a_note_is_the_address_of_its_explanation(page, bases, language):
    for code in ("ragged-rows", "key_refused", "file_not_arrived"):
        page.goto(f"{bases['disk']}{language}troubleshooting.html#{code}")
        heading = page.locator(f"[id='{code}'] > h3")
        heading.wait_for()
        assert heading.inner_text().startswith(code)


def test_pictures_follow_the_theme_that_the_reader_chooses(page, bases):
    page.goto(f"{bases['disk']}architecture.html")
    paper = "getComputedStyle(document.querySelector('svg.picture .paper')).fill"
    assert page.locator("svg.picture").count() == 4
    page.evaluate("document.body.dataset.theme = 'dark'")
    dark = page.evaluate(paper)
    page.evaluate("document.body.dataset.theme = 'light'")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert dark != "rgb(255, 255, 255)"
