"""Sending a bundle to the object store and fetching results from it: pre-signed addresses, plain bytes.

The API key never goes there, nothing is followed, and no address becomes a fact: its query is its signature.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

import requests

from retraind.api import proxies
from retraind.api.answers import Allowance
from retraind.api.circuit_breaker import Breaker
from retraind.api.error_table import http_error, is_of_host, is_web_page, wait_asked_for
from retraind.api.failures import NETWORK_ERRORS, AddressExpired, InDoubt, NoResults, NotStored, network_retry
from retraind.api.http import Caller, is_proxied, new_session
from retraind.api.rate_limit import RateLimit
from retraind.api.reach import PeerRefused, Reach
from retraind.config.settings import ApiSettings
from retraind.domain.failures import Hold, JobFailed, Party, Retry, Scope
from retraind.domain.problems import Problem, problem
from retraind.system.addresses import place_of
from retraind.system.clock import Clock
from retraind.system.copying import look_for_room
from retraind.system.files import clear, put_in_place, sync_folder, unlink
from retraind.system.reading import open_regular, status_of_open
from retraind.system.writing import create

LARGEST_RESULTS = 2 << 30
"""Bytes of a results file that are fetched, unless the caller says otherwise."""
_SLOWEST_RESULTS = 4 << 10
"""Bytes a second, after two time-outs of waiting: with fewer, results take a thread for weeks."""
_PIECE = 64 << 10
"""Bytes of results between two checks of whether the daemon is stopping."""
_ZIP, _ZIP_END = b"PK\3\4", b"PK\5\6"
_LONGEST_ZIP_END = 22 + 0xFFFF
"""Bytes of a zip's last record, with the longest comment."""
_EXCERPT = 4096
"""Bytes of an error's body that are read."""
_TRY_AGAIN = timedelta(hours=6)
"""How often an address that may not be used is tried again: its name may lead elsewhere by then."""
_ERROR_CODE = re.compile(rb"<Code>\s*([A-Za-z]{1,60})\s*</Code>")
_EXPIRED = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})
"""S3's error codes, with status 400, of addresses signed with temporary credentials that have expired."""
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
    """A file, with `prefix` before it, for requests to stream. Its length is known, for Content-Length."""

    def __init__(
        self, file: BinaryIO, prefix: bytes, sent: Callable[[int], None], piece: Callable[[], int]
    ) -> None:
        """`sent` is called with what was sent whenever more is read; `piece` returns how much at a time."""
        self._file = file
        self._piece = piece
        self._sent = sent
        self._prefix = prefix
        self.left = self._size = len(prefix) + status_of_open(file).st_size
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
        self._sent(self._size - self.left)
        try:
            piece = self._prefix or (self._file.read(min(self._piece(), self.left)) if self.left else b"")
        except OSError as error:
            raise _BundleTrouble(error) from None
        self._prefix = b""
        if self.left and not piece:
            raise _BundleTrouble(None)
        self.left -= len(piece)
        return piece


class ObjectStore(Caller):
    """Uploads and downloads by pre-signed address."""

    def __init__(
        self,
        settings: ApiSettings,
        clock: Clock | None = None,
        breaker: Breaker | None = None,
        rate: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`rate` returns how many bytes a second all uploads together may send now; None is no limit."""
        super().__init__(settings, clock, breaker)
        self._limit = RateLimit(self._clock, rate)
        self._reach = Reach(settings, lambda: is_proxied(settings, str(settings.base_url)))

    def put(
        self,
        address: str,
        bundle: Path,
        pause: Callable[[], None],
        opener: Callable[[], BinaryIO] | None = None,
        prefix: bytes = b"",
        *,
        sent: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        """Send the complete file with its Content-Length, after `prefix`.

        `sent` is called now and then with the number of bytes that were sent.

        `opener`, if given, opens what is sent instead of `bundle`. `pause` is called while it is sent and may
        raise Stopped. Raises NotStored, InDoubt or Hold, and OSError when the bundle cannot be read; after
        anything but NotStored and Hold it is unknown whether the store has the file.
        """
        host = place_of(address)
        opening = opener or partial(open_regular, bundle)
        permit = partial(self._limit.take, pause=pause)
        with (
            self._reaching(host, "upload"),
            self._breaker.guard(host, NotStored),
            _Body(opening(), prefix, sent, self._limit.piece) as body,
            new_session(self._settings, pause, self._reach, permit) as session,
        ):
            try:
                with session.put(address, data=body) as response:
                    refusal = self._refusal(response, host)
            except _BundleTrouble as trouble:
                shrunk = InDoubt(problem("bundle_shrank", bundle=bundle.name, host=host))
                raise trouble.error or shrunk from None
            except NETWORK_ERRORS as error:
                failure = network_retry(error, Party.STORE, host)
                kind = InDoubt if body.begun else NotStored
                raise kind(failure.problem, of_host=failure.of_host) from None
            if refusal is None and body.left:
                refusal = InDoubt(problem("response_before_upload_end", host=host))
            if refusal is not None:
                raise refusal

    def _refusal(self, response: requests.Response, host: str) -> InDoubt | None:
        """Return what an answer to an upload means, unless it is a success.

        None of them proves that the bytes were not stored: a proxy may have passed them on and lost the
        answer.
        """
        status, start = response.status_code, _start_of(response)
        if status in {200, 201, 204}:
            # Stores answer an upload with nothing, though some call that text/html.
            page = is_web_page(start)
            return InDoubt(problem("web_page_returned", party=Party.STORE, host=host)) if page else None
        code = _error_code(start)
        after = wait_asked_for(response.headers.get("Retry-After"), self._clock.now())
        if in_its_place := self._page(response, start, host):
            return InDoubt(in_its_place, after=after)
        if _is_final(status, code):
            refused = problem("upload_address_refused", host=host, status=status, error_code=code)
            return InDoubt(refused, address_refused=True, after=after)
        answered = http_error(Party.STORE, host, status, error_code=code)
        return InDoubt(answered, after=after, of_host=is_of_host(status))

    def _page(self, response: requests.Response, start: bytes, host: str) -> Problem | None:
        """Return that a refusal is not the store's but a page of what stands between; None where it is not.

        Another address would be refused likewise. A page of a host in trouble is reported as that.
        """
        status = response.status_code
        if not _is_final(status, None) or _error_code(start) or not proxies.is_own_page(response, start):
            return None
        proxy = proxies.proxy_for(self._settings, response.url)
        return problem(
            "page_in_place_of_store", host=host, status=status, source=proxy.source if proxy else None
        )

    def get(
        self,
        address: str,
        target: Path,
        pause: Callable[[], None],
        largest: int = LARGEST_RESULTS,
        keep_free: int = 0,
    ) -> Fetched:
        """Fetch a file to `target`: first under a temporary name, complete and synced, then renamed.

        May be repeated. `keep_free` bytes stay free on the disk. `pause` is called now and then and may raise
        Stopped. Raises AddressExpired, Retry, Hold or JobFailed, the last also for a file of more than
        `largest` bytes, and OSError when it cannot be written.
        """
        host = place_of(address)
        # What it comes in may take as many bytes again.
        allowance = Allowance(2 * largest + _EXCERPT, _SLOWEST_RESULTS, pause)
        temporary = target.with_name(f".{target.name}.part")
        with self._reaching(host, "results"), self._breaker.guard(host):
            try:
                # Compressing on the way would hide where the file ends.
                with (
                    new_session(self._settings, reach=self._reach, allowance=allowance) as session,
                    session.get(address, headers={"Accept-Encoding": "identity"}) as response,
                ):
                    self._check(response, host)
                    fetched = _save(response, temporary, pause, largest, keep_free)
            except BaseException as error:
                with suppress(OSError):
                    unlink(temporary)
                if isinstance(error, NETWORK_ERRORS):
                    raise network_retry(error, Party.STORE, host) from None
                raise
            put_in_place(temporary, target)
            sync_folder(target.parent)
        return fetched

    @contextmanager
    def _reaching(self, host: str, purpose: str) -> Iterator[None]:
        """Hold the job if nothing may be sent to its address; the retrain job stays the same."""
        try:
            yield
        except PeerRefused as refusal:
            why = problem(
                "address_not_allowed", host=host, purpose=purpose, reach=refusal.kind, allow=refusal.allow
            )
            raise Hold(why, scope=Scope.JOB, until=self._clock.now() + _TRY_AGAIN) from None

    def _check(self, response: requests.Response, host: str) -> None:
        """Raise unless the store gives the results."""
        status = response.status_code
        if status == requests.codes.ok:
            return
        start = _start_of(response)
        code = _error_code(start)
        if page := self._page(response, start, host):
            raise Retry(page, after=wait_asked_for(response.headers.get("Retry-After"), self._clock.now()))
        if status == requests.codes.forbidden or code in _EXPIRED:
            raise AddressExpired(problem("results_address_expired"))
        # Without the store's own code it may be a proxy's page. The next status check names another address.
        if code and _is_final(status, code):
            refused = problem("results_refused", host=host, status=status, error_code=code)
            raise JobFailed(refused, restart=False)
        answered = http_error(Party.STORE, host, status, error_code=code)
        after = wait_asked_for(response.headers.get("Retry-After"), self._clock.now())
        raise Retry(answered, after=after, of_host=is_of_host(status))


def _error_code(start: bytes) -> str | None:
    """Return S3's code in the body of an error."""
    found = _ERROR_CODE.search(start)
    return found[1].decode() if found else None


def _is_final(status: int, code: str | None) -> bool:
    """Return whether another try with the same address is of no use."""
    return 400 <= status < 500 and status not in _AGAIN and code not in _SLOW  # noqa: PLR2004


def _start_of(response: requests.Response) -> bytes:
    """Return how the body begins; nothing when it cannot be read, since the status says enough."""
    with suppress(*NETWORK_ERRORS):
        start: bytes = response.raw.read(_EXCERPT, decode_content=True)
        return start
    return b""


def _save(
    response: requests.Response, temporary: Path, pause: Callable[[], None], largest: int, keep_free: int
) -> Fetched:
    """Write the body to a new file; urllib3 raises when it ends before its Content-Length."""
    too_long = JobFailed(problem("results_too_long", most=largest), restart=False)
    announced = response.raw.length_remaining or 0
    if announced > largest:
        raise too_long
    clear(temporary)
    received, start, end = 0, b"", b""
    with closing(create(temporary, 0o644)) as file:
        # Others need the disk as well.
        look_for_room(temporary.parent, announced, keep_free, temporary)
        digest = hashlib.sha256()
        while piece := response.raw.read(_PIECE, decode_content=True):
            pause()
            if not received and is_web_page(piece):
                host = place_of(response.url)
                raise Retry(problem("web_page_returned", party=Party.STORE, host=host))
            if received + len(piece) > largest:
                raise too_long
            if keep_free and not announced:
                look_for_room(temporary.parent, len(piece), keep_free, temporary)
            file.write(piece)
            digest.update(piece)
            received += len(piece)
            start, end = start or piece[: len(_ZIP)], (end + piece)[-_LONGEST_ZIP_END:]
        if not received or (start == _ZIP and _ZIP_END not in end):
            # Not every proxy passes on that its connection broke.
            raise NoResults(problem("results_incomplete", host=place_of(response.url), received=received))
        file.finish()
        return Fetched(received, digest.hexdigest())
