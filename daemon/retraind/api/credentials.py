"""Each model's API key: where it comes from, when it expires, and the address that only its owner can read.

A key is kept in memory only. What is written down about it is a fingerprint, or is encrypted under it.
"""

import base64
import errno
import hashlib
import os
import stat
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.fernet import Fernet, InvalidToken

from retraind.api.client import IssuedKey, Service
from retraind.api.redaction import can_be_key, fingerprint
from retraind.config.exposure import key_access, key_exposed
from retraind.config.settings import ENV_PREFIX, ModelSettings
from retraind.domain.failures import Hold, Retry
from retraind.domain.problems import Problem, problem
from retraind.system.clock import Clock
from retraind.system.files import status
from retraind.system.rights import Account, present_account, start_of

KEY_LIFETIME = timedelta(days=30)
"""Vendor's manual: an API key expires 30 days after it was issued."""
_LONGEST_LIFETIME = timedelta(days=3_650)
RENEW_BEFORE = timedelta(days=7)
"""How long before its end a fetched key is replaced, and people are warned of the end of any other."""
_KEYS_KNOWN = 8
"""How many keys of a model are remembered by fingerprint: an earlier one may still be in use by a request."""
_LASTING = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO),
        *(errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EINVAL),
    }
)
"""What a file system answers if only a person can give access to a key. All else may be transient."""
_LARGEST_FILE = 16_384
"""Bytes; a key has some dozens."""
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True)
class _Cached:
    key: IssuedKey
    fetched_at: datetime
    instead: bool
    """True when it was fetched to replace a refused one, and the service is not known to accept it yet."""

    @property
    def ends_at(self) -> datetime:
        """When the key expires. A moment that is past or far ahead was misread, or means never."""
        reported = self.key.ends_at
        if reported and timedelta(0) < reported - self.fetched_at < _LONGEST_LIFETIME:
            return reported
        return self.fetched_at + KEY_LIFETIME

    @property
    def renew_at(self) -> datetime:
        """When to fetch another: of a life shorter than usual, three quarters are used."""
        return self.ends_at - min(RENEW_BEFORE, (self.ends_at - self.fetched_at) / 4)


class Credentials:
    """The keys of all models. Safe to use from several threads."""

    def __init__(self, service: Service, clock: Clock | None = None, account: Account | None = None) -> None:
        """`account` is the service's, if it is not that of this process."""
        self._service = service
        self._account = account or present_account()
        self._clock = clock or Clock()
        self._cached: dict[str, _Cached] = {}
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}
        self._issued_with: dict[str, dict[str, str]] = {}
        """By model, the fingerprints of the last keys that were fetched, each with that of its secret key."""
        self._refused: set[str] = set()
        """The models whose key was refused, and no other has been accepted since."""

    def key(self, name: str, model: ModelSettings) -> str:
        """Return the model's API key: read again each time, so that a replaced file counts at once.

        Raises Hold when there is none, Retry when it cannot be read at the moment, or what Get API Key
        raises.
        """
        return self._issued(name, model) if origin_of(name, model).secret else self.configured(name, model)

    def secret(self, name: str, model: ModelSettings) -> str | None:
        """Return the account's secret key, if the model is configured with one."""
        return self.configured(name, model) if origin_of(name, model).secret else None

    def configured(self, name: str, model: ModelSettings) -> str:
        """Return the API or secret key that the model is configured with. Raises Hold or Retry."""
        return configured_key(name, model, self._account)

    def forget(self, name: str) -> bool:
        """Drop a key that was fetched, since its origin may have changed; return False if there was none."""
        with self._lock:
            self._refused.discard(name)
            return self._cached.pop(name, None) is not None

    def refuse(self, name: str, shown: str | None) -> bool:
        """Note that the service refused the key with the fingerprint `shown`.

        Returns whether to try again with a key that was or will be fetched to replace it: only once, until
        one is accepted.
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
        """Note that the service accepts the model's key."""
        with self._lock:
            self._refused.discard(name)
            if (cached := self._cached.get(name)) is not None and cached.instead:
                self._cached[name] = replace(cached, instead=False)

    def origin(self, name: str, shown: str | None) -> str | None:
        """Return the fingerprint of what a person would have to replace: of a fetched key, its secret key."""
        with self._lock:
            return self._issued_with.get(name, {}).get(shown, shown) if shown else None

    def renew(self, name: str, model: ModelSettings) -> bool:
        """Replace a fetched key that expires soon; return whether it was. Raises what Get API Key raises."""
        with self._one_fetch(name):
            cached = self._present(name)
            if cached is None or self._clock.now() < cached.renew_at:
                return False
            self._fetch(name, model)
            return True

    def ends_at(self, name: str) -> datetime | None:
        """Return when a fetched key expires; None for keys of other origin."""
        cached = self._present(name)
        return cached.ends_at if cached else None

    def arrived_at(self, model: ModelSettings) -> datetime | None:
        """Return when the key file was last written; None for keys of other origin.

        systemd writes its credentials again at each start, so their times say nothing.
        """
        if model.api_key_file is None:
            return None
        try:
            return datetime.fromtimestamp(status(model.api_key_file, follow=True).st_mtime, UTC)
        except (OSError, ValueError, OverflowError):
            return None  # It cannot be read at the moment, or has a date that no calendar has.

    def _present(self, name: str) -> _Cached | None:
        with self._lock:
            return self._cached.get(name)

    def _one_fetch(self, name: str) -> threading.Lock:
        """Return the lock that keeps threads from having several keys issued: only the last may be valid."""
        with self._lock:
            return self._fetching.setdefault(name, threading.Lock())

    def _issued(self, name: str, model: ModelSettings) -> str:
        with self._one_fetch(name):
            cached = self._present(name)
            if cached is not None and self._clock.now() < cached.ends_at:
                return cached.key.value
            return self._fetch(name, model)

    def _fetch(self, name: str, model: ModelSettings) -> str:
        secret = self.configured(name, model)
        assert model.model_id is not None, "the configuration requires it beside a secret key"
        issued = self._service.issue_key(model.model_id, secret)
        with self._lock:
            self._cached[name] = _Cached(issued, self._clock.now(), instead=name in self._refused)
            known = self._issued_with.setdefault(name, {})
            known[fingerprint(issued.value)] = fingerprint(secret)
            for oldest in list(known)[:-_KEYS_KNOWN]:
                del known[oldest]
        return issued.value


def presumed_issue(first_seen: datetime, arrived: datetime | None) -> datetime:
    """Return when a key whose end is not known was probably issued: when it arrived here.

    The time of its file counts if it can be true. A later one than `first_seen` only says that the file was
    written again; one more than a key's life earlier comes with an image or a package.
    """
    if arrived is not None and first_seen - KEY_LIFETIME < arrived < first_seen:
        return arrived
    return first_seen


class Origin(NamedTuple):
    """Where a model's key comes from: facts for people, never the key itself."""

    setting: str
    """The key of the configuration, such as models.churn.api_key_file."""
    secret: bool
    """True for the account's secret key, with which API keys are fetched."""
    path: Path | None = None
    """The file that holds it."""
    credential: str | None = None
    """What systemd calls it."""
    variable: str | None = None
    """The environment variable that holds it; None, as the others, if the configuration itself does."""

    @property
    def field(self) -> str:
        """The field of ModelSettings."""
        return self.setting.rpartition(".")[2]


_FIELDS = ("api_key", "api_key_file", "credential", "secret_key", "secret_key_file", "secret_credential")


def origin_of(name: str, model: ModelSettings) -> Origin:
    """Return which key a model is configured with."""
    field = next(field for field in _FIELDS if getattr(model, field) is not None)
    origin = Origin(f"models.{name}.{field}", secret=field.startswith("secret"))
    match getattr(model, field):
        case Path() as path:
            return origin._replace(path=path)
        case str() as credential:
            return origin._replace(credential=credential)
        case _:
            variable = f"{ENV_PREFIX}MODELS__{name}__{field}".upper()
            is_set = any(each.upper() == variable for each in os.environ)
            return origin._replace(variable=variable if is_set else None)


def explained(hold: Hold, name: str, model: ModelSettings) -> Problem:
    """Return a hold's problem, with which key was refused if one was."""
    if not hold.refused:
        return hold.problem
    return problem("key_refused", why=hold.problem, **origin_of(name, model)._asdict())


def warning_of(issued: datetime, now: datetime, origin: Origin) -> Problem | None:
    """Return the warning about a key that was probably issued at `issued`; None while there is no hurry."""
    end = issued + KEY_LIFETIME
    if now < end - RENEW_BEFORE:
        return None
    return problem("key_ends_soon", since=issued, end=end, **origin._asdict())


def configured_key(name: str, model: ModelSettings, account: Account) -> str:
    """Return the key that a model is configured with. Raises Hold, or Retry for a transient failure."""
    origin = origin_of(name, model)
    if origin.path is not None:
        text = _read(origin.path, origin, account)
    elif origin.credential is not None:
        text = _read(passed_file(origin.credential, origin), origin, account)
    else:
        text = getattr(model, origin.field).get_secret_value()
    key = text.strip()
    if not can_be_key(key):
        raise Hold(problem("key_unusable", **origin._asdict()), credential=True)
    return key


def passed_file(credential: str, origin: Origin) -> Path:
    """Return the file in which systemd passes a credential. Raises Hold if there is none."""
    folder = os.environ.get(CREDENTIALS_VARIABLE)
    if not folder or "/" in credential or credential in {".", ".."}:
        raise Hold(problem("credential_not_passed", **origin._asdict()), credential=True)
    return Path(folder) / credential


def _read(path: Path, origin: Origin, account: Account) -> str:
    """Return what is in a key file. Raises Hold, or Retry for a transient failure."""
    facts: dict[str, Any] = {"setting": origin.setting, "path": path}
    try:
        found, content = start_of(path, _LARGEST_FILE)
        mode = found.status.st_mode
        if not stat.S_ISREG(mode):
            raise Hold(problem("key_file_not_regular", **facts), credential=True)
        # systemd sees to the groups and lists of what it passes.
        passed = origin.credential is not None
        if access := key_access(account, found, path) if mode & stat.S_IRWXO or not passed else None:
            raise Hold(key_exposed(origin.setting, access), credential=True)
    except OSError as error:
        if error.errno not in _LASTING:
            raise Retry(problem("key_file_failing", **facts, reason=error.strerror)) from None
        raise Hold(problem("key_file_unreadable", **facts, reason=error.strerror), credential=True) from None
    except ValueError:
        raise Hold(problem("key_file_unreadable", **facts, reason=None), credential=True) from None
    # Some editors begin a text with a byte order mark.
    return content.decode("utf-8-sig", "replace")


def _box(key: str) -> Fernet:
    # API keys are long and random, so one hash is enough to derive from them; no guessing needs slowing down.
    return Fernet(
        base64.urlsafe_b64encode(hashlib.sha256(b"retraind upload address\0" + key.encode()).digest())
    )


def lock_address(address: str, key: str) -> str:
    """Encrypt an upload address under the model's API key.

    The address must outlive a crash, yet whoever reads the journal must not be able to upload. Whoever has
    the key can get an address anyway.
    """
    return _box(key).encrypt(address.encode()).decode()


def unlock_address(ticket: str, key: str) -> str | None:
    """Return the address again, or None when it was locked under another key."""
    try:
        return _box(key).decrypt(ticket.encode()).decode()
    except (InvalidToken, ValueError):
        return None
