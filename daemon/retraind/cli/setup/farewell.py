"""`farewell`: says in the STATUS.txt files on the shares that retraind, or a model, was removed.

The package's removal runs it, and so does `model remove` where no service does. Nothing here may block a
removal: a share that is not mounted or hangs is reported and skipped.
"""

import argparse
import platform
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from retraind.cli.output import BAD, GOOD, USAGE, Refused, print_problem, print_words
from retraind.cli.ownership import act_as_owner
from retraind.config.load import load_to_look
from retraind.config.settings import Settings
from retraind.domain.failures import JournalError
from retraind.domain.problems import Problem, file_problem, problem
from retraind.intake.share_identity import Away, Shares
from retraind.report.share_voice import share_voice
from retraind.report.status_file import STATUS, removed_text, stopped_text, write_status
from retraind.store.instance import running_instance
from retraind.store.journal import Standing
from retraind.store.views.read_only import ReadOnlyJournal
from retraind.system.clock import Clock
from retraind.system.files import exists
from retraind.system.probe import Question, ask_each


def farewell(options: argparse.Namespace) -> int:
    """Say in each drop folder that retraind was removed, or in those named that their models were.

    Raises ConfigError, JournalError, Refused.
    """
    settings = load_to_look(options.config).settings
    named = options.models
    if unknown := [name for name in named if name not in settings.models]:
        raise Refused(problem("model_unknown", name=unknown[0], known=sorted(settings.models)), USAGE)
    act_as_owner(settings)
    if (process := running_instance(settings.state.journal_file)) is not None:
        raise Refused(problem("journal_in_use", path=settings.state.journal_file, process=process))
    standings = _standings(settings)
    shares = Shares.beside(settings.state.journal_file)
    models = [(name, model) for name, model in settings.models.items() if not named or name in named]
    answers = ask_each(
        [_question(settings, shares, name, standings.get(name), of_model=bool(named)) for name, _ in models]
    )
    written = len(models)
    for (name, model), answer in zip(models, answers, strict=True):
        why = file_problem(answer, model.drop) if isinstance(answer, OSError) else answer
        if why is not None:
            written -= 1
            print_problem(problem("farewell_not_written", model=name, why=why))
    print_words("farewell_done", folders=written)
    return GOOD if written == len(models) else BAD


def _question(
    settings: Settings, shares: Shares, name: str, standing: Standing | None, *, of_model: bool
) -> Question[Problem | None]:
    """Return what writes STATUS.txt in a model's drop folder, and returns why not if it was not written.

    `of_model`: the model was removed, not retraind.
    """
    model, service = settings.models[name], settings.api.host

    def tell(_place: Path) -> Problem | None:
        jobs = standing.active if standing else ()
        voice = share_voice(model, settings.state, jobs, language=settings.language_of(model))
        now = Clock().now()
        try:
            with shares.held(name, model.drop, claim=False) as drop:
                if exists(drop / STATUS):  # Else retraind never was here.
                    why, host = problem("model_removed"), platform.node()
                    says = (
                        stopped_text(name, now, why, voice, standing=standing, service=service)
                        if of_model
                        else removed_text(name, now, host, voice, standing=standing, service=service)
                    )
                    write_status(drop, says, now, voice)
            if of_model:
                shares.leave(name)
        except Away as away:
            return away.problem
        return None

    return model.drop, tell


def _standings(settings: Settings) -> Mapping[str, Standing]:
    """Return what the journal knows, which may be nothing: then the folders say less."""
    journal = ReadOnlyJournal(settings.state.journal_file, Clock())
    try:
        return journal.get().standings(settings.models)
    except (JournalError, SQLAlchemyError):
        return {}
    finally:
        journal.close()
