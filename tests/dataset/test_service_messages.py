"""The service's messages are recognised in both languages, and never taken for one another."""

import pytest

from retraind.dataset.rules import service_messages
from retraind.dataset.rules.service_messages import MESSAGES, Concern, recognised

WORDINGS = [(message, wording) for message in MESSAGES for wording in message.wordings]


def filled(wording: str) -> str:
    return wording.replace("…", "売上 2026")


@pytest.mark.parametrize(("message", "wording"), WORDINGS, ids=[wording for _, wording in WORDINGS])
def test_a_message_is_recognised_whatever_its_width_case_and_spaces(message, wording):
    for text in (
        filled(wording),
        f"  {filled(wording).upper()}。\n",
        filled(wording).replace("1", "１").replace(" ", "\u3000"),
        filled(wording).rstrip(".。") + ".",
    ):
        assert recognised(text) is message


def test_no_wording_is_part_of_another_message_s():
    for message, wording in WORDINGS:
        for other in MESSAGES:
            if other is not message:
                assert not any(wording in each for each in other.wordings), (wording, other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[C1] データ保存容量が上限に達しています", service_messages.STORAGE),
        ("エラー: 実行時間の上限に達したため、新しいモデルを作成できません。(c4)", service_messages.TIME),
        ("系列店舗７のモデルの構築に失敗しました", service_messages.SERIES_FAILED),
        (
            "e13 THE NUMBER of unique values contained in the variable to be predicted exceeds the number of "
            "values that can be handled by the specified prediction type",
            service_messages.MANY_VALUES,
        ),
        # Nothing that only has some of its words.
        ("insufficient data storage capacity", None),
        ("there were too many variables to be sure", None),
        ("データ保存容量", None),
        ("系列のモデルの構築に失敗しました", None),
        ("", None),
        (None, None),
    ],
)
def test_a_longer_text_is_recognised_by_what_nothing_else_says(text, expected):
    assert recognised(text) is expected


def test_storage_models_and_time_are_the_account_s_and_rows_are_the_data_s():
    account = {each.number for each in MESSAGES if each.concern is Concern.ACCOUNT}
    assert account == {"c1", "c2", "c3", "c4"}
    assert service_messages.MANY_ROWS.concern is Concern.DATA
    assert {each.number for each in MESSAGES if each.concern is Concern.SERVICE} == {"c5", "c7"}
