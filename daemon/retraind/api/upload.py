"""Sending a bundle to the object store and fetching results from it: pre-signed addresses, plain bytes.

The API key never goes there, nothing is followed, and no address is ever worded: its query is its signature.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from retraind.api.answers import wait_asked_for
from retraind.api.client import network_retry, never_connected, new_session
from retraind.clock import Clock
from retraind.errors import JobFailed, Retry, Setback
from retraind.files import READ_SIZE, open_regular, sync_folder
from retraind.settings import ApiSettings


@dataclass
class AddressExpired(Setback):
    """The pre-signed address no longer works (403); another one has to be asked for."""


@dataclass
class NotStored(Retry):
    """Passing trouble after which the store certainly does not have the file, so sending it again is safe."""


class _Paced:
    """A file for requests to stream: large reads, a known length, and an end when the daemon stops."""

    def __init__(self, file: BinaryIO, size: int, pause: Callable[[], None]) -> None:
        self._file = file
        self._left = size
        self._pause = pause

    def __len__(self) -> int:
        return self._left

    def read(self, _size: int = -1) -> bytes:
        # http.client asks for 8 KiB at a time; a larger piece is sent as it comes and costs a fraction.
        self._pause()
        piece = self._file.read(min(READ_SIZE, self._left)) if self._left else b""
        if self._left and not piece:
            raise OSError(errno.EIO, "the bundle became shorter while it was sent")
        self._left -= len(piece)
        return piece


class ObjectStore:
    """Uploads and downloads by pre-signed address."""

    def __init__(self, settings: ApiSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or Clock()
        self._timeout = (settings.connect_timeout.total_seconds(), settings.timeout.total_seconds())

    def put(self, address: str, bundle: Path, pause: Callable[[], None]) -> None:
        """Send the whole file with its Content-Length.

        `pause` is called between reads and may raise Stopped. Raises AddressExpired, Retry or JobFailed; after a
        Retry it is unknown whether the store has the file.
        """
        whom = f"the object store ({urlsplit(address).netloc})"
        size = bundle.stat().st_size
        with open_regular(bundle) as file, new_session(self._settings) as session:
            try:
                response = session.put(
                    address, data=_Paced(file, size, pause), timeout=self._timeout, allow_redirects=False
                )
            except requests.RequestException as error:
                trouble = network_retry(error, whom)
                if never_connected(error):
                    raise NotStored(trouble.what, trouble.remedy) from None
                raise trouble from None
        self._check(response, whom, "upload")

    def get(self, address: str, target: Path, pause: Callable[[], None]) -> None:
        """Fetch a file to `target`: first under a temporary name, whole and synced, then renamed."""
        whom = f"the object store ({urlsplit(address).netloc})"
        temporary = target.with_name(f".{target.name}.part")
        with new_session(self._settings) as session:
            try:
                with session.get(
                    address, timeout=self._timeout, allow_redirects=False, stream=True
                ) as response:
                    self._check(response, whom, "results")
                    self._save(response, temporary, pause)
            except requests.RequestException as error:
                raise network_retry(error, whom) from None
            except urllib3.exceptions.HTTPError as error:
                raise Retry(f"The download from {whom} broke off ({type(error).__name__}).") from None
        temporary.replace(target)
        sync_folder(target.parent)

    @staticmethod
    def _save(response: requests.Response, temporary: Path, pause: Callable[[], None]) -> None:
        expected = response.headers.get("Content-Length")
        written = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, 0o644), "wb") as file:
            while piece := response.raw.read(READ_SIZE):
                pause()
                file.write(piece)
                written += len(piece)
            file.flush()
            os.fsync(file.fileno())
        if expected is not None and expected.isdecimal() and int(expected) != written:
            raise Retry(f"The results broke off after {written} of {expected} bytes.")

    def _check(self, response: requests.Response, whom: str, what: str) -> None:
        status = response.status_code
        if status in {200, 201, 204}:
            return
        if status == requests.codes.forbidden:
            raise AddressExpired(f"The {what} address given by the service has expired.")
        if status in {408, 429} or status >= 500:  # noqa: PLR2004
            after = wait_asked_for(response.headers.get("Retry-After"), self._clock.now())
            # A 5xx other than 503 may come from a gateway that passed the bytes on.
            kind = NotStored if status in {408, 429, 503} else Retry
            raise kind(f"{whom[0].upper()}{whom[1:]} answers HTTP {status}.", after=after)
        if 300 <= status < 400:  # noqa: PLR2004
            raise NotStored(
                f"{whom[0].upper()}{whom[1:]} answers with a redirect (HTTP {status}), which is not followed.",
                "A proxy or sign-in page may be answering in its place.",
            )
        raise JobFailed(
            f"{whom[0].upper()}{whom[1:]} refuses the {what} with HTTP {status}.",
            "Run: retraind retry JOB. If it happens again, ask the service's support.",
            restart=what == "upload",
        )
