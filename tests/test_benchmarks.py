"""That what `make bench` measures is the work it says, and that its tables say what was measured."""

import hashlib
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime

import pytest

from benchmarks import nasty, night, sink, tables
from benchmarks.contents import measured
from benchmarks.data import KINDS, write_table
from benchmarks.measure import Contest, Result, Run, Way, compete, python, run
from benchmarks.report import filled
from benchmarks.results import Found, Measured, load, merge
from retraind.dataset.preflight import preflight
from retraind.emulator.config import RequestSeen
from support.tables import file_at


@pytest.fixture
def delivery(tmp_path):
    folder = tmp_path / "delivery"
    for name, size in (("train", 300_000), ("eval", 60_000)):
        (folder / f"{name}_src").mkdir(parents=True)
        write_table(folder / f"{name}_src" / f"{name}.csv", "text", size)
    return folder


def contents(path):
    with zipfile.ZipFile(path) as made:
        return {name: made.read(name) for name in made.namelist()}


@pytest.mark.system
def test_both_sides_of_the_comparison_make_the_same_bundle(tmp_path, delivery):
    paths = [tmp_path / "vendor.zip", tmp_path / "ours.zip"]
    run(Way("vendor", python("vendor", "bundle", delivery, paths[0])))
    run(Way("ours", python("ours", "bundle", delivery, paths[1], "fast")))
    assert contents(paths[0]) == contents(paths[1])
    assert list(contents(paths[0])) == ["train_src/train.csv", "eval_src/eval.csv"]


@pytest.mark.system
def test_our_side_delivers_through_the_pipeline_and_leaves_the_files_for_the_next_round(tmp_path, delivery):
    before = {path.name: path.read_bytes() for path in delivery.glob("*/*")}
    with sink.running() as address:
        done = run(Way("ours", python("ours", "deliver", delivery, address, "small")))
    assert done.output_bytes
    assert done.output_bytes < sum(map(len, before.values()))
    assert done.peak_bytes > done.told["idle_bytes"] > 0
    assert {path.name: path.read_bytes() for path in delivery.glob("*/*")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["delivery"]


@pytest.mark.parametrize("kind", KINDS)
def test_data_is_the_same_each_time_and_keeps_the_service_s_rules(tmp_path, kind):
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        write_table(path, kind, 200_000)
    first, second = (hashlib.sha256(path.read_bytes()).digest() for path in paths)
    assert first == second
    assert 199_000 < paths[0].stat().st_size <= 200_000
    assert preflight(file_at(paths[0])).findings == ()


def test_a_way_whose_program_is_missing_is_named_and_left_out():
    said = []
    nothing = (sys.executable, "-c", "")
    ways = (Way("there", nothing), Way("not there", nothing, needs=("no-such-program",)))
    results = compete(Contest("c", 0, ways), 1, said.append)
    assert [result.name for result in results] == ["there"]
    assert said == ["  not there: left out, since no-such-program is not installed"]


@pytest.mark.system
def test_memory_is_that_of_the_program_and_not_of_who_started_it():
    ballast = bytearray(b"x" * (200 << 20))
    done = run(Way("sleep", ("sh", "-c", "sleep 0.1; exit 0")))
    assert 0 < done.peak_bytes < 20 << 20 < len(ballast)


def results(**seconds):
    return [
        Result(name, [Run(each, 1.0, 50_000_000, 1000, {"idle_bytes": 40_000_000}) for each in found])
        for name, found in seconds.items()
    ]


MEASURED = Measured(
    "numeric",
    100_000_000,
    results(**{"vendor's script": [8.0, 80.0, 8.0], "ours": [1.0, 5.0, 1.0], "limit: x": [0.5, 2.5, 1.0]}),
)


def test_ratios_are_medians_of_rounds_so_that_a_slow_moment_hits_both_sides():
    head, vendor, ours, limit = tables.rows(MEASURED)
    told = [dict(zip(head, row, strict=True)) for row in (vendor, ours, limit)]
    assert [row["against vendor's script"] for row in told] == ["1.0 ×", "8.0 ×", "16 ×"]
    assert [row["of the limit"] for row in told] == ["6 %", "50 %", "100 %"]
    assert told[1]["speed"] == "100 MB/s"
    assert told[1]["over idle"] == "+10 MB"


def test_a_part_replaces_its_own_results_only_and_fills_its_own_place_on_the_page(tmp_path):
    path = tmp_path / "results.json"
    for part in ("uploading", "memory", "memory"):
        merge(path, part, Found(datetime(2026, 11, 25, tzinfo=UTC), 3, "2 cores", [MEASURED]))
    found = load(path)
    assert found.keys() == {"uploading", "memory"}
    page = "a\n<!-- figures: memory -->\nold\n<!-- end -->\nb\n<!-- figures: large -->\nkept\n<!-- end -->\n"
    new = filled(page, {"memory": found["memory"]})
    assert "old" not in new
    assert "| ours |" in new
    assert new.endswith("b\n<!-- figures: large -->\nkept\n<!-- end -->\n")


def test_a_question_about_a_training_is_late_by_what_it_comes_after_its_time(monkeypatch):
    polls, times = night.Polls(), iter([0.0, 0.1, 5.3, 12.3])
    monkeypatch.setattr(night.time, "monotonic", lambda: next(times))
    for _ in range(4):
        polls.see(RequestSeen("GET", "/v1/external/retrain_jobs/7", 200, 0.0))
    polls.see(RequestSeen("POST", "/v1/external/retrain_jobs", 200, 0.0))
    assert polls.late() == pytest.approx([0.2, 2.0])


@pytest.mark.system
def test_what_a_helper_costs_is_measured_for_scans_sweeps_seals_and_reads(tmp_path):
    command = [sys.executable, "-m", "benchmarks.shares", "--rounds", "1", "--size", "2", "--files", "30"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if "does not let" in done.stderr or "libfuse" in done.stderr:
        pytest.skip("this machine does not let the tests mount a file system of their own")
    assert done.returncode == 0, done.stderr
    assert [line.partition(",")[0].split()[0] for line in done.stdout.splitlines()[1:]] == [
        "scan", "scan", "sweep", "sweep", "seal", "read",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_contents_that_are_hard_to_read_are_checked_beside_the_csv_module_to_their_end():
    header = dict(nasty.contents())["rows: header"]()
    found = measured("header", header, 400_000, rounds=1, engine=None)
    assert found.ended is not None
    assert found.size == 400_000
    assert min(*found.whole, *found.ended, *found.csv) > 0
