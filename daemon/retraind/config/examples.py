"""An example of each key whose value is more than a choice or a number: for whoever wrote a wrong one."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, time
from types import MappingProxyType
from typing import NamedTuple

EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "api.base_url": '"https://developer-api.easy-predictive-analytics.sony.com"',
        "api.connect_timeout": '"10s"',
        "api.timeout": '"60s"',
        "api.proxy": '"http://proxy.example.com:3128"',
        "api.ca_bundle": '"/etc/ssl/certs/ca-certificates.crt"',
        "api.allow_hosts": '["store.example.com"]',
        "state.url": '"sqlite:////var/lib/retraind/journal.db"',
        "state.spool": '"/var/lib/retraind/spool"',
        "state.keep_free": '"200MiB"',
        "bundle.largest": '"20GiB"',
        "sweep.interval": '"30s"',
        "sweep.ignore": '["*.part", "*.tmp"]',
        "poll.interval": '"60s"',
        "poll.slowest": '"15m"',
        "poll.timeout": '"24h"',
        "poll.failure_words": '["fail", "error"]',
        "poll.upload_doubt": '"60s"',
        "work.retry_first": '"5s"',
        "work.retry_longest": '"10m"',
        "work.upload_rate": '"20 MB/s"',
        "notify.urls": '["https://hooks.example.com/…"]',
        "notify.on": '["failed", "held", "late"]',
        "notify.patience": '"15m"',
        "notify.digest": '"weekly mon 08:00"',
        "notify.heartbeat": '"https://hc-ping.com/…"',
        "metrics.listen": '"127.0.0.1:8088"',
        "metrics.textfile": '"/var/lib/prometheus/node-exporter/retraind.prom"',
        "page.listen": '"127.0.0.1:8087"',
        "page.prefix": '"/retraind"',
        "page.allowed_hosts": '["retraind.example.com"]',
        "page.token_file": '"/etc/retraind/page.token"',
        "page.user_header": '"X-Remote-User"',
        "page.user_header_from": '["127.0.0.1"]',
        "models.drop": '"/srv/drop/churn"',
        "models.train": '"train*{key}*"',
        "models.eval": '"eval*{key}*"',
        "models.settle": '"10s"',
        "models.pair_timeout": '"24h"',
        "models.fix": '["bom"]',
        "models.target": '"churned"',
        "models.positive_value": '"yes"',
        "models.time_column": '"month"',
        "models.series_column": '"shop"',
        "models.done": '"/srv/archive/churn/done"',
        "models.failed": '"/srv/archive/churn/failed"',
        "models.api_key": '"…"',
        "models.api_key_file": '"/etc/retraind/churn.key"',
        "models.credential": '"churn"',
        "models.secret_key": '"…"',
        "models.secret_key_file": '"/etc/retraind/account.secret"',
        "models.secret_credential": '"account"',
        "models.gate": '"/opt/retraind-gates/better-than-before --margin 0.01"',
        "models.gate_timeout": '"10m"',
        "models.gate_environment": '["PYTHONPATH"]',
        "models.upload_window": '"mon-fri 22:00-05:00 Asia/Tokyo"',
        "models.upload_holidays": '"/etc/retraind/company-holidays.txt"',
        "models.budget": '"4/month"',
        "models.retention": '"400d"',
        "models.retention_size": '"100GiB"',
        "models.retention_failed": '"90d"',
        "models.retention_failed_size": '"20GiB"',
        "models.poll_interval": '"5m"',
        "models.poll_timeout": '"72h"',
        "models.expect.every": '"month"',
        "models.expect.by": '"5th 09:00"',
        "models.expect.tz": '"Asia/Tokyo"',
        "models.expect.calendar": '"JP"',
        "models.expect.closed": '"/etc/retraind/company-holidays.txt"',
        "models.expect.months_off": "[8]",
        "models.notify.urls": '["mailto://user:password@mail.example.com?to=owner@example.com"]',
        "models.notify.on": '["failed", "late", "files"]',
        "models.notify.digest": '"weekly mon 08:00 Asia/Tokyo"',
    }
)
"""By key, as it stands in the file; a model's name is left out."""


_KINDS: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "boolean": bool, "number": (int, float), "text": str, "list": list, "table": dict,
        "date": date, "time": time,
    }
)  # fmt: skip
"""What TOML has."""
_EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "bool": "boolean", "int": "number", "float": "number", "boolean": "number", "string": "text",
        "path": "text", "url": "text", "time": "text", "list": "list", "tuple": "list", "frozen": "list",
    }
)  # fmt: skip
"""By how pydantic's word for an error begins, what it expects."""


def kind_of(value: object) -> str:
    """Return what a value is in TOML: a boolean, number, text, list, table, date or time."""
    return next((kind for kind, types in _KINDS.items() if isinstance(value, types)), "text")


class Expected(NamedTuple):
    """What stands where it does not belong, and what belongs there."""

    found: str
    expected: str
    example: str | None
    """A line of the file."""


def wrong_type(location: Sequence[str | int], value: object, kind: str) -> Expected | None:
    """Return what is wrong with the type of a value; None where something else is.

    `kind` is pydantic's word for the error.
    """
    expected = _EXPECTED.get(kind.partition("_")[0])
    if expected is None:
        return None
    line, example = _example(location) or (None, None)
    if line is not None and not isinstance(location[-1], int):
        expected = kind_of(example)
    return Expected(kind_of(value), expected, line)


def _example(location: Sequence[str | int]) -> tuple[str, object] | None:
    """Return a line with an example of the key at a place, or of the list there; and its value."""
    parts = [part for part in location if isinstance(part, str)]
    if parts and parts[0] == "models":
        del parts[1:2]
    text = EXAMPLES.get(".".join(parts))
    if text is None:
        return None
    line = f"{parts[-1]} = {text}"
    return line, tomllib.loads(line)[parts[-1]]
