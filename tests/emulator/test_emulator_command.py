"""The command `retraind emulate`, in a process of its own."""

import argparse
import re
import signal
import socket
import sys
import tomllib
from pathlib import Path

import pytest
import requests

from retraind.emulator import add_arguments, run_from_arguments
from retraind.emulator.command import _until_signal
from support import zygote


@pytest.fixture
def emulate(tmp_path):
    """Start the command; return it with what it printed before it began to serve."""
    processes = []

    def begin(*arguments):
        always = ("--listen", "127.0.0.1:0", "--state", str(tmp_path / "state"), "--trainer", "instant")
        process, process.stdout = zygote.printing(*always, *arguments, run=f"{__name__}:run")
        processes.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        return process, "".join(lines)

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_no_path_is_cut_short_or_broken_where_it_is_to_be_copied(emulate, tmp_path):
    _, page = emulate("--model", "churn")
    assert f"(state: {tmp_path}/state)\n" in page
    assert f"secret key is in {tmp_path}/state/keys/account.secret\n" in page
    assert "…" not in page


def config_of(page):
    return tomllib.loads(page[page.index("[api]") : page.index("Ctrl-C")])


def run(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    try:
        return run_from_arguments(parser.parse_args(arguments))
    except SystemExit as end:
        return end.code


def test_what_it_prints_can_be_pasted_and_works(emulate):
    process, page = emulate("--model", "churn:target=解約:id=7", "--model", "価格 予測")
    config = config_of(page)
    assert set(config["models"]) == {"churn", "価格 予測"}
    for model in config["models"].values():
        path = Path(model["api_key_file"])
        assert path.stat().st_mode & 0o777 == 0o600
        key = path.read_text(encoding="utf-8").strip()
        assert key not in page
        url = config["api"]["base_url"] + "/v1/external/retrain_jobs/upload_url"
        response = requests.get(url, params={"filename": "a.csv"}, headers={"x-api-key": key}, timeout=10)
        assert response.status_code == 200
    models = requests.get(config["api"]["base_url"] + "/emulator/models", timeout=10).json()
    assert [(model["model_id"], model["target"]) for model in models] == [(7, "解約"), (1001, None)]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def test_keys_and_ids_stay_the_same(emulate, tmp_path):
    process, page = emulate("--model", "a", "--model", "b")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0
    keys = {path.name: path.read_text() for path in (tmp_path / "state" / "keys").iterdir()}
    _, page = emulate("--model", "b")
    assert {path.name: path.read_text() for path in (tmp_path / "state" / "keys").iterdir()} == keys
    models = requests.get(config_of(page)["api"]["base_url"] + "/emulator/models", timeout=10).json()
    assert {model["name"]: model["model_id"] for model in models} == {"a": 1001, "b": 1002}


def test_a_signal_ends_the_wait_at_whatever_line_it_strikes():
    def strike(*_):
        signal.raise_signal(signal.SIGINT)
        return strike

    def serve():
        wait()

    with _until_signal() as wait:
        before = sys.gettrace()
        sys.settrace(strike)
        try:
            serve()
        finally:
            sys.settrace(before)


def test_the_secret_key_fetches_keys(emulate, tmp_path):
    _, page = emulate()
    base = config_of(page)["api"]["base_url"]
    secret = (tmp_path / "state" / "keys" / "account.secret").read_text().strip()
    params = {"credential_type": "retrain", "model_id": 1001}
    url = base + "/v1/external/api-key"
    assert requests.get(url, params=params, headers={"x-api-key": secret}, timeout=10).json()["api_key"]


def test_requests_can_be_watched(emulate):
    process, page = emulate("--log-requests", "--fault", "api_503=1", "--seed", "1")
    requests.get(config_of(page)["api"]["base_url"] + "/v1/external/retrain_jobs/x", timeout=10)
    assert re.search(r"503 GET /v1/external/retrain_jobs/x", process.stdout.readline())


def test_faults_are_listed(capsys):
    assert run("--list-faults") == 0
    assert "upload_lost_answer" in capsys.readouterr().out


def test_a_port_in_use_is_told(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("--listen", f"127.0.0.1:{port}", "--state", str(tmp_path), "--trainer", "instant") == 1
    error = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1:{port}" in error
    assert "Address already in use" in error


def test_a_state_folder_that_is_a_file_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run("--state", str(tmp_path / "file")) == 1
    assert "cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "0.0.0.0:0"], "does not listen on 0.0.0.0"),
        (["--listen", "8089"], "not HOST:PORT"),
        (["--fault", "api_42=1"], "no fault named 'api_42'"),
        (["--fault", "api_500=2"], "between 0 and 1"),
        (["--model", "a", "--model", "a"], "same name"),
        (["--model", "a:id=one"], "an integer"),
        (["--model", "../a"], "cannot name a model"),
        (["--train-time", "soon"], "not a duration"),
    ],
)
def test_wrong_usage_is_told(tmp_path, capsys, arguments, words):
    assert run("--state", str(tmp_path), *arguments) == 2
    assert words in " ".join(capsys.readouterr().err.split())
