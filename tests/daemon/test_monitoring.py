"""What a running daemon offers to monitoring, while all is well and while it is not."""

import http.client
import os
import re
import signal
import threading
from contextlib import closing

import pytest

from retraind.domain.problems import problem
from support.lanes import by_hand
from support.peers import Peer, answer
from support.process import Site, free_port, until
from support.running import running
from support.world import key_of


@pytest.fixture
def listening(tmp_path, service):
    site = Site(
        tmp_path, service.url, metrics=f'[metrics]\nlisten = "127.0.0.1:0"\ntextfile = "{tmp_path}/retraind.prom"',
        sweep='[sweep]\ninterval = "1s"',
    )  # fmt: skip
    site.add_model("churn", key_of("churn"))
    with running(site) as made:
        until(lambda: made.daemon.parts.monitoring.port, "it listens")
        yield made


def ask(port: int, path: str, patience: float = 20) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=patience)) as connection:
        connection.request("GET", path)
        found = connection.getresponse()
        return found.status, found.read().decode()


def value(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


def test_a_delivery_is_counted_and_the_file_says_the_same(listening, tmp_path):
    daemon = listening.daemon
    port = daemon.parts.monitoring.port
    until(lambda: ask(port, "/readyz") == (200, "ok\n"), "it is ready")
    listening.deliver("churn")

    def ended() -> bool:
        return 'retraind_deliveries_total{model="churn",outcome="trained"} 1.0' in ask(port, "/metrics")[1]

    until(ended, "the delivery is counted")
    text = ask(port, "/metrics")[1]
    assert value(text, 'retraind_jobs{model="churn",state="done"}') == 1
    assert value(text, 'retraind_uploaded_bytes_total{model="churn"}') > 100
    assert value(text, 'retraind_step_duration_seconds_count{step="preflight"}') == 1
    assert value(text, 'retraind_step_duration_seconds_count{step="poll"}') == 1
    assert value(text, 'retraind_last_success_timestamp_seconds{model="churn"}') > 1.7e9
    until(
        lambda: value(text, 'retraind_key_expiry_timestamp_seconds{model="churn"}') > 1.7e9,
        "the key is known",
    )
    assert ask(port, "/healthz") == (200, "ok\n")
    assert ask(port, "/else")[0] == 404
    file = tmp_path / "retraind.prom"
    until(
        lambda: file.exists() and value(file.read_text(), 'retraind_jobs{model="churn",state="done"}') == 1,
        "the file is written",
    )
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_journal_that_cannot_be_written_is_no_reason_to_restart_but_not_ready(listening):
    parts = listening.daemon.parts
    port = parts.monitoring.port
    until(lambda: ask(port, "/readyz")[0] == 200, "it is ready")
    mind, parts.journal_watch.mind = parts.journal_watch.mind, lambda: None
    parts.journal_watch.trouble = problem("database_error", reason="database or disk is full")
    status, line = ask(port, "/readyz")
    assert (status, "CANNOT WRITE its journal" in line) == (503, True)
    assert ask(port, "/healthz")[0] == 200
    parts.journal_watch.trouble, parts.journal_watch.mind = None, mind
    assert ask(port, "/readyz")[0] == 200


def test_a_file_waits_since_it_arrived(listening, tmp_path):
    (tmp_path / "share" / "churn" / "train_1.csv").write_text("a,b\n1,2\n")
    port = listening.daemon.parts.monitoring.port
    name = 'retraind_oldest_waiting_file_timestamp_seconds{model="churn"}'
    until(lambda: name in ask(port, "/metrics")[1], "it is seen")
    first = value(ask(port, "/metrics")[1], name)
    swept = "retraind_last_sweep_timestamp_seconds"
    until(lambda: f"\n{swept} " in ask(port, "/metrics")[1], "a sweep has ended")
    until(lambda: value(ask(port, "/metrics")[1], swept) > first + 1, "time passes")
    assert abs(value(ask(port, "/metrics")[1], name) - first) < 0.5


def test_a_daemon_that_is_stopped_by_a_signal_answers_no_probe(tmp_path, service):
    port = free_port()
    site = Site(tmp_path, service.url, metrics=f'[metrics]\nlisten = "127.0.0.1:{port}"')
    site.add_model("churn", key_of("churn"))
    site.start()
    try:
        until(lambda: ask(port, "/healthz")[0] == 200, "it is alive")
        os.kill(site.process.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            ask(port, "/healthz", patience=0.5)
        os.kill(site.process.pid, signal.SIGCONT)
        assert ask(port, "/healthz")[0] == 200
        assert site.stop() == 0
    finally:
        site.kill()


def test_an_address_that_is_taken_ends_the_start_with_a_sentence(tmp_path, service):
    peer = Peer([answer(200)])
    site = Site(tmp_path, service.url, metrics=f'[metrics]\nlisten = "127.0.0.1:{peer.port}"')
    site.add_model("churn", key_of("churn"))
    site.start(wait=False)
    try:
        assert site.process.wait(30) == 2
        assert "Choose another address in metrics.listen" in site.log.read_text()
    finally:
        site.kill()
        peer.stop()


def test_what_is_not_configured_has_no_thread_until_a_reload_configures_it(tmp_path, service):
    site = Site(tmp_path, service.url)
    site.add_model("churn", key_of("churn"))
    with by_hand(site.config) as daemon:
        daemon.parts.monitoring.start()
        assert not {thread.name for thread in threading.enumerate()} & {"textfile", "heartbeat"}
        site._text += f'[metrics]\ntextfile = "{tmp_path}/retraind.prom"\n'
        site.write()
        for _ in range(2):
            daemon._read_again()
            assert [thread.name for thread in threading.enumerate()].count("textfile") == 1
        until((tmp_path / "retraind.prom").exists, "it is written")


def test_a_run_that_ends_has_called_its_heartbeat(tmp_path, service):
    peer = Peer([answer(200)])
    site = Site(tmp_path, service.url, notify=f'[notify]\nheartbeat = "{peer.url}/secret"')
    site.config.chmod(0o600)
    site.add_model("churn", key_of("churn"))
    assert site.once() == 0
    peer.stop()
    targets = [visit.target for visit in peer.visits]
    assert targets[0] == "/secret/start"
    assert targets[-1] == "/secret"
