"""Sending a bundle to the object store and fetching results from it: pre-signed addresses, plain bytes.

The API key never goes there, nothing is followed, and no address is ever worded: its query is its signature.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

import requests
from urllib3.exceptions import IncompleteRead

from retraind.api.circuit_breaker import Breaker
from retraind.api.error_table import is_web_page, wait_asked_for
from retraind.api.http import NETWORK_ERRORS, causes_of, is_proxied, network_retry, new_session, time_out
from retraind.api.reach import PeerRefused, Reach
from retraind.config.settings import ApiSettings
from retraind.domain.failures import Hold, JobFailed, Retry, Scope, Setback
from retraind.domain.problems import legacy
from retraind.system.addresses import place_of
from retraind.system.clock import Clock
from retraind.system.copying import look_for_room
from retraind.system.files import READ_SIZE, clear, naming, open_regular, put_in_place, sync_folder

LARGEST_RESULTS = 2 << 30
"""Bytes of a results file that are fetched, unless the caller says otherwise."""
_PIECE = 64 << 10
"""Bytes of results between two looks at whether the daemon stops."""
_EXCERPT = 4096
"""Bytes of an error's body that are looked at."""
_TRY_AGAIN = timedelta(hours=6)
"""How often an address is tried again that led to where nothing is sent: names may lead elsewhere by then."""
_PORTAL = "A proxy or sign-in page may be answering in its place."


@dataclass
class AddressExpired(Setback):
    """The pre-signed address no longer works (403); another one has to be asked for."""


@dataclass
class NotSent(Retry):
    """An upload that failed."""

    address_refused: bool = False
    """True when the answer says that another try with the same address is of no use."""


@dataclass
class NotStored(NotSent):
    """No byte of the file left this machine: the store certainly does not have it, so sending it again is safe."""


@dataclass
class InDoubt(NotSent):
    """Some of the file was sent. Whatever was answered, or not: the store may have all of it, and only the service knows."""


_ERROR_CODE = re.compile(rb"<Code>\s*([A-Za-z]{1,60})\s*</Code>")
_EXPIRED = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})
"""S3's error codes, with status 400, of addresses signed with a role's passing credentials, once these have ended."""
_SLOW = frozenset({"IncompleteBody", "RequestTimeout"})
"""S3's error codes, with status 400, for bytes that did not come in time: the next try may succeed."""
_AGAIN = frozenset({408, 409, 425, 429})
"""Statuses of 4xx that say nothing against another try with the same address."""


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched, as it came."""

    bytes: int
    sha256: str
    """Taken while it was received: what is on a share by now may be somebody else's."""


class _BundleTrouble(Exception):
    """The bundle could not be read to its end. Not an OSError, which urllib3 would take for the network's."""

    def __init__(self, error: OSError | None) -> None:
        super().__init__("the bundle cannot be read")
        self.error = error


class _Body:
    """A file, with `prefix` before it, for requests to stream; of a known length, so that Content-Length is sent."""

    def __init__(self, file: BinaryIO, prefix: bytes = b"") -> None:
        self._file = file
        self._prefix = prefix
        self.left = len(prefix) + os.fstat(file.fileno()).st_size
        self.begun = self.left == 0
        """True once some of it may have left this machine; of nothing, all is sent with the header."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self.left

    def read(self, _size: int = -1) -> bytes:
        # urllib3 asks for 16 KiB at a time; a larger piece is sent as it comes and costs a fraction.
        self.begun = True
        try:
            piece = self._prefix or (self._file.read(min(READ_SIZE, self.left)) if self.left else b"")
        except OSError as error:
            raise _BundleTrouble(error) from None
        self._prefix = b""
        if self.left and not piece:
            raise _BundleTrouble(None)
        self.left -= len(piece)
        return piece


class ObjectStore:
    """Uploads and downloads by pre-signed address."""

    def __init__(
        self, settings: ApiSettings, clock: Clock | None = None, breaker: Breaker | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock or Clock()
        self._breaker = breaker or Breaker(self._clock)
        self._timeout = time_out(settings)
        self._reach = Reach(settings, lambda: is_proxied(settings, str(settings.base_url)))

    def put(
        self,
        address: str,
        bundle: Path,
        pause: Callable[[], None],
        opener: Callable[[], BinaryIO] | None = None,
        prefix: bytes = b"",
    ) -> None:
        """Send the whole file with its Content-Length. `opener`, where given, opens what is sent instead of `bundle`.

        `prefix` is sent before it.

        `pause` is called while it is sent and may raise Stopped. Raises NotStored, InDoubt or Hold, and OSError when
        the bundle cannot be read; after anything but NotStored and Hold it is unknown whether the store has the file.
        """
        whom = _store(address)
        with self._reaching(address, "upload"), self._breaker.guard(place_of(address), NotStored):
            opening = opener or partial(open_regular, bundle)
            self._put(address, bundle.name, lambda: _Body(opening(), prefix), pause, whom)

    def _put(
        self, address: str, name: str, opener: Callable[[], "_Body"], pause: Callable[[], None], whom: str
    ) -> None:
        with opener() as body, new_session(self._settings, pause, self._reach) as session:
            try:
                with session.put(
                    address, data=body, timeout=self._timeout, allow_redirects=False, stream=True
                ) as response:
                    refusal = self._refusal(response, whom)
            except _BundleTrouble as trouble:
                raise trouble.error or InDoubt(
                    legacy(
                        f"The bundle {name} became shorter while it was sent; {whom} got a part of it at most.",
                        "See what else writes where it is kept.",
                    ),
                ) from None
            except NETWORK_ERRORS as error:
                setback = network_retry(error, whom)
                kind = InDoubt if body.begun else NotStored
                raise kind(setback.problem, of_host=setback.of_host) from None
        if refusal is None and body.left:
            refusal = InDoubt(legacy(f"{_begin(whom)} answered before it had the whole file.", _PORTAL))
        if refusal is not None:
            raise refusal

    def _refusal(self, response: requests.Response, whom: str) -> InDoubt | None:
        """Return what an answer to an upload means, unless it is a success.

        None of them proves that the bytes were not taken: a proxy may have passed them on and lost the store's answer.
        """
        status = response.status_code
        start = _start_of(response)
        if status in {200, 201, 204}:
            # Stores answer an upload with nothing, though some call that text/html.
            page = is_web_page(start)
            return InDoubt(legacy(f"{_begin(whom)} answers with a web page.", _PORTAL)) if page else None
        name, code = _named(status, start)
        after = wait_asked_for(response.headers.get("Retry-After"), self._clock.now())
        if 400 <= status < 500 and status not in _AGAIN and code not in _SLOW:  # noqa: PLR2004
            what = f"{_begin(whom)} refuses the upload address with {name}."
            return InDoubt(legacy(what), address_refused=True, after=after)
        if 300 <= status < 400:  # noqa: PLR2004
            what = f"{_begin(whom)} answers with a redirect ({name}), which is not followed."
            return InDoubt(legacy(what, _PORTAL), after=after)
        of_host = status == 429 or status >= 500  # noqa: PLR2004
        return InDoubt(legacy(f"{_begin(whom)} answers {name}."), after=after, of_host=of_host)

    def get(
        self,
        address: str,
        target: Path,
        pause: Callable[[], None],
        largest: int = LARGEST_RESULTS,
        keep_free: int = 0,
    ) -> Fetched:
        """Fetch a file to `target`: first under a temporary name, whole and synced, then renamed.

        May be repeated. `keep_free` bytes stay free on the disk. `pause` is called now and then and may raise Stopped. Raises AddressExpired, Retry or
        JobFailed, the latter also for a file of more than `largest` bytes, and OSError when it cannot be written.
        """
        with self._reaching(address, "results"), self._breaker.guard(place_of(address)):
            return self._get(address, target, pause, largest, keep_free)

    def _get(
        self, address: str, target: Path, pause: Callable[[], None], largest: int, keep_free: int
    ) -> Fetched:
        whom = _store(address)
        temporary = target.with_name(f".{target.name}.part")
        try:
            # Compressing on the way would hide where the file ends.
            with (
                new_session(self._settings, reach=self._reach) as session,
                session.get(
                    address,
                    timeout=self._timeout,
                    allow_redirects=False,
                    stream=True,
                    headers={"Accept-Encoding": "identity"},
                ) as response,
            ):
                self._check(response, whom)
                fetched = _save(response, temporary, pause, largest, keep_free)
        except NETWORK_ERRORS as error:
            _remove(temporary)
            for cause in causes_of(error):
                if isinstance(cause, IncompleteRead) and isinstance(cause.expected, int):
                    whole = cause.partial + cause.expected
                    what = f"The results broke off after {cause.partial} of {whole} bytes."
                    raise Retry(legacy(what), of_host=True) from None
            raise network_retry(error, whom) from None
        except BaseException:
            _remove(temporary)
            raise
        put_in_place(temporary, target)
        sync_folder(target.parent)
        return fetched

    @contextmanager
    def _reaching(self, address: str, what: str) -> Iterator[None]:
        """Hold the job where its address leads to where nothing is sent; the retrain job stays the same."""
        try:
            yield
        except PeerRefused as refusal:
            raise Hold(
                legacy(
                    f"The service names an address for the {what} that is not used: its host ({place_of(address)}) {refusal.reason}. "
                    "Nothing was sent there.",
                    f'If the service is meant to name this host, add "{refusal.opens}" to allow_hosts in [api] and restart retraind. '
                    "It is also tried again automatically within hours. To try it now, run: retraind release JOB",
                ),
                scope=Scope.JOB,
                until=self._clock.now() + _TRY_AGAIN,
            ) from None

    def _check(self, response: requests.Response, whom: str) -> None:
        """Raise unless the store gives the results."""
        status = response.status_code
        if status == requests.codes.ok:
            return
        name, code = _named(status, _start_of(response))
        if status == requests.codes.forbidden or code in _EXPIRED:
            raise AddressExpired(legacy("The results address given by the service has expired."))
        after = wait_asked_for(response.headers.get("Retry-After"), self._clock.now())
        if 300 <= status < 400:  # noqa: PLR2004
            raise Retry(
                legacy(f"{_begin(whom)} answers with a redirect ({name}), which is not followed.", _PORTAL)
            )
        of_host = status == 429 or status >= 500  # noqa: PLR2004
        if 400 <= status < 500 and code and status not in _AGAIN and code not in _SLOW:  # noqa: PLR2004
            raise JobFailed(
                legacy(
                    f"{_begin(whom)} refuses the results with {name}.",
                    "Run: retraind retry JOB. If it happens again, ask the service's support.",
                ),
                restart=False,
            )
        # Without the store's own code it may be a proxy's page, and the next status check names another address.
        raise Retry(
            legacy(f"{_begin(whom)} answers {name} instead of the results."), after=after, of_host=of_host
        )


def _named(status: int, start: bytes) -> tuple[str, str]:
    """Return an error's name for people, and S3's code, which is empty where there is none."""
    found = _ERROR_CODE.search(start)
    code = found[1].decode() if found else ""
    return f"HTTP {status}" + (f" ({code})" if code else ""), code


def _store(address: str) -> str:
    return f"the object store ({place_of(address)})"


def _begin(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _start_of(response: requests.Response) -> bytes:
    """Return how the body begins; nothing when it cannot be read, for the status has told the most of it."""
    with suppress(*NETWORK_ERRORS):
        start: bytes = response.raw.read(_EXCERPT, decode_content=True)
        return start
    return b""


def _save(
    response: requests.Response, temporary: Path, pause: Callable[[], None], largest: int, keep_free: int
) -> Fetched:
    """Write the body to a new file; urllib3 raises when it ends before its Content-Length."""
    too_long = JobFailed(
        legacy(
            f"The results are longer than {largest} bytes, so they were not fetched. The training itself succeeded.",
            "Fetch them on the service's screen.",
        ),
        restart=False,
    )
    announced = response.raw.length_remaining or 0
    if announced > largest:
        raise too_long
    clear(temporary)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o644)
    with naming(temporary), os.fdopen(handle, "wb") as file:
        # Others need the disk meanwhile.
        look_for_room(temporary.parent, announced, keep_free, temporary)
        digest = hashlib.sha256()
        while piece := response.raw.read(_PIECE, decode_content=True):
            pause()
            if not file.tell() and is_web_page(piece):
                raise Retry(legacy("The results are a web page instead of a file.", _PORTAL))
            if file.tell() + len(piece) > largest:
                raise too_long
            if keep_free and not announced:
                look_for_room(temporary.parent, len(piece), keep_free, temporary)
            file.write(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
        return Fetched(file.tell(), digest.hexdigest())


def _remove(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink(missing_ok=True)
