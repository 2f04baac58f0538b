"""Results that are meant to do harm: they are fetched into one file, and nothing ever looks inside."""

import ast
import io
import stat
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

import retraind
from retraind.api.object_store import ObjectStore
from retraind.config.settings import ApiSettings
from retraind.domain.failures import Setback
from retraind.domain.job import Outcome, State
from support.peers import Peer, answer

pytestmark = pytest.mark.quick

SOURCE = Path(retraind.__file__).parent
UNPACKERS = {"zipfile", "tarfile", "gzip", "bz2", "lzma", "zipimport", "unpack_archive", "extractall"}


def names_in(path):
    """Yield every name that a module imports, calls or reads."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module, names):
                yield from (module or "", *(alias.name for alias in names))
            case ast.Attribute(attr=name):
                yield name


@pytest.mark.system
def test_nothing_in_retraind_unpacks_an_archive_to_disk():
    checked = [
        path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in {"emulator", "demo"}
    ]
    assert len(checked) > 40
    found = {path.name: names for path in checked if (names := UNPACKERS & set(names_in(path)))}
    assert found == {"scores.py": {"zipfile"}}, "which reads two members into memory, within limits"
    assert "zipfile" in set(names_in(SOURCE / "emulator" / "training" / "trainings.py")) | {
        name for path in (SOURCE / "emulator").rglob("*.py") for name in names_in(path)
    }, "this test knows an unpacker when it sees one"


def a_zip(*members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


FILE, LINK = stat.S_IFREG | 0o4777, stat.S_IFLNK | 0o777
RESULTS = {
    "a bomb": a_zip(("model", b"\0" * (8 << 20), FILE)),
    "a bomb of bombs": a_zip(*((f"{n}.zip", a_zip(("x", b"\0" * (1 << 20), FILE)), FILE) for n in range(9))),
    "names that lead elsewhere": a_zip(("../../../../tmp/x", b"x", FILE), ("/etc/x", b"x", FILE)),
    "a link and a file through it": a_zip(("a", b"/etc", LINK), ("a/passwd", b"x", FILE)),
    "not a zip at all": b"\x7fELF" + b"\0" * 100,
}


@pytest.mark.parametrize("results", [b"", RESULTS["a bomb"][:-30]], ids=["empty", "cut off"])
@pytest.mark.parametrize("gets_well", [True, False])
def test_results_that_do_not_come_are_asked_for_again_and_never_count_as_trained(
    world, monkeypatch, results, gets_well
):
    job = world.run(world.sealing(), until=State.UPLOADED)
    world.wait_for_trainings()
    good = answer(200, RESULTS["a bomb"])
    peer = Peer([answer(200, results)] * 4 + [good] if gets_well else [answer(200, results)])
    status = world.client.status
    seen = {"download_url": f"{peer.url}/results"}
    monkeypatch.setattr(world.client, "status", lambda *asked: status(*asked).model_copy(update=seen))
    began = world.clock.now()
    try:
        job = world.run(job)
        if not gets_well:
            assert (job.outcome, job.problem.code) == (Outcome.FAILED, "results_never_came")
            assert timedelta(hours=24) <= world.clock.now() - began < timedelta(hours=26)
            assert "The training succeeded" in world.read(job, "ERROR.txt")
            assert not (world.folder(job) / "results.zip").exists()
            seen["download_url"] = ""
            job = world.run(world.asked_to_retry(job))
            assert (job.outcome, job.problem.facts["why"].code) == (Outcome.FAILED, "results_not_named")
            del seen["download_url"]
            job = world.run(world.asked_to_retry(job))
    finally:
        peer.stop()
    assert job.outcome is Outcome.TRAINED
    assert (world.folder(job) / "results.zip").stat().st_size
    assert sum(len(each["trainings"]) for each in world.emulator.jobs()) == 1


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS)
def test_results_of_whatever_kind_are_kept_as_one_file(world, monkeypatch, results):
    job = world.run(world.sealing(), until=State.UPLOADED)
    world.wait_for_trainings()
    peer = Peer([answer(200, results)])
    status = world.client.status
    monkeypatch.setattr(
        world.client,
        "status",
        lambda *asked: status(*asked).model_copy(update={"download_url": f"{peer.url}/results"}),
    )
    try:
        job = world.run(job)
    finally:
        peer.stop()
    assert job.outcome is Outcome.TRAINED
    assert (world.folder(job) / "results.zip").read_bytes() == results
    assert {path.name for path in world.folder(job).rglob("*")} == {
        "RESULT.txt", "eval_2026-11.csv", "job.json", "report.json", "results.zip", "train_2026-11.csv",
    }  # fmt: skip
    assert stat.S_IMODE((world.folder(job) / "results.zip").stat().st_mode) & 0o111 == 0


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "/etc/passwd", "//x", ""]
)
def test_no_address_but_one_of_the_web_is_fetched_from(tmp_path, address):
    store = ObjectStore(ApiSettings(connect_timeout=1, timeout=1))
    with pytest.raises(Setback):
        store.get(address, tmp_path / "results.zip", lambda: None)
    (tmp_path / "bundle").write_bytes(b"x")
    with pytest.raises(Setback):
        store.put(address, tmp_path / "bundle", lambda: None)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
