"""A job's facts as flat fields: what an earlier retraind wrote, and what `--json` shows."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from retraind.domain.problems import LEGACY, Severity

PARTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "wait": {
            "wake_at": "wake_at",
            "attempts": "attempts",
            "trouble": "trouble",
            "waits_for": "host",
            "troubled_since": "since",
            "stuck": "stuck",
        },
        "hold": {"hold": "problem", "held_until": "until"},
        "tries": {
            "registrations": "registrations",
            "registered_at": "registered_at",
            "upload_held": "upload_held",
        },
        "waived": {"budget_waived": "budget", "window_waived": "window"},
        "data": {"rows": "rows", "columns": "columns", "warnings": "warnings"},
        "bundle": {"bundle_name": "name", "bundle_bytes": "bytes"},
        "registration": {
            "retrain_job_id": "retrain_job_id",
            "upload_ticket": "ticket",
            "untouched_status": "untouched_status",
            "address_refused": "address_refused",
            "put_started_at": "put_started_at",
            "put_ended_at": "put_ended_at",
        },
        "training": {
            "uploaded_at": "uploaded_at",
            "train_deadline": "deadline",
            "status": "status",
            "unknown_since": "unknown_since",
            "status_seen_at": "status_seen_at",
            "status_message": "message",
            "trained_model_id": "model_id",
            "trained_at": "trained_at",
            "results_name": "results_name",
            "results_bytes": "results_bytes",
            "results_sha256": "results_sha256",
            "scores": "scores",
            "continues": "continues",
        },
        "gate": {"gate_output": "output", "gate_exit": "exit", "gate_shown": "shown"},
        "publication": {
            "switched_at": "at",
            "switched_by_hand": "by_hand",
            "first_switched_at": "first_at",
            "switch_open": "open",
            "switch_note": "note",
        },
        "end": {
            "outcome": "outcome",
            "problem": "problem",
            "failed_in": "failed_in",
            "resume_in": "resume_in",
            "earlier_job": "earlier_job",
            "continued_in": "continued_in",
        },
    }
)
"""The flat fields of each part, each with its name in the part."""

_NEEDED: Mapping[str, str] = MappingProxyType(
    {
        "hold": "hold",
        "bundle": "bundle_name",
        "registration": "retrain_job_id",
        "training": "uploaded_at",
        "gate": "gate_output",
        "end": "outcome",
    }
)
"""The flat field without which a part is missing; the others are missing when all their fields are empty."""

_BLANK: Mapping[str, Any] = MappingProxyType(
    {
        "rows": {},
        "columns": [],
        "warnings": [],
        "gate_shown": [],
        "scores": {},
        "switched_by_hand": False,
        "switch_open": False,
    }
)
"""What flat fields of a missing part are, where that is not null."""
_SENTENCES = frozenset({"trouble", "hold", "address_refused", "switch_note", "problem"})
"""Flat fields with problems, which an earlier retraind kept as finished sentences."""

_PLAIN_SENTENCES = frozenset({"trouble", "address_refused", "switch_note"})
"""Those without a remedy of their own."""


def in_facts(written: Any) -> Any:
    """Return a problem's JSON; what was written as a finished sentence, or a pair of them, as a fact."""
    if isinstance(written, str):
        written = {"what": written}
    if not isinstance(written, Mapping) or "what" not in written:
        return written
    facts = {"what": written["what"], "remedy": written.get("remedy") or ""}
    return {"code": LEGACY, "facts": facts, "details": _findings(written.get("details") or ())}


def _findings(written: Sequence[Any]) -> list[Any]:
    return [
        {"rule": LEGACY, "severity": Severity.WARNING, "facts": {"text": each}}
        if isinstance(each, str)
        else each
        for each in written
    ]


def translated(text: str | bytes) -> str | bytes:
    """Return a job's JSON with parts; what an earlier retraind wrote has none. Raises ValueError."""
    from pydantic_core import from_json  # noqa: PLC0415 - a command that reads no job does without

    body = from_json(text)
    if not isinstance(body, dict) or "wait" in body:
        return text
    flat = {
        name: in_facts(value) if name in _SENTENCES else value
        for name, value in body.items()
        if value is not None
    }
    flat |= {"warnings": _findings(flat.get("warnings", ()))}
    parts: dict[str, Any] = {}
    for part, names in PARTS.items():
        values = {name: flat[old] for old, name in names.items() if old in flat}
        needed = _NEEDED.get(part)
        if part == "wait" or needed in flat or (needed is None and any(values.values())):
            parts[part] = values
    moved = {old for names in PARTS.values() for old in names}
    parts |= {name: value for name, value in flat.items() if name not in moved}
    if "end" not in parts:
        # The delivery was found flawed when it was taken in.
        parts["flaw"] = flat.get("problem")
    return json.dumps(parts, ensure_ascii=False)


_LEFT_OUT = frozenset({"columns", "warnings", "scores", "gate_shown", "upload_ticket"})
"""Flat fields that the first version does without: they are large, or secret."""


def for_first_version(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's JSON that the first version, which knows no parts, reads as well.

    It passes over the parts, and today's readers over the flat fields. Both call something `hold`: it gets
    what either looks for. Problems are known there by their code, since the first version has its own words.
    """
    flat = {name: value for name, value in flattened(body).items() if name not in _LEFT_OUT}
    for name in _SENTENCES & {name for name, value in flat.items() if value is not None}:
        code = flat[name]["code"]
        flat[name] = code if name in _PLAIN_SENTENCES else {"what": code, "remedy": ""}
    hold = body["hold"] and flat["hold"] | body["hold"]
    return flat | dict(body) | {"hold": hold}


def flattened(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat fields of a job's JSON."""
    moved = {*PARTS, "flaw"}
    flat = {name: value for name, value in body.items() if name not in moved}
    for part, names in PARTS.items():
        known = body[part] or {}
        flat |= {old: known.get(name, _BLANK.get(old)) for old, name in names.items()}
    return flat | {"problem": flat["problem"] or body["flaw"]}
