"""Makes sentences of problems, findings and labels, in one language and for one audience."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from retraind.domain.flat import in_facts
from retraind.domain.problems import LEGACY, Fact, Finding, Problem, Severity
from retraind.report.wording.catalogue import TRANSPARENT, catalogue, unwrapped
from retraind.report.wording.words import Audience, Host, Name, Notice, Place, Said, Words
from retraind.system.escape import display, display_name

_OF_THE_MACHINE = re.compile(r"(?<![\w./])/\w|(?:\.\w+|localhost|\]):\d")
"""A path or a port in finished sentences of an earlier retraind."""
_PLACEHOLDER = re.compile(r"\b(?:JOB|MODEL)\b")
_PORT = re.compile(r":\d+$")


def in_words(value: Any, fields: Mapping[str, Any]) -> Any:
    """Return a field of a log record as it is written: a problem in words, for the operator."""
    if not isinstance(value, Problem):
        return value
    return Voice().on(str(fields.get("model", "")), str(fields.get("job", ""))).tell(value)


def code_of(problem: Problem) -> str:
    """Return the code that says what is wrong: of a problem that only says where, that of the other one."""
    inner = problem.facts.get(TRANSPARENT.get(problem.code, ""))
    return inner.code if isinstance(inner, Problem) else problem.code


@dataclass(frozen=True)
class Voice:
    """How to speak: the language, for whom, and about which model and job."""

    audience: Audience = Audience.OPERATOR
    language: str = "en"
    place: Callable[[Path], str] | None = None
    """How the audience calls a path, if not as `show` does."""
    about: Mapping[str, str] = field(default_factory=dict)
    """Facts that the reader knows: `model` and `job`, for commands that can be copied."""
    codes: bool = False
    """Whether each problem and each finding names its code, under which the documents explain it."""

    def say(self, problem: Problem) -> Said:
        """Put a problem into sentences."""
        if problem.code == LEGACY:
            remedy = str(problem.facts["remedy"])
            named = _PLACEHOLDER.sub(lambda found: self.about.get(found[0].lower(), found[0]), remedy)
            return Said(self._legacy(str(problem.facts["what"])), self._legacy(named, "left_to_operator"))
        if problem.code not in catalogue(self.language):
            return Said(self.label("of_a_newer_version", code=problem.code), "")
        words = self.words(problem.code, problem.facts)
        named = self.named(code_of(problem)) if self.codes else ""
        if words.operator_only and words.remedy and self.audience is Audience.SHARE:
            return Said(words.what, self.label("left_to_operator"), named)
        return Said(words.what, words.remedy, named)

    def named(self, *codes: str) -> str:
        """Return codes as they end a paragraph; of those that the documents do not explain, nothing."""
        known = catalogue(self.language)
        explained = [
            each for each in codes if (entry := known.get(each.replace("-", "_"))) and entry.explained
        ]
        return self.label("code_named", codes=explained) if explained else ""

    def on(self, model: str, job: str = "") -> "Voice":
        """Return a voice that speaks about a model, and one of its jobs."""
        return replace(self, about={"model": model, "job": job})

    def _legacy(self, text: str, instead: str = "legacy_hidden") -> str:
        """Return a sentence of an earlier retraind; on the share another one, if it names paths or ports."""
        hidden = self.audience is Audience.SHARE and _OF_THE_MACHINE.search(text)
        return self.label(instead) if hidden else text

    def tell(self, problem: Problem) -> str:
        """Return a problem as one paragraph."""
        return str(self.say(problem))

    def finding(self, finding: Finding) -> str:
        """Put a finding into one paragraph: where, what, and what to do."""
        words = self.finding_words(finding)
        if finding.rule == LEGACY:
            return words.what
        line = self.label(
            "finding_line",
            file=finding.file,
            line=finding.line,
            what=words.what,
            service=finding.service_said(self.language),
            remedy=words.remedy,
            overruled=finding.overruled,
            error=finding.severity is Severity.ERROR,
        )
        return line + (self.named(finding.rule) if self.codes else "")

    def finding_words(self, finding: Finding) -> Words:
        """Return the words of a finding without its place; the line and the column are facts as well."""
        if finding.rule == LEGACY:
            return Words(self._legacy(str(finding.facts["text"])))
        if (code := finding.rule.replace("-", "_")) not in catalogue(self.language):
            return Words(self.label("of_a_newer_version", code=finding.rule))
        place: dict[str, Fact] = {"line": finding.line, "column": finding.column}
        return self.words(code, place | dict(finding.facts))

    def coded(self, problem: Problem) -> dict[str, Any]:
        """Return a problem as JSON: its code and its facts."""
        return {"code": problem.code, "facts": self.facts(problem.code, problem.facts)}

    def facts(self, code: str, facts: Mapping[str, Fact]) -> dict[str, Any]:
        """Return facts as JSON: all of them for operators, and on the share what may be seen there."""
        if code == LEGACY:
            return {name: self._legacy(str(text)) for name, text in facts.items()}
        entry = catalogue(self.language).get(code.replace("-", "_"))
        known = entry.parameters if entry else {}
        return {
            name: self._visible(known.get(name), fact)
            for name, fact in facts.items()
            if name in known or self.audience is Audience.OPERATOR
        }

    def _visible(self, hint: Any, fact: Any) -> Any:
        kind = unwrapped(hint)
        if isinstance(fact, Problem):
            return self.coded(fact)
        if isinstance(fact, tuple):
            return [self._visible(next(iter(get_args(kind)), None), each) for each in fact]
        return self._special[kind](fact) if kind in {Place, Host} and fact is not None else fact

    def notice(self, code: str, facts: Mapping[str, Any]) -> Notice:
        """Return a notification in words."""
        made = self._call(code, facts)
        assert isinstance(made, Notice), code
        return made

    def label(self, code: str, /, **facts: Any) -> str:
        """Return a heading, a part of a line, or any other text that is one string."""
        made = self._call(code, facts)
        assert isinstance(made, str), code
        return made

    def words(self, code: str, facts: Mapping[str, Fact]) -> Words:
        """Return the words of a code, whoever reads them."""
        made = self._call(code, facts)
        return made if isinstance(made, Words) else Words(made)

    def _call(self, code: str, facts: Mapping[str, Any]) -> Any:
        entry = catalogue(self.language)[code]
        given: dict[str, Any] = {}
        for name, kind, part, read in entry.plan:
            if name in facts:
                given[name] = self._typed(kind, part, read, facts[name])
            elif name in self.about or name not in entry.optional:
                given[name] = self._typed(kind, part, read, self.about[name])
        if entry.depends_on_audience:
            given["audience"] = self.audience
        return entry.function(**given)

    def _typed(self, kind: Any, part: Any, read: Callable[[Any], Any], value: Any) -> Any:
        """Give a fact the type that its wording expects, by an entry's plan."""
        if value is None or type(value) is kind:
            return value
        if kind in self._special:
            return self._special[kind](value)
        if part in self._special:
            return tuple(map(self._special[part], value))
        return value if isinstance(value, datetime | timedelta) else read(value)

    @cached_property
    def _special(self) -> Mapping[Any, Callable[[Any], Any]]:
        """How facts are made of values where that depends on the audience or the language."""
        return {
            Said: lambda value: self.say(
                value if type(value) is Problem else Problem.from_plain(in_facts(value))
            ),
            Place: lambda value: (self.place or self.show)(Path(value)),
            Host: lambda value: self._host(display(str(value))),
            Name: lambda value: display_name(str(value)),
        }

    def show(self, path: Path) -> str:
        """Return a path for the audience: whole, or on the share the last name of one of the machine."""
        hidden = self.audience is Audience.SHARE and path.is_absolute()
        return self.label("on_the_machine", name=path.name) if hidden else display_name(str(path))

    def _host(self, host: str) -> str:
        shown = _PORT.sub("", host) if self.audience is Audience.SHARE else host
        return shown or self.label("unreadable_address")
