"""What people read in Japanese on a share and in their mail: made of facts alone, with no English in it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retraind.config.settings import Settings
from retraind.domain.job import Job, Outcome, Role, SealedFile, Signature, State
from retraind.domain.problems import Finding, Problem, Severity, file_problem, problem
from retraind.domain.records import Event, ModelHold, Outage
from retraind.intake.drop_folder import View
from retraind.report import notes
from retraind.report.layout import as_bytes, cells
from retraind.report.messages import Message, message_of
from retraind.report.notifications import as_json, subject
from retraind.report.share_voice import share_voice
from retraind.report.status_file import expected_files, status_text, stopped_text
from retraind.report.wording import Audience, Voice
from retraind.store.journal import Standing
from support.jobs import job_of

NOW = datetime(2026, 11, 23, 2, 5, 9, tzinfo=UTC)
SHARE = Voice(Audience.SHARE, "ja")
ID = "2026-11-23T020000Z_11_abc123"
KNOWN = re.compile(
    rf"retraind(?: (?:switch|retry|release|status|jobs)(?: (?:{ID}|JOB|churn))?)?|{ID}|(?:train|eval)_11\.csv|churn|UTC|ID"
    r"|JOB|STATUS\.txt|results\.zip|(?:done|failed)/|CSV|API|HTTP|(?:train|eval)_2026-11\.csv|URL"
)


def english(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{2,}", KNOWN.sub("", re.sub(r"（コード：[\w、\s-]+）", "", text)))


def in_work(state: State, **more) -> Job:
    files = tuple(
        SealedFile(role=role, name=f"{role}_11.csv", signature=Signature(size=12345, mtime_ns=1, inode=2))
        for role in (Role.TRAIN, Role.EVAL)
    )
    return job_of(
        id=ID, model="churn", key="11", state=state, files=files, created_at=NOW,
        updated_at=NOW + timedelta(hours=1), rows={"train": 1000, "eval": 200}, **more,
    )  # fmt: skip


NOTES = {
    "trained": {"outcome": Outcome.TRAINED, "trained_at": NOW},
    "switched": {"outcome": Outcome.SWITCHED, "trained_at": NOW, "switched_at": NOW},
    "by hand": {"outcome": Outcome.SWITCHED, "switched_at": NOW, "switched_by_hand": True},
    "superseded": {"outcome": Outcome.SUPERSEDED, "earlier_job": ID},
    "duplicate": {"outcome": Outcome.DUPLICATE, "earlier_job": ID},
    "disk": {"outcome": Outcome.FAILED, "problem": file_problem(OSError(28, "No space left on device"))},
    "no result": {"outcome": Outcome.FAILED, "problem": problem("training_file_missing")},
}


@pytest.mark.parametrize("case", NOTES)
def test_a_note_has_no_english_word_but_names_and_commands(case):
    text = notes.note(in_work(State.FILING, **NOTES[case]), SHARE, policy="manual")
    assert english(text) == []
    assert "2026年11月23日" in text
    assert all(cells(line) <= 100 for line in text.splitlines())


def test_the_data_of_a_job_stand_in_one_column():
    text = notes.note(in_work(State.FILING, outcome=Outcome.TRAINED, trained_at=NOW), SHARE)
    columns = {cells(found[0]) for found in re.finditer(r"^\S+： +(?=\S)", text, re.MULTILINE)}
    assert len(columns) == 1


def test_a_note_begins_with_the_outcome_then_the_cause_then_what_to_do():
    why = problem("training_failed", status="job_failed", message=None, of_the_data=True)
    text = notes.note(in_work(State.FILING, outcome=Outcome.FAILED, problem=why), SHARE)
    parts = [
        "このデータではモデルを再学習できませんでした。",
        "原因：サービスで学習に失敗しました",
        "対処方法：データを修正して",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert f"ジョブ「{ID}」について、retraindの運用担当者に依頼してください" in "".join(text.split())


def standing(*jobs: Job, hold: Problem | None = None) -> Standing:
    return Standing([*jobs], hold and ModelHold("churn", NOW, hold, credential=False), None, None, None)


@pytest.mark.parametrize(
    "state", [each for each in State if each not in {State.DONE, State.FAILED, State.RETURNED}]
)
def test_the_status_says_in_japanese_what_happens_and_what_would(state):
    settings = Settings.model_validate({"models": {"churn": {"drop": "/srv/churn", "api_key": "k"}}})
    model = settings.models["churn"]
    voice = share_voice(model, settings.state, language="ja")
    outage = Outage("store.test:443", NOW, 3, problem("gate_timed_out", timeout=timedelta(minutes=5)), NOW)
    texts = [
        status_text(
            "churn", View(), standing(in_work(state), hold=problem("budget_used_up", trainings=4, period="month", ends=NOW, job=ID)),
            voice, expected=expected_files(model), outages=[outage],
        ),
        status_text("churn", View(), standing(), voice, expected=expected_files(model)),
        stopped_text("churn", NOW, problem("training_file_missing"), voice, standing=standing(in_work(state))),
    ]  # fmt: skip
    for text in texts:
        assert english(text.replace("store.test", "")) == []
        assert "。 " not in text


@pytest.mark.parametrize("state", [State.BUNDLED, State.REGISTERED])
def test_what_waits_is_not_said_to_be_sent_now_or_soon(state):
    def said(wait: Problem | None) -> str:
        facts = {"key": "11", "job": ID, "state": state, "behind": None, "reported": None, "wait": wait}
        return SHARE.tell(problem("job_standing", **facts))

    assert re.search("送信する準備ができました|サービスに送信しています", said(None))
    waits = said(problem("waits_for_hold", model="churn"))
    assert "まだ送信していません" in waits or "送信の途中です" in waits
    assert waits.endswith("「churn」の保留が解除されると、処理を再開します。")


def test_a_text_has_a_mark_and_ends_of_lines_that_windows_knows():
    content = as_bytes(notes.note(in_work(State.FILING, outcome=Outcome.TRAINED), SHARE))
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\n") == content.count(b"\r\n")
    assert content.decode("utf-8-sig").encode("cp932")


def settings_of(**more) -> Settings:
    models = {
        "churn": {"drop": "/srv/churn", "api_key": "k"},
        "price": {"drop": "/srv/price", "api_key": "l"},
    }
    models["price"]["language"] = "ja"
    return Settings.model_validate({"models": models, **more})


def told(model: str, settings: Settings) -> Message:
    event = Event(
        at=NOW, event="model_held", model=model, job=None, detail={"what": problem("switch_by_hand")}
    )
    message = message_of(event, None, settings)
    assert message
    return message


def test_a_notification_is_in_the_language_of_its_model():
    settings = settings_of()
    assert told("churn", settings).title == "churn is on hold"
    assert told("price", settings).title == "priceを保留しました"
    assert told("gone", settings).language == "en"
    japanese = settings_of(language="ja")
    assert told("churn", japanese).language == told("gone", japanese).language == "ja"


def test_what_a_recipient_gets_of_a_notification_is_in_its_language_throughout(monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "nas")
    message = replace(told("price", settings_of()), text="処理を再開します。")
    assert subject(message) == "【retraind（nas）】priceを保留しました"
    sent = as_json(message)
    assert sent["text"] == "【retraind（nas）】priceを保留しました。処理を再開します。"
    assert sent["language"] == "ja"


def test_the_service_s_message_is_named_and_not_foretold_for_data_that_is_corrected_on_the_way():
    finding = Finding(
        rule="utf-8-without-mark", file="train_11.csv", severity=Severity.WARNING, facts={"added": True},
        service_message_ja="対象外の文字エンコードなので、データを読み込めません",
    )  # fmt: skip
    told = SHARE.finding(finding)
    assert "対応するサービスのメッセージは「対象外の文字エンコードなので" in told
    assert "表示されます" not in told


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "utf-8-sig", "shift_jis", "unknown"])
def test_a_preflight_calls_encodings_as_the_findings_do(encoding):
    told = SHARE.label("preflight_file", name="train_11.csv", rows=1, columns=2, encoding=encoding, size=3)
    assert re.search("UTF-8（BOM(?:あり|なし)）|Shift_JIS|ASCII|文字エンコード不明", told)
