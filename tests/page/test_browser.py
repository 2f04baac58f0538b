"""The pages in a real browser: accessible, alive, and deaf to what file names say.

Needs Chromium, and axe-core, which `make axe` fetches.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from retraind.bundle.progress import Doing, Progress
from retraind.domain.job import State
from retraind.store.journal import Journal
from support.pages import NASTY, NOW, Seeder, as_if_running, configured, seed, served
from support.process import until

playwright = pytest.importorskip("playwright.sync_api")

AXE = Path(__file__).parents[2] / "build" / "axe-core" / "package" / "axe.min.js"
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
PATIENCE_MS = 15_000
ELSEWHERE = "elsewhere.example.com"
"""A name that leads to the page, and should not."""


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("RETRAIND_TESTS_NEED_TOOLS"):
            pytest.fail("chromium is not installed, and CI promised that it is")
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as made:
        started = made.chromium.launch(
            executable_path=found,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--renderer-process-limit=1",  # None is started in case it is needed.
                f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
            ],
        )
        yield started
        started.close()


@pytest.fixture
def visit(browser, shown):
    """Open pages in a window of their own; whatever the console says fails the test."""
    said: list[str] = []
    contexts = []

    def open_page(**options: object) -> playwright.Page:
        context = browser.new_context(viewport=SIZES["desktop"], **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def addresses(shown) -> dict[str, str]:
    jobs = {name: f"/jobs/{quote(job.id)}" for name, job in shown.jobs.items()}
    pages = {"models": "/", "model": "/models/churn", "held model": "/models/footfall", "jobs": "/jobs"}
    base = f"http://127.0.0.1:{shown.page.port}"
    return {name: base + path for name, path in (pages | jobs).items()}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        if os.environ.get("RETRAIND_TESTS_NEED_TOOLS"):
            pytest.fail("axe-core is not here; fetch it with: make axe")
        pytest.skip("axe-core is not here; fetch it with: make axe")
    return AXE.read_text("utf-8")


# What else it has found is not asked for: it is much, and is to be described, sent and read.
RUN_AXE = """async () => {
    const found = await axe.run({ resultTypes: ["violations"] });
    return { violations: found.violations, passes: found.passes.length };
}"""


def judged(page: playwright.Page) -> list[tuple[str, str]]:
    """Return what axe, which the page has, finds wrong: each rule, and the element."""
    told = page.evaluate(RUN_AXE)
    assert told["passes"], "axe has looked"
    return [(each["id"], node["html"]) for each in told["violations"] for node in each["nodes"]]


@pytest.mark.system
def test_axe_finds_nothing_on_any_page(visit, shown, axe):
    page, found = visit(), {}
    for name, address in addresses(shown).items():
        page.goto(address)
        # What the browser's own tools may do, the page's own policy forbids to scripts.
        page.evaluate(axe)
        for size, theme in (("desktop", "light"), ("phone", "dark")):
            page.set_viewport_size(SIZES[size])
            page.emulate_media(color_scheme=theme)
            found[name, theme] = judged(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], name
    assert {where: what for where, what in found.items() if what} == {}


@contextmanager
def in_place_of_pages(root: Path, monkeypatch) -> Iterator[dict[str, tuple[str, int]]]:
    """Serve everything that is shown in place of a page; yields the addresses and statuses."""

    def crash(*_parts):
        raise ZeroDivisionError

    seed(root / "state" / "journal.db")
    (root / "token").touch(0o600)
    (root / "token").write_text("a-token-of-twenty-characters-or-more")
    kinds = {
        "open": "",
        "by token": f'token_file = "{root}/token"',
        "by proxy": 'user_header = "X-User"\nuser_header_from = ["127.0.0.1"]',
    }
    with ExitStack() as stack, monkeypatch.context() as patched:
        pages = {}
        for name, page in kinds.items():
            # Each has the routes that it began with: only the last ones crash.
            pages[name] = stack.enter_context(
                served(configured(root, page=f'listen = "127.0.0.1:0"\n{page}'))
            )
        patched.setattr("retraind.page.app.models_page", crash)
        pages["broken"] = stack.enter_context(served(configured(root, page='listen = "127.0.0.1:0"')))
        (root / "empty").mkdir()
        pages["empty"] = stack.enter_context(
            served(configured(root / "empty", page='listen = "127.0.0.1:0"'))
        )
        at = {name: f"http://127.0.0.1:{page.port}" for name, page in pages.items()}
        yield {
            "no such page": (f"{at['open']}/nowhere", 404),
            "no such model": (f"{at['open']}/models/nobody", 404),
            "no such job": (f"{at['open']}/jobs/none", 404),
            "another host": (f"http://{ELSEWHERE}:{pages['open'].port}/", 421),
            "token": (at["by token"], 401),
            "sign in": (at["by proxy"], 403),
            "crash": (at["broken"], 500),
            "no journal": (at["empty"] + "/jobs", 503),
        }


@pytest.mark.system
def test_axe_finds_nothing_on_what_is_shown_in_place_of_a_page(browser, tmp_path, monkeypatch, axe):
    found, seen = {}, {}

    def unasked(route) -> None:
        # As after the browser's own window for the password was closed.
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "www-authenticate"}
        route.fulfill(response=answer, headers=headers)

    with in_place_of_pages(tmp_path, monkeypatch) as addresses:
        for language, size, theme in (("en", "desktop", "light"), ("ja", "phone", "dark")):
            context = browser.new_context(viewport=SIZES[size], locale=language, color_scheme=theme)
            page = context.new_page()
            for name, (address, status) in addresses.items():
                page.unroute("**/*")
                if name == "token":
                    page.route("**/*", unasked)
                assert page.goto(address).status == status, name
                page.evaluate(axe)
                found[name, language] = judged(page)
                assert page.evaluate("document.documentElement.lang") == language
                assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], name
                styled = page.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight")
                seen[name] = styled if name != "another host" else ""
            context.close()
    assert {where: what for where, what in found.items() if what} == {}
    assert set(seen.values()) == {"650", ""}, "each has its style, but the page that may load nothing"


@pytest.mark.system
def test_what_axe_should_find_is_found(visit, shown, axe):
    page = visit()
    page.goto(addresses(shown)["held"])
    page.evaluate("document.documentElement.removeAttribute('lang')")
    page.evaluate("document.querySelector('.pill').style.color = 'white'")
    page.evaluate(axe)
    assert {"color-contrast", "html-has-lang"} <= {rule for rule, _ in judged(page)}


def test_a_file_name_with_markup_does_nothing(visit, shown):
    page = visit()
    page.goto(addresses(shown)["failed"])
    assert page.locator("tbody th", has_text=NASTY).count() == 1
    assert page.locator("img").count() == 0
    assert page.title() != "1"


@pytest.mark.system
def test_on_a_phone_neither_a_bar_nor_a_column_breaks_words(browser, tmp_path):
    made = Seeder(tmp_path / "state" / "journal.db")
    job = made.job("churn-of-the-north", "032024", NOW, State.SEALED)
    made.journal.close()
    config = configured(tmp_path, page='listen = "127.0.0.1:0"', models=("churn-of-the-north",))
    context = browser.new_context(viewport={"width": 360, "height": 800}, locale="ja")
    with (
        as_if_running(tmp_path),
        served(config) as page,
        Progress(tmp_path / "state" / "spool", job.id, Doing.PREFLIGHT, 100 << 20) as read,
        closing(context),
    ):
        read(100 << 20)
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{page.port}/jobs")
        assert tab.locator(".timeline progress").count() == 1
        assert tab.locator(".timeline .what a").evaluate("each => each.getClientRects().length") == 1
        tab.goto(f"http://127.0.0.1:{page.port}/jobs/{quote(job.id)}")
        names = tab.locator("tbody th").all()
        assert "train_<wbr>" in names[0].inner_html()


@pytest.mark.system
def test_a_page_loads_nothing_from_elsewhere_and_its_style_applies(visit, shown):
    page, asked = visit(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(addresses(shown)["model"])
    page.locator("#livestate.on").wait_for(timeout=PATIENCE_MS)
    assert {re.sub(r"/static/\w+/", "/static/", url.partition("?")[0]).rpartition("/")[2] for url in asked} == {
        "churn", "page.css", "page.js", "live", "icon.svg",
    } - ({"icon.svg"} if not any("icon.svg" in url for url in asked) else set())  # fmt: skip
    assert all(url.startswith(f"http://127.0.0.1:{shown.page.port}/") for url in asked)
    assert page.evaluate("getComputedStyle(document.querySelector('.pill')).borderRadius") == "99px"


@pytest.mark.system
def test_dark_and_light_differ(visit, shown):
    page, backs = visit(), set()
    page.goto(addresses(shown)["models"])
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        backs.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(backs) == 2


@pytest.mark.system
def test_the_list_can_be_used_by_keyboard_alone(visit, shown):
    page = visit()
    page.goto(addresses(shown)["models"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    page.keyboard.type("chu")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=chu", timeout=PATIENCE_MS)
    page.locator("#model-churn").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/churn", timeout=PATIENCE_MS)


@pytest.mark.system
def test_every_page_works_without_scripts(visit, shown):
    page = visit(java_script_enabled=False)
    page.goto(addresses(shown)["models"])
    page.locator("#model-churn").click()
    page.locator(".timeline a").first.click()
    assert page.locator("h1").inner_text() == "2026-11-30b"
    assert not page.locator("#livestate").is_visible()


# A journal of its own: what changes


@pytest.fixture
def alive(tmp_path):
    jobs = seed(tmp_path / "state" / "journal.db")
    config = configured(tmp_path, page='listen = "127.0.0.1:0"')
    with as_if_running(tmp_path), served(config) as page:
        yield tmp_path, page, jobs, config


def hold(root: Path, jobs) -> None:
    journal = Journal.open(root / "state" / "journal.db")
    job = journal.jobs.get(jobs["training"].id)
    training = replace(job.training, status="almost there", status_seen_at=NOW)
    journal.jobs.write(job, replace(job, training=training), "status_seen", {"status": "almost there"})
    journal.close()


@pytest.mark.system
def test_a_page_brings_itself_up_to_date_and_keeps_what_the_reader_does(visit, alive):
    root, served_page, jobs, _ = alive
    page = visit()
    page.goto(f"http://127.0.0.1:{served_page.port}/models/churn")
    page.locator("#livestate.on").wait_for(timeout=PATIENCE_MS)
    page.locator(".timeline a").nth(3).focus()
    focused = page.evaluate("document.activeElement.id")
    hold(root, jobs)
    page.get_by_text('The service has reported "almost there"').wait_for(timeout=PATIENCE_MS)
    assert page.evaluate("document.activeElement.id") == focused


@pytest.mark.system
def test_a_bar_moves_without_the_page_being_asked_for_again(visit, alive, axe):
    root, served_page, jobs, _ = alive
    job = jobs["training"]
    page, asked = visit(), []
    with Progress(root / "state" / "spool", job.id, Doing.UPLOAD, 1_000) as sent:
        sent(450)
        page.goto(f"http://127.0.0.1:{served_page.port}/jobs/{job.id}")
        page.locator("#livestate.on").wait_for(timeout=PATIENCE_MS)
        assert page.locator("progress").first.get_attribute("value") == "45"
        page.evaluate(axe)
        assert judged(page) == []
        page.on("request", lambda request: asked.append(request.url))
        sent(910)
        page.get_by_text("91 %").first.wait_for(timeout=PATIENCE_MS)
        assert page.evaluate("document.querySelector('progress').value") == 91
        assert asked == []
    page.locator("progress").wait_for(state="detached", timeout=PATIENCE_MS)


@pytest.mark.system
def test_a_tab_that_nobody_sees_leaves_its_connection_to_others(visit, alive):
    root, served_page, jobs, _ = alive
    connections = served_page.server.server_state.connections
    page = visit()
    page.goto(f"http://127.0.0.1:{served_page.port}/models/churn")
    page.locator("#livestate.on").wait_for(timeout=PATIENCE_MS)
    show = "hidden => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });"
    show += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(show, True)
    until(lambda: not connections, "the tab is hidden")
    hold(root, jobs)
    page.evaluate(show, False)
    page.get_by_text('The service has reported "almost there"').wait_for(timeout=PATIENCE_MS)


@pytest.mark.system
def test_a_page_comes_back_to_life_after_a_restart(browser, alive):
    root, served_page, jobs, config = alive
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{served_page.port}/models/churn")
    page.locator("#livestate.on").wait_for(timeout=PATIENCE_MS)
    served_page.close()
    page.locator("#livestate:not(.on)").wait_for(timeout=PATIENCE_MS)
    assert page.locator("#livestate").inner_text() == "Not live"
    hold(root, jobs)
    configured(root, page=f'listen = "127.0.0.1:{served_page.port}"')
    with served(config):
        page.get_by_text('The service has reported "almost there"').wait_for(timeout=PATIENCE_MS)
        page.locator("#livestate.on").wait_for(timeout=PATIENCE_MS)
    context.close()
