"""Notifications: entries of the history, sent to each recipient once, on a thread that no job waits for.

The history is the queue, and the journal remembers up to where each recipient has been notified. So nothing
is sent twice after a restart, and what cannot be sent in time is sent later or, after a day, given up with a
line in the log. A kill between the sending and the note of it sends one message twice.
"""

import platform
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from pydantic import SecretStr
from requests.utils import get_auth_from_url
from sqlalchemy.exc import SQLAlchemyError

from retraind.api.backoff import backoff
from retraind.api.error_table import wait_asked_for
from retraind.api.failures import NETWORK_ERRORS, network_retry
from retraind.api.http import Connections, basic_auth, new_session
from retraind.api.redaction import fingerprint
from retraind.config.mistakes import refused
from retraind.config.settings import ApiSettings, Settings
from retraind.domain.failures import ConfigError, Party, Retry, Setback
from retraind.domain.problems import Problem, problem
from retraind.domain.records import Entry, Event
from retraind.report.digest import EVENTS, Digest, digests_of, routes_of
from retraind.report.messages import KINDS, Message, message_of, summary_of, together
from retraind.report.wording import Voice
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.addresses import place_of
from retraind.system.clock import Clock
from retraind.system.escape import display, printable

_LOG = log.get(__name__)

_CONNECT_TIME = timedelta(seconds=3)
_SILENCE = timedelta(seconds=4)
"""Together below the time that a stop may take."""
_LONGEST_CALL = timedelta(seconds=20)
"""How long one recipient may keep the others waiting, even if it sends a byte now and then."""
_CALL_WHEN_STOPPING = _CONNECT_TIME + _SILENCE
_CALL_STEP = 0.1
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=10)
_TOO_OLD = timedelta(days=1)
_MOST_READ = 1_000
_MOST_AT_ONCE = 20
"""Messages that one recipient gets one by one; of more, the older ones are summed up in one."""
_SAVE_AFTER = 1_000
_NO_COMMANDS = str.maketrans("<>@", "\u2039\u203a\uff20")
_IDLE_SECONDS = 600.0


class Refused(Setback):
    """The recipient will not take this message, however often it is tried."""


class Recipient(Protocol):
    """Somebody to notify."""

    name: str
    """As it may be shown: its address may hold a token."""
    key: str
    """Distinguishes it from others without showing its address."""

    def send(self, message: Message) -> None:
        """Deliver a message. Raises Retry or Refused. `Calls` handles other exceptions, and hanging."""


class _Call(threading.Thread):
    """Sends a message to one recipient, on a thread of its own, which the code of others may hang or end."""

    def __init__(self, recipient: Recipient, message: Message) -> None:
        super().__init__(name="notify-call", daemon=True)
        self.outcome: Retry | Refused | None = None
        self._recipient = recipient
        self._message = message

    def run(self) -> None:
        """Send it."""
        try:
            self._recipient.send(self._message)
        except (Retry, Refused) as outcome:
            self.outcome = outcome
        except BaseException as error:  # noqa: BLE001 - others' code; its words may show the address
            self.outcome = Retry(problem("notifier_broken", kind=type(error).__name__))


class Calls:
    """Sends messages, each within a bounded time. A recipient that has not ended a call gets no other."""

    def __init__(self) -> None:
        self._last: dict[str, _Call] = {}

    def send(
        self, recipient: Recipient, message: Message, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """Deliver a message. Raises Retry or Refused, and nothing else."""
        late = Retry(problem("recipient_silent", limit=_LONGEST_CALL))
        last = self._last.get(recipient.key)
        if last is not None and last.is_alive():
            raise late
        call = self._last[recipient.key] = _Call(recipient, message)
        began = time.monotonic()
        try:
            call.start()
        except RuntimeError:
            del self._last[recipient.key]
            raise Retry(problem("no_more_threads")) from None
        while call.is_alive():
            call.join(_CALL_STEP)
            limit = _CALL_WHEN_STOPPING if stopping() else _LONGEST_CALL
            if time.monotonic() - began > limit.total_seconds() and call.is_alive():
                raise late
        if call.outcome is not None:
            raise call.outcome


class _Webhook:
    """Takes JSON by POST, with the proxy and the certificates of [api]."""

    def __init__(self, url: str, name: str, api: ApiSettings, clock: Clock) -> None:
        self.name, self.key = name, fingerprint(url)
        self._url = url
        self._clock = clock
        self._api = api.model_copy(update={"connect_timeout": _CONNECT_TIME, "timeout": _SILENCE})

    def send(self, message: Message) -> None:
        # The user and password of the address, if it has any; our sessions add nothing on their own.
        user, password = get_auth_from_url(self._url)
        headers = {"Authorization": basic_auth(user, password)} if user else {}
        # Nothing else is sent to this recipient until the call has ended.
        connections = Connections()
        try:
            with (
                connections.limited(_LONGEST_CALL),
                new_session(self._api, connections=connections) as session,
                session.post(self._url, json=as_json(message), headers=headers) as response,
            ):
                status = response.status_code
                after = wait_asked_for(response.headers.get("Retry-After"), self._clock.now())
        except NETWORK_ERRORS as error:
            raise network_retry(error, Party.RECIPIENT, place_of(self._url)) from None
        if 200 <= status < 300:  # noqa: PLR2004
            return
        if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004
            raise Retry(problem("recipient_fails", status=status), after=after)
        raise Refused(problem("message_refused", status=status))


class _ThroughApprise:
    """Takes what Apprise makes of a title and a text: mail, chat, push and many more."""

    def __init__(self, url: str, name: str) -> None:
        # It takes a moment to import, and most installations do without.
        import apprise  # noqa: PLC0415

        self.name, self.key = name, fingerprint(url)
        self._kinds = {True: apprise.NotifyType.SUCCESS, False: apprise.NotifyType.WARNING}
        self._target = apprise.Apprise(asset=apprise.AppriseAsset(app_id="retraind"))
        try:
            known = self._target.add(url)
        except Exception:  # noqa: BLE001 - others' code; its words may show the address
            known = False
        if not known:
            raise ConfigError([refused(name, problem("recipient_unknown"))])

    def send(self, message: Message) -> None:
        taken = self._target.notify(
            title=subject(message), body=message.text, notify_type=self._kinds[message.good]
        )
        if not taken:
            raise Retry(problem("message_not_accepted"))


def _plain(text: str) -> str:
    """Return text in which no file's name can call everybody in a chat, as <!channel> and @everyone do."""
    return text.translate(_NO_COMMANDS)


def subject(message: Message) -> str:
    """Return the title with the machine's name, for mail and phones."""
    voice = Voice(language=message.language)
    return voice.label("notice_subject", machine=platform.node(), title=message.title)


def as_json(message: Message) -> dict[str, Any]:
    """Return what a webhook gets. `text` alone says it all: chat services show that field."""
    told = asdict(message) | {"at": message.at.isoformat(), "machine": platform.node()}
    voice = Voice(language=message.language)
    text = voice.label("notice_in_one", subject=subject(message), text=message.text)
    return told | {"text": text, "what": message.text}


def recipients_of(settings: Settings, clock: Clock | None = None) -> list[Recipient]:
    """Return whom [notify] and the models' own tables name, each address once.

    Raises ConfigError with every address that cannot be used.
    """
    found: dict[str, Recipient] = {}
    problems: list[Problem] = []
    for name, url in _addresses(settings):
        if fingerprint(url.get_secret_value()) in found:
            continue
        try:
            recipient = _recipient(url, name, settings.api, clock or Clock())
            found[recipient.key] = recipient
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return list(found.values())


def _addresses(settings: Settings) -> Iterator[tuple[str, SecretStr]]:
    """Yield each address with its place in the configuration."""
    tables = {"notify": settings.notify.urls} | {
        f"models.{name}.notify": model.notify.urls
        for name, model in settings.models.items()
        if model.notify and model.notify.urls
    }
    for table, urls in tables.items():
        yield from ((f"{table}.urls[{number}]", url) for number, url in enumerate(urls))


def _recipient(url: SecretStr, setting: str, api: ApiSettings, clock: Clock) -> Recipient:
    address = url.get_secret_value()
    scheme = address.partition("://")[0].lower()
    if scheme in {"http", "https"}:
        return _Webhook(address, f"{setting} ({scheme}://{place_of(address)})", api, clock)
    name = f"{setting} ({scheme})"
    try:
        return _ThroughApprise(address, name)
    except ImportError:
        raise ConfigError([refused(name, problem("apprise_missing", python=sys.executable))]) from None


def _summed_up(messages: list[tuple[int, Message]], voice: Voice) -> list[tuple[int, Message]]:
    """Return what is sent for these messages: an account that ends can hold a thousand models."""
    many = messages[:-_MOST_AT_ONCE]
    if not many:
        return messages
    return [(many[-1][0], summary_of([message for _, message in many], voice)), *messages[-_MOST_AT_ONCE:]]


@dataclass
class _Line:
    """The way to one recipient."""

    recipient: Recipient
    place: int
    """Up to where in the history it has been notified."""
    saved: int
    """The same, as the journal has it."""
    tries: int = 0
    due: float = 0.0
    """When to try again (`Clock.elapsed` seconds)."""
    announced: deque[Message] = field(default_factory=deque)
    """What is not in the history, and is sent first."""


class Notifier:
    """Sends every recipient what happened since its last message."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        recipients: Sequence[Recipient],
        clock: Clock,
        chance: random.Random | None = None,
    ) -> None:
        """Continue where each recipient was left; a new one is sent nothing that happened before."""
        self._journal = journal
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._working = threading.Lock()
        self._handing_over = threading.Lock()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lines: dict[str, _Line] = {}
        self._calls = Calls()
        self._fresh: tuple[Settings, Sequence[Recipient]] | None = None
        self._announced: deque[Message] = deque()
        self._take_over(settings, recipients)

    def configure(self, settings: Settings, recipients: Sequence[Recipient]) -> None:
        """Set whom to notify of what from now on. Never waits: a recipient may be slow at this moment."""
        with self._handing_over:
            self._fresh = (settings, recipients)
        self.nudge()

    def _take_over(self, settings: Settings, recipients: Sequence[Recipient]) -> None:
        self._settings = settings
        self.voice = Voice(language=settings.language)
        """For what is about no model, or several."""
        known: Mapping[str, int] = self._journal.cursors.all()
        self._lines = {}
        for recipient in recipients:
            place = known.get(recipient.key)
            if place is None:
                place = self._journal.events.last_entry()
                self._journal.cursors.set(recipient.key, place)
            self._lines[recipient.key] = _Line(recipient, place, place)
        self._routes = routes_of(settings)
        self._digests = digests_of(settings)
        kept = {name for digest in self._digests for name in digest.as_cursors()}
        gone = known.keys() - self._lines.keys() - kept
        now, end = self._clock.now(), self._journal.events.last_entry()
        fresh = [each for each in self._digests if not each.resume(known, gone, now, end)]
        cursors = {name: place for digest in fresh for name, place in digest.as_cursors().items()}
        self._journal.cursors.set_each(dict.fromkeys(gone) | cursors)

    def announce(self, message: Message) -> None:
        """Send everybody what the history cannot say, before all that is in it. Never waits."""
        if "journal" in self._settings.notify.on:
            self._announced.append(message)
            self.nudge()

    def start(self) -> None:
        """Start its thread."""
        self._thread = threading.Thread(target=self._work, name="notify")
        self._thread.start()

    def nudge(self) -> None:
        """Note that something may have happened. Never waits."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread; what has not been sent is sent after the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            wait = None
            try:
                wait = self.deliver()
            except SQLAlchemyError as error:
                reason = problem("database_error", reason=str(getattr(error, "orig", error)))
                _LOG.warning("notifications_wait", reason=reason)
            except Exception as error:  # noqa: BLE001 - the thread has to go on
                # Its kind alone: addresses are near.
                _LOG.error("notifications_wait", reason=problem("notifier_broken", kind=type(error).__name__))
                wait = _FIRST_WAIT.total_seconds()
            self._wake.wait(_IDLE_SECONDS if wait is None else min(wait, _IDLE_SECONDS))

    def deliver(self) -> float | None:
        """Send everybody what is due; returns the seconds to the next try, if something could not be sent."""
        with self._working:
            while (fresh := self._fresh) is not None:
                self._take_over(*fresh)
                with self._handing_over:
                    self._fresh = None if self._fresh is fresh else self._fresh
            while self._announced:
                message = self._announced.popleft()
                for line in self._lines.values():
                    if self._routes.reach(line.recipient.key, None):
                        line.announced.append(message)
            # First all of these: where the journal fails, its history cannot be read either.
            waits = [self._deliver_announced(line) for line in self._lines.values()]
            waits += [self._deliver(line) for line in self._lines.values()]
            waits += [self._deliver_digest(each) for each in self._digests if each.key in self._lines]
        return min((wait for wait in waits if wait is not None), default=None)

    def _deliver_announced(self, line: _Line) -> float | None:
        left = line.due - self._clock.elapsed()
        if left > 0 and line.announced:
            return left
        while line.announced and not self._stopping.is_set():
            wait = self._send(line, line.announced[0])
            if wait is not None:
                return wait
            line.announced.popleft()
        return None

    def _deliver(self, line: _Line) -> float | None:
        left = line.due - self._clock.elapsed()
        if left > 0:
            return left
        end = self._journal.events.last_entry()
        entries = self._journal.events.entries_after(line.place, KINDS, _MOST_READ)
        if len(entries) == _MOST_READ:
            end = entries[-1].id
        mine = (entry for entry in entries if self._routes.reach(line.recipient.key, entry.event.model))
        messages = [(entry.id, told) for entry in mine if (told := self._message(entry))]
        for place, message in _summed_up(together(messages, self.voice), self.voice):
            if self._stopping.is_set() or self._fresh is not None:
                return None
            wait = self._send(line, message)
            if wait is not None:
                return wait
            self._save(line, place)
        line.place = max(line.place, end)
        if line.place - line.saved > _SAVE_AFTER:
            self._save(line, line.place)
        return 0.0 if len(entries) == _MOST_READ else None

    def _deliver_digest(self, digest: Digest) -> float | None:
        """Send the digest that is due; returns the seconds to the next one, or to the next try."""
        line = self._lines[digest.key]
        left = line.due - self._clock.elapsed()
        if left > 0:
            return left
        now = self._clock.now()
        if (due := digest.due(now)) <= now:
            if self._stopping.is_set() or self._fresh is not None:
                return None
            message = digest.message or self._summary(digest)
            wait = self._send(line, message)
            if wait is not None:
                return wait
            digest.sent()
            self._journal.cursors.set_each(digest.as_cursors())
            due = digest.due(now)
        return (due - now).total_seconds()

    def _voice_of(self, digest: Digest) -> Voice:
        """Return the voice for a digest: that of its models, if they have the same language."""
        models = self._settings.models
        languages = {self._settings.language_of(models.get(name)) for name in digest.models}
        return Voice(language=languages.pop()) if len(languages) == 1 else self.voice

    def _summary(self, digest: Digest) -> Message:
        place, end, events = digest.place, self._journal.events.last_entry(), list[Event]()
        while entries := self._journal.events.entries_after(place, EVENTS, _MOST_READ):
            events += [entry.event for entry in entries if entry.id <= end]
            place = entries[-1].id
        return digest.make(events, end, self._clock.now(), self._voice_of(digest))

    def _message(self, entry: Entry) -> Message | None:
        job = self._journal.jobs.get(entry.event.job) if entry.event.job else None
        try:
            told = message_of(entry.event, job, self._settings)
        except Exception as error:  # noqa: BLE001 - what follows it in the history has to be sent
            reason = problem("notifier_broken", kind=type(error).__name__)
            _LOG.error("notification_given_up", of=entry.event.event, reason=reason)
            return None
        return told and replace(told, title=_plain(display(told.title)), text=_plain(printable(told.text)))

    def _send(self, line: _Line, message: Message) -> float | None:
        """Send one message, or give it up; returns the seconds to wait before it is tried again."""
        told = {"to": line.recipient.name, "of": message.event}
        try:
            self._calls.send(line.recipient, message, self._stopping.is_set)
        except Refused as refusal:
            _LOG.error("notification_given_up", **told, reason=refusal.problem)
        except Retry as trouble:
            if self._clock.now() - message.at < _TOO_OLD:
                wait = backoff(line.tries, _FIRST_WAIT, _LONGEST_WAIT, trouble.after, self._chance)
                line.tries += 1
                line.due = self._clock.elapsed() + wait.total_seconds()
                if line.tries == 1:
                    _LOG.warning("notification_retried", **told, reason=trouble.problem)
                return wait.total_seconds()
            _LOG.error("notification_given_up", **told, reason=trouble.problem)
        else:
            _LOG.info("notification_sent", **told)
        line.tries, line.due = 0, 0.0
        return None

    def _save(self, line: _Line, place: int) -> None:
        line.place = place  # Even if it cannot be noted: nobody is sent the same again and again meanwhile.
        self._journal.cursors.set(line.recipient.key, place)
        line.saved = place
