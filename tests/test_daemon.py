import os
import pty
import random
import signal
import sys
import time

import pytest

from retraind.emulator import read_records
from support.process import Site, deliver, filed, until
from support.variants import system, variants
from support.world import an_account, key_of, table

NAMES = ("churn", "demand", "fraud", "price", "stock")


@pytest.fixture
def service(tmp_path):
    with an_account(tmp_path, *NAMES) as emulator:
        yield emulator


def test_ten_deliveries_for_five_models_are_all_filed_unchanged_with_one_retrain_job_each(
    site, service, tmp_path
):
    drops = {name: site.add_model(name, key_of(name)) for name in NAMES}
    site.start()
    sent: dict[tuple[str, str], bytes] = {}
    for number, name in enumerate(NAMES * 2):
        for role in ("eval", "train") if number % 3 else ("train", "eval"):
            content = table(30 + number, offset=number) if (number, role) != (7, "train") else b"broken\n1\n"
            file = f"{role}_2026-{number:02}.csv"
            sent[name, file] = content
            deliver(drops[name], file, content)
    until(lambda: sum(len(filed(drop)) for drop in drops.values()) == 10, "ten deliveries are filed")
    found = {
        (name, file.name): file.read_bytes()
        for name, drop in drops.items()
        for folder in filed(drop)
        for file in folder.glob("*.csv")
    }
    assert found == sent
    assert (
        sum(len(list((drop / "failed").iterdir())) for drop in drops.values() if (drop / "failed").exists())
        == 1
    )
    until(
        lambda: all(not list((drop / ".retraind").iterdir()) for drop in drops.values()),
        "work folders are empty",
    )
    records = read_records(tmp_path / "service")
    registered = [record["retrain_job_id"] for record in records if record["event"] == "registered"]
    started = [record["retrain_job_id"] for record in records if record["event"] == "training_started"]
    assert len(registered) == len(set(registered)) == 9
    assert sorted(started) == sorted(registered)
    assert site.stop() == 0
    for name in NAMES:
        status = (drops[name] / "STATUS.txt").read_text(encoding="utf-8-sig")
        assert "retraind was stopped" in status


STRANGE_NAMES = [
    "train_売上 2026年.csv",
    'train_it\'s "quoted".csv',
    "train_100%_&+=#;.csv",
    "train_$(reboot)`x`.csv",
    "train_" + "長" * 81 + "x.csv",  # 254 bytes; with eval_ one less, both fit into 255
    "train_" + "n" * 245 + ".csv",
]


@pytest.mark.parametrize(
    "name", [STRANGE_NAMES[0], *map(system, STRANGE_NAMES[1:])], ids=range(len(STRANGE_NAMES))
)
def test_strange_names_go_the_whole_way(site, service, tmp_path, name):
    drop = site.add_model("churn", key_of("churn"))
    japanese = "年齢,プラン,churned\n" + "".join(f"{20 + n},東京,{n % 2}\n" for n in range(40))
    content = {name: japanese.encode("cp932"), name.replace("train", "eval", 1): japanese.encode("utf-8-sig")}
    for file, data in content.items():
        deliver(drop, file, data)
    site.start("--once", wait=False)
    assert site.process.wait(60) == 0, site.log.read_text()
    (folder,) = filed(drop)
    assert folder.parent.name == "done"
    assert {path.name: path.read_bytes() for path in folder.glob("*.csv")} == content
    (put,) = [record for record in read_records(tmp_path / "service") if record["event"] == "put_received"]
    assert put["file_name"] == f"{folder.name}.zip"
    assert "job_finished" in (folder / "report.json").read_text()


def test_a_name_with_a_leading_dash_goes_the_whole_way_in_train_only_mode(site, service, tmp_path):
    drop = site.add_model("churn", key_of("churn"), 'settle = "0s"\nmode = "train-only"\ntrain = "-{key}"')
    deliver(drop, "-rf 売上.csv", table())
    assert site.once() == 0
    (put,) = [record for record in read_records(tmp_path / "service") if record["event"] == "put_received"]
    assert put["file_name"] == "-rf 売上.csv"
    status = " ".join((drop / "STATUS.txt").read_text(encoding="utf-8-sig").split())
    assert "retraind does not run here all the time; its last run has ended. (code: run_ended)" in status


def test_sub_folders_with_equal_names_are_a_delivery(site):
    drop = site.add_model(
        "churn", key_of("churn"), 'settle = "0s"\ntrain = "train/{key}"\neval = "eval/{key}"'
    )
    for role in ("train", "eval"):
        (drop / role).mkdir()
        deliver(drop, f"{role}/2026-11.csv", table(30 if role == "train" else 20))
    assert site.once() == 0
    (folder,) = filed(drop)
    assert (folder / "train" / "2026-11.csv").read_bytes() == table(30)
    assert (folder / "eval" / "2026-11.csv").read_bytes() == table(20)
    assert (drop / "train").is_dir()


def test_decomposed_and_composed_names_pair_up(site):
    drop = site.add_model("churn", key_of("churn"), 'settle = "0s"')
    deliver(drop, "train_caf\u00e9.csv", table())
    deliver(drop, "eval_cafe\u0301.csv", table(20))
    assert site.once() == 0
    assert len(filed(drop)) == 1


def test_a_slow_writer_is_waited_for_however_old_its_files_pretend_to_be(site):
    drop = site.add_model("churn", key_of("churn"), 'settle = "1s"')
    site.start()
    content = table(400)
    deliver(drop, "eval_1.csv", table(20))
    with (drop / "train_1.csv").open("wb", buffering=0) as slow:
        for part in range(0, len(content), len(content) // 6 + 1):
            slow.write(content[part : part + len(content) // 6 + 1])
            os.utime(drop / "train_1.csv", (0, 0))
            time.sleep(0.4)
            assert not filed(drop)
            assert not any((drop / ".retraind").glob("*/*.csv"))
    until(lambda: filed(drop), "the delivery is filed")
    (folder,) = filed(drop)
    assert (folder / "train_1.csv").read_bytes() == content


def test_half_a_delivery_is_waited_for_and_told(site):
    drop = site.add_model("churn", key_of("churn"))
    site.start()
    deliver(drop, "train_11.csv", table())
    (drop / "eval_12.csv").touch()
    (drop / "notes.docx").touch()

    def status() -> str:
        return (drop / "STATUS.txt").read_text(encoding="utf-8-sig") if (drop / "STATUS.txt").exists() else ""

    until(
        lambda: "The evaluation file has not arrived" in status() and "is still empty" in status(),
        "it is told",
    )
    assert "eval_11" in status()
    assert "notes.docx" in status()
    deliver(drop, "eval_11.csv", table(20))
    until(lambda: filed(drop), "the completed delivery is filed")
    assert (drop / "eval_12.csv").exists()


def test_plain_names_every_night_are_deliveries_without_a_key(site, service, tmp_path):
    drop = site.add_model("churn", key_of("churn"))
    site.start()
    for night in range(3):
        deliver(drop, "train.csv", table(offset=night))
        deliver(drop, "eval.csv", table(20, offset=night))
        until(lambda night=night: len(filed(drop)) == night + 1, f"night {night} is filed")
    assert (
        len(
            [record for record in read_records(tmp_path / "service") if record["event"] == "training_started"]
        )
        == 3
    )


def test_without_events_the_sweep_alone_finds_everything(tmp_path, service):
    site = Site(tmp_path, service.url, sweep='[sweep]\nobserver = "none"\ninterval = "500ms"')
    drop = site.add_model("churn", key_of("churn"))
    site.start()
    try:
        deliver(drop, "train_1.csv", table())
        deliver(drop, "eval_1.csv", table(20))
        until(lambda: filed(drop), "the sweep has found the delivery")
    finally:
        site.kill()


def test_with_events_a_delivery_does_not_wait_for_the_sweep(tmp_path, service):
    site = Site(tmp_path, service.url, sweep='[sweep]\nobserver = "inotify"\ninterval = "1h"')
    drop = site.add_model("churn", key_of("churn"))
    site.start()
    try:
        deliver(drop, "train_1.csv", table())
        deliver(drop, "eval_1.csv", table(20))
        until(lambda: filed(drop), "the events have led to the delivery", patience=20)
    finally:
        site.kill()


def test_of_a_backlog_the_latest_alone_is_trained_where_the_owner_wants_that(site, tmp_path):
    drop = site.add_model("churn", key_of("churn"), 'settle = "0s"\nbacklog = "latest"')
    for key in (9, 10, 11):
        deliver(drop, f"train_{key}.csv", table(offset=key))
        deliver(drop, f"eval_{key}.csv", table(20, offset=key))
    assert site.once() == 0
    outcomes = {job["key"]: job["outcome"] for job in site.jobs()}
    assert outcomes == {"9": "superseded", "10": "superseded", "11": "trained"}
    assert all(folder.parent.name == "done" for folder in filed(drop))
    assert (
        len(
            [record for record in read_records(tmp_path / "service") if record["event"] == "training_started"]
        )
        == 1
    )


def test_a_backlog_is_worked_off_oldest_key_first_one_at_a_time(site, tmp_path):
    drop = site.add_model("churn", key_of("churn"), 'settle = "0s"')
    for key in (10, 9, 11):
        deliver(drop, f"train_{key}.csv", table(offset=key))
        deliver(drop, f"eval_{key}.csv", table(20, offset=key))
    assert site.once() == 0
    story = [
        (record["event"], record["retrain_job_id"])
        for record in read_records(tmp_path / "service")
        if record["event"] in {"registered", "results_downloaded"}
    ]
    assert [event for event, _ in story] == ["registered", "results_downloaded"] * 3
    keys = {job["retrain_job_id"]: job["key"] for job in site.jobs()}
    assert [keys[identity] for event, identity in story if event == "registered"] == ["9", "10", "11"]


@pytest.mark.parametrize("number", variants([signal.SIGTERM, signal.SIGINT], default=[signal.SIGTERM]))
def test_a_signal_stops_it_cleanly_even_in_the_middle_of_an_upload(site, service, number):
    drop = site.add_model("churn", key_of("churn"))
    service.set_faults({"upload_stall": 1.0})
    site.start()
    deliver(drop, "train_1.csv", os.urandom(3_000_000).hex().encode() + b"\n")
    rows = "".join(f"{n},{random.random()},{n % 2}\n" for n in range(60_000))
    (drop / "train_1.csv").write_text("a,b,churned\n" + rows)
    deliver(drop, "eval_1.csv", b"a,b,churned\n" + b"1,2,0\n3,4,1\n" * 20)
    until(
        lambda: any(event["event"] == "retrain_job_registered" for event in site.events()),
        "the upload begins",
    )
    begun = time.monotonic()
    assert site.stop(number, patience=15) == 0
    assert time.monotonic() - begun < 12
    service.set_faults({})
    site.start()
    until(lambda: filed(drop), "the delivery is filed after the restart")
    assert filed(drop)[0].parent.name == "done"


def test_sighup_takes_over_new_models_and_refuses_mistakes(site):
    first = site.add_model("churn", key_of("churn"))
    site.start()
    good = site.config.read_text()
    site.config.write_text(good + "[nonsense]\n")
    site.process.send_signal(signal.SIGHUP)
    until(lambda: any(event["event"] == "reload_refused" for event in site.events()), "the mistake is told")
    second = site.add_model("price", key_of("price"))
    site.process.send_signal(signal.SIGHUP)
    until(lambda: any(event["event"] == "reloaded" for event in site.events()), "the new model is taken over")
    for drop in (first, second):
        deliver(drop, "train_1.csv", table())
        deliver(drop, "eval_1.csv", table(20))
    until(lambda: filed(first) and filed(second), "both models work")


def test_a_reload_lifts_the_rate_that_an_upload_under_way_is_limited_to(site):
    drop = site.add_model("churn", key_of("churn"))
    unlimited = site.config.read_text()
    site.config.write_text(unlimited.replace("[work]", '[work]\nupload_rate = "10 kB/s"'))
    site.start()
    rows = "".join(f"{n},{random.random()},{n % 2}\n" for n in range(60_000))
    deliver(drop, "train_1.csv", f"a,b,churned\n{rows}".encode())
    deliver(drop, "eval_1.csv", b"a,b,churned\n" + b"1,2,0\n3,4,1\n" * 20)
    until(lambda: any(event["event"] == "retrain_job_registered" for event in site.events()), "it is sent")
    assert "All uploads together send at most 10 kB/s." in site.command("status").stdout
    site.config.write_text(unlimited)
    site.process.send_signal(signal.SIGHUP)
    # It would have taken a minute.
    until(lambda: filed(drop), "the upload ends")
    assert "All uploads together" not in site.command("status").stdout


@pytest.mark.system
def test_a_storm_of_signals_does_not_choke_it(site):
    site.add_model("churn", key_of("churn"))
    site.start()
    for _ in range(100):
        site.process.send_signal(signal.SIGHUP)
        time.sleep(random.uniform(0, 0.004))
    assert site.stop() == 0


@pytest.mark.system
def test_a_closed_terminal_ends_it(site):
    site.add_model("churn", key_of("churn"))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "retraind", "run", "-c", str(site.config)])
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 10_000)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_the_share_is_told_when_nobody_looks_after_it(site):
    drop = site.add_model("churn", key_of("churn"))
    site.start()

    def status():
        return (drop / "STATUS.txt").read_text(encoding="utf-8-sig") if (drop / "STATUS.txt").exists() else ""

    until(lambda: "train_2026-11.csv" in status(), "names are told")
    site.stop()
    assert "retraind was stopped" in (drop / "STATUS.txt").read_text(encoding="utf-8-sig")


def test_a_second_daemon_is_refused_with_the_first_ones_number(site):
    site.add_model("churn", key_of("churn"))
    site.start()
    second = site.command("run")
    assert second.returncode == 1
    assert f"id {site.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert not site.ended()
