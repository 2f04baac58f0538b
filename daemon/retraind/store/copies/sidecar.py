"""job.json: a copy of the journal's record in each job's folder, from which a lost journal can be rebuilt.

People can write to the share, so a copy is signed with a key that only the daemon has. A copy without a valid
signature is accepted only when an operator says so.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Container
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from retraind.domain.file_rules import refusal_of
from retraind.domain.flat import translated
from retraind.domain.job import Job
from retraind.store.database import KEY_NAME
from retraind.system.escape import json_escaped
from retraind.system.files import PRIVATE, is_file, make_folder, write_atomically
from retraind.system.links import names_beside
from retraind.system.reading import open_regular, status_of_open
from retraind.system.remote.errors import NoAnswer

NAME = "job.json"
_LARGEST = 1 << 20
"""Bytes of a copy that are read. Of the names of columns, by far its largest part, a job keeps less."""
_LARGEST_BELIEVED = 16 << 20
"""The same for an operator, who may have the copies of a retraind that wrote larger ones."""
_KEY_BYTES = 32


class _Document(BaseModel):
    """What is in the file. Parsed by pydantic, which limits how deep JSON may go."""

    model_config = ConfigDict(extra="ignore")
    seal: str
    """The signature of `job`."""
    job: str


class JobFiles:
    """Writes and reads copies, with the key beside the journal."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def beside(cls, journal: Path) -> Self:
        """Use the key kept beside `journal`, which is made the first time. Raises OSError."""
        path = journal.with_name(KEY_NAME)
        try:
            with open_regular(path) as file:
                key = file.read(_KEY_BYTES)
        except FileNotFoundError:
            key = b""
        if len(key) == _KEY_BYTES:
            return cls(key)
        make_folder(path.parent, PRIVATE)
        key = secrets.token_bytes(_KEY_BYTES)
        write_atomically(path, key, 0o600)
        return cls(key)

    @staticmethod
    def are_known(journal: Path) -> bool:
        """Return whether the key beside `journal` is there, so that copies can be verified."""
        return is_file(journal.with_name(KEY_NAME), follow=True)

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest()

    def content(self, job: Job) -> bytes:
        """Return what the copy of `job` holds."""
        body = job.portable()
        document = {"seal": self._sign(body), "job": body.decode()}
        return json_escaped(json.dumps(document, ensure_ascii=False, indent=1)).encode() + b"\n"

    def write(self, folder: Path, job: Job) -> None:
        """Put a copy of `job` into its folder, durably. Raises OSError."""
        write_atomically(folder / NAME, self.content(job))

    def read(
        self, folder: Path, job_id: str, *, believe: bool = False, owners: Container[int] | None = None
    ) -> Job | None:
        """Return the job `job_id` as the copy in `folder` has it; None where there is no copy of it.

        A copy that was not made by this daemon, or was changed since, counts only with `believe`, and is not
        even parsed without it. Of a file that has a second name, is too large or belongs to none of `owners`,
        no byte is read: others can plant thousands of them.
        """
        largest = _LARGEST_BELIEVED if believe else _LARGEST
        try:
            with open_regular(folder / NAME) as file:
                status = status_of_open(file)
                names = names_beside(folder, NAME, status)
                if refusal_of(status, owners=owners, largest=largest, names=names):
                    return None
                text = file.read(largest)
            document = _Document.model_validate_json(text)
            body = document.job.encode()
            if not believe and not hmac.compare_digest(document.seal.encode(), self._sign(body).encode()):
                return None
            job = Job.from_json(translated(body))
        except NoAnswer:
            raise
        except (OSError, ValueError):
            # Whatever is wrong with it, it is not a copy; the caller reports that where it matters.
            return None
        return job if job.id == job_id else None
