"""`retry`, `switch` and `release`: requests in the journal, which the daemon carries out."""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from retraind.cli.jobs import hold_of, policy_of
from retraind.cli.journals import look, opened_journal
from retraind.cli.naming import the_host, the_job
from retraind.cli.output import BAD, GOOD, USAGE, Refused, print_json, print_problem, print_text, print_words
from retraind.cli.ownership import whoever_asks
from retraind.config.settings import Settings
from retraind.domain.data_rules import FIXED, RULES, likely
from retraind.domain.job import RESTING, Job, Outcome, State
from retraind.domain.people import Person, Request
from retraind.domain.problems import Problem, file_problem, problem
from retraind.domain.records import ModelHold, Outage
from retraind.intake.share_identity import Shares
from retraind.jobs.folders import is_not_configured
from retraind.jobs.outcomes import released
from retraind.report.notes import headline, next_delivery
from retraind.report.wording import Voice
from retraind.store.instance import running_instance
from retraind.store.jobs import Conflict
from retraind.store.journal import Journal
from retraind.system.clock import Clock
from retraind.system.probe import Question, ask_each

_PATIENCE = 30
"""Seconds that a command waits for the daemon to carry out its request."""
_STEP = 0.1
_WANTED: Mapping[str, Literal["retry", "switch", "release"]] = MappingProxyType(
    {"retry_asked": "retry", "switch_asked": "switch", "released": "release"}
)


@dataclass(frozen=True)
class Result:
    """What has become of one request."""

    name: str
    """A job, a model or a host."""
    good: bool
    said: Problem
    job: Job | None = None
    refused: bool = False
    """Whether nothing could be requested at all."""

    @property
    def voice(self) -> Voice:
        """How to speak of it."""
        return Voice().on(self.job.model, self.job.id) if self.job else Voice().on(self.name)

    def for_programs(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        known = {"job": self.job.id, "model": self.job.model, "state": self.job.state} if self.job else {}
        told = {"name": self.name, "good": self.good, "text": self.voice.tell(self.said)}
        return told | known | self.voice.coded(self.said)


class _Printer:
    """Prints results as they come, or with --json all of them at the end."""

    def __init__(self, options: argparse.Namespace, *, running: bool) -> None:
        self.waits = running and not options.no_wait
        self.running = running
        self.results: list[Result] = []
        self._json = options.json

    def add(self, result: Result) -> None:
        """Print a result."""
        self.results.append(result)
        if result.refused and not self._json:
            print_problem(result.said, result.voice)
        elif not self._json:
            print_text(result.voice.tell(result.said))

    def add_released(self, name: str, job: Job | None = None) -> None:
        """Print that the hold of a model or a job has ended."""
        self.add(Result(name, True, problem("release_done", name=name, running=self.running), job))

    def words(self, code: str, /, **facts: Any) -> None:
        """Print what is no result; nothing with --json."""
        if not self._json:
            print_words(code, **facts)

    def end(self) -> int:
        """Return the exit code."""
        if self._json:
            told = {"running": self.running, "results": [each.for_programs() for each in self.results]}
            print_json(told)
        return GOOD if all(result.good for result in self.results) else BAD


_Function = Callable[[argparse.Namespace], int]


def _refusing(function: _Function) -> _Function:
    """Have a command print with --json why it is refused, as JSON."""

    @wraps(function)
    def refusing(options: argparse.Namespace) -> int:
        try:
            return function(options)
        except Refused as refused:
            if not options.json:
                raise
            voice, why = refused.voice, refused.problem
            print_json({"results": [], "problem": {"text": voice.tell(why), **voice.coded(why)}})
            return refused.code

    return refusing


@dataclass(frozen=True)
class _Request:
    """What was written into the journal for a job."""

    job: Job
    """As it was written."""
    kind: Literal["retry", "try", "switch"]
    """`try`: the next try of a job that waits is due now."""

    def outcome(self, journal: Journal, *, late: bool = False) -> Result | None:
        """Return what has become of it; None while that is open and it is not too `late`."""
        job = journal.jobs.get(self.job.id) or self.job
        begun = job.version > self.job.version if self.kind == "try" else job.state is not self.job.state
        if not begun:
            return self._not_begun(journal, job, late=late)
        match self.kind:
            case "switch" if job.state not in RESTING and not late:
                return None
            case "switch" if job.outcome is not Outcome.FAILED:
                good = job.outcome is Outcome.SWITCHED and not job.switch_note
                return self._ended(job, job.switch_note or headline(job), good=good)
            case "try":
                return self._tried(journal, job, late=late)
            case "switch" | "retry":
                pass
        if job.state is State.FAILED and job.problem:
            return self._ended(job, job.problem, good=False)
        return Result(job.id, True, problem("retry_begun", job=job.id), job)

    @staticmethod
    def _not_begun(journal: Journal, job: Job, *, late: bool) -> Result | None:
        if hold := hold_of(journal, job):
            return Result(job.id, False, problem("request_on_hold", hold=hold), job)
        trouble = job.wait.trouble
        unfinished = problem("request_unfinished", job=job.id, seconds=_PATIENCE, trouble=trouble)
        return Result(job.id, False, unfinished, job) if late else None

    def _tried(self, journal: Journal, job: Job, *, late: bool) -> Result | None:
        if job.state is State.FAILED and job.problem:
            return self._ended(job, job.problem, good=False)
        if job.state is not self.job.state:
            return Result(job.id, True, problem("try_succeeded", job=job.id), job)
        if hold := hold_of(journal, job):
            return Result(job.id, False, hold, job)
        if job.wait.wake_at and job.wait.attempts and job.wait.trouble:
            return Result(job.id, False, problem("try_failed", job=job.id, met=job.wait.trouble), job)
        return (
            Result(job.id, True, problem("try_begun", job=job.id), job) if job.wait.wake_at or late else None
        )

    @staticmethod
    def _ended(job: Job, result: Problem, *, good: bool) -> Result:
        return Result(job.id, good, problem("request_result", job=job.id, result=result), job)


# retry, switch


@_refusing
def retry(options: argparse.Namespace) -> int:
    """Give a failed job another try, or one that waits its next try now."""
    by = whoever_asks()
    with opened_journal(look(options), write=True) as (settings, journal):
        printer = _Printer(options, running=is_running(settings))
        if options.all:
            requests = list(_retry_all(printer, settings, journal, options.job, by))
        elif options.job in settings.models:
            raise Refused(problem("all_jobs_meant", model=options.job), USAGE)
        elif options.accept:
            requests = [_accepting(journal, the_job(journal, options.job), options.accept, by)]
        else:
            requests = [_retried(journal, the_job(journal, options.job), by)]
        return _follow(printer, journal, requests)


@_refusing
def switch(options: argparse.Namespace) -> int:
    """Make a finished job's model the published one."""
    by = whoever_asks()
    with opened_journal(look(options), write=True) as (settings, journal):
        printer = _Printer(options, running=is_running(settings))
        job = the_job(journal, options.job)
        if job.state is State.SWITCHING:
            raise Refused(problem("request_pending", job=job.id, switch=True))
        request = _Request(_written(journal, job, _asked_to_switch(job), "switch_asked", by), "switch")
        warning = next_delivery(job.model, policy_of(settings, job))
        return _follow(printer, journal, [request], warning)


def _retry_all(
    printer: _Printer, settings: Settings, journal: Journal, model: str, by: Person
) -> Iterator[_Request]:
    """Ask for another try of everything of a model that has failed or waits after a failure, oldest first."""
    known = {*settings.models, *journal.jobs.counts()}
    if model not in known:
        raise Refused(problem("model_unknown", name=model, known=sorted(known)), USAGE)
    failed = [
        job
        for job in reversed(journal.jobs.newest(model, frozenset({State.FAILED})))
        if job.end and not job.end.continued_in
    ]
    held = journal.holds.all()
    waiting = [
        job
        for job in journal.jobs.active(model)
        if waits_for_account(job, held)
        or (job.wait.attempts and job.wait.wake_at and not job.waits_for_hold(held))
    ]
    if not failed and not waiting:
        raise Refused(problem("none_to_retry", model=model))
    for job in [*waiting, *failed]:
        try:
            yield _retried(journal, job, by)
        except Refused as refused:
            printer.add(Result(job.id, False, refused.problem, job, refused=True))


def _retried(journal: Journal, job: Job, by: Person) -> _Request:
    """Write into the journal that a job is to be tried again. Raises Refused."""
    if job.state in RESTING:
        return _Request(_written(journal, job, _asked_to_retry(journal, job), "retry_asked", by), "retry")
    held = journal.holds.all()
    if waits_for_account(job, held):
        asked = _Request(_written(journal, job, released(job), "retry_asked", by), "try")
        journal.holds.release(job.model, problem("released_by_person"), by=by)
        return asked
    _require_model(job)
    if job.waits_for_hold(held):
        hold, name = (job.hold.problem, job.id) if job.hold else (held[job.model].problem, job.model)
        refusal = problem("hold_to_release", job=job.id, name=name, why=hold)
        raise Refused(refusal, voice=Voice().on(job.model, job.id))
    if job.waits_for_window:
        raise Refused(problem("window_to_release", job=job.id))
    if job.wait.wake_at is None:
        if job.state is State.RESTORING:
            raise Refused(problem("request_pending", job=job.id, switch=False))
        raise Refused(problem("job_not_failed", job=job.id, state=job.state, active=True))
    if job.wait.host in journal.hosts.all():
        journal.hosts.ask(job.wait.host, by)
    now = replace(job, wait=replace(job.wait, wake_at=None))
    return _Request(_written(journal, job, now, "retry_asked", by), "try")


def _accepting(journal: Journal, job: Job, rules: Sequence[str], by: Person) -> _Request:
    """Write into the journal that a job is to be tried again though its data violates `rules`.

    Raises Refused.
    """
    voice = Voice().on(job.model, job.id)
    if unknown := next((rule for rule in rules if rule not in RULES), None):
        raise Refused(problem("rule_unknown", rule=unknown, known=likely(unknown)), USAGE, voice)
    after = _asked_to_retry(journal, job)
    if job.problem is None or job.problem.code != "data_breaks_rules":
        raise Refused(problem("nothing_to_accept", job=job.id), voice=voice)
    found = {finding.rule for finding in job.problem.details}
    if strange := next((rule for rule in rules if rule not in found), None):
        refusal = problem("rule_not_violated", job=job.id, rule=strange, found=sorted(found))
        raise Refused(refusal, voice=voice)
    if fixed := next((rule for rule in rules if rule in FIXED), None):
        raise Refused(problem("rule_not_acceptable", rule=fixed), voice=voice)
    accepted = tuple(dict.fromkeys((*job.waived.rules, *rules)))
    after = replace(after, waived=replace(job.waived, rules=accepted))
    detail = {"accepted": tuple(dict.fromkeys(rules))}
    return _Request(_written(journal, job, after, "retry_asked", by, detail=detail), "retry")


def waits_for_account(job: Job, held: Mapping[str, ModelHold]) -> bool:
    """Return whether a job waits because a limit of the account has prevented a training of its model."""
    return job.hold is None and job.waits_for_hold(held) and held[job.model].of_account


def _follow(
    printer: _Printer, journal: Journal, requests: Sequence[_Request], warning: Problem | None = None
) -> int:
    """Wait until requests are carried out, if somebody does it; returns the exit code."""
    for request in requests:
        job, switching = request.job.id, request.kind == "switch"
        if printer.waits:
            printer.words("request_sent", job=job, switch=switching)
        else:
            code = "request_written" if printer.running else "request_noted"
            printer.add(Result(job, True, problem(code, job=job, switch=switching), request.job))
    if warning:
        printer.words(warning.code, **warning.facts)
    pending, deadline = list(requests) if printer.waits else [], time.monotonic() + _PATIENCE
    while pending:
        late = time.monotonic() >= deadline
        for request in tuple(pending):
            if result := request.outcome(journal, late=late):
                printer.add(result)
                pending.remove(request)
        if pending:
            time.sleep(_STEP)
    return printer.end()


def _asked_to_retry(journal: Journal, job: Job) -> Job:
    """Return a failed job that is to come back into work. Raises Refused."""
    other = journal.jobs.get(job.end.continued_in) if job.end and job.end.continued_in else None
    if other is not None and other.has_training_of(job):
        failed = other.state is State.FAILED
        raise Refused(problem("job_continued", job=job.id, other=other.id, failed=failed))
    if job.state is not State.FAILED:
        active = job.state not in RESTING
        raise Refused(problem("job_not_failed", job=job.id, state=job.state, active=active))
    return replace(job, state=State.RESTORING)


def _asked_to_switch(job: Job) -> Job:
    """Return a job that is to come back into work to publish its model. Raises Refused."""
    if job.state is State.FAILED and job.end and job.end.resume_in in {State.TRAINED, State.SWITCHING}:
        # Its training is good: it comes back into work for the switch alone.
        return replace(job, state=State.RESTORING, end=replace(job.end, resume_in=State.SWITCHING))
    if job.state is not State.DONE:
        active = job.state not in RESTING
        raise Refused(problem("job_not_done", job=job.id, state=job.state, active=active))
    if not job.trained_at:
        trained_by = job.end.earlier_job if job.end and job.outcome is Outcome.DUPLICATE else None
        raise Refused(problem("job_not_trained", job=job.id, outcome=job.outcome, trained_by=trained_by))
    return replace(job, state=State.SWITCHING)


def _written(
    journal: Journal,
    job: Job,
    after: Job,
    event: Literal["retry_asked", "switch_asked", "released"],
    by: Person,
    *,
    detail: Mapping[str, object] | None = None,
) -> Job:
    """Write a request into the journal, and whose it is. Raises Refused when another process was faster."""
    after = replace(after, asked=Request(what=_WANTED[event], by=by.called, at=Clock().now()))
    try:
        return journal.jobs.write(job, after, event, {**(detail or {}), **by.as_detail()})
    except Conflict:
        raise Refused(problem("job_changed", job=job.id)) from None


def is_running(settings: Settings) -> bool:
    """Return whether a daemon is there to carry requests out."""
    return running_instance(settings.state.journal_file) is not None


# release


@_refusing
def release(options: argparse.Namespace) -> int:
    """End the hold of a model or a job, or the pause of a host that is down."""
    name, by = options.name, whoever_asks()
    with opened_journal(look(options), write=True) as (settings, journal):
        printer = _Printer(options, running=is_running(settings))
        if options.all:
            _release_all(printer, settings, journal, name, by)
        elif name in settings.models:
            _release_model(printer, settings, journal, name, by)
        elif outage := the_host(journal.hosts.all().values(), name):
            _release_host(printer, journal, outage, by)
        elif journal.jobs.find(name, 1):
            job = the_job(journal, name)
            if waits_for_account(job, journal.holds.all()):
                _release_model(printer, settings, journal, job.model, by)
                return printer.end()
            _written(journal, job, _released(journal, job), "released", by)
            printer.add_released(job.id, job)
        else:
            raise Refused(problem("model_or_job_unknown", name=name, known=sorted(settings.models)))
        return printer.end()


def _release_all(printer: _Printer, settings: Settings, journal: Journal, name: str, by: Person) -> None:
    """End the hold of a model, and those of all its jobs."""
    if name not in settings.models:
        raise Refused(problem("model_unknown", name=name, known=sorted(settings.models)), USAGE)
    if journal.holds.release(name, problem("released_by_person"), by=by):
        printer.add_released(name)
    for job in journal.jobs.active(name):
        if job.hold:
            _written(journal, job, _released(journal, job), "released", by)
            printer.add_released(job.id, job)
    if not printer.results:
        raise Refused(problem("not_on_hold", name=name, held=[]))


def _release_host(printer: _Printer, journal: Journal, outage: Outage, by: Person) -> None:
    """Have a host that is down tried now, instead of after its pause."""
    host, waiting = outage.host, [job for job in journal.jobs.active() if job.wait.host == outage.host]
    journal.hosts.ask(host, by)
    if not printer.running:
        journal.jobs.wake(host)
    if not printer.waits or not waiting:
        asked = problem("host_try_noted", host=host, running=printer.running, jobs=len(waiting))
        printer.add(Result(host, True, asked))
        return
    printer.words("host_try_sent", host=host)
    deadline = time.monotonic() + _PATIENCE
    while (now := journal.hosts.all().get(host)) is not None and time.monotonic() < deadline:
        if now.failures > outage.failures:
            printer.add(Result(host, False, problem("host_try_failed", host=host, met=now.reason)))
            return
        time.sleep(_STEP)
    code = "host_try_succeeded" if now is None else "host_try_open"
    printer.add(Result(host, now is None, problem(code, host=host)))


def _release_model(printer: _Printer, settings: Settings, journal: Journal, name: str, by: Person) -> None:
    if journal.holds.release(name, problem("released_by_person"), by=by):
        printer.add_released(name)
        return
    for result in _accepted_folders(settings, journal, name, by):
        printer.add(result)
    if not printer.results:
        held = [job.id for job in journal.jobs.active(name) if job.hold]
        raise Refused(problem("not_on_hold", name=name, held=held))


def _accepted_folders(settings: Settings, journal: Journal, name: str, by: Person) -> Iterator[Result]:
    """Accept a model's folders as its own though they are not the ones that were known.

    Yields a result for each; which folder one is that does not answer, nobody can know.
    """
    shares, model = Shares.beside(settings.state.journal_file), settings.models[name]
    uses = {name: model.drop, f"{name}.done": model.done_folder, f"{name}.failed": model.failed_folder}

    def question(use: str, folder: Path) -> Question[Problem | None]:
        return folder, lambda _: shares.trouble(use, folder)

    answers = ask_each([question(use, folder) for use, folder in uses.items()])
    for (use, folder), trouble in zip(uses.items(), answers, strict=True):
        if isinstance(trouble, OSError):
            yield Result(name, False, file_problem(trouble, folder), refused=True)
        elif trouble and shares.forget(use):
            journal.events.note("folder_accepted", None, name, folder=str(folder), **by.as_detail())
            yield Result(name, True, problem("release_folder", model=name, path=folder))


def _released(journal: Journal, job: Job) -> Job:
    """Return a job whose hold a person ends. Raises Refused when there is none."""
    _require_model(job)
    after = released(job)
    if job.waits_for_window:
        return replace(after, waived=replace(job.waived, window=True))
    if job.hold is None:
        held = [job.model] if journal.holds.is_held(job.model) else []
        raise Refused(problem("not_on_hold", name=job.id, held=held))
    if job.tries.upload_held:
        return replace(after, tries=replace(job.tries, upload_held=False, registrations=0))
    # Only a budget holds a job until a date. Whoever ends another hold has said nothing of money.
    return replace(after, waived=replace(job.waived, budget=True)) if job.hold.until else after


def _require_model(job: Job) -> None:
    """Refuse a job whose model is not in the configuration: it would be on hold again at once."""
    if job.hold is not None and is_not_configured(job):
        refusal = problem("job_on_hold", job=job.id, why=job.hold.problem)
        raise Refused(refusal, voice=Voice().on(job.model, job.id))
