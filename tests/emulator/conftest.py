"""A running emulator and a client that speaks its four calls, for every test here."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig, read_records

CHURN = EmulatedModel("churn", model_id=1001, api_key="key-of-churn", secret_key="secret-of-account")
PRICE = EmulatedModel("price", model_id=1002, api_key="key-of-price", secret_key="secret-of-another")
PATIENCE_SECONDS = 60


def patiently() -> Iterator[None]:
    """Go on until patience is over, less and less often: who asks all the time takes the training's
    processor."""
    until = time.monotonic() + PATIENCE_SECONDS
    rest = 0.01
    while time.monotonic() < until:
        yield
        time.sleep(rest)
        rest = min(rest * 1.2, 0.2)


@dataclass
class Client:
    """The calls of the manual, as a client that does nothing else would make them."""

    emulator: Emulator
    key: str = CHURN.api_key

    def call(self, method: str, path: str, **rest: Any) -> requests.Response:
        headers = {"x-api-key": self.key, **rest.pop("headers", {})}
        url = f"{self.emulator.url}/v1/external/{path}"
        return requests.request(method, url, headers=headers, timeout=10, **rest)

    def register(self, file_name: str = "train.csv") -> dict[str, str]:
        response = self.call("GET", "retrain_jobs/upload_url", params={"filename": file_name})
        assert response.status_code == 200, response.text
        return response.json()

    def ask(self, retrain_job_id: str) -> requests.Response:
        return self.call("GET", f"retrain_jobs/{retrain_job_id}")

    def switch(self, retrain_job_id: str) -> requests.Response:
        return self.call("PUT", f"retrain_jobs/{retrain_job_id}/update_model")

    def fetch_key(self, **params: Any) -> requests.Response:
        return self.call("GET", "api-key", params={"credential_type": "retrain", **params})

    def upload(self, data: bytes, file_name: str = "train.csv") -> str:
        job = self.register(file_name)
        response = requests.put(job["upload_url"], data=data, timeout=10)
        assert response.status_code == 200, response.text
        return job["retrain_job_id"]

    def outcome(self, retrain_job_id: str) -> dict[str, Any]:
        """Wait until the retrain job is finished or failed."""
        for _ in patiently():
            answer = self.ask(retrain_job_id).json()
            if answer["status"] in {"job_finished", "job_failed"}:
                return answer
        raise AssertionError(f"no outcome: {answer}")

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return the records of one kind."""
        return [record for record in read_records(self.emulator.config.state_dir) if record["event"] == event]

    def wait_for(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until there are `count` records of one kind."""
        for _ in patiently():
            if len(found := self.told(event)) >= count:
                return found
        raise AssertionError(f"{event}: {found}")


@pytest.fixture(scope="session")
def client_of() -> type[Client]:
    """The client itself, for tests that start an emulator in another way."""
    return Client


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Start emulators with the settings a test wants; all are stopped at its end."""
    running: list[Emulator] = []

    def begin(**settings: Any) -> Client:
        settings = {
            "state_dir": tmp_path / "service",
            "models": (CHURN, PRICE),
            "trainer": "instant",
            **settings,
        }
        emulator = Emulator(EmulatorConfig(**settings))
        emulator.start()
        running.append(emulator)
        return Client(emulator)

    yield begin
    for emulator in running:
        emulator.stop()


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """A client of an emulator with ordinary settings."""
    return start()


@pytest.fixture
def good_data() -> bytes:
    """Training data that breaks no rule."""
    rows = (f"{number},{number % 3},{'yes' if number % 2 else 'no'}" for number in range(40))
    return "\n".join(["amount,kind,churned", *rows, ""]).encode("utf-8-sig")
