"""The command `retraind emulate`: its arguments, and a start page with a configuration to paste."""

import argparse
import json
import re
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import get_args

import platformdirs
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from retraind.emulator.config import EmulatedModel, EmulatorConfig, EmulatorError, PredictionType, RequestSeen
from retraind.emulator.faults import FAULTS, WORST_CASE, Fault
from retraind.emulator.ledger import Account, read_account, write_private
from retraind.emulator.service import Emulator, require_loopback

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_FIRST_MODEL_ID = 1001
_LAST_PORT = 65_535
_GOOD, _FAILED, _USAGE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A model as the command line describes it."""

    name: str
    target: str | None = None
    type: PredictionType | None = None
    key: str | None = None
    secret: str | None = None
    model_id: int | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `retraind emulate` to `parser`."""
    add = parser.add_argument
    add(
        "--listen",
        metavar="HOST:PORT",
        type=_address,
        default=("127.0.0.1", 8089),
        help="where to listen (default: 127.0.0.1:8089)",
    )
    add(
        "--any-address",
        action="store_true",
        help="allow addresses other than loopback, without TLS",
    )
    add(
        "--state",
        metavar="DIR",
        type=Path,
        help="the folder for all state (default: in the user's state folder)",
    )
    add(
        "--model",
        metavar="NAME[:target=COL][:type=TYPE][:key=APIKEY][:secret=SECRET][:id=INT]",
        type=_model,
        action="append",
        default=[],
        help='a model to serve; can be repeated (default: "demo", which predicts the last column)',
    )
    add(
        "--fault",
        metavar="NAME=PROB",
        type=_fault,
        action="append",
        default=[],
        help="how likely a fault is; can be repeated",
    )
    add(
        "--worst-case",
        action="store_true",
        help="do the worst that the vendor's manual allows: status_unknown, status_hidden and so on",
    )
    add("--list-faults", action="store_true", help="list the faults and exit")
    add("--seed", metavar="INT", type=int, help="make the sequence of faults repeatable")
    add(
        "--trainer",
        choices=("sklearn", "instant"),
        default="sklearn",
        help="sklearn trains; instant only checks the data",
    )
    for name, usual, text in (
        ("--queue-time", timedelta(seconds=1), "minimum wait before a training"),
        ("--train-time", timedelta(seconds=5), "minimum length of a training"),
        ("--url-lifetime", timedelta(hours=1), "how long pre-signed URLs are valid"),
        ("--key-lifetime", timedelta(days=30), "how long API keys are valid"),
    ):
        add(name, metavar="SPAN", type=_span, default=usual, help=text)
    add("--log-requests", action="store_true", help="print a line for each request")


def run_from_arguments(args: argparse.Namespace) -> int:
    """Run the emulator until SIGINT or SIGTERM; returns the exit code. Call from the main thread."""
    console = Console(highlight=False)
    errors = Console(stderr=True, highlight=False)
    if args.list_faults:
        console.print(_fault_table())
        return _GOOD
    state_dir = args.state or platformdirs.user_state_path("retraind") / "emulator"
    try:
        config, secret = _configure(args, state_dir.absolute(), console)
        require_loopback(config)
    except (ValueError, EmulatorError) as error:
        errors.print(f"retraind: {error}", markup=False, soft_wrap=True)
        return _USAGE
    except OSError as error:
        errors.print(
            f"The state folder {state_dir} cannot be used: {error.strerror}.", markup=False, soft_wrap=True
        )
        return _FAILED
    try:
        with Emulator(config) as emulator, _until_signal() as wait:
            _print_start_page(console, emulator, secret)
            wait()
    except EmulatorError as error:
        errors.print(f"retraind: {error}", markup=False, soft_wrap=True)
        return _FAILED
    return _GOOD


def _configure(args: argparse.Namespace, state_dir: Path, console: Console) -> tuple[EmulatorConfig, str]:
    """Return the configuration and the account's secret key; keys that are not given are created and kept."""
    account = read_account(state_dir)
    keys_dir = state_dir / "keys"
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = _kept_secret(keys_dir / "account.secret")
    wanted = args.model or [_Wanted("demo")]
    models = _models(wanted, account, secret)
    for model in models:
        write_private(keys_dir / f"{model.name}.key", f"{model.api_key}\n")
    host, port = args.listen
    config = EmulatorConfig(
        state_dir=state_dir,
        host=host,
        port=port,
        any_address=args.any_address,
        models=models,
        url_lifetime=args.url_lifetime,
        key_lifetime=args.key_lifetime,
        queue_time=args.queue_time,
        train_time=args.train_time,
        trainer=args.trainer,
        faults=dict(args.fault),
        facts=WORST_CASE if args.worst_case else {},
        repeated_upload="again-always" if args.worst_case else "again-once-started",
        seed=args.seed,
        on_request=_logger(console) if args.log_requests else None,
    )
    return config, secret


def _models(wanted: list[_Wanted], account: Account | None, secret: str) -> tuple[EmulatedModel, ...]:
    known = account.models if account else {}
    taken = {model.model_id for model in known.values()} | {one.model_id for one in wanted}
    models = []
    for one in wanted:
        before = known.get(one.name)
        model_id = one.model_id or (before.model_id if before else None)
        if model_id is None:
            model_id = next(number for number in range(_FIRST_MODEL_ID, 2**31) if number not in taken)
            taken.add(model_id)
        key = one.key or (before.keys[-1].key if before else secrets.token_urlsafe(30))
        models.append(
            EmulatedModel(one.name, model_id, key, one.target, one.secret or secret, prediction_type=one.type)
        )
    return tuple(models)


def _kept_secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        secret = secrets.token_urlsafe(30)
        write_private(path, f"{secret}\n")
        return secret


# -- the start page ----------------------------------------------------------------------------------------


def _print_start_page(console: Console, emulator: Emulator, secret: str) -> None:
    config = emulator.config
    table = Table("model", "id", "predicts")
    table.add_column("key in file", overflow="fold")
    for model in config.models:
        path = config.state_dir / "keys" / f"{model.name}.key"
        table.add_row(
            escape(model.name), str(model.model_id), escape(model.target or "last column"), escape(str(path))
        )
    console.print(
        f"The emulated service is at [bold]{emulator.url}[/] (state: {escape(str(config.state_dir))})",
        soft_wrap=True,
    )
    console.print(table)
    if any(model.secret_key == secret for model in config.models):
        console.print(
            f"The account's secret key is in {escape(str(config.state_dir / 'keys' / 'account.secret'))}",
            soft_wrap=True,
        )
    console.print("For the configuration of retraind:\n")
    # Not through rich's layout: what is pasted must not be wrapped.
    console.print(_snippet(emulator), markup=False, soft_wrap=True)
    console.print("Ctrl-C stops the emulator.")


def _snippet(emulator: Emulator) -> str:
    lines = ["[api]", f'base_url = "{emulator.url}"', ""]
    for model in emulator.config.models:
        name = model.name if re.fullmatch(r"[A-Za-z0-9_-]+", model.name) else _toml(model.name)
        key_file = emulator.config.state_dir / "keys" / f"{model.name}.key"
        lines += [
            f"[models.{name}]",
            f"drop = {_toml(str(Path('/srv/drop') / model.name))}",
            f"api_key_file = {_toml(str(key_file))}",
            "",
        ]
    return "\n".join(lines)


def _toml(text: str) -> str:
    """Return a TOML string; each string of JSON is one."""
    return json.dumps(text, ensure_ascii=False)


def _fault_table() -> Table:
    table = Table("fault", "what happens")
    for name, meaning in FAULTS.items():
        table.add_row(name, meaning)
    return table


def _logger(console: Console) -> Callable[[RequestSeen], None]:
    def log(seen: RequestSeen) -> None:
        moment = datetime.now().astimezone().strftime("%H:%M:%S")
        status = "---" if seen.status is None else seen.status
        line = f"{moment} {status} {seen.method} {seen.path} {seen.seconds * 1000:.0f} ms"
        console.print(line, markup=False, soft_wrap=True)

    return log


@contextmanager
def _until_signal() -> Iterator[Callable[[], object]]:
    """Yield a function that waits for SIGINT or SIGTERM."""
    # A signal may arrive while the main thread is inside an Event's lock; only a SimpleQueue's put may be
    # called then.
    received: SimpleQueue[int] = SimpleQueue()
    before = {
        number: signal.signal(number, lambda number, _: received.put(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received.get
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# -- argument types ----------------------------------------------------------------------------------------


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT.")
    return host.strip("[]"), int(port)


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip())
    if match is None or (match[2] or "s") not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 500ms, 5s, 10m, 1h or 30d.")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2] or "s"])


def _model(text: str) -> _Wanted:
    name, *options = re.split(r":(?=(?:target|type|key|secret|id)=)", text)
    wanted = _Wanted(name)
    for option in options:
        what, _, value = option.partition("=")
        if not value:
            raise argparse.ArgumentTypeError(f"{text!r}: {what} is empty.")
        if what == "id" and not value.isdecimal():
            raise argparse.ArgumentTypeError(f"{text!r}: a model's id is an integer.")
        if what == "type" and value not in get_args(PredictionType):
            types = ", ".join(get_args(PredictionType))
            raise argparse.ArgumentTypeError(f"{text!r}: the types are {types}.")
        wanted = replace(wanted, **({"model_id": int(value)} if what == "id" else {what: value}))
    return wanted


def _fault(text: str) -> tuple[str, Fault]:
    name, _, probability = text.partition("=")
    if name not in FAULTS:
        raise argparse.ArgumentTypeError(f"there is no fault named {name!r}; --list-faults lists all.")
    try:
        return name, Fault(float(probability or "1"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: a probability is between 0 and 1.") from error
