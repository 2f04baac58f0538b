"""API keys: which one is meant, how long it lasts, how it is renewed."""

from datetime import datetime

from retraind.report.wording.en._parts import moment
from retraind.report.wording.words import Said, Words


def key_not_renewed(why: Said, ends: datetime | None) -> Words:
    until = f" The present one expires on {moment(ends)}." if ends else ""
    return Words(f"A new API key could not be fetched. {why.what}{until}", why.remedy)
