"""The journal's hosts that are down."""

import sys
from collections.abc import Container, Iterable, Mapping

import sqlalchemy as sa

from retraind.domain.people import Person, person_in
from retraind.domain.records import HostTry, Outage
from retraind.store.database import Database
from retraind.store.events import Events
from retraind.store.rows import moment, read_problem
from retraind.store.schema import HOSTS

_LAST_ASKED = 100
"""Requests of people that are looked through; there is one for each command."""


class Hosts:
    """Hosts that do not answer, or answer with errors of their own."""

    def __init__(self, database: Database, events: Events) -> None:
        self._database = database
        self._events = events

    def all(self) -> dict[str, Outage]:
        """Return the hosts that are down, by name."""
        rows = self._database.rows(sa.select(HOSTS).order_by(HOSTS.c.name))
        return {
            row.name: Outage(
                row.name, moment(row.since), row.failures, read_problem(row.reason), moment(row.next_try)
            )
            for row in rows
        }

    def ask(self, host: str, by: Person) -> None:
        """Note that a person wants a host that is down to be tried now."""
        self._events.note("host_try_asked", host=host, **by.as_detail())

    def last_asked(self, outages: Mapping[str, Outage]) -> dict[str, HostTry]:
        """Return who has last asked for that since these hosts are down, by host."""
        found: dict[str, HostTry] = {}
        for event in self._events.of_model(None, ["host_try_asked"], _LAST_ASKED) if outages else ():
            outage, by = outages.get(str(event.detail["host"])), person_in(event.detail)
            if by is not None and outage is not None and event.at >= outage.since:
                found.setdefault(outage.host, HostTry(event.at, by))
        return found

    def asked_since(self, place: int) -> tuple[frozenset[str], int]:
        """Return the hosts for which that was noted after a place of the history, and the place after it."""
        end = self._events.last_entry()
        entries = self._events.entries_after(place, ["host_try_asked"], sys.maxsize) if end > place else []
        return frozenset(str(each.event.detail["host"]) for each in entries), max(end, place)

    def replace(
        self, outages: Iterable[Outage], lasting: Container[str] = ()
    ) -> tuple[list[Outage], list[Outage]]:
        """Replace the hosts that are down; returns the outages that begin, and those that end.

        That an outage begins, ends or becomes `lasting` is an event.
        """
        fresh = {outage.host: outage for outage in outages}
        before = self.all()
        begun = [outage for host, outage in fresh.items() if host not in before]
        ended = [outage for host, outage in before.items() if host not in fresh]
        with self._database.engine.begin() as connection:
            told = set(connection.scalars(sa.select(HOSTS.c.name).where(HOSTS.c.told)))
            connection.execute(HOSTS.delete())
            for outage in fresh.values():
                connection.execute(
                    HOSTS.insert().values(
                        name=outage.host,
                        since=outage.since.timestamp(),
                        failures=outage.failures,
                        reason=outage.reason.as_json(),
                        next_try=outage.next_try.timestamp(),
                        told=outage.host in told or outage.host in lasting,
                    )
                )
            for outage in begun:
                detail = {"host": outage.host, "reason": outage.reason}
                self._events.append(connection, "host_down", None, detail)
            for host, outage in fresh.items():
                if host in lasting and host not in told:
                    detail = {"host": host, "since": outage.since, "reason": outage.reason}
                    self._events.append(connection, "host_still_down", None, detail)
            for outage in ended:
                detail = {"host": outage.host, "since": outage.since, "lasting": outage.host in told}
                self._events.append(connection, "host_back", None, detail)
        return begun, ended
