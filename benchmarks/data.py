"""Deliveries to measure with: of several kinds, the same bytes whenever they are made.

A block of rows is made and then repeated until the size is reached. A block is far longer than the 32 KiB in
which DEFLATE finds repetitions, so a file compresses as if no row came twice.
"""

import base64
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

_BLOCK = 8_000_000
"""Bytes of rows that are made."""

_NAMES = "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 斎藤 林 清水".split()  # noqa: SIM905, E501
_PLACES = "東京都 大阪府 北海道 神奈川県 愛知県 福岡県 京都府 兵庫県 千葉県 埼玉県 沖縄県 広島県".split()  # noqa: SIM905
_ENGLISH = (
    (*"bcdfghjklmnprstvw", "ch", "sh", "st", "th", "tr"),
    (*"aeiou", "ea", "io"),
    ("", "", "n", "r", "s", "nt"),
)
_JAPANESE = tuple(
    "日本人一大年会社中出事自分者見時前間話方語学生電車金物手気家東名高品質返送料請求書更新住所変連絡解約契満足"
)
_KANA = (*"のにをはがとでもるたしいなれてかこさ", "です", "ます", "した", "ない")


class _Vocabulary:
    """Made-up words, of which some come far more often than others, as in any language."""

    def __init__(self, chance: random.Random, size: int, word: Callable[[random.Random], str]) -> None:
        self._words = sorted({word(chance) for _ in range(size)}, key=lambda each: (len(each), each))
        self._weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self._words))))

    def some(self, chance: random.Random, count: int) -> list[str]:
        return chance.choices(self._words, cum_weights=self._weights, k=count)


def _english_word(chance: random.Random) -> str:
    syllables = range(min(chance.randrange(1, 5), chance.randrange(1, 5)))
    return "".join("".join(map(chance.choice, _ENGLISH)) for _ in syllables)


def _japanese_word(chance: random.Random) -> str:
    return "".join(chance.choices(_JAPANESE, k=chance.randrange(1, 3))) + "".join(
        chance.choices(_KANA, k=chance.randrange(3))
    )


def _numeric(chance: random.Random) -> Iterator[str]:
    yield "id,age,income,balance,visits,ratio,latitude,longitude,last_visit,spend,plan,churned\n"
    for number in itertools.count(1):
        yield (
            f"{number},{chance.randrange(18, 90)},{chance.gauss(52_000, 9_000):.2f},"
            f"{chance.expovariate(1e-4):.2f},"
            f"{chance.randrange(40)},{chance.random():.6f},{chance.uniform(30, 45):.5f},"
            f"{chance.uniform(130, 145):.5f},2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02},"
            f"{chance.expovariate(0.01):.3f},{chance.choice(('basic', 'plus', 'family'))},"
            f"{chance.randrange(2)}\n"
        )


def _text(chance: random.Random) -> Iterator[str]:
    """Yield rows with quoted texts, some of them with delimiters, doubled quotes and line breaks."""
    vocabulary = _Vocabulary(chance, 6000, _english_word)
    yield '"id","customer","note","product","amount","churned"\n'
    for number in itertools.count(1):
        first, last, product, *words = vocabulary.some(chance, chance.randrange(8, 33))
        words[2] += ","
        if chance.random() < 0.1:
            words[3] = f'""{words[3]}""'
        glue = "\n" if chance.random() < 0.05 else " "
        yield (
            f'{number},"{last.title()}, {first.title()}","{" ".join(words[:4])}{glue}{" ".join(words[4:])}",'
            f'"{product}-{chance.randrange(1000)}",{chance.uniform(1, 500):.2f},"{chance.choice("yn")}"\n'
        )


def _japanese(chance: random.Random) -> Iterator[str]:
    vocabulary = _Vocabulary(chance, 4000, _japanese_word)
    yield "\ufeff番号,氏名,都道府県,年齢,内容,金額,解約\n"
    for number in itertools.count(1):
        yield (
            f"{number},{chance.choice(_NAMES)},{chance.choice(_PLACES)},{chance.randrange(18, 90)},"
            f"{''.join(vocabulary.some(chance, chance.randrange(5, 30)))}。,{chance.randrange(100, 90_000)},"
            f"{chance.choice('有無')}\n"
        )


def _random(chance: random.Random) -> Iterator[str]:
    """Yield rows of Base64 of chance: what has been encrypted, or compressed before."""
    yield "id,payload,churned\n"
    for number in itertools.count(1):
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
