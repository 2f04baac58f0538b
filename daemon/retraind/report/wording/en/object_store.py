"""The object store: uploads and results."""

from retraind.domain.failures import Party
from retraind.report.wording.en._parts import http_status, in_its_place
from retraind.report.wording.words import Host, Name, Words


def upload_address_refused(host: Host, status: int, error_code: Name | None) -> str:
    """`error_code` is the object store's own."""
    return f"The object store ({host}) refused the upload address with {http_status(status, error_code)}."


def response_before_upload_end(host: Host) -> Words:
    return Words(
        f"The object store ({host}) responded before it had received the complete file.",
        in_its_place(Party.STORE),
    )


def bundle_shrank(bundle: Name, host: Host) -> Words:
    return Words(
        f"The bundle {bundle} became shorter while it was sent. The object store ({host}) has at most a part "
        "of it.",
        "Find out what else writes to the folder of the bundles.",
        operator_only=True,
    )


def results_address_expired() -> str:
    return "The address that the service named for the results has expired."


def results_refused(host: Host, status: int, error_code: Name, job: str) -> Words:
    return Words(
        f"The object store ({host}) refused the results with {http_status(status, error_code)}.",
        f"Run: retraind retry {job}. If this happens again, ask the service's support.",
    )


def results_too_long(most: int) -> Words:
    return Words(
        f"The results are larger than {most:,} bytes, so they were not fetched. The training itself "
        "succeeded.",
        "Download them from the service's screen.",
    )
