"""How a model, its jobs and the hosts are doing, for STATUS.txt and `retraind status` alike."""

from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType

from retraind.bundle.progress import Noted
from retraind.domain.job import Job, State
from retraind.domain.prediction import FINISHED
from retraind.domain.problems import Problem, problem
from retraind.domain.records import HostTry, Outage
from retraind.domain.turns import contradiction, in_turn, next_in_turn
from retraind.intake.drop_folder import View
from retraind.intake.pairing import Waiting
from retraind.report.wording import Voice, joined
from retraind.store.journal import Standing

MOST_LINES = 50
"""Of one kind, for one model."""


def job_standing(
    job: Job,
    first: Job | None,
    service: str,
    *,
    down: Container[str | None] = (),
    held: Container[str] = (),
    running: bool = True,
    step: Noted | None = None,
) -> Problem:
    """Return what becomes of an active job, and what it waits for.

    `first` is the one of its model that others wait for, `service` the service's host, `down` the hosts that
    fail, `held` the models on hold. `running`: whether the daemon works. `step` is what is under way.
    """
    behind = first if job.state is State.SEALED and first is not None and first.id != job.id else None
    reported, training, doing = None, job.training, step.doing.value if step else None
    if job.state is State.UPLOADED and training and training.status:
        reported = problem(
            "service_reports",
            status=training.status,
            since=training.status_seen_at,
            message=training.message,
        )
        doing = doing or ("results" if training.status == FINISHED else None)
    wait = job.wait.trouble
    if job.hold:
        wait = problem("on_hold", why=job.hold.problem)
    elif job.waits_for_hold(held):
        wait = problem("waits_for_hold", model=job.model)
    elif job.wait.host in down:
        wait = problem("waits_for_host", is_service=job.wait.host == service)
    elif wait and job.wait.attempts:
        # Without a try that failed, it is what the job waits for in the ordinary course of things.
        wait = problem("last_try", met=wait, running=running)
    return problem(
        "job_standing",
        key=job.key,
        job=job.id,
        state=job.state,
        running=running,
        behind=behind and (behind.key or behind.id),
        reported=reported,
        wait=wait,
        doing=doing,
    )


def job_lines(
    jobs: Sequence[Job],
    voice: Voice,
    service: str,
    *,
    down: Container[str | None] = (),
    held: Container[str] = (),
    running: bool = True,
    steps: Mapping[str, Noted] = MappingProxyType({}),
) -> list[str]:
    """Return a line for each active job of one model, as they get their turn; a screenful at most.

    `steps` are those that take long and are under way, by job.
    """
    first = next_in_turn(jobs)
    lines = [
        voice.on(job.model, job.id).tell(
            job_standing(job, first, service, down=down, held=held, running=running, step=steps.get(job.id))
        )
        for job in in_turn(jobs)[:MOST_LINES]
    ]
    return some(lines, len(jobs), voice)


def alerts(standing: Standing, view: View, voice: Voice) -> list[str]:
    """Return what somebody has to see to at a model, its hold first."""
    found = []
    if standing.hold:
        found.append(voice.label("on_hold", why=standing.hold.problem))
    elif standing.warning:
        found.append(voice.label("action_needed_soon", why=standing.warning))
    if standing.late:
        found.append(voice.label("late", why=standing.late))
    if view.trouble:
        found.append(voice.label("drop_folder_trouble", why=view.trouble))
    return found


def order_notes(jobs: Sequence[Job]) -> list[Problem]:
    """Return that the keys of deliveries that wait contradict the order in which they arrived, if they do."""
    pair = contradiction(jobs)
    return [] if pair is None else [problem("keys_out_of_order", first=pair[0].key, then=pair[1].key)]


def incomplete(waiting: Sequence[Waiting], voice: Voice) -> list[str]:
    """Return a line for each delivery that lacks something; a screenful at most."""
    lines = [
        voice.label(
            "incomplete_line", key=wait.key, files=[seen.name for seen in wait.files], why=wait.reasons
        )
        for wait in waiting[:MOST_LINES]
    ]
    return some(lines, len(waiting), voice)


def outage_of(outage: Outage, service: str) -> Problem:
    """Return since when a host is down, and what the last error was."""
    is_service = outage.host == service
    return problem(
        "host_outage", host=outage.host, is_service=is_service, since=outage.since, last=outage.reason
    )


def host_line(outage: Outage, service: str, asked: HostTry | None, voice: Voice) -> str:
    """Return the same in words, and who has asked to try the host meanwhile."""
    told = voice.tell(outage_of(outage, service))
    return joined([told, voice.label("try_asked", by=asked.by.called, at=asked.at)]) if asked else told


def some(lines: list[str], total: int, voice: Voice) -> list[str]:
    """Return a screenful of `lines`, and how many more there are."""
    more = total - len(lines)
    return [*lines, voice.label("and_more", number=more)] if more > 0 else lines
