"""The certificates of `api.ca_bundle`, from where they can be read without hanging.

TLS libraries read a file by its name, whenever a connection is made. What is on a remote or FUSE file system
is copied into memory, through a helper process, and read there.
"""

import os
import threading
import time
from functools import cache
from pathlib import Path

import requests

from retraind.system.files import status
from retraind.system.reading import read_all
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.verbs import where

_FRESH_FOR = 60.0
"""Seconds until a copy is compared with its file."""


class CertificatesUnreadable(requests.RequestException):
    """Nothing was sent, since nobody could be trusted."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.facts = {"file": file, "reason": reason}


class Certificates:
    """A file of certificates. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._content: bytes | None = None
        self._copy: int | None = None
        """Of the present content. Earlier ones stay open: pooled connections may still name them."""
        self._read_at = 0.0

    def path(self) -> str:
        """Return a path for TLS libraries. Raises CertificatesUnreadable where there are none now."""
        try:
            return self._path()
        except OSError as error:
            raise CertificatesUnreadable(self._file, error.strerror or str(error)) from error

    def _path(self) -> str:
        try:
            if where(self._file)[0] is None:
                status(self._file, follow=True)
                return str(self._file)
        except NoAnswer:
            if self._copy is None:
                raise
        with self._lock:
            if self._copy is None or time.monotonic() - self._read_at >= _FRESH_FOR:
                self._read()
            return f"/proc/self/fd/{self._copy}"

    def _read(self) -> None:
        try:
            content = read_all(self._file)
        except OSError:
            if self._copy is None:
                raise
        else:
            if content != self._content:
                copy = os.memfd_create("certificates")
                with open(copy, "wb", closefd=False) as file:
                    file.write(content)
                self._content, self._copy = content, copy
        self._read_at = time.monotonic()


@cache
def certificates_in(file: Path) -> Certificates:
    """Return the certificates in a file: sessions come and go, and share the copy."""
    return Certificates(file)
