"""What people name on the command line: jobs by their ids or keys, models, hosts."""

from collections.abc import Iterable

from retraind.cli.output import USAGE, Refused
from retraind.domain.job import Job
from retraind.domain.names import SHORT_ID
from retraind.domain.problems import problem
from retraind.domain.records import Outage
from retraind.store.journal import Journal

_MOST_LISTED = 20


def the_job(journal: Journal, name: str) -> Job:
    """Return the job that a person named. Raises Refused when there is none, or lists them when several."""
    found = journal.jobs.find(name, _MOST_LISTED + 1)
    if not found:
        raise Refused(problem("job_unknown", name=name))
    if len(found) > 1:
        listed = [
            problem(
                "job_found",
                short=job.id[-SHORT_ID:],
                model=job.model,
                key=job.key,
                state=job.state,
                outcome=job.outcome,
                taken_in=job.created_at,
            )
            for job in found[:_MOST_LISTED]
        ]
        more = len(found) > len(listed)
        raise Refused(problem("job_ambiguous", name=name, found=listed, more=more), USAGE)
    return found[0]


def the_host(outages: Iterable[Outage], name: str) -> Outage | None:
    """Return the host that is down and that a person named, with or without its port."""
    by_name = {outage.host: outage for outage in outages}
    without_port = [outage for host, outage in by_name.items() if host.rpartition(":")[0] == name]
    return by_name.get(name) or (without_port[0] if len(without_port) == 1 else None)
