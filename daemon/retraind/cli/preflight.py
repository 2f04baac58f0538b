"""`preflight`: data against the service's rules, without a daemon and without sending anything."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from retraind.cli.live.onlooker import progress_bar
from retraind.cli.output import BAD, GOOD, USAGE, Refused, print_json, print_text
from retraind.dataset.preflight import Preflight, SourceFile
from retraind.dataset.preflight import preflight as check
from retraind.domain.prediction import PredictionType
from retraind.domain.problems import Finding, Severity, problem
from retraind.domain.progress import Watcher, Work
from retraind.report.wording import Voice
from retraind.system.files import exists, is_file, real_path
from retraind.system.reading import open_regular


def preflight(options: argparse.Namespace) -> int:
    """Preflight files as the daemon does before an upload."""
    for path in (options.train, options.evaluation):
        if path is not None:
            _check_readable(path)
    known = _as_for_model(options) if options.model else {}
    with progress_bar(unless=options.json) as watcher:
        train, *others = _sources([path for path in (options.train, options.evaluation) if path], watcher)
        result = check(train, *others, **{**known, **_given(options)})
    voice = Voice(language=options.language, codes=True)
    if options.json:
        print_json(_for_programs(result, voice))
    else:
        _print_for_people(result, voice)
    return GOOD if result.ok else BAD


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say about the model."""
    kind = options.prediction_type
    given = {
        "target": options.target,
        "prediction_type": None if kind is None else PredictionType(kind),
        "positive_value": options.positive_value,
        "time_series": options.time_series or options.time_column is not None or None,
        "time_column": options.time_column,
        "series_column": options.series_column,
    }
    return {name: value for name, value in given.items() if value is not None}


def _print_for_people(result: Preflight, voice: Voice) -> None:
    for facts in filter(None, (result.train, result.evaluation)):
        told = voice.label(
            "preflight_file",
            name=facts.name,
            rows=facts.rows,
            columns=len(facts.columns),
            encoding=facts.encoding,
            size=facts.bytes,
        )
        print_text(told, voice.language)
    for finding in result.findings:
        is_error = finding.severity is Severity.ERROR
        print_text(
            "\n" + voice.label("preflight_finding", error=is_error, text=voice.finding(finding)),
            voice.language,
        )
    if result.ignored:
        print_text("\n" + voice.label("rules_ignored", rules=result.ignored), voice.language)
    print_text("\n" + voice.label("preflight_result", ok=result.ok), voice.language)


def _for_programs(result: Preflight, voice: Voice) -> dict[str, Any]:
    return {
        "ok": result.ok,
        "ignored": list(result.ignored),
        "findings": [_finding_for_programs(finding, voice) for finding in result.findings],
        "train": result.train and asdict(result.train),
        "evaluation": result.evaluation and asdict(result.evaluation),
    }


def _finding_for_programs(finding: Finding, voice: Voice) -> dict[str, Any]:
    words = voice.finding_words(finding)
    return {
        "severity": finding.severity,
        "rule": finding.rule,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "message": words.what,
        "service_message": finding.service_message,
        "service_message_ja": finding.service_message_ja,
        "service_number": finding.service_number,
        "overruled": finding.overruled,
        "remedy": words.remedy,
        "facts": dict(finding.facts),
    }


def _sources(paths: Sequence[Path], watcher: Watcher) -> list[SourceFile]:
    """Return files to be read, on whatever file systems they are."""
    sizes = [path.stat().st_size for path in paths]
    begins = accumulate(sizes, initial=0)
    return [
        SourceFile(path.name, partial(_opened, path, begin, sum(sizes), watcher))
        for path, begin in zip(paths, begins, strict=False)
    ]


def _opened(path: Path, begin: int, total: int, watcher: Watcher) -> BinaryIO:
    """Open a file, of which each read is shown; `begin` is what was read before it."""
    opened = open_regular(
        real_path(path), lambda: watcher(Work.PREFLIGHT, begin + opened.tell(), total), named=path
    )
    return opened


def _check_readable(path: Path) -> None:
    """Raise Refused when a file cannot be opened."""
    reason, found = None, True
    try:
        if is_file(path, follow=True):
            open_regular(real_path(path)).close()
            return
        found = exists(path, follow=True)
    except OSError as error:
        reason = error.strerror
    raise Refused(problem("preflight_unreadable", path=path, exists=found, reason=reason), USAGE)


def _as_for_model(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the daemon preflights the files of this model with."""
    # Without a model, none of this is needed, and the command is faster.
    from retraind.cli.journals import look, opened_journal  # noqa: PLC0415
    from retraind.jobs.preflight import last_good, prediction  # noqa: PLC0415
    from retraind.store.database import is_there  # noqa: PLC0415

    loaded = look(options)
    settings = loaded.settings
    model = settings.models.get(options.model)
    if model is None:
        raise Refused(problem("model_unknown", name=options.model, known=sorted(settings.models)), USAGE)
    previous = None
    if is_there(settings.state.journal_file):
        with opened_journal(loaded) as (_, journal):
            previous = last_good(journal, options.model)
    return {
        "previous": previous,
        "adds_bom": "bom" in model.fix,
        "rules": model.rules,
        **prediction(model),
    }
