"""The administration over HTTP, for tests in other processes: everything under `/emulator/`.

GET  /emulator/records                       POST /emulator/models/NAME/expire-key
GET  /emulator/models                        POST /emulator/models/NAME/replace-key
GET  /emulator/jobs                          POST /emulator/models/NAME/delete
GET  /emulator/faults                        POST /emulator/models/NAME/delete-classifier
POST /emulator/faults  {"api_503": 0.2,      POST /emulator/models/NAME/delete-configuration
  "api_429": {"probability": 1, "times": 2}} POST /emulator/models/NAME/delete-original-job
POST /emulator/user/delete                   POST /emulator/jobs/RETRAIN_JOB_ID/delete
POST /emulator/urls/expire
"""

import ipaddress
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from retraind.emulator.config import EmulatorError
from retraind.emulator.faults import Fault
from retraind.emulator.records import read_records
from retraind.emulator.web.admin import Admin
from retraind.emulator.web.answers import Answer, as_json
from retraind.emulator.web.exchange import Exchange

_FAULTS = TypeAdapter(dict[str, float | Fault])


class Control:
    """Serves `/emulator/…`, only to clients on this machine."""

    def __init__(self, state_dir: Path, admin: Admin) -> None:
        self._state_dir = state_dir
        self._admin = admin
        self._of_model: dict[str, Callable[[str], str | None]] = {
            "expire-key": admin.expire_key,
            "replace-key": admin.replace_key,
            "delete": admin.delete_model,
            "delete-classifier": admin.delete_classifier,
            "delete-configuration": admin.delete_configuration,
            "delete-original-job": admin.delete_original_job,
        }

    def answer(self, exchange: Exchange, body: bytes) -> Answer:
        """Answer one request below `/emulator/`."""
        if not _is_of_this_machine(exchange):
            return as_json(
                {"error": "The emulator can only be administered from its own machine."}, status=403
            )
        try:
            match exchange.command, exchange.segments[1:]:
                case "GET", (what,):
                    return self._read(what)
                case "POST", parts:
                    return self._change(parts, body)
                case _:
                    return as_json({"error": "Method Not Allowed"}, status=405)
        except EmulatorError as error:
            return as_json({"error": str(error)}, status=404)
        except ValueError as error:
            return as_json({"error": str(error)}, status=400)

    def _read(self, what: str) -> Answer:
        match what:
            case "records":
                return as_json(read_records(self._state_dir))
            case "models":
                return as_json(self._admin.models())
            case "jobs":
                return as_json(self._admin.jobs())
            case "faults":
                return as_json({name: asdict(fault) for name, fault in self._admin.faults().items()})
            case _:
                raise EmulatorError("There is no such page.")

    def _change(self, parts: tuple[str, ...], body: bytes) -> Answer:
        result: str | None = None
        match parts:
            case ("faults",):
                self._admin.set_faults(_faults(body))
            case ("user", "delete"):
                self._admin.delete_user()
            case ("urls", "expire"):
                self._admin.expire_urls()
            case ("jobs", retrain_job_id, "delete"):
                self._admin.delete_job(retrain_job_id)
            case ("models", name, verb) if verb in self._of_model:
                result = self._of_model[verb](name)
            case _:
                raise EmulatorError("There is no such command.")
        return as_json({} if result is None else {"api_key": result})


def _is_of_this_machine(exchange: Exchange) -> bool:
    """Return whether the client is a program on this machine, and not a web page that a person has open here.

    A page sends its Origin with every change. With a GET it may not; but its Host is always the name of its
    own site, which somebody has made to point here.
    """
    if not _is_loopback(exchange.client_address[0]) or "Origin" in exchange.headers:
        return False
    return all(_is_own_name(host) for host in exchange.headers.get_all("Host", [""]))


def _is_own_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _faults(body: bytes) -> dict[str, float | Fault]:
    """Read name -> probability, or name -> {"probability", "times"}. Raises ValueError."""
    try:
        return _FAULTS.validate_json(body or b"{}")
    except ValidationError:
        raise ValueError(
            'Faults are a JSON object: name to probability (0 to 1), or to {"probability": …, "times": …}.'
        ) from None
