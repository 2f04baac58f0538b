"""The languages: which there are, and the function of each code."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from types import MappingProxyType
from typing import Any, get_type_hints

from retraind.domain.problems import adapter
from retraind.report.wording.words import Audience, Words

LANGUAGES = ("en", "ja")
"""Each is a package beside this module. The first one is complete by definition."""
COMMANDS_ONLY = frozenset(
    f"screens.{name}" for name in ("backups", "checkup", "commands", "live", "process", "requests", "setup")
)
"""Modules of what only commands print, on the operator's terminal. A language need not have them.

It has every code of all other modules: problems, findings, notes, notifications, STATUS.txt, the page.
"""

_OF_PROBLEMS = frozenset(
    {
        "api",
        "common",
        "config",
        "credentials",
        "daemon",
        "expecting",
        "findings",
        "intake",
        "jobs",
        "manifests",
        "uploads",
    }
)
"""Modules of problems and findings. In the others, a problem is what has a remedy."""
_PARTS = frozenset(
    {
        "left_to_operator", "legacy_hidden", "of_a_newer_version", "finding_line", "code_named",
        "drop_folder", "earlier_drop_folder", "state_folder", "spool_folder", "on_the_machine",
        "daemon_status", "late", "snooze_done", "snooze_ended", "expected_files", "digest_line",
        "unreadable_address",
    }
)  # fmt: skip
"""What is no problem by itself."""
TRANSPARENT: Mapping[str, str] = MappingProxyType({"left_alone": "why", "setting_refused": "mistake"})
"""Problems that only say where another one is: the fact that is the other one."""


@dataclass(frozen=True)
class Entry:
    """The wording of one code."""

    code: str
    function: Callable[..., Any]

    @property
    def module(self) -> str:
        """The module that it is in, below the language: `notes`, `findings.table`."""
        return self.function.__module__.removeprefix(f"{__package__}.").partition(".")[2]

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The facts it takes, each with its type."""
        return MappingProxyType(
            {name: kind for name, kind in self._arguments.items() if kind is not Audience}
        )

    @cached_property
    def depends_on_audience(self) -> bool:
        """Whether it takes `audience`, since readers of the share and operators do different things."""
        return Audience in self._arguments.values()

    @cached_property
    def _arguments(self) -> Mapping[str, Any]:
        hints = get_type_hints(self.function)
        return {name: hints[name] for name in inspect.signature(self.function).parameters}

    @cached_property
    def plan(self) -> tuple[tuple[str, Any, Any, Any], ...]:
        """For each parameter: its name, its type, that of a tuple's parts, and what reads other values.

        Looked up once, since a start words thousands of problems.
        """
        plan = []
        for name, hint in self.parameters.items():
            kind = unwrapped(hint)
            part = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None
            plain = str if typing.get_origin(kind) is typing.Literal else kind
            plan.append((name, plain, part, partial(_read, hint)))
        return tuple(plan)

    @cached_property
    def optional(self) -> frozenset[str]:
        """The facts that may be missing: those of a problem that an earlier retraind noted."""
        signature = inspect.signature(self.function)
        return frozenset(
            name for name, each in signature.parameters.items() if each.default is not inspect.Parameter.empty
        )

    @cached_property
    def explained(self) -> bool:
        """Whether it is a problem or a finding, which the documents explain under its code."""
        made = inspect.get_annotations(self.function)["return"]
        if self.module.partition(".")[0] in _OF_PROBLEMS:
            return made in {Words, str} and self.code not in _PARTS
        return made is Words and self.code not in _PARTS


def _read(hint: Any, value: Any) -> Any:
    return adapter(hint).validate_python(value)


Catalogue = Mapping[str, Entry]


@lru_cache
def catalogue(language: str) -> Catalogue:
    """Return the entries by code: a language's own ones, and those of the first one for what it lacks.

    Raises LookupError for a language that there is not.
    """
    if language not in LANGUAGES:
        raise LookupError(language)
    return MappingProxyType({**own_entries(LANGUAGES[0]), **own_entries(language)})


@lru_cache
def own_entries(language: str) -> Catalogue:
    """Return the entries that a language has itself."""
    package = importlib.import_module(f"{__package__}.{language}")
    entries: dict[str, Entry] = {}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if info.name.rpartition(".")[2].startswith("_") or info.ispkg:
            continue
        module = importlib.import_module(info.name)
        for name, function in vars(module).items():
            if (
                name.startswith("_")
                or not inspect.isfunction(function)
                or function.__module__ != module.__name__
            ):
                continue
            if name in entries:
                raise LookupError(f"{language} has two wordings of {name}")
            entries[name] = Entry(name, function)
    return MappingProxyType(entries)


def unwrapped(hint: Any) -> Any:
    """Return the type of an optional fact."""
    arguments = [each for each in typing.get_args(hint) if each is not type(None)]
    is_optional = type(None) in typing.get_args(hint)
    return arguments[0] if is_optional and len(arguments) == 1 else hint
