"""The object store behind pre-signed addresses: uploads in, results out, errors in the XML of S3.

Bodies go straight between socket and disk, a megabyte at a time.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

from retraind.emulator.config import EmulatorConfig
from retraind.emulator.facts import put_on_record
from retraind.emulator.faults import UPLOAD_ANSWERS, UPLOAD_ANSWERS_AFTER, Dice, status_of
from retraind.emulator.ledger import Ledger, RetrainJob, Upload
from retraind.emulator.records import Records
from retraind.emulator.training.trainings import Trainings
from retraind.emulator.web.answers import Answer, as_html, store_refusal
from retraind.emulator.web.api_faults import portal
from retraind.emulator.web.exchange import BLOCK, Exchange, HungUp
from retraind.emulator.web.signing import Verdict, check

_LARGEST_OBJECT = 5 * 1024**3
"""S3 accepts no more in a single PUT."""
_EXPIRED = ("AccessDenied", "Request has expired")
_CODES = {
    400: ("InvalidRequest", "The request is not valid."),
    404: ("NoSuchBucket", "The specified bucket does not exist."),
    409: ("OperationAborted", "A conflicting operation is in progress."),
    412: ("PreconditionFailed", "A precondition did not hold."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    501: ("NotImplemented", "A header you provided implies functionality that is not implemented."),
    503: ("SlowDown", "Please reduce your request rate."),
}
"""S3's own errors by status; other statuses come as a page, from something in front of the store."""


class Store:
    """Serves `/store/<token>`."""

    def __init__(
        self, config: EmulatorConfig, ledger: Ledger, records: Records, dice: Dice, trainings: Trainings
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._records = records
        self._dice = dice
        self._trainings = trainings

    def serve(self, exchange: Exchange, token: str) -> None:
        """Serve one request to the store."""
        refusal = self._refusal(exchange, token)
        if refusal is not None:
            exchange.send(refusal)
            return
        job = self._ledger.job_of_token(token)
        assert job is not None, "only addresses of known objects are signed"
        if exchange.command == "PUT":
            self._take(exchange, job)
        else:
            self._give(exchange, job)

    def _refusal(self, exchange: Exchange, token: str) -> Answer | None:
        if exchange.command not in {"PUT", "GET"}:
            message = "The specified method is not allowed against this resource."
            return store_refusal(405, "MethodNotAllowed", message, Method=exchange.command)
        if "x-api-key" in exchange.headers:
            message = "The object store must never see an API key."
            return store_refusal(400, "InvalidArgument", message, ArgumentName="x-api-key")
        account = self._ledger.account
        moment = self._config.now()
        method, void = exchange.command, account.addresses_void_before
        match check(account.signing_secret, method, token, exchange.query, moment=moment, void_before=void):
            case Verdict.WRONG:
                message = "The request signature we calculated does not match the signature you provided."
                return store_refusal(403, "SignatureDoesNotMatch", message)
            case Verdict.EXPIRED:
                return store_refusal(403, *_EXPIRED, ServerTime=moment.isoformat())
            case Verdict.GOOD:
                return self._refusal_of_body(exchange) if method == "PUT" else None

    @staticmethod
    def _refusal_of_body(exchange: Exchange) -> Answer | None:
        if exchange.is_chunked:
            message = "A header you provided implies functionality that is not implemented."
            return store_refusal(501, "NotImplemented", message, Header="Transfer-Encoding")
        if not exchange.has_length:
            message = "You must provide the Content-Length HTTP header."
            return store_refusal(411, "MissingContentLength", message)
        if exchange.unread > _LARGEST_OBJECT:
            message = "Your proposed upload exceeds the maximum allowed size."
            return store_refusal(400, "EntityTooLarge", message, ProposedSize=str(exchange.unread))
        return None

    # -- uploads -------------------------------------------------------------------------------------------

    def _take(self, exchange: Exchange, job: RetrainJob) -> None:
        before = self._answer_of(exchange, UPLOAD_ANSWERS, "upload_html")
        if self._dice.strikes("upload_503_day"):
            before = self._some(exchange, 503, {"Retry-After": "86400"})
        if before is not None:
            exchange.send(before)
            return
        announced = exchange.unread
        new = self._ledger.objects_of(job) / f"arriving-{secrets.token_hex(8)}"
        try:
            digest = self._receive(exchange, new)
        except HungUp as error:
            new.unlink(missing_ok=True)
            self._records.add(
                "put_received",
                model=job.model,
                retrain_job_id=job.retrain_job_id,
                complete=False,
                size=announced - exchange.unread,
                announced=announced,
                file_name=job.file_name,
                reason=str(error),
            )
            raise
        self._keep(job, new, announced, digest)
        if self._dice.strikes("upload_lost_answer"):
            exchange.hang_up()
        after = self._answer_of(exchange, UPLOAD_ANSWERS_AFTER, "upload_html_after")
        exchange.send(after or Answer(200, content_type=None, headers={"ETag": f'"{digest[:32]}"'}))

    def _answer_of(self, exchange: Exchange, faults: Iterable[str], page: str) -> Answer | None:
        """Return the answer of the fault that strikes the upload, if one does."""
        for name in faults:
            if self._dice.strikes(name):
                return self._some(exchange, status_of(name))
        return portal() if self._dice.strikes(page) else None

    def _some(self, exchange: Exchange, status: int, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer with a status as the store, or a proxy in front of it, sends it."""
        if status == 403:  # noqa: PLR2004
            return store_refusal(403, *_EXPIRED, ServerTime=self._config.now().isoformat())
        if status in {301, 307}:
            return Answer(status, content_type=None, headers={"Location": f"{exchange.base_url}/elsewhere"})
        if status in _CODES:
            refusal = store_refusal(status, *_CODES[status])
            return replace(refusal, headers=headers or {})
        return as_html(f"{status} {exchange.responses.get(status, ('',))[0]}", status=status)

    def _receive(self, exchange: Exchange, new: Path) -> str:
        """Write the body to file `new`; return its SHA-256. Raises HungUp if it ends early."""
        interrupt = None
        if self._dice.strikes("upload_reset"):
            interrupt = exchange.reset
        elif self._dice.strikes("upload_stall"):
            interrupt = partial(exchange.pause, self._config.stall_time)
        exchange.want_body()
        digest = hashlib.sha256()
        block = memoryview(bytearray(BLOCK))
        with new.open("wb") as file:
            for left, then in ((exchange.unread // 2, interrupt), (0, None)):
                while exchange.unread > left:
                    got = exchange.read_into(block[: exchange.unread - left])
                    digest.update(block[:got])
                    file.write(block[:got])
                if then is not None:
                    then()
        return digest.hexdigest()

    def _keep(self, job: RetrainJob, new: Path, size: int, digest: str) -> None:
        moment = self._config.now()

        def add(job: RetrainJob) -> RetrainJob:
            number = len(job.uploads) + 1
            new.replace(self._ledger.upload_path(job, number))
            upload = Upload(number=number, size=size, sha256=digest, received_at=moment)
            return self._trainings.with_upload(job.but(uploads=(*job.uploads, upload)))

        job = self._ledger.change_job(job.retrain_job_id, add)
        put_on_record(self._records, job)
        self._trainings.attend(job)

    # -- results -------------------------------------------------------------------------------------------

    def _give(self, exchange: Exchange, job: RetrainJob) -> None:
        if self._dice.strikes("results_403"):
            exchange.send(store_refusal(403, *_EXPIRED, ServerTime=self._config.now().isoformat()))
            return
        good = [training for training in job.trainings if training.ended_at and training.failure is None]
        path = self._ledger.results_path(job, good[-1].number) if good else None
        if path is None or not path.exists():
            exchange.send(store_refusal(404, "NoSuchKey", "The specified key does not exist."))
            return
        with path.open("rb") as file:
            self._send_file(exchange, job, file, path.stat().st_size)

    def _send_file(self, exchange: Exchange, job: RetrainJob, file: IO[bytes], size: int) -> None:
        begin, end = _range(exchange.headers.get("Range", ""), size)
        headers = {"Accept-Ranges": "bytes"}
        status = 200
        if (begin, end) != (0, size):
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        half = begin + (end - begin) // 2
        if self._dice.strikes("results_cut"):
            end = half
        if self._dice.strikes("results_empty"):
            end = begin
        exchange.begin(Answer(status, content_type="application/zip", headers=headers), end - begin)
        file.seek(begin)
        if self._dice.strikes("results_reset"):
            exchange.wfile.write(file.read(half - begin))
            exchange.reset()
        if self._dice.strikes("results_truncated"):
            exchange.wfile.write(file.read(half - begin))
            exchange.hang_up()
        left = end - begin
        while left:
            block = file.read(min(BLOCK, left))
            exchange.wfile.write(block)
            left -= len(block)
        if end == size:
            self._records.add(
                "results_downloaded", model=job.model, retrain_job_id=job.retrain_job_id, size=size
            )


def _range(wanted: str, size: int) -> tuple[int, int]:
    """Return begin and end of `bytes=begin-[last]`; of the complete object for anything else."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted.strip())
    if match is None or int(match[1]) >= size:
        return 0, size
    return int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
