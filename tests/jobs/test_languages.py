"""What is filed with the data is in the language of its model."""

import json

import jsonschema
import pytest

from retraind.domain.job import Outcome, State
from retraind.report.report_json import Report
from support.world import a_world, table


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path, language="ja") as made:
        yield made


def test_a_failed_delivery_says_in_japanese_where_and_what_to_do_and_how_the_service_calls_it(world):
    job = world.run(world.sealing(train=table().replace(b"21,b,1\n", b"21,b\n", 1)))
    assert job.outcome is Outcome.FAILED
    note = world.read(job, "ERROR.txt")
    assert note.startswith("このデータではモデルを再学習できませんでした。")
    for words in (
        "「train_2026-11.csv」の3行目",
        "「項目数が異なる行があるため、データを読み込めません」",
        "対処方法：",
    ):
        assert words in "".join(line.strip() for line in note.splitlines())
    report = json.loads(world.read(job, "report.json"))
    jsonschema.validate(report, Report.model_json_schema())
    assert report["summary"] == "このデータではモデルを再学習できませんでした。"


def test_a_trained_delivery_says_in_japanese_how_it_is_published(world):
    job = world.run(world.sealing())
    assert job.state is State.DONE
    note = world.read(job, "RESULT.txt")
    assert note.startswith("このデータでモデルを再学習しました。")
    assert f"ジョブ「{job.id}」について、retraindの運用担当者に依頼してください" in "".join(note.split())
