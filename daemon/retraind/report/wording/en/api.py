"""Requests: the network, the service's answers, and the object store's."""

from datetime import datetime
from http import HTTPStatus
from typing import Literal

from retraind.domain.failures import Party
from retraind.report.wording.en._parts import (
    by_operator,
    command,
    http_status,
    in_its_place,
    listing,
    moment,
    saying,
    sentence,
    whom,
)
from retraind.report.wording.words import Audience, Host, Name, Place, Said, Words

# The network: why a request gets no answer, and where requests may go

_TLS = "If a company proxy inspects TLS, set api.ca_bundle to the file with its CA certificate."
_REACHES = {
    "private": "a private network",
    "loopback": "this machine itself (loopback)",
    "closed": "a link-local, multicast or unspecified address",
}


_URLS = {"upload": "an upload URL", "results": "a URL for the results"}
_SETTING = "api.proxy"


def proxy_address_unusable(
    party: Party, host: Host, source: Name | None = None, *, socks: bool = False
) -> Words:
    """`source` is api.proxy, or the environment variable; `socks` says that PySocks is missing."""
    proxy = f"The proxy address in {_source(source)}" if source else "The address of the proxy"
    why = ": SOCKS requires PySocks, which is not installed" if socks else ""
    correct = f"Correct {source}" if source else "Correct api.proxy, or the variable that names the proxy"
    if source and source != _SETTING:
        correct += " in retraind's environment, or name the proxy in api.proxy, which takes precedence"
    install = "Run: pip install PySocks, or use a proxy with http://. " if socks else ""
    return Words(
        f"{proxy} cannot be used for {whom(party, host)}{why}.",
        f"{install}{correct}. Then restart retraind.",
        operator_only=True,
    )


def _source(source: str) -> str:
    return source if source == _SETTING else f"environment variable {source}"


def proxy_failed(party: Party, host: Host) -> str:
    return f"The proxy for {whom(party, host)} cannot be reached or refuses the connection."


def proxy_refused(party: Party, host: Host, status: int) -> Words:
    return Words(
        f"The proxy for {whom(party, host)} returned {http_status(status)} instead of connecting.",
        "If this continues, ask whoever runs the proxy to allow connections from this machine to that host.",
        operator_only=True,
    )


def proxy_requires_authentication(party: Party, host: Host, status: int, schemes: tuple[Name, ...]) -> Words:
    """`schemes` are the ways to authenticate that the proxy offers, as far as they are known."""
    offered = f" and supports {listing(schemes)}" if schemes else ""
    basic = any(scheme.lower() == "basic" for scheme in schemes)
    login = "Set the user and password of the proxy in api.proxy, such as http://user:password@proxy:3128."
    other = (
        "retraind does not support NTLM or Negotiate (Kerberos). Let this machine use the proxy without "
        "authentication, or run a local proxy that authenticates, such as Cntlm or Px, and set api.proxy to "
        "it."
    )
    remedy = login if basic else other if schemes else f"{login} {other}"
    return Words(
        f"The proxy for {whom(party, host)} returned {http_status(status)}: it requires authentication"
        f"{offered}.",
        remedy,
        operator_only=True,
    )


def certificate_not_trusted(party: Party, host: Host) -> Words:
    return Words(f"The TLS certificate of {whom(party, host)} cannot be verified.", _TLS, operator_only=True)


def certificates_unreadable(party: Party, host: Host, file: Place, reason: str) -> Words:
    """`file` is that of api.ca_bundle."""
    return Words(
        f"No TLS connection to {whom(party, host)} can be set up: {file} cannot be read ({reason}).",
        "Let the service's user read the file that api.ca_bundle names, or fix the mount.",
        operator_only=True,
    )


def tls_failed(party: Party, host: Host) -> Words:
    return Words(f"A TLS connection to {whom(party, host)} cannot be set up.", _TLS, operator_only=True)


def name_not_resolved(party: Party, host: Host) -> str:
    return f"The host name of {whom(party, host)} cannot be resolved."


def connection_refused(party: Party, host: Host) -> str:
    return f"The connection to {whom(party, host)} was refused."


def no_route(party: Party, host: Host) -> str:
    return f"The network has no route to {whom(party, host)}."


def connect_timed_out(party: Party, host: Host) -> str:
    return f"Connecting to {whom(party, host)} timed out."


def connection_stalled(party: Party, host: Host) -> str:
    return f"The connection to {whom(party, host)} timed out: no data arrived, or too little, for too long."


def response_endless(party: Party, host: Host) -> str:
    return f"The response from {whom(party, host)} never ends."


def response_not_decompressed(party: Party, host: Host) -> str:
    return f"The response from {whom(party, host)} cannot be decompressed."


def address_unusable(party: Party, host: Host) -> str:
    return f"The address of {whom(party, host)} cannot be used."


def connection_lost(
    party: Party, host: Host, received: int | None = None, expected: int | None = None
) -> str:
    """`received` and `expected` are the bytes of the response, where they are known."""
    known = received is not None and expected is not None
    progress = f" after {received:,} of {expected:,} bytes" if known else ""
    return f"The connection to {whom(party, host)} was lost{progress}."


def request_failed(party: Party, host: Host, kind: Name) -> str:
    """`kind` is the library's name for the error."""
    return f"The request to {whom(party, host)} failed ({kind})."


def host_failing(host: Host, since: datetime, last: Said) -> Words:
    return Words(
        f"{host} has been failing since {moment(since)}. retraind keeps trying until it works "
        f"again. Last error: {last.what}",
        last.remedy,
    )


def address_not_allowed(
    host: Host,
    purpose: Literal["upload", "results"],
    reach: Literal["private", "loopback", "closed"] | None,
    allow: Name,
    job: str,
) -> Words:
    """`reach` is where the address leads, None for one without https; `allow` is for allow_hosts."""
    why = (
        f"its host ({host}) leads to {_REACHES[reach]}, unlike the host of base_url"
        if reach
        else f"it names its host ({host}) without https, unlike base_url"
    )
    return Words(
        f"The service returned {_URLS[purpose]} that is not allowed: {why}. Nothing was sent there.",
        f'If you expect this host, add "{allow}" to allow_hosts in [api] and restart retraind. Otherwise, '
        f"retraind tries again every six hours. To try now, run: {command('release', job)}",
        operator_only=True,
    )


def keys_unencrypted(host: Host) -> Words:
    return Words(
        f"API keys and data are sent to http://{host} unencrypted.",
        "Write https:// if the service supports it.",
    )


def data_unencrypted(host: Host) -> Words:
    """`host` is an entry of allow_hosts."""
    return Words(
        f"Data may be sent to {host} unencrypted.", "Write the host without http:// if it supports https."
    )


# The service


def _again(audience: Audience, model: str) -> str:
    now = by_operator(audience, "To try again as soon as it is fixed", "release", model, noun="model")
    return f"retraind tries again every six hours. {now}"


def _retrain(audience: Audience, job: str) -> str:
    return by_operator(audience, "To train with the same data again", "retry", job)


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


def model_deleted(model: str, audience: Audience) -> Words:
    return Words(
        "The service reports that the model may have been deleted.",
        f"Check on the service's screen that the model still exists. {_again(audience, model)}",
    )


def retrain_job_deleted(job: str, audience: Audience) -> Words:
    return Words("The service reports that the retrain job may have been deleted.", _retrain(audience, job))


def retrain_job_unknown(job: str, audience: Audience) -> Words:
    return Words("The service does not know the retrain job.", _retrain(audience, job))


def published_model_missing(job: str, audience: Audience) -> Words:
    return Words(
        "The API of the published model no longer exists, so the new model cannot be published. The training "
        "itself succeeded.",
        "Publish the model again on the service's screen. "
        + by_operator(audience, "To publish the new model after that", "retry", job),
    )


def retrain_job_not_finished() -> str:
    return "The service reports that the retrain job has not finished yet."


def model_id_required(model: str, audience: Audience) -> Words:
    return Words(
        "The service requires the model's id.",
        f"Set model_id in the configuration. {_again(audience, model)}",
    )


def model_configuration_missing(model: str, audience: Audience) -> Words:
    return Words(
        "The service no longer has the model's configuration file.",
        f"Check the model on the service's screen, or ask the service's support. {_again(audience, model)}",
    )


# Other answers


def error_returned(party: Party, host: Host, status: int, error_code: Name | None, said: Name | None) -> str:
    """`error_code` is the object store's, `said` the service's message."""
    return f"{sentence(whom(party, host))} returned {http_status(status, error_code)}{saying(said)}"


def redirect_returned(party: Party, host: Host, status: int) -> Words:
    return Words(
        f"{sentence(whom(party, host))} returned {http_status(status)}, a redirect, which retraind does not "
        "follow.",
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
        f"The service ({host}) returned {http_status(status)}{saying(said)} Its manual does not "
        "document this response.",
        "If this continues, check api.base_url, the service's announcements, and whether a proxy answers in "
        "its place.",
    )


def response_too_long(host: Host, most: int) -> Words:
    return Words(
        f"The response from the service ({host}) is longer than {most:,} bytes, which no "
        "documented response is.",
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
        f"The response from the service ({host}) has no usable upload URL.", in_its_place(Party.SERVICE)
    )


def retrain_job_id_unusable(host: Host) -> Words:
    return Words(
        f"The response from the service ({host}) has no usable retrain job id.",
        in_its_place(Party.SERVICE),
    )


def other_retrain_job_answered(host: Host) -> Words:
    return Words(
        f"The response from the service ({host}) is about a retrain job other than the one requested.",
        in_its_place(Party.SERVICE),
    )


def key_echoed(host: Host) -> Words:
    return Words(
        f"The response from the service ({host}) contains the API key in place of a name or a URL.",
        in_its_place(Party.SERVICE),
    )


# The object store: uploads and results


def upload_address_refused(host: Host, status: int, error_code: Name | None) -> str:
    """`error_code` is the object store's own."""
    return f"The object store ({host}) rejected the upload URL with {http_status(status, error_code)}."


def page_in_place_of_store(host: Host, status: int, source: Name | None) -> Words:
    """`source` is api.proxy, or the environment variable that names a proxy on the way."""
    who = f"The proxy ({_source(source)})" if source else "A proxy or a firewall on the way"
    large = " and does not accept that many bytes" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else ""
    name = "" if source else " If requests are meant to use this proxy, set api.proxy to it."
    return Words(
        f"{who} answered in place of the object store ({host}): it returned a web page with "
        f"{http_status(status)}{large}.",
        f"Ask whoever runs it to allow uploads to that host and downloads from it.{name}",
        operator_only=True,
    )


def response_before_upload_end(host: Host) -> Words:
    return Words(
        f"The object store ({host}) responded before it had received the complete file.",
        in_its_place(Party.STORE),
    )


def bundle_shrank(bundle: Name, host: Host) -> Words:
    return Words(
        f"The bundle {bundle} became shorter while it was being sent. The object store ({host}) has received "
        "only part of it, if any.",
        "Find out which other program writes to the spool folder.",
        operator_only=True,
    )


def results_address_expired() -> str:
    return "The URL that the service returned for the results has expired."


def results_refused(host: Host, status: int, error_code: Name, job: str, audience: Audience) -> Words:
    return Words(
        f"The object store ({host}) refused the download of the results with "
        f"{http_status(status, error_code)}.",
        "If this happens more than once, ask the service's support. "
        + by_operator(audience, "To fetch the results again", "retry", job),
    )


def results_incomplete(host: Host, received: int) -> str:
    if not received:
        return f"The object store ({host}) returned an empty file as the results."
    return (
        f"The object store ({host}) returned a zip file without its end as the results ({received:,} bytes)."
    )


def results_too_long(most: int) -> Words:
    return Words(
        f"The results are larger than {most:,} bytes, so they were not fetched. The training itself "
        "succeeded.",
        "Download them from the service's screen.",
    )
