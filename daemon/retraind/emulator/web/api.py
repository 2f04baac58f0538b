"""The four API calls: from a request to an answer. Every refusal is a row of the vendor's table."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from retraind.emulator.config import EmulatorConfig
from retraind.emulator.facts import put_on_record
from retraind.emulator.faults import Dice
from retraind.emulator.ledger import Account, Key, Ledger, Model, RetrainJob
from retraind.emulator.records import Records
from retraind.emulator.web.answers import Answer, Refusal, as_json
from retraind.emulator.web.signing import presign


class Refused(Exception):
    """The call is answered with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value[2])
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API."""

    method: str
    path: tuple[str, ...]
    """Segments after `/v1/external/`."""
    query: Mapping[str, str]
    key: str
    """The `x-api-key` header, empty if there was none."""
    base_url: str


class Api:
    """The API, as clients see it."""

    def __init__(self, config: EmulatorConfig, ledger: Ledger, records: Records, dice: Dice) -> None:
        self._config = config
        self._ledger = ledger
        self._records = records
        self._dice = dice

    def answer(self, call: Call) -> Answer:
        """Answer one call."""
        try:
            return self._dispatch(call)
        except Refused as refused:
            return refused.refusal.answer()

    def _dispatch(self, call: Call) -> Answer:
        match call.method, call.path:
            case "GET", ("retrain_jobs", "upload_url"):
                return self._register(call)
            case "GET", ("retrain_jobs", retrain_job_id):
                return self._status(call, retrain_job_id)
            case "PUT", ("retrain_jobs", retrain_job_id, "update_model"):
                return self._switch(call, retrain_job_id)
            case "GET", ("api-key",):
                return self._issue_key(call)
            case _, ("retrain_jobs", _) | ("retrain_jobs", _, "update_model") | ("api-key",):
                return as_json({"message": "Method Not Allowed"}, status=405)
            case _:
                return as_json({"message": "Not Found"}, status=404)

    def _register(self, call: Call) -> Answer:
        model = self._model_of_key(call.key)
        self._refuse_inactive(model, call.key)
        _refuse_if(self._ledger.account.user_deleted, Refusal.USER_DELETED)
        _refuse_if(model.deleted, Refusal.MODEL_DELETED)
        _refuse_if(model.original_job_deleted, Refusal.JOB_DELETED)
        _refuse_if(model.configuration_deleted, Refusal.CONFIGURATION_NOT_FOUND)
        file_name = call.query.get("filename", "")
        _refuse_if(not file_name, Refusal.FILE_NAME_REQUIRED)
        job = RetrainJob(
            retrain_job_id=str(uuid.uuid4()),
            model=model.name,
            file_name=file_name,
            upload_token=secrets.token_hex(16),
            results_token=secrets.token_hex(16),
            registered_at=self._config.now(),
        )
        self._ledger.add_job(job)
        put_on_record(self._records, job)
        address = self._address(call, "PUT", job.upload_token)
        return as_json({"retrain_job_id": job.retrain_job_id, "upload_url": address})

    def _status(self, call: Call, retrain_job_id: str) -> Answer:
        model, job = self._job_for_key(call.key, retrain_job_id)
        _refuse_if(job.deleted, Refusal.JOB_DELETED)
        words = self._config.words
        body: dict[str, object] = {"metadata": {"retrain_job_id": job.retrain_job_id}}
        training = job.trainings[-1] if job.trainings else None
        if self._is_hidden(job):
            training = None
        if training is None:
            _refuse_if(self._dice.strikes("status_unknown"), Refusal.JOB_NOT_FOUND)
            body["status"] = words.waiting_for_upload
        elif training.started_at is None:
            body["status"] = words.waiting
        elif training.ended_at is None:
            body["status"] = words.running
        elif training.failure is not None:
            body |= {"status": words.failed, "message": training.failure}
        else:
            address = self._address(call, "GET", job.results_token)
            body |= {"status": words.finished, "model_id": model.model_id, "download_url": address}
        return as_json(body)

    def _is_hidden(self, job: RetrainJob) -> bool:
        """Return whether the status does not show the job's first upload yet, though its training may run."""
        if not job.uploads or self._config.now() >= job.uploads[0].received_at + self._config.hidden_time:
            return False
        return self._dice.strikes("status_hidden")

    def _switch(self, call: Call, retrain_job_id: str) -> Answer:
        model, job = self._job_for_key(call.key, retrain_job_id)
        _refuse_if(job.deleted, Refusal.JOB_NOT_FOUND)
        _refuse_if(model.classifier_deleted, Refusal.CLASSIFIER_NOT_FOUND)
        training = job.trainings[-1] if job.trainings else None
        finished = training is not None and training.ended_at is not None and training.failure is None
        _refuse_if(not finished, Refusal.NOT_FINISHED)
        moment = self._config.now()
        self._ledger.change_model(model.name, lambda model: model.but(published=job.retrain_job_id))
        self._ledger.change_job(
            job.retrain_job_id, lambda job: job.but(switched_at=(*job.switched_at, moment))
        )
        self._records.add("model_switched", model=model.name, retrain_job_id=job.retrain_job_id, at=moment)
        return as_json({"metadata": {"retrain_job_id": job.retrain_job_id}})

    def _issue_key(self, call: Call) -> Answer:
        account = self._ledger.account
        owned = [model for model in account.models.values() if call.key and model.secret_key == call.key]
        _refuse_if(not owned, Refusal.INVALID_KEY)
        _refuse_if(account.user_deleted, Refusal.USER_DELETED)
        _refuse_if(call.query.get("credential_type") != "retrain", Refusal.CREDENTIAL_TYPE_INVALID)
        model_id = call.query.get("model_id", "")
        _refuse_if(not model_id.isdecimal(), Refusal.MODEL_ID_REQUIRED)
        model = next((model for model in account.models.values() if model.model_id == int(model_id)), None)
        if model is None or model.deleted:
            raise Refused(Refusal.MODEL_DELETED)
        _refuse_if(model not in owned, Refusal.CREDENTIAL_NOT_FOUND)
        key = self.new_key(model.name)
        return as_json({"api_key": key.key, "end_date": key.ends_at.strftime(self._config.end_date_format)})

    def new_key(self, model: str) -> Key:
        """Issue another key for a model. Raises EmulatorError if there is no such model."""
        moment = self._config.now()
        key = Key(key=secrets.token_urlsafe(30), issued_at=moment, ends_at=moment + self._config.key_lifetime)
        self._ledger.change_model(model, lambda kept: kept.but(keys=(*kept.keys, key)))
        self._records.add("api_key_issued", model=model, end_date=key.ends_at.isoformat())
        return key

    def _model_of_key(self, key: str) -> Model:
        for model in self._ledger.account.models.values():
            if any(kept.key == key for kept in model.keys):
                return model
        raise Refused(Refusal.INVALID_KEY)

    def _refuse_inactive(self, model: Model, key: str) -> None:
        now = self._config.now()
        _refuse_if(
            all(kept.ends_at <= now for kept in model.keys if kept.key == key), Refusal.INACTIVE_CREDENTIAL
        )

    def _job_for_key(self, key: str, retrain_job_id: str) -> tuple[Model, RetrainJob]:
        model = self._model_of_key(key)
        account: Account = self._ledger.account
        # The table has no row for a deleted user or model in calls 2 and 3; these are the nearest.
        _refuse_if(account.user_deleted, Refusal.INACTIVE_CREDENTIAL)
        self._refuse_inactive(model, key)
        job = self._ledger.job(retrain_job_id)
        if job is None or model.deleted:
            raise Refused(Refusal.JOB_NOT_FOUND)
        _refuse_if(job.model != model.name, Refusal.CREDENTIAL_NOT_FOUND)
        return model, job

    def _address(self, call: Call, method: str, token: str) -> str:
        secret = self._ledger.account.signing_secret
        lifetime = self._config.url_lifetime
        if method == "GET" and self._config.results_lifetime is not None:
            lifetime = self._config.results_lifetime
        path = presign(secret, method, token, self._config.now(), lifetime)
        store = self._config.store_url
        return (store() if store else call.base_url) + path


def _refuse_if(condition: bool, refusal: Refusal) -> None:  # noqa: FBT001  - reads as a sentence
    if condition:
        raise Refused(refusal)
