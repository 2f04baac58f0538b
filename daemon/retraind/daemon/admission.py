"""Which models run: one with a mistake in its table, or without its folder, does not stop the others."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from retraind.config.load import load_each
from retraind.config.settings import ModelSettings, Settings
from retraind.domain.failures import ConfigError
from retraind.domain.problems import Problem
from retraind.intake.share_identity import Shares
from retraind.store.journal import Journal
from retraind.system import log

_LOG = log.get(__name__)

_USES = {"drop": "", "done": ".done", "failed": ".failed"}
"""What is added to a model's name for what each of its folders is known as."""
_KEY_FILES = frozenset({"api_key_file", "secret_key_file"})


Refused = Mapping[str, tuple[Problem, ...]]
"""The models that do not run, each with its mistakes."""


class Admitted(NamedTuple):
    """A configuration as the daemon uses it."""

    settings: Settings
    """With the models that run."""
    file: Path
    refused: Refused


def admitted(config: Path | None = None, hanging: Collection[Path] = ()) -> Admitted:
    """Read the configuration for the daemon. Raises ConfigError where nothing at all can run.

    A model waits for a folder that is known and missing now, as for a share that is away. Without a usable
    key file it is held, until there is one. Nothing in the folders `hanging` is asked for.
    """
    loaded = load_each(config, hanging)
    if loaded.general:
        raise ConfigError(loaded.problems)
    refused = {name: tuple(mistakes) for name, mistakes in loaded.refused.items()}
    shares = Shares.beside(loaded.settings.state.journal_file)
    for name, lacks in loaded.lacks.items():
        model = loaded.settings.models[name]
        mistakes = tuple(
            lack.problem
            for lack in lacks
            if lack.key not in _KEY_FILES and not _is_known(shares, name, model, lack.key)
        )
        if mistakes:
            refused[name] = mistakes
    if not refused:
        return Admitted(loaded.settings, loaded.file, {})
    models = {name: model for name, model in loaded.settings.models.items() if name not in refused}
    if not models:
        raise ConfigError(loaded.problems)
    return Admitted(loaded.settings.model_copy(update={"models": models}), loaded.file, refused)


def _is_known(shares: Shares, name: str, model: ModelSettings, key: str) -> bool:
    """Return whether one of a model's folders was in use before."""
    if key not in _USES:
        return False
    folder = {"drop": model.drop, "done": model.done_folder, "failed": model.failed_folder}[key]
    return shares.knows(f"{name}{_USES[key]}", folder)


def report_refused(refused: Refused, settings: Settings, journal: Journal) -> None:
    """Log which models do not run, and note in the history which do not any more, and which do again."""
    for name, mistakes in refused.items():
        for mistake in mistakes:
            _LOG.error("model_refused", model=name, reason=mistake)
    known = journal.events.last_problems("model_refused", {*settings.models, *refused})
    for name, before in known.items():
        now = refused[name][0] if name in refused else None
        if (now is None and before is not None) or (now is not None and not now.is_same(before)):
            journal.events.note("model_refused", model=name, what=now)
