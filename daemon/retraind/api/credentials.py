"""Each model's API key: where it comes from, when it ends, and the address that only its owner can read.

A key lives in memory only. Whatever has to be written down about it is a fingerprint, or is encrypted under it.
"""

import base64
import errno
import hashlib
import os
import shlex
import stat
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken

from retraind.api.client import IssuedKey, Service
from retraind.api.redaction import fingerprint
from retraind.config.settings import ENV_PREFIX, ModelSettings
from retraind.domain.failures import Hold, Retry
from retraind.domain.problems import Problem, legacy
from retraind.system.clock import Clock, for_people

KEY_LIFETIME = timedelta(days=30)
"""Vendor's manual: an API key expires 30 days after it was issued."""
_LONGEST_LIFETIME = timedelta(days=3_650)
RENEW_BEFORE = timedelta(days=7)
"""A key that retraind fetches itself is replaced this long before its end, or after three quarters of its life."""
_KEYS_KNOWN = 8
"""So many keys of a model are known by their fingerprints: a request with an earlier one may still be on its way."""
_LASTING = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO),
        *(errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EINVAL),
    }
)
"""What a file system answers where only a person can give access to a key. All else may pass: no file left to open, an error of the disk."""
_LARGEST_FILE = 16_384
"""Bytes; a key has some dozens."""
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True)
class _Cached:
    key: IssuedKey
    fetched_at: datetime
    instead: bool
    """True when it was fetched in the place of one that was refused, and the service has not been seen to take it yet."""

    @property
    def ends_at(self) -> datetime:
        """When the key ends; a moment long past or far ahead is none, but a format that was misread, or a word for never."""
        told = self.key.ends_at
        if told and timedelta(0) < told - self.fetched_at < _LONGEST_LIFETIME:
            return told
        return self.fetched_at + KEY_LIFETIME

    @property
    def renew_at(self) -> datetime:
        """When to fetch another; a life shorter than usual is used for the most part."""
        return self.ends_at - min(RENEW_BEFORE, (self.ends_at - self.fetched_at) / 4)


class Credentials:
    """The keys of all models. Safe to use from several threads."""

    def __init__(self, service: Service, clock: Clock | None = None) -> None:
        self._service = service
        self._clock = clock or Clock()
        self._cached: dict[str, _Cached] = {}
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}
        self._issued_with: dict[str, dict[str, str]] = {}
        """By model, the fingerprints of the last keys that were fetched, and of the secret key that each was fetched with."""
        self._refused: set[str] = set()
        """The models whose key was refused, and no other has been taken since."""

    def key(self, name: str, model: ModelSettings) -> str:
        """Return the model's API key: read anew each time, so that a replaced file counts at once.

        Raises Hold when there is none to be had, Retry when it cannot be read just now, or what the Get API Key call raises.
        """
        if model.api_key:
            return _usable(model.api_key.get_secret_value(), f"models.{name}.api_key")
        if model.api_key_file:
            return _read(model.api_key_file, f"models.{name}.api_key_file")
        if model.credential:
            return _from_systemd(model.credential, f"models.{name}.credential")
        return self._issued(name, model)

    def secret(self, name: str, model: ModelSettings) -> str | None:
        """Return the account's secret key, if the model is configured with one."""
        if model.secret_key:
            return _usable(model.secret_key.get_secret_value(), f"models.{name}.secret_key")
        if model.secret_key_file:
            return _read(model.secret_key_file, f"models.{name}.secret_key_file")
        if model.secret_credential:
            return _from_systemd(model.secret_credential, f"models.{name}.secret_credential")
        return None

    def forget(self, name: str) -> bool:
        """Drop a key that was fetched, since where it comes from may have been changed; False if there was none."""
        with self._lock:
            self._refused.discard(name)
            return self._cached.pop(name, None) is not None

    def refuse(self, name: str, shown: str | None) -> bool:
        """Note that the service refused the key with the fingerprint `shown`.

        Returns whether it is worth to try again, with a key that was or will be fetched in its place: once, until a key is
        taken.
        """
        with self._lock:
            if shown not in self._issued_with.get(name, ()):
                return False
            cached = self._cached.get(name)
            if cached is None or fingerprint(cached.key.value) != shown:
                return True  # Another step was faster.
            del self._cached[name]
            self._refused.add(name)
            return not cached.instead

    def trust(self, name: str) -> None:
        """Note that the service takes the model's key."""
        with self._lock:
            self._refused.discard(name)
            if (cached := self._cached.get(name)) is not None and cached.instead:
                self._cached[name] = replace(cached, instead=False)

    def origin(self, name: str, shown: str | None) -> str | None:
        """Return the fingerprint of what a person would have to replace: the secret key with which a key was fetched."""
        with self._lock:
            return self._issued_with.get(name, {}).get(shown, shown) if shown else None

    def renew(self, name: str, model: ModelSettings) -> bool:
        """Replace a self-fetched key that ends soon; returns whether it did. Raises what the call raises."""
        with self._one_fetch(name):
            cached = self._present(name)
            if cached is None or self._clock.now() < cached.renew_at:
                return False
            self._fetch(name, model)
            return True

    def ends_at(self, name: str) -> datetime | None:
        """Return when a self-fetched key ends; None for keys of other origin, whose end is not known."""
        cached = self._present(name)
        return cached.ends_at if cached else None

    def arrived_at(self, model: ModelSettings) -> datetime | None:
        """Return what the key file says of when its key was put there; None for keys of other origin.

        systemd writes its credentials anew at each start, so that their time tells nothing.
        """
        if model.api_key_file is None:
            return None
        try:
            return datetime.fromtimestamp(model.api_key_file.stat().st_mtime, UTC)
        except (OSError, ValueError, OverflowError):
            return None  # It is away just now, or dated in a year that no calendar has: that says nothing.

    def _present(self, name: str) -> _Cached | None:
        with self._lock:
            return self._cached.get(name)

    def _one_fetch(self, name: str) -> threading.Lock:
        """Return what keeps two threads from having two keys issued, of which the first may no longer be good."""
        with self._lock:
            return self._fetching.setdefault(name, threading.Lock())

    def _issued(self, name: str, model: ModelSettings) -> str:
        with self._one_fetch(name):
            cached = self._present(name)
            if cached is not None and self._clock.now() < cached.ends_at:
                return cached.key.value
            return self._fetch(name, model)

    def _fetch(self, name: str, model: ModelSettings) -> str:
        secret = self.secret(name, model)
        if secret is None or model.model_id is None:
            raise Hold(
                legacy(f"models.{name} has no credential.", "Name api_key_file in the configuration."),
                credential=True,
            )
        issued = self._service.issue_key(model.model_id, secret)
        with self._lock:
            self._cached[name] = _Cached(issued, self._clock.now(), instead=name in self._refused)
            known = self._issued_with.setdefault(name, {})
            known[fingerprint(issued.value)] = fingerprint(secret)
            for oldest in list(known)[:-_KEYS_KNOWN]:
                del known[oldest]
        return issued.value


def presumed_issue(first_seen: datetime, arrived: datetime | None) -> datetime:
    """Return when a key that nobody told the end of was probably issued: when it came here.

    The time of its file counts where it can be true. Later than `first_seen` the file was merely written again; a
    key's life earlier, the key would have ended before it was used: such times come with images and packages.
    """
    if arrived is not None and first_seen - KEY_LIFETIME < arrived < first_seen:
        return arrived
    return first_seen


class Origin(NamedTuple):
    """Where a model's key comes from, for people. Only the renewal names files of this machine."""

    key: str
    """Which key it is and where it is configured, as the subject of a sentence."""
    renewal: str
    """How to renew it: complete sentences."""


def origin_of(name: str, model: ModelSettings) -> Origin:
    """Say which key a model uses and how a person renews it, never the key itself."""
    fields = (
        "api_key", "api_key_file", "credential", "secret_key", "secret_key_file", "secret_credential",
    )  # fmt: skip
    field = next(field for field in fields if getattr(model, field))
    setting = f"models.{name}.{field}"
    secret = field.startswith("secret")
    kind = "account's secret key" if secret else "API key"
    fetch = (
        "Look up the account's secret key on the service's screen"
        if secret
        else "Fetch a new API key on the service's screen"
    )
    match getattr(model, field):
        case Path() as path:
            where, put = "in its file", f"put it into {path}; retraind notices within a minute."
        case str() as credential:
            where = f"that systemd passes as {credential!r}"
            put = (
                f"put it into the file that LoadCredential={credential}: names in the unit, then restart the service: "
                "systemd reads it at the start only."
            )
        case _:
            variable = f"{ENV_PREFIX}MODELS__{name}__{field}".upper()
            if any(each.upper() == variable for each in os.environ):
                where, put = f"in the variable {variable}", "change that variable, then restart the service."
            else:
                where = "in the configuration"
                put = "change it there, then reload the service."
    end = "" if secret else " API keys end 30 days after they were issued."
    more = ", or a key that was fetched with it" if secret else ""
    return Origin(f"the {kind} {where} ({setting}){more}", f"{fetch} and {put}{end}")


def explained(hold: Hold, name: str, model: ModelSettings) -> Problem:
    """Return what a hold says, completed with which key was refused and how to renew it."""
    if not hold.refused:
        return hold.problem
    origin = origin_of(name, model)
    said = hold.problem.facts
    return legacy(f"{said['what']} This is {origin.key}.", f"{said['remedy']} {origin.renewal}".strip())


def warning_of(issued: datetime, now: datetime, origin: Origin) -> Problem | None:
    """Return what to tell of a key that was probably issued at `issued`; None while there is no hurry."""
    end = issued + KEY_LIFETIME
    if now < end - RENEW_BEFORE:
        return None
    return legacy(
        f"{origin.key[0].upper()}{origin.key[1:]} has been in use since {for_people(issued)}, so expect it to end by "
        f"{for_people(end)}.",
        origin.renewal,
    )


def _read(path: Path, key: str) -> str:
    """Return the key in a file, read anew; `key` is the configuration's, for the message.

    Raises Hold, in which only the remedy names files of this machine: what happened is told on the share as well; and Retry for
    a transient failure.
    """
    try:
        # Not blocking: somebody may have put a pipe there.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Hold(
                    legacy(
                        f"{key}: what it names is not a file.", f"Put a file with the key there, as {path}"
                    ),
                    credential=True,
                )
            if found.st_mode & 0o007:
                raise Hold(
                    legacy(
                        f"{key}: other users of its machine can read or change the key file.",
                        f"Run: chmod o= {shlex.quote(str(path))}",
                    ),
                    credential=True,
                )
            content = file.read(_LARGEST_FILE)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _LASTING:
            raise Retry(legacy(f"{key}: the key file cannot be read just now: {error.strerror}.")) from None
        reason = error.strerror if isinstance(error, OSError) else "its name cannot be one"
        raise Hold(
            legacy(
                f"{key}: the key file cannot be read: {reason}.",
                f"Put the key into {path}, readable for the service's user alone.",
            ),
            credential=True,
        ) from None
    # Some editors begin a text with a byte order mark.
    return _usable(content.decode("utf-8-sig", "replace"), f"{key}: the key file", f"into {path}")


def _usable(text: str, where: str, place: str = "there") -> str:
    """Return a key as it can be sent. Raises Hold, which does not tell what was found instead."""
    value = text.strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise Hold(
            legacy(
                f"{where} holds no usable key (it is empty or has characters that no key has).",
                f"Put the key {place}, alone and on one line.",
            ),
            credential=True,
        )
    return value


def _from_systemd(credential: str, key: str) -> str:
    folder = os.environ.get(CREDENTIALS_VARIABLE)
    if not folder or "/" in credential or credential in {".", ".."}:
        raise Hold(
            legacy(
                f"{key}: systemd has passed no credential {credential!r}.",
                f"Add LoadCredential={credential}:/path/to/the/key to the unit and restart it.",
            ),
            credential=True,
        )
    return _read(Path(folder) / credential, key)


def _box(key: str) -> Fernet:
    # API keys are long and random, so one hash is enough to derive from them; no guessing needs slowing down.
    return Fernet(
        base64.urlsafe_b64encode(hashlib.sha256(b"retraind upload address\0" + key.encode()).digest())
    )


def lock_address(address: str, key: str) -> str:
    """Encrypt an upload address under the model's API key.

    The address must outlive a crash, yet whoever reads the journal must not be able to upload. Who has the key
    could get an address of his own anyway.
    """
    return _box(key).encrypt(address.encode()).decode()


def unlock_address(ticket: str, key: str) -> str | None:
    """Return the address again, or None when it was locked under another key."""
    try:
        return _box(key).decrypt(ticket.encode()).decode()
    except (InvalidToken, ValueError):
        return None
