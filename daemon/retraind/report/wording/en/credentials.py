"""API keys: which one is meant, why it cannot be used, how long it lasts, how it is renewed."""

import shlex
from datetime import datetime

from retraind.report.wording.en._parts import moment, sentence
from retraind.report.wording.words import Name, Place, Said, Words


def key_refused(
    *,
    why: Said,
    setting: str,
    secret: bool,
    path: Place | None,
    credential: Name | None,
    variable: Name | None,
) -> Words:
    """`path`, `credential` (systemd's) or `variable` says where the key is, else it is in the settings."""
    return Words(
        f"{why.what} retraind sent {_key(setting, secret, path, credential, variable)}.",
        f"{why.remedy} {_renewal(secret, path, credential, variable)}".strip(),
        operator_only=True,
    )


def key_ends_soon(
    *,
    since: datetime,
    end: datetime,
    setting: str,
    secret: bool,
    path: Place | None,
    credential: Name | None,
    variable: Name | None,
) -> Words:
    key = sentence(_key(setting, secret, path, credential, variable))
    return Words(
        f"{key} has been in use since {moment(since)}, so it expires on {moment(end)} at the latest.",
        _renewal(secret, path, credential, variable),
        operator_only=True,
    )


def key_not_renewed(why: Said, ends: datetime | None) -> Words:
    until = f" The current one expires on {moment(ends)}." if ends else ""
    return Words(f"A new API key could not be fetched. {why.what}{until}", why.remedy)


def key_unusable(
    setting: str | None = None,
    path: Place | None = None,
    credential: Name | None = None,
    variable: Name | None = None,
) -> Words:
    where = f"{setting}: " if setting else ""
    return Words(
        f"{where}The key is empty or contains characters that no key has.",
        f"Write the key, alone and on one line, {_into(path, credential, variable)}",
        operator_only=True,
    )


def key_file_not_regular(setting: str, path: Place) -> Words:
    return Words(
        f"{setting}: This is not a regular file.",
        f"Put a file with the key there: {path}",
        operator_only=True,
    )


def key_file_exposed(
    setting: str,
    path: Place,
    group: Name | None = None,
    user: Name | None = None,
    file_system: Name | None = None,
) -> Words:
    """`group` or `user` can read it, else every user can. Both are empty where the name is hidden."""
    if file_system is not None:
        remedy = (
            f"Its mount ({file_system}) does not show the real permissions: keep the key on a local disk."
        )
    elif user is not None:
        remedy = f"Run: sudo setfacl -b {shlex.quote(path)}"
    elif group is not None:
        remedy = f"Run: sudo chown retraind {shlex.quote(path)} && sudo chmod 600 {shlex.quote(path)}"
    else:
        remedy = f"Run: chmod o= {shlex.quote(path)}"
    return Words(
        f"{setting}: {_who(group, user)} can read or change the key file.", remedy, operator_only=True
    )


def _who(group: Name | None, user: Name | None) -> str:
    if user is not None:
        return f"The user {user}" if user else "Another user"
    if group is not None:
        return f"The group {group}" if group else "A group other than retraind's own"
    return "Other users of this machine"


def key_file_unreadable(setting: str, path: Place, reason: Name | None) -> Words:
    """`reason` is None for a name that no file can have."""
    return Words(
        f"{setting}: The key file cannot be read ({reason or 'not a valid file name'}).",
        f"Put the key into {path}, readable only by the service's user.",
        operator_only=True,
    )


def key_file_failing(setting: str, reason: Name) -> str:
    return f"{setting}: The key file cannot be read at the moment ({reason})."


def credential_not_passed(setting: str, credential: Name) -> Words:
    return Words(
        f"{setting}: systemd passes no credential '{credential}'.",
        f"Add LoadCredential={credential}:/path/to/the/key to the unit and restart the service.",
        operator_only=True,
    )


def _key(
    setting: str, secret: bool, path: Place | None, credential: Name | None, variable: Name | None
) -> str:
    """Say which key it is, without a path."""
    if path:
        where = "from the key file"
    elif credential:
        where = f"that systemd passes as '{credential}'"
    elif variable:
        where = f"in the variable {variable}"
    else:
        where = "in the configuration"
    kind = "account's secret key" if secret else "API key"
    also = ", or a key that was fetched with it" if secret else ""
    return f"the {kind} {where} ({setting}){also}"


def _renewal(secret: bool, path: Place | None, credential: Name | None, variable: Name | None) -> str:
    into = _into(path, credential, variable)
    if secret:
        return f"Look up the account's secret key on the service's screen and write it {into}"
    return (
        f"Get a new API key on the service's screen and write it {into} "
        "API keys expire 30 days after they are issued."
    )


def _into(path: Place | None, credential: Name | None, variable: Name | None) -> str:
    """Say where a key is to be written, as the end of a sentence."""
    if path:
        return f"into {path}; retraind notices within a minute."
    if credential:
        return (
            f"into the file that LoadCredential={credential}: names in the unit, then restart the service: "
            "systemd reads it only at the start."
        )
    if variable:
        return f"into the variable {variable}, then restart the service."
    return "into the configuration, then reload the service."
