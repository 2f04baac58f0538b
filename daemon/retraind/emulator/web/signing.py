"""Pre-signed addresses of the object store: the one place that creates and checks them."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

_DATE, _EXPIRES, _SIGNATURE = "X-Emu-Date", "X-Emu-Expires", "X-Emu-Signature"


class Verdict(StrEnum):
    """The result of checking an address."""

    GOOD = "good"
    WRONG = "wrong"
    """The signature is missing, or is not that of this method and object."""
    EXPIRED = "expired"


def presign(secret: str, method: str, token: str, moment: datetime, lifetime: timedelta) -> str:
    """Return path and query of an address that allows `method` on object `token` from `moment` on."""
    date, expires = (repr(at.timestamp()) for at in (moment, moment + lifetime))
    query = {_DATE: date, _EXPIRES: expires, _SIGNATURE: _sign(secret, method, token, date, expires)}
    return f"/store/{token}?{urlencode(query)}"


def check(
    secret: str, method: str, token: str, query: Mapping[str, str], *, moment: datetime, void_before: datetime
) -> Verdict:
    """Check an address at `moment`; those signed before `void_before` have expired."""
    date, expires = query.get(_DATE, ""), query.get(_EXPIRES, "")
    right = _sign(secret, method, token, date, expires)
    if not hmac.compare_digest(right.encode(), query.get(_SIGNATURE, "").encode()):
        return Verdict.WRONG
    signed_at = datetime.fromtimestamp(float(date), UTC)
    if signed_at < void_before or moment >= datetime.fromtimestamp(float(expires), UTC):
        return Verdict.EXPIRED
    return Verdict.GOOD


def _sign(secret: str, method: str, token: str, date: str, expires: str) -> str:
    text = f"{method}\n{token}\n{date}\n{expires}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
