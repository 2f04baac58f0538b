"""Names against patterns: which key a name carries, and whether two patterns can claim the same file."""

import fnmatch
import functools
import itertools
import random
import re
import time
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from retraind.config.mistakes import Mistake
from retraind.config.patterns import Globs, Pattern, can_both_match, canonical, joining
from retraind.config.settings import SweepSettings

NFD_NAME = unicodedata.normalize("NFD", "train_がぎぐ_é.csv")
LONGEST_NAME_BYTES = 255

KEYS = [
    # pattern, name, key, why
    ("train*{key}*", "train.csv", "", "many exports deliver the same name every time"),
    ("train*{key}*", "train_2026-11.csv", "2026-11", "the example in every document"),
    ("train*{key}*", "Train-2026-11.CSV", "2026-11", "Windows programs care little about case"),
    ("train*{key}*", "train 2026.tsv", "2026", "blanks separate like any other separator"),
    ("train*{key}*", "train2026.csv", "2026", "no separator at all"),
    ("train*{key}*", "train__2026__.csv", "2026", "separators at both edges are not part of the key"),
    ("train*{key}*", "train_2026.v2.csv", "2026.v2", "only the last ending is an ending"),
    ("train*{key}*", "train(2026).csv", "(2026)", "brackets are not separators"),
    ("train*{key}*", "train_-_.csv", "", "nothing but separators is no key"),
    ("train*{key}*", "training.csv", "", "training is the word that people write"),
    ("train*{key}*", "training_2026-11.csv", "2026-11", "and it has to pair with evaluation or eval"),
    ("eval*{key}*", "evaluation_2026-11.csv", "2026-11", "the other half of it"),
    ("eval*{key}*", "Evaluation.TSV", "", "the same in another case"),
    ("train*{key}*", "trainings_1.csv", "ings_1", "another word is not cut in two"),
    ("train*{key}*", "train_ing.csv", "ing", "nor is a key that looks like the rest of the word"),
    ("train*{key}*", "train_顧客　データ.csv", "顧客　データ", "Japanese, a wide blank inside"),
    ("train*{key}*", "train　顧客.csv", "顧客", "a wide blank as separator"),
    ("train*{key}*", NFD_NAME, "がぎぐ_é", "macOS shares send names decomposed"),
    ("訓練*{key}*", "訓練_十一月.csv", "十一月", "the fixed word in Japanese"),
    ("train*{key}*", "my_train_1.csv", None, "a fixed word at the front stands at the front"),
    ("train*{key}*", "train.csv.gz", None, "another format"),
    ("train*{key}*", "train", None, "no ending"),
    ("train*{key}*", "eval.csv", None, "the other file"),
    ("train/{key}", "2026-11.csv", "2026-11", "layout B"),
    ("train/{key}", "x.y.tsv", "x.y", "layout B keeps inner dots"),
    ("{key}_train*", "shop_a_train_v2.csv", "shop_a", "the key in front"),
    ("{key}_train*", "a_train_b_train_c.csv", "a_train_b", "a key is as long as can be"),
    ("{key}_*_x", "a_b_c_x.csv", "a_b", "as long as can be, and what follows still fits"),
    ("*_{key}_train", "a_b_c_train.csv", "b_c", "a star is as short as can be"),
    ("*train", "my_train.csv", "", "no key in the pattern"),
    ("train.csv", "train.csv", "", "a fixed name"),
    ("train.csv", "TRAIN.CSV", "", "a fixed name in another case"),
    ("train.csv", "train.tsv", None, "a pattern with an ending means just that"),
    ("train", "train.tsv", "", "without an ending both will do"),
    ("train_{key}.csv", "train_1.csv", "1", "an ending after the key"),
    ("train_{key}.CSV", "train_1.csv", "1", "an ending in capitals"),
    ("train_{key}.csv", "train_1.tsv", None, "the other ending"),
    ("train_{key}.csv", "train_1.csv.csv", "1.csv", "an ending twice"),
    ("a.b{key}", "axb1.csv", None, "a dot is a dot"),
]


@pytest.mark.parametrize(("pattern", "name", "key", "why"), KEYS, ids=lambda value: str(value)[:40])
def test_a_name_carries_the_key_that_a_person_would_read_in_it(pattern, name, key, why):
    assert Pattern(pattern).key_of(name) == key, why


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("", "pattern_not_a_name"),
        ("train/", "pattern_not_a_name"),
        ("/train", "pattern_not_a_name"),
        ("a/b/{key}", "pattern_not_a_name"),
        ("../{key}", "pattern_not_a_name"),
        ("./{key}", "pattern_not_a_name"),
        ("tr*/{key}", "pattern_folder_with_wildcard"),
        ("{key}/train", "pattern_folder_with_wildcard"),
        ("{key}_{key}", "pattern_with_two_keys"),
        ("train?", "pattern_with_other_wildcard"),
        ("train{date}", "pattern_with_other_wildcard"),
        ("[ab]", "pattern_with_other_wildcard"),
        ("done/{key}", "pattern_folder_reserved"),
        ("Failed/{key}", "pattern_folder_reserved"),
        (".retraind/{key}", "pattern_folder_reserved"),
    ],
)
def test_a_pattern_without_sense_is_refused_in_words(pattern, code):
    with pytest.raises(Mistake) as caught:
        Pattern(pattern)
    assert caught.value.problem.code == code


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=12))
@example("ᾷ")
@example("İß")
def test_names_that_differ_in_unicode_form_or_case_are_one_name(text):
    for form in ("NFC", "NFD"):
        assert canonical(unicodedata.normalize(form, text)) == canonical(text)
    assert canonical(canonical(text)) == canonical(text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=8))
def test_keys_of_a_pair_are_equal_whatever_form_each_name_is_sent_in(key):
    train = Pattern("train_{key}").key_of(unicodedata.normalize("NFD", f"train_{key}.csv"))
    assert train is not None
    assert Pattern("eval_{key}").key_of(unicodedata.normalize("NFC", f"eval_{key}.csv")) == train


def widths_of(sign):
    """Return the ways to write a sign in full and in half width, as the Unicode standard pairs them."""
    kind, _, code = unicodedata.decomposition(sign).partition(" ")
    plain = chr(int(code, 16)) if kind in {"<wide>", "<narrow>"} else sign
    return signs_of_unicode()[0].get(plain, [plain])


@functools.cache
def signs_of_unicode():
    """Return the signs by width, and those that compatibility forms would join with others for another reason."""
    widths, others = {}, []
    for each in map(chr, range(0x110000)):
        kind, _, code = unicodedata.decomposition(each).partition(" ")
        if kind in {"<wide>", "<narrow>"}:
            widths.setdefault(chr(int(code, 16)), [chr(int(code, 16))]).append(each)
        elif kind.startswith("<") and each != "\xa0":
            others.append(each)
    return widths, others


FILE_SIGNS = st.characters(codec="utf-8", exclude_characters="/\0") | st.deferred(
    lambda: st.sampled_from(
        [sign for row in signs_of_unicode()[0].values() for sign in row if sign not in "/\0"]
    )
)


def key_in(text):
    return joining(Pattern("a{key}").key_of(f"a{text}.csv"))


@given(st.lists(FILE_SIGNS, max_size=8), st.randoms(use_true_random=False), st.sampled_from(["NFC", "NFD"]))
@example(list("２０２６"), random.Random(1), "NFC")
@example(list("ｶﾞｳﾞﾊﾟ"), random.Random(1), "NFD")
@example(list("ガヴパ"), random.Random(1), "NFC")
@example(list("－２０２６＿"), random.Random(1), "NFC")
def test_keys_that_differ_in_width_case_or_form_join(signs, chance, form):
    text = "".join(signs)
    rewritten = "".join(chance.choice(widths_of(sign)) for sign in signs)
    decomposed = unicodedata.normalize(form, rewritten)
    other_case = "".join(chance.choice([sign, *one_other_case(sign)]) for sign in decomposed)
    assume("/" not in decomposed)
    assert key_in(decomposed) == key_in(text)
    assert key_in(other_case) == key_in(text)
    assert joining(key_in(text)) == key_in(text)


DASHES = "\u2010\u2011\u2012–—―−－"


@pytest.mark.parametrize("dash", DASHES)
def test_dashes_join_as_a_hyphen_does(dash):
    assert key_in(f"2026{dash}11") == "2026-11"
    assert key_in(f" {dash} 2026{dash}11{dash}") == "2026-11"
    assert key_in(f"売上{dash}11") == "売上-11"


@pytest.mark.parametrize("letter", "ーｰ一")
def test_what_is_a_part_of_words_and_looks_like_a_dash_is_none(letter):
    assert key_in(f"デ{letter}タ") not in {"デ-タ", "デタ"}
    assert key_in(f"{letter}デ") != "デ"


def one_other_case(sign):
    """Return a letter in its other case, where one stands for the other and for nothing else."""
    other = sign.swapcase()
    return [other] if len(other) == 1 and other != sign and other.swapcase() == sign else []


@given(st.deferred(lambda: st.sampled_from(signs_of_unicode()[1])), st.text("ab1"))
@example("①", "")
@example("²", "")
@example("㌔", "")
@example("ﬁ", "")
@example("ﾞ", "")
def test_a_sign_that_only_resembles_others_is_another_key(sign, more):
    plain = unicodedata.normalize("NFKC", sign)
    assume(unicodedata.decomposition(sign).partition(" ")[0] not in {"<wide>", "<narrow>"})
    assume("/" not in plain and not any(each in signs_of_unicode()[1] for each in plain))
    assume(sign not in DASHES)
    assert key_in(f"x{sign}{more}") != key_in(f"x{plain}{more}")


# Against a reference that tries everything, in the order that the rules give.

PIECES = st.sampled_from(["*", "{key}", "a", "b", "ab", "_", ".", "aa"])
PATTERNS = st.builds(
    lambda pieces, ending: "".join(pieces) + ending,
    st.lists(PIECES, min_size=1, max_size=6).filter(lambda pieces: pieces.count("{key}") <= 1),
    st.sampled_from(["", "", ".csv", ".tsv"]),
)
STEMS = st.text("ab_.", max_size=7)


def first_way(parts, text):
    """Return the key of the first way in which `parts` match `text`: stars short first, {key} long first."""
    if not parts:
        return "" if not text else None
    part, rest = parts[0], parts[1:]
    if part in {"*", "{key}"}:
        lengths = range(len(text) + 1)
        for length in reversed(lengths) if part == "{key}" else lengths:
            found = first_way(rest, text[length:])
            if found is not None:
                return text[:length] if part == "{key}" else found
        return None
    return first_way(rest, text[len(part) :]) if text.startswith(part) else None


def reference(pattern, name):
    if not name.endswith((".csv", ".tsv")):
        return None
    parts = [part for part in re.split(r"(\*|\{key\})", pattern) if part]
    text = name if pattern.endswith((".csv", ".tsv")) else name[:-4]
    found = first_way(parts, text)
    return None if found is None else found.strip("_-. ")


@given(PATTERNS, STEMS, st.sampled_from([".csv", ".tsv"]))
@settings(max_examples=120)
@example("*a*{key}a*b", "aabab", ".csv")
@example("{key}*", "ab", ".csv")
@example("*{key}*.csv", "ab", ".csv")
def test_a_pattern_takes_what_trying_every_way_in_order_takes(pattern, stem, ending):
    assert Pattern(pattern).key_of(stem + ending) == reference(pattern, stem + ending)


def names(longest):
    for length in range(longest + 1):
        for letters in itertools.product("ab_", repeat=length):
            yield from ("".join(letters) + ending for ending in (".csv", ".tsv"))


SHORT_NAMES = list(names(4))


@given(PATTERNS, PATTERNS)
@settings(max_examples=80)
@example("*.csv", "*.tsv")
@example("a.csv", "a")
def test_patterns_that_share_a_name_are_known_to(one, other):
    left, right = Pattern(one), Pattern(other)
    shared = [
        name for name in SHORT_NAMES if left.key_of(name) is not None and right.key_of(name) is not None
    ]
    if shared:
        assert can_both_match(left, right), shared[0]
        assert can_both_match(right, left)


def signs(pattern, ending):
    """Spell a pattern as a tuple of characters; None takes up anything."""
    text = pattern if pattern.endswith((".csv", ".tsv")) else pattern + ending
    parts = re.split(r"(\*|\{key\})", text)
    return tuple(sign for part in parts for sign in ([None] if part in {"*", "{key}"} else part))


@functools.cache
def common(one, other):
    """Build a word that both spell, None if there is none."""
    if not one and not other:
        return ""
    ways = [(one[1:], other[1:], one[0])] if one and other and one[0] == other[0] and one[0] else []
    for left, right in ((one, other), (other, one)):
        if left and left[0] is None:
            ways.append((left[1:], right, ""))
            if right and right[0]:
                ways.append((left, right[1:], right[0]))
    rests = ((sign, common(left, right)) for left, right, sign in ways)
    return next((sign + rest for sign, rest in rests if rest is not None), None)


@given(PATTERNS, PATTERNS)
@settings(max_examples=80)
def test_patterns_said_to_share_a_name_do_share_one(one, other):
    left, right = Pattern(one), Pattern(other)
    assume(can_both_match(left, right))
    words = (common(signs(one, ending), signs(other, ending)) for ending in (".csv", ".tsv"))
    name = next(word for word in words if word is not None)
    assert left.key_of(name) is not None
    assert right.key_of(name) is not None


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("train*{key}*", "eval*{key}*", False),
        ("train/{key}", "eval/{key}", False),
        ("train/{key}", "Train/{key}", True),
        ("{key}*", "eval*{key}*", True),
        ("*{key}_train", "*{key}_eval", False),
        ("*train*{key}", "*eval*{key}", True),
        ("TRAIN_{key}", "train_{key}", True),
        ("訓練{key}", "評価{key}", False),
        (unicodedata.normalize("NFD", "が{key}"), "が{key}", True),
        ("data.csv", "data.tsv", False),
        ("data", "data.tsv", True),
    ],
)
def test_usual_pairs_of_patterns_are_told_apart_or_not(one, other, both):
    assert can_both_match(Pattern(one), Pattern(other)) is both


@pytest.mark.parametrize(
    "pattern",
    [
        "a*a*a*a*a*a*a*a*a*a*b",
        "*a*a*a*{key}a*a*a*a*b",
        "{key}a*a*a*a*a*ab",
        "a*a*a*a*a*{key}ab",
        "*a*a*a*a*a*{key}*a*a*a*b.csv",
    ],
)
def test_no_name_keeps_a_pattern_busy(pattern):
    hostile = "a" * (LONGEST_NAME_BYTES - 4) + ".csv"
    begin = time.process_time()
    for _ in range(10):
        assert Pattern(pattern).key_of(hostile) is None
    assert time.process_time() - begin < 2  # measured: 10 ms; by backtracking it would outlive us


GLOBS = st.lists(st.text("ab.*?[]~", max_size=5), max_size=4)


@given(GLOBS, st.text("ab.*[~\n", max_size=6))
@example(["*"], "a")
@example(["**"], "a")
@example([""], "")
@example([*SweepSettings().ignore], ".a")
def test_globs_match_as_in_a_shell(globs, name):
    expected = any(fnmatch.fnmatchcase(name, glob) for glob in globs)
    assert (name in Globs(tuple(globs))) == expected
