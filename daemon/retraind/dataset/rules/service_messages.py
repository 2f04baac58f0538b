"""The service's own messages about data and accounts, as its manual shows them in English and Japanese.

The manual documents those of the cloud and of the desktop program, which share an engine; not all of them
were found in both languages. Pure.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

_DISTINCT = 17
"""Characters, without spaces, from which a wording is recognised inside a longer message."""
_PART = "…"
"""In a wording: whatever the service names there."""


class Concern(StrEnum):
    """What has to change before a training that failed with a message can succeed."""

    DATA = "data"
    ACCOUNT = "account"
    SERVICE = "service"
    """Neither: something is missing on the service's side."""


class ServiceMessage(NamedTuple):
    """One message of the service."""

    number: str | None
    """The page of the manual that explains it, such as e17."""
    english: str | None
    japanese: str | None
    others: tuple[str, ...] = ()
    """Further wordings of the same: complete sentences, older ones."""
    concern: Concern = Concern.DATA

    @property
    def wordings(self) -> tuple[str, ...]:
        """Everything that it is recognised by."""
        return tuple(each for each in (self.english, self.japanese, *self.others) if each)


M = ServiceMessage

# Reading a file

FORMAT = M("e18", "not in a supported file format", "対象外のファイル形式であるため、データを読み込めません")
ENCODING = M(
    "e17",
    "character encoding is not supported",
    "対象外の文字エンコードなので、データを読み込めません",
    ("Data cannot be imported because the character encoding is not supported.",),
)
SAME_NAME = M(
    "e25",
    "multiple variables with the same name",
    "同じ名前の項目が複数あるため、データを読み込めません",
    ("Data cannot be imported because there are multiple variables with the same name.",),
)
ONE_COLUMN = M("e23", "only one variable", "項目が1つしかないため、データを読み込めません")
MANY_COLUMNS = M(
    "e15",
    "too many variables",
    "入力項目数が多すぎるため、データを読み込めません",
    ("The data cannot be imported because there are too many variables.",),
)
RAGGED = M(
    "e24",
    "rows with a different number of variables",
    "項目数が異なる行があるため、データを読み込めません",
    ("Data cannot be imported because there are rows with a different number of variables.",),
)
FEW_ROWS = M(
    "e21",
    "insufficient data",
    "データ数が少ないため、予測モデルを作成できません",
    ("データ数が少ないため、学習処理が実行できません",),
)
FEW_EVALUATION_ROWS = M("e21", None, "データ数が少ないため、評価処理が実行できません")
MANY_ROWS = M("c6", None, "データの行数が10000行を超えるためモデルを作成できません")
NOT_EQUAL = M(
    "e14",
    "the variables in the training data and evaluation data must match exactly",
    "学習用データと評価用データは項目が完全に一致している必要があります",
)
DATES = M(
    None,
    "date and time not within the supported period",
    "対応期間外の日時があるため、データを読み込めません",
    (
        "The data cannot be read because there is a date and time that are not within the supported time "
        "period.",
    ),
)

# The target

TARGET = M(
    "e30",
    "unavailable prediction type",
    "予測ターゲットのデータ型とユニーク数に対して、使用できない予測タイプです",
    (
        "It is unavailable prediction types for the prediction target because of the data type and unique "
        "label counts.",
    ),
)
MANY_VALUES = M(
    "e13",
    "The number of unique values contained in the variable to be predicted exceeds the number of values that "
    "can be handled by the specified prediction type.",
    "予測したい項目に含まれる値のユニーク数が、指定された予測タイプで扱える数を超えています",
)
EMPTY_TARGETS = M(
    "e16",
    "Too much missing data for the item you want to predict",
    "予測したい項目に欠損データが多すぎます",
)
FEW_VALID_ROWS = M(None, None, "有効なデータ数が少ないため、データを読み込めません")
FEW_ANSWERS = M(
    "e31",
    "There is too little data in the evaluation data that contains the correct value available for the "
    "variable you want to predict.",
    "評価用データの予測したい項目に、利用可能な正解値を含むデータが少なすぎます",
)

# Time series

DUPLICATE_TIMES = M(
    "e2",
    "Data cannot be read because it contains duplicate times.",
    "重複した時刻が含まれるため、データを読み込めません",
)
GAP = M(
    "e3",
    "Unable to read data due to a long period of no data.",
    "データが存在しない期間が長いため、データが読み込めません",
)
IRREGULAR = M(
    "e4",
    "Data cannot be read because the time interval is not constant for many data items.",
    "時間間隔が一定でないデータが多いため、データが読み込めません",
)
PERIOD = M("e5", "Could not learn in the specified prediction interval", None)
MANY_SERIES = M(
    "e7",
    "The number of series is not 200 or fewer, so the data cannot be imported.",
    "系列数が200以下ではないため、データを読み込めません",
)
SERIES_FAILED = M("e20", None, "系列…のモデルの構築に失敗しました")
INTERVAL = M(
    None,
    "Data cannot be loaded because it contains data for time intervals that are not supported.",
    "対応していない時間間隔のデータを含むため、データを読み込めません",
)

# Compared with what the model was trained with before

LEAK = M("e60", None, "前回の学習データに今回指定された範囲の評価データ期間が含まれています")
COLUMN_GONE = M("e61", None, "前回モデル学習時と比べて、今回データに「…」の項目が不足しています")
TARGET_GONE = M("e62", None, "入力された新データに予測ターゲットカラムが存在していません")
TYPE_CHANGED = M(
    "e63", None, "項目「…」が、前回データからデータタイプが変更されているため、予測モデルを作成できません"
)
CLASSES_CHANGED = M(
    "e64",
    None,
    "前回データと今回データで、予測したい項目の値の種類数が異なるため、モデル更新処理に失敗しました",
)
NEW_CLASS = M("e65", None, "前回学習時に存在しなかった分類ラベルがあります")

# The account, and the service itself

STORAGE = M("c1", None, "データ保存容量が上限に達しています", concern=Concern.ACCOUNT)
COPIES = M("c2", None, "モデル数が上限に達しているため、コピーできません", concern=Concern.ACCOUNT)
MODELS = M("c3", None, "モデル数の上限に達したため、新しいモデルを作成できません", concern=Concern.ACCOUNT)
TIME = M("c4", None, "実行時間の上限に達したため、新しいモデルを作成できません", concern=Concern.ACCOUNT)
FILE_GONE = M("c5", None, "選択されたデータのファイルが見つかりませんでした。", concern=Concern.SERVICE)
DATA_DELETED = M("c7", None, "データが削除されているためコピーできません", concern=Concern.SERVICE)

del M

MESSAGES: tuple[ServiceMessage, ...] = tuple(
    message for message in tuple(vars().values()) if isinstance(message, ServiceMessage)
)
"""All of them."""


_LIMITS: Mapping[ServiceMessage, str] = {
    STORAGE: "account_storage_full",
    COPIES: "account_models_full",
    MODELS: "account_models_full",
    TIME: "account_time_used",
}


def recognised(text: str | None) -> ServiceMessage | None:
    """Return the message that a text of the service is or contains; None for any other text.

    Width and case of letters, spaces, and a full stop at the end do not count. Short wordings count only as
    the whole text: they might be part of a sentence about something else.
    """
    plain = _plain(text or "")
    return next((message for message, wording in _WORDINGS if wording.search(plain)), None)


def account_limit(text: str | None) -> str | None:
    """Return the code of the hold for a limit of the account, if a text of the service is about one."""
    known = recognised(text)
    return _LIMITS.get(known) if known else None


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(" .。")


def _wordings() -> Iterator[tuple[int, ServiceMessage, re.Pattern[str]]]:
    for message in MESSAGES:
        for wording in message.wordings:
            parts = [_plain(part) for part in wording.split(_PART)]
            length = sum(map(len, parts))
            pattern = ".+".join(map(re.escape, parts))
            yield length, message, re.compile(pattern if length >= _DISTINCT else rf"\A{pattern}\Z")


_WORDINGS = tuple(
    (message, wording) for _, message, wording in sorted(_wordings(), key=lambda each: -each[0])
)
"""The longest first: a text may contain several."""
