"""Whether a job may be sent: its model's budget and window, and how often a failing upload is retried."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from retraind.config.settings import ModelSettings
from retraind.domain.failures import Hold, Scope
from retraind.domain.job import Job, State
from retraind.domain.problems import problem
from retraind.jobs.outcomes import Wait
from retraind.store.journal import Journal

_MOST_REGISTRATIONS = 5
"""So many retrain jobs are registered for a delivery whose uploads fail; then one more each day."""


_DAY = _REGISTRATION_PAUSE = timedelta(days=1)


_SENDING = frozenset({State.CHECKED, State.BUNDLED, State.REGISTERED})
"""States between which a job moves while its uploads fail."""


def until_window(job: Job, model: ModelSettings, closed: frozenset[date], now: datetime) -> Wait | None:
    """Return the wait until the model's upload window opens; None while the job may be sent.

    `closed` are the company's own holidays.
    """
    window = model.window(closed)
    if window is None or job.waived.window:
        return None
    shown, opening = "; ".join(model.upload_window or ()), window.opens(now)
    if opening is None:
        why, opens = problem("upload_window_stays_closed", window=shown), now + _DAY
    else:
        opens, zone = opening.at, opening.zone_name
        why = problem("upload_waits_for_window", window=shown, opens=opens, zone=zone)
    if opens <= now:
        return None
    return Wait(
        opens - now,
        lambda job: replace(job, wait=replace(job.wait, attempts=0, host=None, trouble=why)),
        calm=not job.tries.registrations,
    )


def enough_registrations(job: Job, now: datetime) -> Hold | None:
    """Return the hold of a job whose uploads have failed with several retrain jobs; None before."""
    last = job.tries.registered_at
    too_few = job.tries.registrations < _MOST_REGISTRATIONS
    if too_few or last is None or abs(now - last) >= _REGISTRATION_PAUSE:
        return None
    return Hold(
        problem("uploads_keep_failing", registrations=job.tries.registrations, last=job.wait.trouble),
        scope=Scope.JOB,
        until=min(last, now) + _REGISTRATION_PAUSE,
        uploads=True,
    )


def upload_in_trouble(job: Job, to: State) -> bool:
    """Return whether a job is on its way to another try of a failed upload: its trouble is not over then."""
    begun = job.tries.registrations > 0 and job.wait.since is not None
    return begun and job.state in _SENDING and to in _SENDING


def over_budget(job: Job, model: ModelSettings, journal: Journal, now: datetime) -> Hold | None:
    """Return the hold of a job whose model has used up its budget; None while it has not."""
    budget = model.trainings
    if budget is None or job.waived.budget:
        return None
    if journal.events.trainings_since(job.model, budget.begins(now)) < budget.trainings:
        return None
    until = budget.ends(now)
    return Hold(
        problem("budget_used_up", trainings=budget.trainings, period=budget.period, ends=until),
        scope=Scope.JOB,
        until=until,
    )
