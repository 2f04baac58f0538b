"""What an administrator of the service could do to an account: expire keys, delete things, turn faults on.

Every change is on disk before the call returns and effective at once; faults alone are forgotten by a
restart.
"""

from collections.abc import Mapping
from typing import Any

from retraind.emulator.config import EmulatorConfig
from retraind.emulator.faults import Dice, Fault
from retraind.emulator.ledger import Ledger, Model
from retraind.emulator.web.api import Api


class Admin:
    """The changes, by name. All raise EmulatorError for an unknown model or retrain job."""

    def __init__(self, config: EmulatorConfig, ledger: Ledger, api: Api, dice: Dice) -> None:
        self._config = config
        self._ledger = ledger
        self._api = api
        self._dice = dice

    def expire_key(self, model: str) -> None:
        """Expire all keys of a model; calls with them are refused with `Inactive_credential.`."""
        moment = self._config.now()
        self._ledger.change_model(model, lambda kept: kept.without_keys(moment))

    def replace_key(self, model: str) -> str:
        """Expire all keys of a model and return a new one."""
        self.expire_key(model)
        return self._api.new_key(model).key

    def delete_model(self, model: str) -> None:
        """Delete a model: `This model may be deleted.` (calls 1, 4); `Not found retrain job.` (2, 3)."""
        self._mark(model, deleted=True)

    def delete_classifier(self, model: str) -> None:
        """Delete the published model's API: `Not found classifier.` from call 3."""
        self._mark(model, classifier_deleted=True)

    def delete_configuration(self, model: str) -> None:
        """Delete the model's configuration: `Not found configuration_file.` (500) from call 1."""
        self._mark(model, configuration_deleted=True)

    def delete_original_job(self, model: str) -> None:
        """Delete the training the model came from: `This job may be deleted.` from call 1."""
        self._mark(model, original_job_deleted=True)

    def delete_user(self) -> None:
        """Delete the account: `This user may be deleted.` from calls 1 and 4, else `Inactive_credential.`."""
        self._ledger.change_account(lambda account: account.but(user_deleted=True))

    def delete_job(self, retrain_job_id: str) -> None:
        """Delete a retrain job: `This job may be deleted.` from call 2, `Not found retrain job.` from 3."""
        self._ledger.change_job(retrain_job_id, lambda job: job.but(deleted=True))

    def expire_urls(self) -> None:
        """Expire every address that was returned so far."""
        moment = self._config.now()
        self._ledger.change_account(lambda account: account.but(addresses_void_before=moment))

    def set_faults(self, faults: Mapping[str, float | Fault]) -> None:
        """Replace all faults. Raises ValueError for an unknown name or a probability outside 0 to 1."""
        self._dice.set(faults)

    def faults(self) -> dict[str, Fault]:
        """Return the faults in force, with what is left of their `times`."""
        return self._dice.current()

    def models(self) -> list[dict[str, Any]]:
        """Return all models: name, model_id, published retrain job and so on, without keys."""
        return [self._describe(model) for model in self._ledger.account.models.values()]

    def jobs(self) -> list[dict[str, Any]]:
        """Return all retrain jobs with their uploads and trainings, oldest first, without their tokens."""
        hidden = {"upload_token", "results_token"}
        return [job.model_dump(mode="json", exclude=hidden) for job in self._ledger.jobs()]

    def _mark(self, model: str, **changes: bool) -> None:
        self._ledger.change_model(model, lambda kept: kept.but(**changes))

    def _describe(self, model: Model) -> dict[str, Any]:
        described: dict[str, Any] = model.model_dump(mode="json", exclude={"keys", "secret_key"})
        described["key_ends_at"] = max(key.ends_at for key in model.keys).isoformat()
        return described
