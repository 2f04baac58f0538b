"""Facts that are made up, so that each message can be shown as people see it."""

import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import product
from typing import Any, Literal, get_args, get_origin

from retraind.domain.problems import Problem, problem
from retraind.report.wording import Host, Place, Said
from retraind.report.wording.catalogue import Entry, unwrapped

MOST_VARIANTS = 6
"""How many forms of one message are shown."""
_MOST_COMBINED = 64
_JOB = "2026-11-23T224005Z_2026-11_c8c212"
_MOMENT = datetime(2026, 11, 23, 22, 40, 5, tzinfo=UTC)
_BY_NAME: Mapping[str, Any] = {
    "absent": ("no",),
    "accept": ("ragged-rows",),
    "address": "https://developer-api.predictionone.sony.biz",
    "allow": "store.example.com",
    "as_shift_jis": "ﾃ､ﾃｶﾃｼ",
    "backup": "/var/lib/retraind/backups/journal-2026-11-30T023000Z.db",
    "before": "2026-10",
    "bundle": "2026-11.zip",
    "changed": (("age", "numeric", "text"),),
    "classes": ("yes", "maybe"),
    "code": 1,
    "column": "age",
    "columns": ("age", "city"),
    "command": "/etc/retraind/gate.py",
    "config": "/etc/retraind/config.toml",
    "control": "train_2026-11.csv.aria2",
    "credential": "churn",
    "cut": "E6 97",
    "damage": "cut",
    "delimiter": ",",
    "delivery": "2026-10",
    "directive": "ReadWritePaths",
    "earlier": "2026-10-23T224005Z_2026-10_a1b2c3",
    "ending": "CR CR LF",
    "error_code": "AccessDenied",
    "errno": 13,
    "evaluation": "eval*{key}*",
    "every": "month",
    "example": "5th 09:00",
    "examples": ("train_2026-11.csv", "eval_2026-11.csv"),
    "expected": "age",
    "extension": ".csv",
    "extra": ("city",),
    "field": "size",
    "file": "train_2026-11.csv",
    "file_system": "cifs",
    "files": ("train_2026-11_1.csv", "train_2026-11_2.csv"),
    "first": "31.10.2026",
    "folder": "train",
    "glob": "train_2026-11_*.csv",
    "given": ("api_key", "api_key_file"),
    "group": "etl",
    "halves": ("train_2026-11.csv",),
    "header": "id,age,city",
    "heir": "churn-2",
    "held": ("churn",),
    "here": "config.toml",
    "high": 1_000_000,
    "host": "store.example.com:443",
    "interpreter": "/usr/bin/python3",
    "job": _JOB,
    "joined": "train_2026-11.csv",
    "key": "2026-11",
    "kind": "office",
    "known": ("settle", "sweep"),
    "last": 91,
    "likely": "Windows-1252",
    "line": 12,
    "listen": "127.0.0.1:8088",
    "listed": 35_975,
    "low": 100,
    "manifest": "2026-11.manifest.json",
    "marker": ".retraind-id",
    "markers": ("2026-11.done",),
    "message": "データ保存容量が上限に達しています",
    "minimum": 11,
    "missing": ("age",),
    "mode": "-rw-------",
    "model": "churn",
    "name": "age",
    "names": (("age", 2),),
    "not_shift_jis": (12, 345, 0xFD),
    "not_utf8": (12, 345, 0xE9),
    "notations": ("thousands",),
    "of": "train_2026-11.csv",
    "other": "eval_2026-11.csv",
    "other_delimiter": ";",
    "other_extension": ".tsv",
    "other_key": "2026-12",
    "others": (44, 91),
    "out_of_range": ((44, "13/45/2026"),),
    "outcome": "superseded",
    "owner": "etl",
    "padding": (4,),
    "path": "/srv/drop/churn",
    "period": "month",
    "places": (3, 4),
    "point": "/srv/drop",
    "positive": "yes",
    "present": "/srv/drop/other",
    "program": "gate.py",
    "python": "/opt/retraind/bin/python",
    "reason": "Permission denied",
    "registrations": 5,
    "renamed": "eval_2026-11.csv",
    "rule": "ragged-rows",
    "said": "Service Unavailable",
    "schema": "8",
    "schemes": ("NTLM",),
    "sequence": '\\"',
    "setting": "models.churn.api_key_file",
    "settings": ("notify.urls",),
    "sha256": "2d6f…",
    "signal": "SIGKILL",
    "similar": (("Age", ("case",)),),
    "size": 35_975,
    "source": "HTTPS_PROXY",
    "state": "uploaded",
    "status": 503,
    "system": "/etc/retraind/config.toml",
    "table": "models",
    "target": "/srv/archive",
    "text": "5th 25:00",
    "then": "01.11.2026",
    "title": "Sign in",
    "train": "train*{key}*",
    "trained_by": _JOB,
    "unit": "retraind.service",
    "user": "etl",
    "usual": "/etc/retraind/config.toml",
    "value": "1,234",
    "values": ("1", "2"),
    "variable": "RETRAIND_NOTIFY__URLS",
    "version": "0.3.0",
    "window": "22:00-06:00",
    "work": ".retraind",
}
"""Values by the names that facts have throughout the catalogue."""
_OTHERWISE: Mapping[str, Any] = {
    "blank_rows": 40,
    "column": 3,
    "columns": 3,
    "expected": 4,
    "expected_columns": 4,
    "files": 10_000,
    "filled": 9,
    "first_rows": 1_000,
    "first_year": 1970,
    "found": ("unknown-classes",),
    "last_year": 3999,
    "line": 12,
    "limit": 200,
    "missing": 2,
    "most": 100_000,
    "names": 100_000,
    "other": "eval",
    "others": ((44, "0.5.2024"),),
    "percent": 30,
    "previous_rows": 1_000,
    "received": 512,
    "rows": 9,
    "similar": "same-notation",
    "total": 3,
}
"""The same for facts of another type, and for numbers."""
_BY_CODE: Mapping[tuple[str, str], Any] = {
    ("address_unreadable", "flaw"): "no-host",
    ("content_not_as_listed", "listed"): "91ab…",
    ("not_a_table", "kind"): "html",
    ("nothing_expected", "name"): "churn",
    ("request_failed", "kind"): "ConnectionError",
    ("internal_error", "kind"): "KeyError",
    ("notifier_broken", "kind"): "TypeError",
    ("training_failed", "status"): "job_failed",
    ("training_failed", "message"): "項目が1つしかないため、データを読み込めません",
    ("training_unfinished", "status"): "job_running",
    ("results_not_named", "status"): "job_finished",
    ("value_invalid", "kind"): "tuple_type",
    ("value_invalid", "found"): "number",
    ("value_invalid", "expected"): "text",
    ("value_invalid", "example"): 'upload_window = "mon-fri 22:00-05:00 Asia/Tokyo"',
    ("value_invalid", "limit"): "64",
    ("file_not_arrived", "example"): "eval_2026-11.csv",
    ("column_order", "name"): "city",
    ("encoding", "example"): "Zürich",
    ("encoding_doubtful", "example"): "Zürich",
    ("date_range", "value"): "0001-01-01",
    ("date_form", "value"): "2026/1/5",
    ("duplicate_times", "value"): "2026-11-30",
    ("series_gap", "value"): "2026-12",
    ("irregular_times", "value"): "2026-12",
    ("unsorted_times", "value"): "2026-11",
    ("ragged_rows", "others"): ((44, 5),),
    ("swallowed_rows", "others"): ((120, 134),),
    ("late_class", "value"): "maybe",
    ("missing_value_marker", "value"): "NA",
    ("missing_value_marker", "others"): ((44, "-"),),
    ("rare_class", "value"): "maybe",
    ("rare_class_in_evaluation", "value"): "maybe",
    ("too_many_series", "value"): "shop 201",
    ("classes_spelled_otherwise", "value"): "yes",
    ("classes_spelled_otherwise", "expected"): "Yes",
    ("similar_classes", "value"): "Yes",
    ("similar_classes", "similar"): "yes",
    ("settings_contradict", "setting"): "models.churn.mode",
    ("settings_contradict", "key"): "positive_value",
    ("settings_contradict", "other"): 'prediction_type = "regression"',
    ("setting_requires", "key"): "gate_timeout",
    ("setting_requires", "other"): 'switch = "gate"',
    ("filing_folder_in_use", "key"): "done",
    ("columns_changed", "columns"): 12,
    ("columns_changed", "expected_columns"): 13,
    ("columns_differ", "columns"): 12,
    ("columns_differ", "expected_columns"): 13,
    ("connection_lost", "expected"): 2_048,
    ("file_too_large", "size"): 30 << 30,
    ("file_too_large", "largest"): 20 << 30,
    ("file_grown", "size"): 45_975,
    ("file_grown", "sealed"): 35_975,
}
_PATHS: Mapping[str, str] = {
    "key_": "/etc/retraind/churn.key",
    "credential": "/etc/retraind/churn.key",
    "journal_": "/var/lib/retraind/journal.db",
    "config_": "/etc/retraind/config.toml",
    "secrets_": "/etc/retraind/config.toml",
    "gate_": "/etc/retraind/gate.py",
}
"""Which file a message is about, by what its code begins with."""
_INNER: Mapping[str, Problem] = {
    "left_alone": problem("name_not_expected"),
    "setting_refused": problem("duration_unreadable"),
    "key_refused": problem("key_wrong"),
    "delivery_incomplete": problem("file_not_arrived", role="eval", example="eval_2026-11.csv"),
    "host_failing": problem("connection_refused", party="service", host="store.example.com:443"),
}
_DENIED = problem("file_error", path="/srv/drop/churn", errno=13, reason="Permission denied")
_PLAIN: Mapping[Any, Any] = {
    bool: False,
    int: 20,
    float: 0.5,
    str: "2026-11",
    datetime: _MOMENT,
    timedelta: timedelta(minutes=10),
}


def variants(entry: Entry) -> Iterator[dict[str, Any]]:
    """Yield facts for a message: the usual ones first, then others that may change what it says."""
    choices = {name: list(_choices(entry.code, name, hint)) for name, hint in entry.parameters.items()}
    yield {name: each[0] for name, each in choices.items()}
    for name, each in choices.items():
        for other in each[1:]:
            yield {key: values[0] for key, values in choices.items()} | {name: other}
    combined = 1
    for each in choices.values():
        combined *= len(each)
    if combined <= _MOST_COMBINED:
        for values in product(*choices.values()):
            yield dict(zip(choices, values, strict=True))


def _choices(code: str, name: str, hint: Any) -> Iterator[Any]:
    kind = unwrapped(hint)
    if name == "paired":
        yield True  # What it changes is only whether "both files" or "the file" is to be delivered again.
    elif kind is bool:
        yield from (False, True)
    elif get_origin(kind) is Literal:
        usual = _BY_CODE.get((code, name))
        yield from sorted(get_args(kind), key=lambda each: each != usual)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from kind
    else:
        yield _value(code, name, kind)
    if kind is not hint:
        yield None


def _value(code: str, name: str, kind: Any) -> Any:
    if kind is Said:
        return _INNER.get(code, _DENIED)
    path = None
    if name in {"path", "file"} and kind is Place:
        path = next((path for begin, path in _PATHS.items() if code.startswith(begin)), None)
    for found in (path, _BY_CODE.get((code, name)), _BY_NAME.get(name), _OTHERWISE.get(name)):
        if found is not None and _fits(found, kind):
            return found
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        return tuple(_value(code, "", part) for part in parts if part is not ...)
    if kind is Place:
        return "/srv/drop/churn/train_2026-11.csv"
    if kind is Host:
        return "store.example.com:443"
    first = typing.get_args(kind)[0] if typing.get_origin(kind) is not None else kind
    return _PLAIN.get(first, "2026-11")


def _fits(value: Any, kind: Any) -> bool:
    """Return whether a value has a fact's type; names, places and hosts are texts."""
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        if not isinstance(value, tuple):
            return False
        if parts[-1] is ...:
            return all(_fits(each, parts[0]) for each in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if get_args(kind):
        return any(_fits(value, part) for part in get_args(kind))
    wanted = kind if kind in _PLAIN else str
    return type(value) is wanted
