"""Puts the emulator together, starts and stops it."""

import contextlib
import functools
import importlib.util
import ipaddress
import socket
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from retraind.emulator.config import EmulatorConfig, EmulatorError
from retraind.emulator.faults import Dice
from retraind.emulator.ledger import Ledger
from retraind.emulator.records import Records, read_records
from retraind.emulator.training.instant import InstantTrainer
from retraind.emulator.training.sklearn_trainer import SklearnTrainer
from retraind.emulator.training.trainings import Trainer, Trainings
from retraind.emulator.web.admin import Admin
from retraind.emulator.web.api import Api
from retraind.emulator.web.api_faults import ApiFaults
from retraind.emulator.web.control import Control
from retraind.emulator.web.listener import Listener
from retraind.emulator.web.routes import Routes
from retraind.emulator.web.store import Store

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def _administered(
    method: Callable[Concatenate[Admin, _Arguments], _Result],
) -> Callable[Concatenate["Emulator", _Arguments], _Result]:
    """Make a method of the administration one of the emulator. EmulatorError when it is not running."""

    @functools.wraps(method)
    def call(emulator: "Emulator", /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        return method(emulator._now_running().admin, *args, **kwargs)  # noqa: SLF001

    return call


class Emulator:
    """The retraining service on one address of this machine.

    A context manager: entering starts it, leaving stops it. After `stop` it can be started again and
    continues with the same state; so can another Emulator with the same `state_dir`, also after this process
    was killed.
    """

    def __init__(self, config: EmulatorConfig) -> None:
        self._config = config
        self._running: _Running | None = None

    def start(self) -> None:
        """Start serving; requests are answered once this returns.

        Raises EmulatorError if the address, the state folder or the trainer cannot be used.
        """
        if self._running is None:
            self._running = _Running(self._config)

    def stop(self) -> None:
        """Close all sockets, join all threads and end the trainer's process. Harmless if it does not run."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._now_running().listener.server_port

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        scheme = "https" if self._config.certificate else "http"
        host = self._config.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def config(self) -> EmulatorConfig:
        """Its settings."""
        return self._config

    def records(self) -> list[dict[str, Any]]:
        """Return all records, oldest first; also when it does not run."""
        return read_records(self._config.state_dir)

    def check_clock(self) -> None:
        """Start and end what is due by now, for a simulated clock that has jumped. EmulatorError as below."""
        self._now_running().trainings.check_clock()

    models = _administered(Admin.models)
    jobs = _administered(Admin.jobs)
    faults = _administered(Admin.faults)
    set_faults = _administered(Admin.set_faults)
    expire_key = _administered(Admin.expire_key)
    replace_key = _administered(Admin.replace_key)
    delete_model = _administered(Admin.delete_model)
    delete_classifier = _administered(Admin.delete_classifier)
    delete_configuration = _administered(Admin.delete_configuration)
    delete_original_job = _administered(Admin.delete_original_job)
    delete_user = _administered(Admin.delete_user)
    delete_job = _administered(Admin.delete_job)
    expire_urls = _administered(Admin.expire_urls)

    def _now_running(self) -> "_Running":
        if self._running is None:
            raise EmulatorError("The emulator is not running.")
        return self._running


class _Running:
    """What exists only while the emulator runs."""

    def __init__(self, config: EmulatorConfig) -> None:
        require_loopback(config)
        self.trainer = trainer = _trainer(config)
        with contextlib.ExitStack() as cleanup:
            ledger = Ledger(config.state_dir)
            cleanup.callback(ledger.close)
            ledger.take_in(config.models, config.now(), config.key_lifetime)
            records = Records(config.state_dir, config.now)
            cleanup.callback(records.close)
            dice = Dice(
                config.faults,
                config.seed,
                lambda name: records.add("fault_struck", fault=name),
                config.facts,
            )
            self.trainings = trainings = Trainings(config, ledger, records, dice, trainer)
            api = Api(config, ledger, records, dice)
            self.admin = Admin(config, ledger, api, dice)
            store = Store(config, ledger, records, dice, trainings)
            control = Control(config.state_dir, self.admin)
            routes = Routes(api, ApiFaults(config, dice), store, control, records)
            self.listener = Listener(config, routes)
            cleanup.callback(trainings.stop)
            cleanup.callback(self.listener.stop)
            trainings.start()
            self.listener.start()
            self._cleanup = cleanup.pop_all()

    def stop(self) -> None:
        self._cleanup.close()


def require_loopback(config: EmulatorConfig) -> None:
    """Raise EmulatorError if other machines can reach the configured address and that is not allowed."""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(config.host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise EmulatorError(
            f"{config.host!r} is not an address of this machine: {error.strerror}."
        ) from error
    if config.any_address or all(ipaddress.ip_address(address).is_loopback for address in addresses):
        return
    raise EmulatorError(
        f"The emulator does not listen on {config.host}: other machines could reach it, it has no TLS, "
        "and it gives keys to anybody. --any-address (any_address=True) allows it."
    )


def _trainer(config: EmulatorConfig) -> Trainer:
    if config.trainer == "instant":
        return InstantTrainer()
    for library in ("pandas", "sklearn"):
        if importlib.util.find_spec(library) is None:
            raise EmulatorError(
                f"The emulator trains with {library}, which is not installed. Run: {sys.executable} -m pip "
                "install pandas scikit-learn\nOr train nothing: retraind emulate --trainer instant"
            )
    return SklearnTrainer(config.state_dir / "trainer.log")
