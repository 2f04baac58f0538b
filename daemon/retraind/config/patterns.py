"""File name patterns such as `train*{key}*`: which names they match, and whether two can match the same name.

Pure. `*` matches as few characters as possible, `{key}` as many as possible; separators (`_ - . ` and spaces)
at either end of what `{key}` matched are not part of the key. In `train*{key}` and `eval*{key}` the `*` also
matches the rest of the words training and evaluation. A pattern may name one folder: `train/{key}`. Unless it
ends in .csv or .tsv itself, a pattern is compared with the name without that extension. Case and Unicode form
(macOS shares send decomposed names) make no difference.
"""

import fnmatch
import re
import unicodedata
from functools import cache, cached_property, lru_cache
from typing import Self

from retraind.config.mistakes import Mistake

_KEY = "{key}"
_EDGES = "_-. \u3000"
ENDINGS = (".csv", ".tsv")
"""With which every name of a data file ends, in its canonical form."""
_OWN_FOLDERS = frozenset({"done", "failed"})
_REST_OF_WORD = {"train": "ing", "eval": "uation"}


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """Return `text` in the one form in which names and keys are compared."""
    if text.isascii():
        return text.lower()  # the same, and most names are
    text = unicodedata.normalize("NFC", text)
    # Most names have no character that only resembles others, and there can be thousands of them.
    simple = unicodedata.is_normalized("NFKC", text)
    return unicodedata.normalize("NFC", text.casefold() if simple else "".join(map(_folded, text)))


def joining(key: str) -> str:
    """Return the form in which keys are compared to join files. It must not become a name.

    Full-width and half-width forms, which Japanese input methods write, count as the plain characters, and
    dashes, which spreadsheets and mail programs write, as hyphens. Other compatibility forms (①, ², ㌔, ﬁ)
    remain distinct, and so does ー, which is a part of words.
    """
    if key.isascii():
        return key.lower()
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).translate(_PLAIN))
    return canonical(plain).strip(_EDGES)


def _folded(char: str) -> str:
    """Return a character without its case. One that only resembles another stays distinct, in lower case."""
    kind = unicodedata.decomposition(char).partition(" ")[0]
    if not kind.startswith("<") or kind in _WIDTH_KINDS:
        return char.casefold()
    lower = char.lower()
    return lower if unicodedata.decomposition(lower).startswith("<") else char


_WIDTH_KINDS = frozenset({"<wide>", "<narrow>"})
_WIDTHS = {
    code: int(plain, 16)
    for code in (0x3000, *range(0xFF01, 0xFFEF))
    for kind, _, plain in [unicodedata.decomposition(chr(code)).partition(" ")]
    if kind in _WIDTH_KINDS
}
"""All full-width and half-width characters of Unicode, and the ones that they are forms of."""
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""The hyphens, dashes and the minus sign."""
_PLAIN = _WIDTHS | dict.fromkeys(map(ord, _DASHES), ord("-"))


class Globs:
    """The canonical names that one of several globs matches, such as `*.part` and `.*`."""

    def __init__(self, globs: tuple[str, ...]) -> None:
        # Scans test every name, and most globs need no expression.
        texts = [canonical(text) for text in globs]
        self._exact = frozenset(text for text in texts if _is_plain(text))
        self._starts = tuple(text[:-1] for text in texts if text[-1:] == "*" and _is_plain(text[:-1]))
        self._ends = tuple(text[1:] for text in texts if text[:1] == "*" and _is_plain(text[1:]))
        others = [text for text in texts if not _is_plain(text.removeprefix("*").removesuffix("*"))]
        others += [text for text in texts if text[:1] == text[-1:] == "*"]
        self._expression = re.compile("|".join(map(fnmatch.translate, others))) if others else None

    @classmethod
    @cache
    def of(cls, globs: tuple[str, ...]) -> Self:
        """Return the same object for the same globs: a thousand models share one."""
        return cls(globs)

    def __contains__(self, name: str) -> bool:
        return (
            name.startswith(self._starts)
            or name.endswith(self._ends)
            or name in self._exact
            or (self._expression is not None and self._expression.match(name) is not None)
        )


def _is_plain(text: str) -> bool:
    return not set("*?[") & set(text)


class Pattern:
    """One pattern. Raises Mistake when it makes no sense."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.folder, _, self.name = text.rpartition("/")
        if not self.name or self.folder in {".", ".."} or "/" in self.folder or text.startswith("/"):
            raise Mistake("pattern_not_a_name")
        if canonical(self.folder) in _OWN_FOLDERS or self.folder.startswith("."):
            raise Mistake("pattern_folder_reserved")
        if set("*?[]{}") & set(self.folder):
            raise Mistake("pattern_folder_with_wildcard")
        if self.name.count(_KEY) > 1:
            raise Mistake("pattern_with_two_keys")
        if set("?[]{}") & set(self.name.replace(_KEY, "")):
            raise Mistake("pattern_with_other_wildcard")

    @classmethod
    @cache
    def of(cls, text: str) -> Self:
        """Return the same object for the same text: a thousand models share one."""
        return cls(text)

    @cached_property
    def own_ending(self) -> bool:
        """True when the pattern itself has the extension."""
        return self.name.lower().endswith(ENDINGS)

    @cached_property
    def _has_key(self) -> bool:
        return _KEY in self.name

    @cached_property
    def _parts(self) -> list[str]:
        """Fixed parts at even indexes, the wildcards between them at odd ones."""
        parts = re.split(r"((?:\{key\}|\*)+)", unicodedata.normalize("NFC", self.name))
        return [part if place % 2 else canonical(part) for place, part in enumerate(parts)]

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        """The pattern as a regular expression whose time is at most quadratic, however hostile the name.

        What stands between two wildcards can be matched where it first fits, since the next wildcard matches
        whatever is left. Only `{key}` backtracks.
        """
        parts = self._parts
        expression = re.escape(parts[0])
        for place in range(1, len(parts), 2):
            before, wild, fixed = parts[place - 1], parts[place], re.escape(parts[place + 1])
            if _KEY in wild:
                rest = next((rest for word, rest in _REST_OF_WORD.items() if before.endswith(word)), None)
                if rest and wild.startswith("*"):
                    expression += rf"(?:{rest}(?![^\W\d_]))?"
                expression += f"(?P<key>.*){fixed}"
            elif place + 2 < len(parts):
                expression += f"(?>.*?{fixed})"
            else:
                expression += f".*?{fixed}"
        return re.compile(expression, re.DOTALL)

    def key_of(self, name: str) -> str | None:
        """Return the key in `name` (without its folder), "" if it has none, None if it does not match.

        Only names that end in .csv or .tsv match.
        """
        return self.key_in(canonical(name))

    def key_in(self, plain: str) -> str | None:
        """Do the same for a canonical name."""
        if not plain.endswith(ENDINGS):
            return None
        found = self._expression.fullmatch(plain if self.own_ending else plain[:-4])
        if found is None:
            return None
        return found["key"].strip(_EDGES) if self._has_key else ""

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


_ANY = None


def _symbols(pattern: Pattern, ending: str) -> list[str | None]:
    symbols: list[str | None] = []
    for place, part in enumerate(pattern._parts):  # noqa: SLF001
        symbols += [_ANY] if place % 2 else list(part)
    return symbols if pattern.own_ending else symbols + list(ending)


def can_both_match(one: Pattern, other: Pattern) -> bool:
    """Return whether some file name matches both patterns.

    Two globs share a name exactly when their symbols can be walked side by side to both ends, where a
    wildcard either ends or takes the other's symbol.
    """
    if canonical(one.folder) != canonical(other.folder):
        return False
    return any(_share_a_name(_symbols(one, ending), _symbols(other, ending)) for ending in ENDINGS)


def _share_a_name(one: list[str | None], other: list[str | None]) -> bool:
    reached = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        i, j = waiting.pop()
        if i == len(one) and j == len(other):
            return True
        steps = []
        a = one[i] if i < len(one) else ""
        b = other[j] if j < len(other) else ""
        if a is _ANY:
            steps += [(i + 1, j), (i, j + 1)] if b != "" else [(i + 1, j)]
        if b is _ANY:
            steps += [(i, j + 1), (i + 1, j)] if a != "" else [(i, j + 1)]
        if a == b and a not in {_ANY, ""}:
            steps.append((i + 1, j + 1))
        for step in steps:
            if step not in reached:
                reached.add(step)
                waiting.append(step)
    return False
