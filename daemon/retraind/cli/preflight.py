"""`preflight`: data against the service's rules, without a daemon and without sending anything."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retraind.cli.output import BAD, GOOD, complain, print_json, say
from retraind.dataset.findings import plural
from retraind.dataset.preflight import SourceFile
from retraind.dataset.preflight import preflight as check
from retraind.domain.failures import ConfigError
from retraind.system.files import exists, is_file


def preflight(options: argparse.Namespace) -> int:
    """Check files as they would be before an upload."""
    for path in (options.train, options.evaluation):
        if path is not None and (flaw := _flaw_of(path)):
            raise ConfigError([f"{path}: {flaw}."])
    evaluation = SourceFile.from_path(options.evaluation) if options.evaluation else None
    known = _as_for_model(options) if options.model else {}
    result = check(
        SourceFile.from_path(options.train),
        evaluation,
        **{"target": options.target, "time_series": options.time_series, **known},
    )
    if options.json:
        print_json({"ok": result.ok, **asdict(result)})
        return GOOD if result.ok else BAD
    for facts in (result.train, result.evaluation):
        if facts:
            rows, columns = plural(facts.rows, "row"), plural(len(facts.columns), "column")
            say(f"{facts.name}: {rows}, {columns}, {facts.encoding}, {facts.bytes:,} bytes")
    for finding in result.findings:
        say(f"\n{finding.severity.upper()}: {finding}")
    say("\nThe service can take this." if result.ok else "\nThe service would refuse this.")
    return GOOD if result.ok else BAD


def _flaw_of(path: Path) -> str:
    """Say what keeps a file from being read; nothing where that can begin."""
    try:
        if not is_file(path, follow=True):
            return "it is no file" if exists(path, follow=True) else "there is no such file"
        path.open("rb").close()
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return ""


def _as_for_model(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the daemon would check the files with if they came for this model."""
    # A person's own files are checked without all this, and quickly.
    from retraind.config.load import load_to_look  # noqa: PLC0415
    from retraind.jobs.pipeline import last_good  # noqa: PLC0415
    from retraind.store.database import is_there  # noqa: PLC0415
    from retraind.store.journal import Journal  # noqa: PLC0415

    settings, file, problems = load_to_look(options.config)
    for problem in problems:
        complain(problem)
    model = settings.models.get(options.model)
    if model is None:
        raise ConfigError(
            [f"{file}: there is no model {options.model!r}; there is {', '.join(settings.models)}."]
        )
    previous = None
    if is_there(settings.state.journal_file):
        journal = Journal.open(settings.state.journal_file)
        previous = last_good(journal, options.model)
        journal.close()
    return {
        "previous": previous,
        "marked": "bom" in model.fix,
        "target": options.target or model.target,
        "time_series": options.time_series or model.time_series,
    }
