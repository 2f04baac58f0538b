"""retraind's own code, to be measured.

python -m benchmarks.ours bundle FOLDER TARGET fast|small
python -m benchmarks.ours deliver FOLDER ADDRESS fast|small
python -m benchmarks.ours upload FILE ADDRESS
python -m benchmarks.ours check FOLDER
python -m benchmarks.ours pack FOLDER TARGET fast|small
"""

import secrets
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

from benchmarks.timing import timed
from retraind.api.client import ApiClient
from retraind.api.credentials import Credentials
from retraind.api.object_store import ObjectStore
from retraind.bundle import deflate, zip_writer
from retraind.bundle.packer import Packer
from retraind.bundle.zip_writer import Archive, Member, pieces
from retraind.config.settings import ApiSettings, Settings
from retraind.dataset.preflight import SourceFile, preflight
from retraind.domain.job import Job, Role, SealedFile, State
from retraind.domain.names import job_id
from retraind.intake.listing import signature_of
from retraind.jobs.pipeline import Pipeline
from retraind.store.journal import Journal
from retraind.system.clock import Clock
from retraind.system.reading import open_regular
from retraind.system.service import process

_COMPRESSORS = {"fast": deflate.fast, "small": deflate.small}


def _never() -> None:
    """Never pause."""


def bundle(folder: str, target: str, compression: str) -> None:
    """Make the zip, safe on the disk."""
    files = _files(folder)
    _begin(target, compression)
    with timed(), Archive(Path(target), _COMPRESSORS[compression]()) as made:
        for path in files:
            made.begin(f"{path.parent.name}/{path.name}", path.stat().st_size)
            with open_regular(path) as file:
                for piece in pieces(file, deflate.PIECE):
                    made.add(piece)
            made.end()
        made.finish()


def build(folder: str, target: str, compression: str) -> None:
    """Make the zip, and the SHA-256 of each file."""
    members = [
        Member(f"{path.parent.name}/{path.name}", path.stat().st_size, partial(open_regular, path))
        for path in _files(folder)
    ]
    _begin(target, compression)
    with timed():
        zip_writer.build(Path(target), members, _COMPRESSORS[compression]())


def _begin(target: str, compression: str) -> None:
    """Make a small zip first: what the daemon does once, such as loading the compressor, is behind it."""
    zip_writer.build(Path(target), [Member("a.csv", 1, lambda: BytesIO(b"x"))], _COMPRESSORS[compression]())
    Path(target).unlink()


def _files(folder: str) -> list[Path]:
    """Return a delivery's files, that for training first."""
    return sorted(Path(folder).glob("*/*"), reverse=True)


def deliver(folder: str, address: str, compression: str) -> None:
    """Bring a delivery from the drop folder to the object store, once its files have settled."""
    files = _files(folder)
    with tempfile.TemporaryDirectory(dir=Path(folder).resolve().parent) as place:
        root = Path(place)
        drop = root / "drop"
        drop.mkdir()
        settings = Settings.model_validate(
            {
                "api": {"base_url": address},
                "state": {"url": f"sqlite:///{root}/state/journal.db", "spool": root / "state" / "spool"},
                "bundle": {"compression": compression},
                "models": {"churn": {"drop": drop, "api_key": "key-of-a-benchmark"}},
            }
        )
        for path in files:
            path.rename(drop / path.name)
        try:
            _deliver(settings, [path.name for path in files])
        finally:
            for path in files:
                found = next(drop.rglob(path.name))
                found.rename(path)


def _deliver(settings: Settings, names: list[str]) -> None:
    drop = settings.models["churn"].drop
    clock = Clock()
    journal = Journal.open(settings.state.journal_file, clock)
    client = ApiClient(settings.api, clock)
    pipeline = Pipeline(
        settings,
        journal,
        client,
        ObjectStore(settings.api, clock),
        Credentials(client, clock),
        clock=clock,
    )
    try:
        # What a daemon does for the first time after its start, such as connecting, is behind it.
        small = ["train_0.csv", "eval_0.csv"]
        for name in small:
            (drop / name).write_text("a,b\n" + "1,2\n" * 100, "ascii")
        _until_uploaded(drop, small, clock, journal, pipeline)
        with timed() as told:
            told["output_bytes"] = _until_uploaded(drop, names, clock, journal, pipeline)
    finally:
        client.close()
        journal.close()


def _until_uploaded(
    drop: Path, names: list[str], clock: Clock, journal: Journal, pipeline: Pipeline
) -> int | None:
    """Do all of a delivery's steps until it is uploaded; returns the size of the bundle."""
    now = clock.now()
    sealed = tuple(
        SealedFile(role=role, name=name, signature=signature_of((drop / name).lstat()))
        for role, name in zip((Role.TRAIN, Role.EVAL), names, strict=True)
    )
    job = Job(
        id=job_id(now, names[0], secrets.token_hex(3)),
        model="churn",
        key=names[0],
        state=State.SEALING,
        files=sealed,
        created_at=now,
        updated_at=now,
    )
    job = journal.jobs.add(job, "delivery_complete")
    while job.state is not State.UPLOADED:
        before = job.state
        job = pipeline.advance(job, frozenset({job.state}))
        assert job.state is not before, job.wait.trouble or job.problem
    return job.bundle.bytes if job.bundle else None


def upload(path: str, address: str) -> None:
    """Send a file."""
    store = ObjectStore(ApiSettings.model_validate({"base_url": address}))
    with timed():
        store.put(f"{address}/store", Path(path), _never)


def check(folder: str) -> None:
    """Hold a delivery against all rules, and make nothing of it."""
    train, evaluation = (SourceFile(path.name, partial(open_regular, path)) for path in _files(folder))
    preflight(SourceFile("a.csv", lambda: BytesIO(b"a,b\n1,2\n")))  # as a daemon has done before
    with timed():
        found = preflight(train, evaluation)
    assert found.ok, found.errors


def pack(folder: str, target: str, compression: str) -> None:
    """Hold a delivery against all rules, and make the zip in the same pass."""
    paths = _files(folder)
    _begin(target, compression)
    sources = [SourceFile(path.name, partial(open_regular, path)) for path in paths]
    with timed(), Archive(Path(target), _COMPRESSORS[compression]()) as made:
        packers = [
            Packer(made, f"{path.parent.name}/{path.name}", path.stat().st_size, mark=False) for path in paths
        ]
        found = preflight(*sources, sinks=packers)
        made.finish()
    assert found.ok, found.errors


def main() -> None:
    """Do as the command line says."""
    process.prepare()
    works: dict[str, Callable[..., None]] = {
        "bundle": bundle,
        "build": build,
        "deliver": deliver,
        "upload": upload,
        "check": check,
        "pack": pack,
    }
    works[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
