"""What the pages show, over real HTTP from a real journal."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest

from retraind.bundle.progress import Doing, Progress
from retraind.domain.job import End, Outcome, State, Waiting
from retraind.domain.people import Person
from retraind.domain.problems import Finding, Severity, problem
from retraind.page.charts import HEIGHT, WIDTH
from retraind.report.report_json import Report
from retraind.store.journal import Journal
from support.clock import ManualClock
from support.pages import NASTY, NOW, Seeder, as_if_running, configured, seed, served

MOMENT = timedelta(seconds=2)
"""Longer than what was read is shared."""


def words(html: str) -> str:
    """Return what a reader sees of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def paths(shown) -> list[str]:
    jobs = [f"/jobs/{job.id}" for job in shown.jobs.values()]
    return [
        "/",
        "/?show=attention",
        "/?q=churn",
        "/jobs",
        "/jobs?show=failed",
        *jobs,
        "/models/churn",
        "/none",
    ]


def test_models_that_need_somebody_come_first_and_each_says_how_it_is(shown):
    html = shown.page.get("/").text
    text = words(html)
    assert "。 " not in shown.page.get("/", accept_language="ja").text
    assert re.findall(r'id="model-([^"]+)"', html) == [
        "demand-north", "footfall", "leads", "staffing", "churn", "failures-line-3", "returns", "upsell",
    ]  # fmt: skip
    assert "2026-11-30 has been training for 2 h 2 min. 1 more delivery after it." in text
    assert "On hold: The budget of 4 trainings a month is used up." in text
    assert "Waiting for its first file." in text
    assert re.search(r"Late The delivery due by 2026-11-30 .* has not arrived.", text)
    assert re.search(r"Waiting for a file since 2026-11-30 \d\d:46", text)
    assert "retraind is running" in text


def test_models_are_found_by_a_part_of_their_name_and_by_how_they_are(shown):
    def names(path: str) -> list[str]:
        return re.findall(r'id="model-([^"]+)"', shown.page.get(path).text)

    assert names("/?q=FAIL") == ["failures-line-3"]
    assert names("/?show=work") == ["churn"]
    assert names("/?show=attention&q=f") == ["footfall", "staffing"]
    assert names("/?q=nowhere") == []
    assert "No model matches nowhere." in words(shown.page.get("/?q=nowhere").text)


def test_a_model_shows_its_deliveries_and_a_chart_of_each_measure(shown):
    html = shown.page.get("/models/churn").text
    assert html.count("<polyline") == 5
    assert "Accuracy of the last 23 runs" in html
    assert "<b>" not in html
    assert "Duration of the last 23 runs: 46 min in the last one, between 34 min and 46 min." in unescape(
        html
    )
    first = re.findall(r'id="job-([^"]+)"', html)
    assert len(first) == 25
    (older,) = re.findall(r'<a href="([^"]+)" rel="next"', html)
    rest = re.findall(r'id="job-([^"]+)"', shown.page.get(unescape(older)).text)
    assert len(rest) == 1
    assert not set(first) & set(rest)


def test_one_run_is_a_point_and_none_is_no_chart(tmp_path):
    seeder = Seeder(tmp_path / "state" / "journal.db")
    seeder.done("churn", "2026-11", NOW - timedelta(days=1))
    seeder.journal.close()
    with served(configured(tmp_path, page='listen = "127.0.0.1:0"', models=("churn", "leads"))) as page:
        html = page.get("/models/churn").text
        assert "Accuracy of the only run: 0.870." in html
        places = re.findall(r'<line class="point" x1="([\d.]+)" y1="([\d.]+)"', html)
        assert len(places) == 5
        assert all(0 < float(x) < WIDTH and 0 < float(y) < HEIGHT for x, y in places)
        assert "<svg" not in page.get("/models/leads").text.partition("<main")[2]


def test_a_job_shows_what_was_found_what_to_do_and_its_history(shown):
    text = words(shown.page.get(f"/jobs/{shown.jobs['failed'].id}").text)
    assert "The model was NOT retrained with this data." in text
    assert "Correct the data at its source and deliver both files again." in text
    assert "line 1,204 This row has 14 columns, but the header has 13." in text
    assert "Filed" in text
    assert NASTY in unescape(shown.page.get(f"/jobs/{shown.jobs['failed'].id}").text)


def test_what_the_service_says_of_a_finding_is_in_the_readers_language(tmp_path):
    made = Seeder(tmp_path / "state" / "journal.db")
    facts = {"columns": 2, "expected": 3, "others": (), "total": 1, "all_rows": False, "paired": True}
    said = {"service_message": "a different number of variables", "service_message_ja": "項目数が異なる行"}
    found = Finding("ragged-rows", Severity.ERROR, "train.csv", 2, None, facts, **said)
    end = End(outcome=Outcome.FAILED, problem=problem("data_breaks_rules", details=(found,)))
    job = made.job("churn", "2026-11", NOW, State.FAILED, failed_at=State.SEALED, end=end)
    made.journal.close()
    with served(configured(tmp_path, page='listen = "127.0.0.1:0"', models=("churn",))) as page:
        for language, shown, hidden in (("en", *said.values()), ("ja", *reversed(said.values()))):
            text = words(page.get(f"/jobs/{job.id}", accept_language=language).text)
            assert f"· {shown}" in text
            assert f"· {hidden}" not in text


def test_a_job_on_hold_says_why_and_what_to_do_once(shown):
    for language, why, remedy in (
        (
            "en",
            "The budget of 4 trainings a month is used up.",
            "To send it now, ask the operator of retraind;",
        ),
        ("ja", "学習の回数が上限（1か月に4回）に達したため", "今すぐ送信するには、"),
    ):
        text = words(shown.page.get(f"/jobs/{shown.jobs['held'].id}", accept_language=language).text)
        assert (text.count(why), text.count(remedy)) == (1, 1)
        assert text.index(why) < text.index(remedy)


def test_report_and_note_are_those_beside_the_files(shown):
    job = shown.jobs["failed"]
    answer = shown.page.get(f"/jobs/{job.id}/report.json")
    assert answer.headers["content-type"] == "application/json"
    assert Report.model_validate(json.loads(answer.text)).job == job.id
    assert "What to do next:" in shown.page.get(f"/jobs/{job.id}/note.txt").text
    assert shown.page.get(f"/jobs/{shown.jobs['training'].id}/report.json").status == 404


def test_jobs_are_found_by_delivery_date_and_short_id(shown):
    def found(query: str) -> list[str]:
        return re.findall(r'id="job-([^"]+)"', shown.page.get(f"/jobs?{query}").text)

    failed = shown.jobs["failed"].id
    assert found(f"q={failed[-6:]}") == [failed]
    assert found("q=2026-11-29&model=demand-north") == [failed]
    assert set(found("q=2026-11-30T03&show=done")) == {shown.jobs["done"].id}
    assert found("q=%25") == []
    assert found("q=_0000_") == []


def test_a_name_with_markup_is_text(shown):
    for path in paths(shown):
        html = shown.page.get(path).text
        assert "<img" not in html, path
        assert not re.search(r"<[^>]*\son\w+=", html), path


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(shown):
    for path in paths(shown):
        html = shown.page.get(path).text
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)", html), path
        assert re.findall(r'(?:src|href|action)="((?:https?:)?//[^"]*)"', html) == [], path


def test_every_answer_has_the_headers_that_lock_it_in(shown):
    for path in (*paths(shown), "/live?seen=x", "/static/0/page.css"):
        if path.startswith("/live"):
            continue
        headers = shown.page.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'", path
        assert {policy[name] for name in ("base-uri", "frame-ancestors")} == {"'none'"}
        own = {"style-src", "script-src", "img-src", "connect-src", "form-action"}
        assert {policy[name] for name in own} == {"'self'"}
        assert policy.keys() == own | {"default-src", "base-uri", "frame-ancestors"}
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_reading_is_answered(shown, method):
    answer = shown.page.get("/", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_head_is_a_page_without_its_text(shown):
    answer = shown.page.get("/models/churn", "HEAD")
    assert (answer.status, answer.text) == (200, "")


def test_without_access_no_path_of_the_machine_is_shown(shown):
    for path in paths(shown):
        assert not re.search(r"/(srv|etc|dev|tmp)/", words(shown.page.get(path).text)), path


def test_files_of_the_page_may_be_kept_for_ever_and_change_their_address(shown):
    (address,) = re.findall(r'href="(/static/[^"]+page\.css)"', shown.page.get("/").text)
    answer = shown.page.get(address)
    assert answer.status == 200
    assert "immutable" in answer.headers["cache-control"]
    assert shown.page.get(re.sub(r"static/\w+", "static/000000000000", address)).status == 404
    assert shown.page.get("/static/x/..%2f..%2fapp.py").status == 404


def test_a_list_of_many_models_is_paged(tmp_path):
    models = tuple(f"model-{number:03}" for number in range(120))
    Journal.open(tmp_path / "state" / "journal.db").close()
    config = configured(tmp_path, page='listen = "127.0.0.1:0"', models=models)
    with served(config) as page:
        seen = []
        path = "/"
        while path:
            html = page.get(path).text
            seen += re.findall(r'id="model-([^"]+)"', html)
            path = unescape((re.findall(r'<a href="([^"]+)" rel="next"', html) or [""])[0])
        assert seen == list(models)
        assert "101 to 120 of 120 models" in words(page.get("/?page=99999").text)


def test_a_model_that_is_added_to_the_configuration_appears(tmp_path):
    Journal.open(tmp_path / "state" / "journal.db").close()
    config = configured(tmp_path, page='listen = "127.0.0.1:0"', models=("churn",))
    with served(config) as page:
        assert page.get("/models/leads").status == 404
        configured(tmp_path, page='listen = "127.0.0.1:0"', models=("churn", "leads"))
        page.reader.clock.pass_time(MOMENT)
        assert page.get("/models/leads").status == 200


def test_a_daemon_that_does_not_run_is_the_first_thing_said(tmp_path):
    Seeder(tmp_path / "state" / "journal.db").journal.close()
    config = configured(tmp_path, page='listen = "127.0.0.1:0"')
    with served(config) as page:
        assert "retraind is not running." in words(page.get("/").text)
        assert "retraindは停止しています。" in page.get("/", accept_language="ja").text
        with as_if_running(tmp_path):
            page.reader.clock.pass_time(MOMENT)
            assert "not running" not in words(page.get("/").text)


def test_a_model_shows_what_happened_to_it_besides_its_jobs_and_who_did_it(tmp_path):
    seeder = Seeder(tmp_path / "state" / "journal.db")
    by = Person(uid=1001, name="anna", sudo_user=None, host="ml-1")
    seeder.journal.arrivals.snooze("churn", seeder.now + timedelta(days=30), by)
    late = problem("delivery_late", due=seeder.now, halves=("train_2026-11.csv",))
    seeder.journal.events.note_change("expectation", "churn", late)
    seeder.journal.close()
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("a-token-of-twenty-characters-or-more")
    config = configured(
        tmp_path, page=f'listen = "127.0.0.1:0"\ntoken_file = "{token}"', models=("churn", "leads")
    )
    with served(config) as page:
        text = words(page.get("/models/churn", authorization=f"Bearer {token.read_text()}").text)
        assert 'Only a part is there: "train_2026-11.csv"' in text
        assert "anna" in text.partition("History")[2]
        other = words(page.get("/models/leads", authorization=f"Bearer {token.read_text()}").text)
        assert "History" not in other


def test_hosts_that_are_down_and_what_happened_to_them_are_shown_with_who_did_it(tmp_path):
    file = tmp_path / "state" / "journal.db"
    seed(file, outage=True)
    host, by = "developer-api.example.com:443", Person(uid=1001, name="anna", sudo_user="eve", host="ml-1")
    journal = Journal.open(file, ManualClock(NOW))
    journal.hosts.ask(host, by)
    journal.close()
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("a-token-of-twenty-characters-or-more")
    with served(configured(tmp_path, page='listen = "127.0.0.1:0"')) as page:
        text = words(page.get("/").text)
        assert re.search(r"eve asked on 2026-11-30 \S+ \S+ to try it now", text)
        assert "A host fails (developer-api.example.com)" in text
        assert "A person asks to try the host now (developer-api.example.com)" in text
        assert "uid 1001" not in text
        assert ":443" not in text
    with served(configured(tmp_path, page=f'listen = "127.0.0.1:0"\ntoken_file = "{token}"')) as page:
        text = words(page.get("/", authorization=f"Bearer {token.read_text()}").text)
        assert f"A person asks to try the host now ({host})" in text
        assert "by=anna (uid 1001, sudo by eve) on ml-1" in text


@pytest.mark.parametrize(
    ("asked", "language"), [("", "ja"), ("fr", "ja"), ("en", "en"), ("fr, en;q=0.5", "en"), ("ja", "ja")]
)
def test_the_configurations_language_is_shown_unless_the_browser_prefers_another(tmp_path, asked, language):
    Journal.open(tmp_path / "state" / "journal.db").close()
    config = configured(tmp_path, page='listen = "127.0.0.1:0"')
    config.write_text('language = "ja"\n' + config.read_text())
    with served(config) as page:
        assert f'<html lang="{language}">' in page.get("/", accept_language=asked).text


@pytest.mark.parametrize(
    ("language", "told", "label", "percent"),
    [("en", "2026-11 is being checked.", "Checking", "45 %"), ("ja", "「2026-11」のデータを検査しています。", "検査中", "45％")],
)  # fmt: skip
def test_a_step_that_takes_long_shows_everywhere_how_far_it_is(tmp_path, language, told, label, percent):
    made = Seeder(tmp_path / "state" / "journal.db")
    job = made.job("churn", "2026-11", NOW, State.SEALED)
    made.journal.close()
    config = configured(tmp_path, page='listen = "127.0.0.1:0"', models=("churn",))
    pages = ("/", "/models/churn", "/jobs", f"/jobs/{job.id}")
    with as_if_running(tmp_path), served(config) as page:
        with Progress(tmp_path / "state" / "spool", job.id, Doing.PREFLIGHT, 100 << 20) as read:
            read(45 << 20)
            for path in pages:
                html = page.get(path, accept_language=language).text
                assert f'<progress max="100" value="45" aria-label="{label}">' in html, path
                assert f'data-progress="{job.id}"' in html
                assert percent in words(html)
            assert told in words(page.get("/", accept_language=language).text)
            assert label in words(page.get("/jobs", accept_language=language).text)
        page.reader.clock.pass_time(MOMENT)
        assert all("<progress" not in page.get(path).text for path in pages)


def test_a_job_that_waits_for_its_window_says_so_and_to_operators_how_to_send_it(tmp_path):
    made = Seeder(tmp_path / "state" / "journal.db")
    opens = NOW + timedelta(hours=13)
    why = problem("upload_waits_for_window", window="22:00-06:00", opens=opens)
    job = made.job("churn", "2026-11", NOW, State.BUNDLED, wait=Waiting(trouble=why))
    made.journal.close()
    (tmp_path / "token").touch(0o600)
    (tmp_path / "token").write_text("correct-horse-battery-staple")
    known = {"authorization": "Bearer correct-horse-battery-staple"}
    for more, headers in (("", {}), (f'token_file = "{tmp_path}/token"', known)):
        config = configured(tmp_path, page=f'listen = "127.0.0.1:0"\n{more}', models=("churn",))
        with as_if_running(tmp_path), served(config) as page:
            for path in ("/", "/models/churn", f"/jobs/{job.id}"):
                text = words(page.get(path, **headers).text)
                assert "The upload waits for its window (22:00-06:00), which opens on" in text, path
                assert (f"To send it now, run: retraind release {job.id}" in text) is bool(more), path
                assert "has to fix this" not in text


def test_the_history_says_whether_something_has_begun_or_is_over(tmp_path):
    made = Seeder(tmp_path / "state" / "journal.db")
    late = problem("delivery_late", due=NOW)
    for what in (late, None):
        made.journal.events.note_change("expectation", "churn", what)
        made.journal.events.note_change("folder_away", "churn", what)
    made.journal.close()
    config = configured(tmp_path, page='listen = "127.0.0.1:0"', models=("churn",))
    with served(config) as page:
        told = re.findall(r'<p class="event">([^<]+)', page.get("/models/churn").text)
        assert told == [
            "The drop folder is back", "No delivery is late any more", "The drop folder is out of reach",
            "A delivery is late",
        ]  # fmt: skip
        assert "到着の遅れが解消しました" in page.get("/models/churn", accept_language="ja").text
