"""The page of troubleshooting: each message that people can meet, under its code, in each language.

What it says comes from the wording, with facts that are made up; what a rule for data is about comes from the
table of the rules.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retraind.domain.data_rules import RULES
from retraind.report.wording import Audience, Voice
from retraind.report.wording.catalogue import Entry, catalogue
from retraind.report.wording.words import Words
from website.samples import MOST_VARIANTS, variants
from website.words import GROUPS, LABELS, Group, Labels

DOCS = Path(__file__).parents[1]
_SEEN = {"model": "churn", "job": "2026-11-23T224005Z_2026-11_c8c212"}


@dataclass(frozen=True)
class Rule:
    """A rule for data, as its table tells of it."""

    found: str
    severity: str
    service: str


def code_of(entry: Entry) -> str:
    """Return the code as notes and report.json have it: rules are written with hyphens."""
    name = entry.code.replace("_", "-")
    return name if name in RULES else entry.code


def explained(language: str) -> Mapping[str, Entry]:
    """Return what the page explains, by code; what only commands say is English in each language."""
    return {code_of(entry): entry for entry in catalogue(language).values() if entry.explained}


def group_of(entry: Entry) -> Group:
    """Return the part of the page that has a message."""
    for group in GROUPS:
        if group.has(entry):
            return group
    raise LookupError(f"No part of the page has {entry.module}: name it in docs/website/words.py")


def rules(language: str) -> Mapping[str, Rule]:
    """Return what the table of the rules says of each."""
    page = DOCS / ("data-rules.md" if language == "en" else f"{language}/data-rules.md")
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (.*?) \| (.*?) \|(.*?)\|$", page.read_text("utf-8"), re.MULTILINE
    )
    return {rule: Rule(found, severity, service.strip()) for rule, found, severity, service in rows}


def page(language: str) -> str:
    """Return the page as Markdown."""
    labels, entries, told = LABELS[language], explained(language), rules(language)
    parts = ["---\ntocdepth: 2\n---\n", f"# {labels.title}\n", labels.introduction]
    for group in GROUPS:
        heading, about, _ = group.words[language]
        parts.append(f"<!-- id: {group.name} -->\n## {heading}\n\n{about}\n")
        for code, entry in entries.items():
            if group_of(entry) is group:
                parts += _entry(code, entry, told.get(code), language)
    return "\n".join(parts)


def _entry(code: str, entry: Entry, rule: Rule | None, language: str) -> Iterator[str]:
    """Yield the parts of what is said of a message."""
    labels = LABELS[language]
    _, _, otherwise = group_of(entry).words[language]
    yield f"<!-- id: {code} -->\n### `{code}`\n"
    if rule:
        yield f"**{labels.cause}** {_sentence(rule.found, language)}{labels.severity.format(rule.severity)}\n"
    if rule and rule.service:
        yield f"**{labels.service}** {rule.service}\n"
    first, *others = _forms(entry, language)
    yield f"**{labels.seen}**\n"
    yield f"> {_plain(first.what)}\n"
    yield _remedy(first, otherwise, labels)
    if others:
        yield f"{labels.others}\n"
        told = (
            f"- {_plain(each.what)}" + (f" → {_plain(each.remedy)}" if each.remedy != first.remedy else "")
            for each in others
        )
        yield "\n".join(told) + "\n"


def _remedy(words: Words, otherwise: str, labels: Labels) -> str:
    label = labels.operator if words.operator_only and words.remedy else labels.remedy
    return f"**{label}** {_plain(words.remedy) if words.remedy else otherwise}\n"


def _sentence(text: str, language: str) -> str:
    end = "。" if language == "ja" else "."
    return text[:1].upper() + text[1:] + ("" if text.endswith(end) else end)


def _forms(entry: Entry, language: str) -> Iterator[Words]:
    """Yield the forms of a message, as the operator sees them: paths and commands are complete."""
    voice, seen = Voice(Audience.OPERATOR, language, about=_SEEN), set()
    for facts in islice(variants(entry), 200):
        words = voice.words(entry.code, facts)
        if words not in seen:
            seen.add(words)
            yield words
        if len(seen) == MOST_VARIANTS:
            return


_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|$~])")


def _plain(text: str) -> str:
    """Return a message as Markdown that shows it as it is."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
