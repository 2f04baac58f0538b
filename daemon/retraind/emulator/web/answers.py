"""Answers as values, and how refusals are phrased: JSON of the API, XML of the object store."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer; `Content-Length` is added when it is sent."""

    status: int
    body: bytes = b""
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Enum):
    """The vendor's error table: code, error, message. The first three digits of the code are the status."""

    INVALID_KEY = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "invalid_api_key.")
    INACTIVE_CREDENTIAL = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "Inactive_credential.")
    CREDENTIAL_NOT_FOUND = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "Not_found_credential.")
    USER_DELETED = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "This user may be deleted.")
    MODEL_DELETED = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "This model may be deleted.")
    JOB_DELETED = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "This job may be deleted.")
    JOB_NOT_FOUND = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "Not found retrain job.")
    CLASSIFIER_NOT_FOUND = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "Not found classifier.")
    NOT_FINISHED = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "Retrain job is not finished.")
    MODEL_ID_REQUIRED = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "Model id is required.")
    CONFIGURATION_NOT_FOUND = (
        5001000201,
        "PREDA_EXTERNAL_INTERNAL_SERVER_ERROR",
        "Not found configuration_file.",
    )
    # The manual does not have these two; a client that follows it never gets them.
    FILE_NAME_REQUIRED = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "File name is required.")
    CREDENTIAL_TYPE_INVALID = (4001000204, "PREDA_EXTERNAL_BAD_REQUEST", "Credential type is invalid.")

    def answer(self) -> Answer:
        """Return the refusal as it is sent. The vendor leaves the shape of the body open."""
        code, error, message = self.value
        return as_json({"code": code, "error": error, "message": message}, status=code // 10_000_000)


def as_json(value: Any, *, status: int = 200) -> Answer:
    """Return an answer with `value` as JSON."""
    return Answer(status, json.dumps(value, ensure_ascii=False).encode())


def as_html(text: str, *, status: int = 200) -> Answer:
    """Return a small HTML page with `text`."""
    page = f"<!DOCTYPE html><html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>"
    return Answer(status, page.encode(), "text/html; charset=utf-8")


def store_refusal(status: int, code: str, message: str, **details: str) -> Answer:
    """Return an error of the object store, in the XML of S3."""
    parts = {"Code": code, "Message": message, **details, "RequestId": secrets.token_hex(8).upper()}
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    return Answer(status, body.encode(), "application/xml")
