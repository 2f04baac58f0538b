"""What the service answers: its own error messages, and what is not an answer of it."""

from retraind.domain.failures import Party
from retraind.report.wording.en._parts import http_status, in_its_place, saying, sentence, whom
from retraind.report.wording.words import Host, Name, Words

_AGAIN = "retraind tries again every six hours. To try as soon as it is fixed, run: retraind release {}"

# The vendor's error table


def key_unknown() -> str:
    return "The service does not know the key."


def key_inactive() -> str:
    return "The service reports that the key is wrong or has expired."


def key_wrong() -> str:
    return "The service reports that the key is wrong."


def account_deleted() -> Words:
    return Words(
        "The service reports that the account may have been deleted.",
        "Check on the service's screen that the account still exists.",
    )


def model_deleted(model: str) -> Words:
    return Words(
        "The service reports that the model may have been deleted.",
        f"Check on the service's screen that the model still exists. {_AGAIN.format(model)}",
    )


def retrain_job_deleted(job: str) -> Words:
    return Words(
        "The service reports that the retrain job may have been deleted.",
        f"To train with the same data again, run: retraind retry {job}",
    )


def retrain_job_unknown(job: str) -> Words:
    return Words(
        "The service does not know the retrain job.",
        f"To train with the same data again, run: retraind retry {job}",
    )


def published_model_missing(job: str) -> Words:
    return Words(
        "The API of the published model no longer exists, so the new model cannot be published. The training "
        "itself succeeded.",
        f"Publish the model again on the service's screen, then run: retraind retry {job}",
    )


def retrain_job_not_finished() -> str:
    return "The service reports that the retrain job has not finished yet."


def model_id_required(model: str) -> Words:
    return Words(
        "The service requires the model's id.", f"Set model_id in the configuration. {_AGAIN.format(model)}"
    )


def model_configuration_missing(model: str) -> Words:
    return Words(
        "The service no longer has the model's configuration file.",
        f"Check the model on the service's screen, or ask the service's support. {_AGAIN.format(model)}",
    )


# Other answers


def error_returned(party: Party, host: Host, status: int, error_code: Name | None, said: Name | None) -> str:
    """`error_code` is the object store's, `said` the service's message."""
    return f"{sentence(whom(party, host))} returned {http_status(status, error_code)}{saying(said)}"


def redirect_returned(party: Party, host: Host, status: int) -> Words:
    return Words(
        f"{sentence(whom(party, host))} returned {http_status(status)}, a redirect. retraind follows none.",
        in_its_place(party),
    )


def web_page_returned(party: Party, host: Host) -> Words:
    return Words(f"{sentence(whom(party, host))} returned a web page instead of data.", in_its_place(party))


def request_refused(host: Host, status: int, said: Name | None) -> Words:
    return Words(
        f"The service ({host}) refused the request with {http_status(status)}{saying(said)}",
        "If this continues, replace the key, and check whether a proxy or a firewall answers in place of the "
        "service.",
    )


def response_unexplained(host: Host, status: int, said: Name | None) -> Words:
    return Words(
        f"The service ({host}) returned {http_status(status)}{saying(said)} Its manual does not explain it.",
        "If this continues, check api.base_url, the service's announcements, and whether a proxy answers in "
        "its place.",
    )


def response_too_long(host: Host, most: int) -> Words:
    return Words(
        f"The response from the service ({host}) is longer than {most:,} bytes, unlike any documented one.",
        in_its_place(Party.SERVICE),
    )


def response_empty(host: Host) -> Words:
    return Words(f"The response from the service ({host}) is empty.", in_its_place(Party.SERVICE))


def response_incomplete(host: Host) -> Words:
    return Words(
        f"The response from the service ({host}) is cut off or lacks a documented field.",
        in_its_place(Party.SERVICE),
    )


def response_not_json(host: Host) -> Words:
    return Words(f"The response from the service ({host}) is not JSON.", in_its_place(Party.SERVICE))


def upload_address_missing(host: Host) -> Words:
    return Words(
        f"The response from the service ({host}) has no usable upload address.", in_its_place(Party.SERVICE)
    )


def key_echoed(host: Host) -> Words:
    return Words(
        f"The response from the service ({host}) contains the API key where a name or an address should be.",
        in_its_place(Party.SERVICE),
    )
