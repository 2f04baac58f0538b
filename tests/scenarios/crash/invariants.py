"""What must be true after any kill, seen from outside: by the files and by the service's own records.

The journal is asked one question only, at the end: whether it agrees with the folders.
"""

import hashlib
import json
import sqlite3
import zipfile
from collections import Counter
from pathlib import Path

from retraind.report.report_json import Report
from scenarios.crash.installation import Installation
from support.ledger import history

_NOTES = {"RESULT.txt", "ERROR.txt", "report.json", "job.json", "results.zip"}
_MARK = ".retraind-id"
"""What retraind leaves in each folder to know it again."""
_BUGS = ("step_crashed", "task_crashed")
_TRAINED = {"trained", "switched"}


def violations_after_kill(here: Installation) -> list[str]:
    """Say what was lost: every dropped file is somewhere, whole, in one of the four places."""
    found = _everything(here)
    wanted = Counter((file.model, file.sha256) for file in (*here.dropped, *here.left))
    return [
        f"lost after the kill: {_who(here, model, digest)} is there {found[model, digest]} times instead of "
        f"{count}"
        for (model, digest), count in wanted.items()
        if found[model, digest] < count
    ]


def violations_at_rest(here: Installation) -> list[str]:
    """Say what is wrong once retraind has come to rest."""
    return [
        *_lost_or_changed(here),
        *_left_over(here),
        *_notes(here),
        *_trainings(here),
        *_switches(here),
        *_journal(here),
        *_log(here),
    ]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _everything(here: Installation) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for model in here.models:
        places = {here.drop(model.name), here.done(model.name), here.failed(model.name)}
        paths = {path for place in places for path in _files(place)}
        found.update((model.name, _digest(path)) for path in paths)
    return found


def _who(here: Installation, model: str, digest: str) -> str:
    names = {
        file.name for file in (*here.dropped, *here.left) if (file.model, file.sha256) == (model, digest)
    }
    return f"{model}: {' or '.join(sorted(names))}"


def _lost_or_changed(here: Installation) -> list[str]:
    wanted = Counter((file.model, file.name, file.sha256) for file in here.dropped)
    found = Counter(
        (model.name, str(path.relative_to(folder)), _digest(path))
        for model in here.models
        for place in (here.done(model.name), here.failed(model.name))
        for folder in place.iterdir()
        if folder.is_dir()
        for path in _files(folder)
        if path.name not in _NOTES
    )
    wrong = [f"lost: {model}: {name}" for (model, name, _) in (wanted - found).elements()]
    return wrong + [
        f"too many, or changed: {model}: {name}" for (model, name, _) in (found - wanted).elements()
    ]


def _left_over(here: Installation) -> list[str]:
    wrong = []
    for model in here.models:
        drop = here.drop(model.name)
        expected = {file.name: file.sha256 for file in here.left if file.model == model.name}
        for name, digest in expected.items():
            if not (drop / name).is_file() or _digest(drop / name) != digest:
                wrong.append(f"{model.name}: {name} was to be left alone")
        status = drop / "STATUS.txt"
        if not status.is_file() or "In work:" in status.read_text(encoding="utf-8-sig"):
            wrong.append(f"{model.name}: STATUS.txt is not there, or tells of work that is none")
        own = {"STATUS.txt", ".retraind", "done", "failed", _MARK}
        wrong += [f"left over: {path}" for path in drop.iterdir() if path.name not in own | expected.keys()]
        wrong += [f"left over: {path}" for path in drop.glob(".retraind/**/*")]
        wrong += [f"left over: {path}" for path in _hidden(here, model.name)]
    if here.spool.is_dir():
        wrong += [f"left over: {path}" for path in here.spool.iterdir()]
    return wrong


def _hidden(here: Installation, model: str) -> list[Path]:
    return [
        path
        for place in (here.done(model), here.failed(model))
        for path in place.rglob("*")
        if path != place / _MARK
        and (path.name.startswith(".") or (path.parent == place and not path.is_dir()))
    ]


def _reports(here: Installation) -> list[tuple[Path, Report]]:
    return [
        (folder, Report.model_validate_json((folder / "report.json").read_bytes()))
        for folder in here.filed()
        if (folder / "report.json").is_file()
    ]


def _notes(here: Installation) -> list[str]:
    wrong = []
    for folder in here.filed():
        failed = folder.parent.name == "failed"
        wanted = {"ERROR.txt" if failed else "RESULT.txt", "report.json", "job.json"}
        unwanted = {"RESULT.txt" if failed else "ERROR.txt"}
        names = {path.name for path in folder.iterdir()}
        wrong += [f"no {name} in {folder}" for name in sorted(wanted - names)]
        wrong += [f"stale {name} in {folder}" for name in sorted(unwanted & names)]
        wrong += [
            f"empty: {folder / name}" for name in sorted(wanted & names) if not (folder / name).stat().st_size
        ]
    for folder, report in _reports(here):
        if report.job != folder.name or (report.outcome == "failed") != (folder.parent.name == "failed"):
            wrong.append(f"the report in {folder} tells of {report.job}, {report.outcome}")
        results = folder / "results.zip"
        if report.outcome in _TRAINED and (not results.is_file() or zipfile.ZipFile(results).testzip()):
            wrong.append(f"no good results in {folder}")
    return wrong


def _trainings(here: Installation) -> list[str]:
    """Judge by what the service got: which bytes, and how often it trained with them."""
    found = history(here.service.state_dir)
    started = found.started
    wrong = []
    for content, jobs in found.doubled().items():
        names = " and ".join(_who(here, content[0], digest) for digest in content[1:])
        wrong.append(f"doubled: {names} trained {len(jobs)} times, by {' and '.join(jobs)}")
    for folder, report in _reports(here):
        if report.outcome not in {*_TRAINED, "duplicate"}:
            continue
        digests = [_digest(folder / file.name) for file in report.files if file.role in {"train", "eval"}]
        jobs = started[report.model, *digests]
        if report.outcome == "duplicate" and not jobs:
            wrong.append(f"{folder} says it is a duplicate; the service never trained with it")
        elif report.outcome in _TRAINED and report.service.retrain_job_id not in jobs:
            wrong.append(f"{folder} says it was trained; the service did not train with it")
        if any(file.sha256 not in {None, _digest(folder / file.name)} for file in report.files):
            wrong.append(f"the report in {folder} has wrong hashes")
    return wrong


def _switches(here: Installation) -> list[str]:
    """The published model is the one whose report tells of the latest switch."""
    wrong = []
    published = {model["name"]: model["published"] for model in here.emulator.models()}
    for model in here.models:
        reports = [report for _, report in _reports(here) if report.model == model.name]
        switched = sorted(
            (report for report in reports if report.switched and report.switched_at),
            key=lambda report: report.switched_at,
        )
        right = switched[-1].service.retrain_job_id if switched else None
        if published[model.name] != right:
            wrong.append(f"{model.name}: published is {published[model.name]}, the reports say {right}")
        for report in reports:
            wanted = {"always": True, "gate": "no" not in report.key}.get(model.switch)
            if wanted is not None and report.outcome in _TRAINED and report.switched != wanted:
                wrong.append(
                    f"{model.name}: {report.job} was switched: {report.switched}, against the policy"
                )
    return wrong


def _journal(here: Installation) -> list[str]:
    with sqlite3.connect(here.journal) as journal:
        jobs = dict(journal.execute("SELECT id, state FROM jobs WHERE state != 'returned'").fetchall())
        sound = journal.execute("PRAGMA integrity_check").fetchone()[0]
    journal.close()
    folders = {folder.name: folder.parent.name for folder in here.filed()}
    wrong = [] if sound == "ok" else [f"the journal is damaged: {sound}"]
    return wrong + [
        f"{name} is {jobs.get(name)} in the journal and in {folders.get(name)}/"
        for name in sorted(jobs.keys() | folders.keys())
        if jobs.get(name) != folders.get(name)
    ]


def _log(here: Installation) -> list[str]:
    wrong = []
    for line in here.log.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line) if line.startswith("{") else {}
        except ValueError:
            # A kill has cut a line short, and the next start went on behind it.
            event = {"event": next((bug for bug in _BUGS if f'"{bug}"' in line), None), "trace": line}
        if event.get("event") in _BUGS:
            wrong.append(f"{event['event']}: {event.get('exception') or event.get('trace') or event}")
        elif line.startswith("Traceback"):
            wrong.append("a traceback is in the log")
    return wrong
