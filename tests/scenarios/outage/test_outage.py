"""The service away or failing: nothing is lost or trained twice, and `status` says what is going on."""

import contextlib
import dataclasses
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import trustme

from retraind.api import circuit_breaker
from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.job import Bundled, Job, Outcome, Role, SealedFile, State
from retraind.emulator import WORST_CASE, EmulatedModel, Emulator, EmulatorConfig, Fault
from retraind.intake.listing import signature_of
from support.clock import ManualClock
from support.process import Site, filed, until
from support.running import running
from support.variants import long, variants
from support.world import a_world, step, table

KEY = "key-of-churn-0123456789"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """What lasts minutes in the field lasts moments here."""
    monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", timedelta(milliseconds=200))
    monkeypatch.setattr(circuit_breaker, "LONGEST_PAUSE", timedelta(milliseconds=800))
    monkeypatch.setattr("retraind.jobs.trainings._FRESH_ADDRESS", timedelta(milliseconds=300))
    monkeypatch.setattr("retraind.daemon._end_hard", lambda _: None)  # it would end the tests' own process


AT_WORST = {
    "facts": WORST_CASE,
    "hidden_time": timedelta(milliseconds=100),
    "repeated_upload": "again-always",
}
"""What the vendor leaves open, taken the worst way. An upload is hidden for less than `upload_doubt`."""


class Service:
    """The emulator at one address, whether it is there or not."""

    def __init__(self, root, **settings):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.emulator = Emulator(
            EmulatorConfig(
                root / "service",
                port=self.port,
                models=(EmulatedModel("churn", 1001, KEY, target="churned"),),
                trainer="instant",
                retry_after=timedelta(seconds=1),
                stall_time=timedelta(seconds=8),
                **{**AT_WORST, **settings},
            )
        )
        self.emulator.start()

    def events(self, name):
        return [record for record in self.emulator.records() if record["event"] == name]


@pytest.fixture
def service(root):
    made = Service(root)
    yield made
    made.emulator.stop()


def told(site):
    """Return STATUS.txt as one line, for it is filled to a width; nothing before there is one."""
    try:
        return " ".join((site.drop / "STATUS.txt").read_text("utf-8-sig").split())
    except FileNotFoundError:
        return ""


def site_of(root, url):
    site = Site(root, url)
    site._text = site._text.replace("timeout = 5", "timeout = 1\nconnect_timeout = 1")
    site._text = site._text.replace('upload_doubt = "1s"', 'upload_doubt = "300ms"')
    site._text = site._text.replace('retry_longest = "2s"', 'retry_longest = "500ms"')
    site.drop = site.add_model("churn", KEY, 'settle = "0s"')
    return site


def filed_whole_and_trained_once(site, service, sent):
    until(lambda: filed(site.drop), "the delivery is filed")
    (folder,) = filed(site.drop)
    assert folder.parent.name == "done"
    assert {path.name: path.read_bytes() for path in folder.glob("*.csv")} == sent
    assert len(service.events("training_started")) == 1


FAULTS = {
    # fault: the words that status has for it
    "api_503": "503",
    "api_500": "500",
    "api_429": "429",
    "api_429_date": "429",
    "api_429_bare": "429",
    "api_html": "a web page instead of data",
    "api_redirect": "redirect",
    "api_huge": "longer than",
    "api_truncated": "cut off",
    "upload_503": "SlowDown",
    "upload_500": "InternalError",
    "upload_403": "rejected the upload URL",
    "upload_reset": "was lost",
    "upload_stall": "timed out",
    "results_truncated": "was lost after",
}
"""upload_403: it is asked whether the bytes arrived; then another address is asked for."""


MUCH_THE_SAME = {"api_500", "api_429", "api_429_bare", "upload_500"}
"""As others to retraind, but for the number."""


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (long if each in MUCH_THE_SAME else pytest.param)(each, words, id=each)
        for each, words in FAULTS.items()
    ],
)
def test_trouble_is_told_while_it_lasts_and_overcome_when_it_ends(root, service, fault, words):
    site = site_of(root, service.emulator.url)
    service.emulator.set_faults({fault: 1.0})
    with running(site) as daemon:
        sent = daemon.deliver("churn")
        until(lambda: words in daemon.status(), f"status tells of {fault}")
        until(lambda: words in told(site), f"STATUS.txt tells of {fault}")
        service.emulator.set_faults({})
        filed_whole_and_trained_once(site, service, sent)
    assert not [job for job in service.emulator.jobs() if len(job["uploads"]) > 1]


@pytest.mark.quick
def test_an_answer_of_a_hundred_megabytes_is_neither_read_nor_kept(root, service):
    site = site_of(root, service.emulator.url)
    service.emulator.set_faults({"api_huge": Fault(times=3)})
    before = peak_kilobytes()
    with running(site) as daemon:
        sent = daemon.deliver("churn")
        filed_whole_and_trained_once(site, service, sent)
    assert peak_kilobytes() - before < 50_000


def peak_kilobytes():
    with open("/proc/self/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


@pytest.mark.parametrize("how", ["refused", "no such name"])
def test_a_service_that_is_away_is_waited_for_in_any_state_of_a_job(root, service, monkeypatch, how):
    site = site_of(root, f"http://service.retraind.test:{service.port}")
    away = threading.Event()
    plain = socket.getaddrinfo

    def resolve(host, *rest, **named):
        if host == "service.retraind.test":
            if away.is_set() and how == "no such name":
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return plain("127.0.0.1", *rest, **named)
        return plain(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def leave():
        away.set()
        service.emulator.stop()

    def come_back():
        away.clear()
        service.emulator.start()

    words = {"refused": "was refused", "no such name": "cannot be resolved"}[how]
    leave()
    with running(site) as daemon:
        sent = daemon.deliver("churn")
        until(lambda: words in daemon.status(), "status tells of it before the registration")
        host = f"service.retraind.test:{service.port}"
        until(
            lambda: "It waits for the service." in daemon.status(),
            "status says that the service is left alone",
        )
        (down,) = daemon.hosts()
        assert (down.host, down.waiting) == (host, 1)
        assert words in down.last_error
        until(lambda: "nothing is lost" in told(site), "STATUS.txt tells of it")
        assert "WAITING: The service (service.retraind.test) has been failing since" in told(site)
        assert str(service.port) not in told(site), "people on the share have no use for it"
        daemon.stop()  # a restart in the middle of an outage makes no difference
        daemon.start()
        (still,) = daemon.hosts()
        assert still.since == down.since
        until(lambda: words in daemon.status(), "status goes on telling of it")
        come_back()
        service.emulator.set_faults({"results_truncated": 1.0})
        until(
            lambda: "was lost after" in daemon.status(),
            "it is trained, and the results are about to be fetched",
        )
        leave()
        until(lambda: words in daemon.status(), "status tells of it while the results are missing")
        come_back()
        filed_whole_and_trained_once(site, service, sent)
        until(lambda: not daemon.hosts(), "it is well again")
        until(lambda: "WAITING" not in told(site), "STATUS.txt no longer tells of it")


def test_a_certificate_that_nobody_vouches_for_is_told_and_a_ca_bundle_mends_it(root):
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(root / "server.pem")
    authority.cert_pem.write_to_path(root / "authority.pem")
    service = Service(root, certificate=root / "server.pem")
    try:
        site = site_of(root, service.emulator.url)
        with running(site) as daemon:
            sent = daemon.deliver("churn")
            until(lambda: "certificate" in daemon.status(), "status tells of the certificate")
            assert "api.ca_bundle" in daemon.status()
            daemon.stop()
            site._text = site._text.replace("[api]", f'[api]\nca_bundle = "{root}/authority.pem"')
            site.write()
            daemon.start()
            filed_whole_and_trained_once(site, service, sent)
    finally:
        service.emulator.stop()


# -- three days, on a clock that obeys -------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    variants([State.BUNDLED, State.REGISTERED, State.UPLOADED], default=[State.REGISTERED, State.UPLOADED]),
)
def test_a_service_that_is_away_for_three_days_is_waited_for(root, state):
    with a_world(root, service={"train_time": timedelta(hours=1)}) as world:
        job = world.run(world.sealing(), until=state)
        port = world.emulator.port
        world.emulator.stop()
        asked = 0
        end = world.clock.now() + timedelta(days=3)
        while world.clock.now() < end:
            job = world.step(job)
            asked += 1
            assert job.state is state
            assert job.wait.trouble
            world.clock.pass_time(max(job.wait.wake_at - world.clock.now(), timedelta(hours=2)))
        assert asked > 30
        config = dataclasses.replace(world.emulator.config, port=port)
        with Emulator(config) as world.emulator:
            job = world.run(job)
        assert job.outcome is Outcome.TRAINED
        assert len(world.records("training_started")) == 1


def test_time_in_which_the_service_could_not_be_asked_does_not_count_against_a_training(root):
    """It goes on where it was once the service is back; nobody has to come and ask for a retry."""
    with a_world(root, service={"train_time": timedelta(days=4)}, poll_timeout=36 * 3600) as world:
        job = world.run(world.sealing(), until=State.UPLOADED)
        world.emulator.set_faults({"api_503": 1.0})
        end = world.clock.now() + timedelta(days=3)
        while world.clock.now() < end:
            job = world.step(job)
            world.clock.pass_time(timedelta(hours=2))
        world.emulator.set_faults({})
        assert world.run(job).outcome is Outcome.TRAINED
        assert len(world.records("put_received")) == 1


# -- many models -----------------------------------------------------------------------------------------


@pytest.fixture
def resetting():
    """A peer that resets every connection, and when it did."""
    struck: list[float] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        listening.settimeout(0.1)

        def reset_all():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listening.accept()
                    struck.append(time.monotonic())
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()

        thread = threading.Thread(target=reset_all)
        thread.start()
        yield listening.getsockname()[1], struck
        over.set()
        thread.join()


def test_two_hundred_models_do_not_hammer_a_service_that_resets_every_connection(
    root, resetting, monkeypatch
):
    """Each tries three times; without a circuit that would be six hundred requests."""
    monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", timedelta(seconds=5))
    monkeypatch.setattr(circuit_breaker, "LONGEST_PAUSE", timedelta(minutes=5))
    port, struck = resetting
    clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
    site = Site(root, f"http://127.0.0.1:{port}")
    names = [f"m{number}" for number in range(200)]
    for name in names:
        site.add_model(name, KEY, 'mode = "train-only"')
    settings, file = load(site.config)
    with Daemon(settings, file, clock) as daemon:
        jobs = [about_to_be_sent(daemon.journal, site.root / "share" / name, name) for name in names]
        with ThreadPoolExecutor(6) as pool:
            for _ in range(3):
                jobs = list(pool.map(partial(step, daemon.pipeline), jobs))
                assert all(job.wait.trouble for job in jobs)
                assert sum(job.wait.host is not None for job in jobs) == 200, "it can be seen in status"
                clock.pass_time(max(job.wait.wake_at for job in jobs) - clock.now())
    # Five open the circuit, and five more may be under way then; afterwards one asks after each pause. A GET
    # whose connection breaks is repeated once at once.
    assert len(struck) <= 2 * (circuit_breaker.FAILURES + 5 + 2)


def about_to_be_sent(journal, drop, name):
    """Put a job into the journal and its file into its folder, as a daemon that was stopped leaves them."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    job_id = f"2026-11-23T120000Z_1_{name}"
    path = drop / ".retraind" / job_id / "train_1.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(table())
    file = SealedFile(role=Role.TRAIN, name="train_1.csv", signature=signature_of(path.lstat()))
    job = Job(
        id=job_id, model=name, key="1", state=State.BUNDLED, files=(file,), created_at=now, updated_at=now,
        bundle=Bundled(name="train_1.csv", bytes=path.stat().st_size),
    )  # fmt: skip
    journal.jobs.adopt(job)
    return job
