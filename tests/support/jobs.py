"""Jobs of the flat fields that `--json` names: short where a test is about what is known, not about its
parts."""

import json

from pydantic_core import to_jsonable_python

from retraind.domain.flat import PARTS, translated
from retraind.domain.job import Job


def job_of(**fields: object) -> Job:
    """Make a job as an earlier version wrote it. Whatever is known of a training, it was uploaded for."""
    if fields.keys() & PARTS["training"].keys():
        fields.setdefault("uploaded_at", fields["created_at"])
    return Job.from_json(translated(json.dumps(to_jsonable_python(fields))))
