"""Deliveries to measure with: of several kinds, the same bytes whenever they are made.

A block of rows is made and then repeated until the size is reached. A block is far longer than the 32 KiB in which
DEFLATE finds repetitions, so a file compresses as if no row came twice.
"""

import base64
import random
from collections.abc import Callable, Iterator
from pathlib import Path

_BLOCK = 8_000_000
"""Bytes of rows that are made."""

_WORDS = [
    "the",
    "customer",
    "called",
    "about",
    "a",
    "late",
    "order",
    "and",
    "asked",
    "for",
    "refund",
    "of",
    "shipping",
    "costs",
    "promised",
    "to",
    "send",
    "photos",
    "damaged",
    "box",
    "arrived",
    "two",
    "days",
    "after",
    "delivery",
    "date",
    "no",
    "answer",
    "since",
    "Monday",
    "please",
    "check",
    "contract",
    "number",
    "before",
    "renewal",
    "discount",
    "agreed",
    "on",
    "phone",
    "with",
    "support",
    "very",
    "satisfied",
    "otherwise",
    "wants",
    "invoice",
    "by",
    "mail",
    "changed",
    "address",
    "last",
    "month",
]
_NAMES = [
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "小林",
    "加藤",
    "吉田",
    "山田",
    "佐々木",
    "山口",
    "松本",
    "井上",
    "木村",
    "斎藤",
    "林",
    "清水",
]
_PLACES = [
    "東京都",
    "大阪府",
    "北海道",
    "神奈川県",
    "愛知県",
    "福岡県",
    "京都府",
    "兵庫県",
    "千葉県",
    "埼玉県",
    "沖縄県",
    "広島県",
]
_PHRASES = [
    "配送が遅れた",
    "返金を希望する",
    "商品が破損していた",
    "契約を更新した",
    "請求書の再発行を依頼",
    "とても満足している",
    "住所を変更した",
    "電話で問い合わせ",
    "解約を検討中",
    "担当者から折り返し連絡",
    "キャンペーンに応募",
    "アプリの使い方を質問",
]


def _numeric(chance: random.Random) -> Iterator[str]:
    yield "id,age,income,balance,visits,ratio,latitude,longitude,last_visit,spend,plan,churned\n"
    number = 0
    while True:
        number += 1
        yield (
            f"{number},{chance.randrange(18, 90)},{chance.gauss(52_000, 9_000):.2f},{chance.expovariate(1e-4):.2f},"
            f"{chance.randrange(40)},{chance.random():.6f},{chance.uniform(30, 45):.5f},"
            f"{chance.uniform(130, 145):.5f},2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02},"
            f"{chance.expovariate(0.01):.3f},{chance.choice(('basic', 'plus', 'family'))},{chance.randrange(2)}\n"
        )


def _text(chance: random.Random) -> Iterator[str]:
    """Yield rows whose every text is quoted, with delimiters, doubled quotes and line breaks in some of them."""
    yield '"id","customer","note","product","amount","churned"\n'
    number = 0
    while True:
        number += 1
        words = chance.choices(_WORDS, k=chance.randrange(5, 30))
        words[2] += ","
        if chance.random() < 0.1:
            words[3] = f'""{words[3]}""'
        glue = "\n" if chance.random() < 0.05 else " "
        yield (
            f'{number},"{chance.choice(_WORDS).title()}, {chance.choice(_WORDS).title()}",'
            f'"{" ".join(words[:4])}{glue}{" ".join(words[4:])}",'
            f'"{chance.choice(_WORDS)}-{chance.randrange(1000)}",{chance.uniform(1, 500):.2f},"{chance.choice("yn")}"\n'
        )


def _japanese(chance: random.Random) -> Iterator[str]:
    yield "\ufeff番号,氏名,都道府県,年齢,内容,金額,解約\n"
    number = 0
    while True:
        number += 1
        yield (
            f"{number},{chance.choice(_NAMES)},{chance.choice(_PLACES)},{chance.randrange(18, 90)},"
            f"{'、'.join(chance.choices(_PHRASES, k=chance.randrange(1, 5)))}。,{chance.randrange(100, 90_000)},"
            f"{chance.choice('有無')}\n"
        )


def _random(chance: random.Random) -> Iterator[str]:
    """Yield rows of Base64 of chance: what has been encrypted, or compressed before."""
    yield "id,payload,churned\n"
    number = 0
    while True:
        number += 1
        payload = base64.b64encode(chance.randbytes(300)).decode()
        yield f"{number},{payload},{chance.randrange(2)}\n"


KINDS: dict[str, Callable[[random.Random], Iterator[str]]] = {
    "numeric": _numeric,
    "text": _text,
    "japanese": _japanese,
    "random": _random,
}


def write_table(path: Path, kind: str, size: int) -> None:
    """Write a table of a kind, of `size` bytes but for less than a row."""
    rows = KINDS[kind](random.Random(kind))
    header = next(rows).encode()
    block, length = [], 0
    while length < min(size, _BLOCK):
        block.append(next(rows).encode())
        length += len(block[-1])
    with path.open("wb") as file:
        file.write(header)
        while file.tell() < size:
            room = size - file.tell()
            file.write(b"".join(block) if length <= room else _as_many_as_fit(block, room))
            if room < length:
                break


def _as_many_as_fit(rows: list[bytes], room: int) -> bytes:
    fitting = bytearray()
    for row in rows:
        if len(fitting) + len(row) > room:
            break
        fitting += row
    return bytes(fitting)
