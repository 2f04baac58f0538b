"""Mistakes in the configuration, and in what a command names.

`setting_refused` says where a mistake is; the codes after it say what it is.
"""

import shlex
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from retraind.report.wording.en._parts import listing
from retraind.report.wording.words import Name, Place, Said, Words

# The file


def config_missing(file: Place) -> Words:
    return Words(f"{file} does not exist.", "Name the configuration file with -c FILE.")


def config_not_a_file(file: Place) -> Words:
    return Words(f"{file} is not a regular file.", "Name the configuration file with -c FILE.")


def no_config(here: Place, system: Place, variable: str) -> Words:
    return Words(
        f"No configuration was found: neither ./{here} nor {system} exists, and ${variable} is not set.",
        "Start from config.example.toml, or name a file with -c FILE.",
    )


def config_unreadable(file: Place, reason: str, denied: bool) -> Words:
    remedy = "Let the service's user read it, and run commands as that user." if denied else ""
    return Words(f"{file} cannot be read: {reason}.", remedy)


def config_not_toml(file: Place, text: Name) -> Words:
    return Words(f"{file} is not valid TOML: {text}.", "Correct the file at that place.")


def config_not_utf8(file: Place, offset: int) -> Words:
    return Words(f"{file} is not UTF-8 text (byte {offset:,}).", "Save the file as UTF-8.")


def _who(group: Name | None, user: Name | None) -> str:
    """Say who has a right that only the service should have. Both are empty where the name is hidden."""
    if user is not None:
        return f"The user {user}" if user else "Another user"
    if group is not None:
        return f"The group {group}" if group else "A group other than retraind's own"
    return "Every user of this machine"


def _without(
    right: str,
    path: Place,
    who: tuple[Name | None, Name | None],
    file_system: Name | None,
    otherwise: str,
) -> str:
    """Say how to take a right away, r or w, or what to do otherwise."""
    if file_system is not None:
        return f"The mount ({file_system}) decides who can do so: change its options, or {otherwise}."
    group, user = who
    if user is not None:
        return f"Run: sudo setfacl -b {shlex.quote(path)}, or {otherwise}."
    whose, bits = "o" if group is None else "g", "=" if right == "r" else "-w"
    return f"Run: sudo chmod {whose}{bits} {shlex.quote(path)}, or {otherwise}."


def secrets_exposed(
    file: Place,
    settings: tuple[Name, ...],
    group: Name | None = None,
    user: Name | None = None,
    file_system: Name | None = None,
) -> Words:
    return Words(
        f"{file}: {listing(settings)}: The file contains a secret that others can read. "
        f"{_who(group, user)} can read it.",
        _without("r", file, (group, user), file_system, "keep the secret in a key file or a variable"),
        operator_only=True,
    )


def file_changeable(
    *,
    setting: str,
    path: Place,
    folder: Place | None,
    group: Name | None,
    user: Name | None,
    file_system: Name | None,
) -> Words:
    """`setting` is empty for the configuration itself; in `folder` the file can be replaced."""
    who = f"{setting}: {_who(group, user)}" if setting else _who(group, user)
    if folder is None:
        what = f"{who} can change {path}, which retraind relies on."
        return Words(what, _without("w", path, (group, user), file_system, _ELSEWHERE), operator_only=True)
    what = f"{who} can write in {folder} and replace {path}, which retraind relies on."
    return Words(what, _without("w", folder, (group, user), file_system, _ELSEWHERE), operator_only=True)


_ELSEWHERE = "move the file to a local folder that only root can write in"


def _known(names: tuple[Name, ...], known: str) -> str:
    return f"Did you mean {names[0]}?" if len(names) == 1 else f"{known}: {', '.join(names)}."


def variable_unknown(variable: Name, known: tuple[Name, ...]) -> Words:
    """`known` is the name that is probably meant, or all names."""
    return Words(
        f"Environment variable {variable} has no effect: it does not name a table of the configuration.",
        f"{_known(known, 'Known tables')} If the variable is another program's, such as those that "
        "Kubernetes sets for a service called retraind, ignore this.",
    )


# A setting


def setting_refused(
    *, file: Place | None, variable: Name | None, setting: Name, value: Name | None, mistake: Said
) -> Words:
    """`value` is as it would be written in the file; it is None where it may be a secret."""
    source = f"Environment variable {variable}" if variable else file
    key = setting if value is None else f"{setting} = {value}"
    return Words(": ".join(part for part in (source, key, mistake.what) if part), mistake.remedy)


def setting_unknown(known: tuple[Name, ...]) -> Words:
    """`known` is the name that is probably meant, or all names."""
    return Words("There is no such key.", _known(known, "Known keys"))


def rule_unknown(rule: Name, known: tuple[Name, ...]) -> Words:
    """`known` is the rule that is probably meant, or all of them."""
    remedy = f"Did you mean {known[0]}?" if len(known) == 1 else "docs/data-rules.md lists all rules."
    return Words(f'There is no rule "{rule}".', remedy)


def rule_fixed(rule: Name) -> Words:
    return Words(
        f"{rule} cannot be overruled: such a file cannot be read as a table, so nothing could be sent.",
        "Remove the rule here.",
    )


def setting_missing(key: str) -> Words:
    if key == "models":
        return Words("No model is configured.", "Add a table [models.NAME] with drop and api_key_file.")
    remedy = "Name the folder where this model's files arrive." if key == "drop" else "Add it."
    return Words("This key is required.", remedy)


def table_expected(table: Name) -> Words:
    return Words(
        "This must be a table.", f"Write [{table}{'.NAME' * (table == 'models')}], and its keys below."
    )


_Type = Literal["boolean", "number", "text", "list", "table", "date", "time"]
_LIMITS = {
    "literal_error": "",
    "enum": "",
    "greater_than_equal": "at least ",
    "less_than_equal": "at most ",
}
_TYPES: Mapping[_Type, str] = {
    "boolean": "true or false",
    "number": "a whole number",
    "text": "text in double quotes",
    "list": "a list in brackets",
    "table": "a table",
    "date": "a date",
    "time": "a time",
}
_FOUND: Mapping[_Type, str] = {
    **_TYPES,
    "boolean": "a boolean",
    "number": "a number",
    "text": "text",
    "list": "a list",
}


def value_invalid(
    *,
    kind: str,
    limit: str | None,
    text: Name,
    found: _Type | None = None,
    expected: _Type | None = None,
    example: Name | None = None,
) -> Words:
    """`kind` and `limit` are pydantic's, as is `text`, which stands where these say too little.

    `found` and `expected` are what stands there and what should, `example` is a line of the file.
    """
    if kind in _LIMITS:
        return Words("This value is not allowed.", f"Write {_LIMITS[kind]}{limit}.")
    if found and expected:
        such = f", such as: {example}" if example else "."
        remedy = f"Write {_TYPES[expected]}{such}"
        if kind == "string_too_short":
            return Words("This text is empty.", remedy)
        if found == expected:
            return Words(f"This is not {_TYPES[expected]}.", remedy)
        return Words(f"This is {_FOUND[found]}, not {_FOUND[expected]}.", remedy)
    return Words(f"This value cannot be read: {text.removeprefix('Value error, ')}.")


# Values


def duration_unreadable() -> Words:
    return Words(
        "This is not a duration.", 'Write a number and a unit, such as "30s", "10m", "24h" or "30d".'
    )


def duration_out_of_range(longest: timedelta) -> Words:
    return Words(
        f"A duration cannot be negative, or longer than {longest.days}d.", "Write a duration in this range."
    )


def duration_zero() -> Words:
    return Words("This duration must be longer than zero.", 'Write a longer one, such as "10s".')


def digest_unreadable() -> Words:
    return Words(
        "This does not say when a digest is due.",
        'Write "daily 08:00" or "weekly mon 08:00", optionally followed by a time zone, or "never".',
    )


def duration_without_unit() -> Words:
    return Words(
        "A number without a unit counts as seconds.", 'Write the duration with its unit, such as "400d".'
    )


def size_unreadable() -> Words:
    return Words("This is not a size.", 'Write a number and a unit, such as "500MiB" or "20GiB".')


def budget_unreadable() -> Words:
    return Words("This is not a budget.", 'Write it as "4/month" (day, week, month or year).')


def model_name_unreadable() -> Words:
    return Words("This cannot be the name of a model.", "Use at most 63 lower-case letters, digits, - and _.")


def variable_name_unreadable() -> Words:
    return Words("This is not the name of an environment variable.", "Write the name alone, without a value.")


def variable_reserved() -> Words:
    return Words(
        "This variable belongs to retraind and can reveal keys; gates never receive it.",
        "Remove it from the list.",
    )


def program_path_relative(program: Name) -> Words:
    return Words(
        f"The path of {program} is not absolute; the gate runs in the folder of the job.",
        "Write its absolute path, beginning with /, or the name of a program in PATH.",
    )


def journal_url_unsupported() -> Words:
    return Words("Only SQLite is supported.", "Write sqlite:/// and the absolute path of the journal.")


_FLAWS = {
    "no_scheme": "The scheme of this address is missing, such as https://.",
    "character": "This address contains a space or another character that must be percent-encoded.",
    "host": "The host or port of this address cannot be read.",
    "password": "This address may contain a password that ends too early.",
}


def address_unreadable(flaw: str, schemes: tuple[str, ...], example: str) -> Words:
    """`schemes` are those that the address may have."""
    *others, last = (f"{scheme}://" for scheme in schemes)
    what = _FLAWS.get(flaw) or f"This address must begin with {', '.join(others)} or {last}."
    if flaw == "password":
        remedy = "In a user and password write / as %2F, ? as %3F and # as %23; elsewhere write @ as %40."
    else:
        remedy = f'Write an address such as "{example}".'
    return Words(what, remedy)


def recipient_unreadable() -> Words:
    return Words(
        "This is not an address.", 'Write an address such as "https://hooks.example.com/…" or "mailto://…".'
    )


def recipient_unknown() -> Words:
    return Words(
        "Apprise does not recognise this address.",
        "Write it in the form that Apprise documents for this service.",
    )


def apprise_missing(python: Place) -> Words:
    """`python` runs retraind."""
    return Words(
        "Addresses other than https:// and http:// require Apprise, which is not installed.",
        f"Run: {python} -m pip install apprise",
    )


def recipients_missing() -> Words:
    return Words("No recipient is configured.", "List recipients in notify.urls.")


def socks_missing() -> Words:
    return Words(
        "SOCKS requires PySocks, which is not installed.",
        "Run: pip install PySocks, or use a proxy with http://.",
    )


def allowed_host_unreadable() -> Words:
    return Words(
        "This is neither a host nor a network.",
        'Write, without a port, a host such as "store.example.com" or "*.store.example.com", or addresses '
        'such as "10.1.2.0/24".',
    )


# Paths


def path_relative() -> Words:
    return Words("This path is not absolute.", "Write the absolute path, beginning with /.")


def path_with_nul() -> Words:
    return Words("This path contains a NUL character.", "Remove it.")


def path_missing() -> Words:
    return Words(
        "This path does not exist.",
        "Create it, or mount the share, and let the service's user access it.",
    )


def path_inaccessible(reason: str) -> Words:
    return Words(
        f"This path cannot be accessed: {reason}.",
        "Let the service's user access it, or fix the mount.",
    )


def path_hidden_by_unit(directive: str) -> Words:
    """`directive` is of retraind's unit."""
    return Words(
        f"{directive}= of the unit hides this path from the service.",
        f"Use a path elsewhere, or change {directive}= in a drop-in (systemctl edit retraind).",
    )


def not_a_folder() -> Words:
    return Words("This path is not a folder.", "Name a folder.")


def not_a_file() -> Words:
    return Words("This path is not a regular file.", "Name a file.")


def drop_folder_overlaps(other: Name, same: bool) -> Words:
    """`same`: the two folders are the same; else this one is inside the other."""
    return Words(
        f"This is {'the same folder as' if same else 'a folder inside'} models.{other}.drop.",
        "Give each model its own drop folder, beside the others.",
    )


# Between the keys of a model


def credentials_not_one(given: tuple[str, ...]) -> Words:
    return Words(
        f"A model needs exactly one credential; configured: {listing(given) or 'none'}.",
        "Use one of: api_key_file, credential (systemd), api_key in a RETRAIND_... variable, or the "
        "account's secret key together with model_id.",
    )


def model_id_missing(credential: str) -> Words:
    return Words(
        f"{credential} requires model_id.",
        "Set model_id to the model's number, as the service's screen shows it.",
    )


def model_id_unneeded() -> Words:
    return Words(
        "model_id goes with the account's secret key; an API key already belongs to one model.",
        "Remove model_id, or configure the secret key.",
    )


def gate_missing() -> Words:
    return Words('switch = "gate" requires gate, the command that decides.', "Add gate.")


def gate_unused() -> Words:
    return Words('gate is used only with switch = "gate".', 'Add switch = "gate", or remove gate.')


def filing_folder_in_use(key: str, arriving: bool, default: Place) -> Words:
    """`arriving`: it is the drop folder; else it is where sealed deliveries are."""
    use = "in which deliveries arrive" if arriving else "of deliveries in work"
    return Words(
        f"{key} is the folder {use}.",
        f"Name another folder, or remove {key} to use {default}.",
    )


def filing_folders_equal() -> Words:
    return Words(
        "done and failed are the same folder, so nothing shows which data was used.",
        "Name two different folders.",
    )


def retention_too_short(longest: timedelta) -> Words:
    return Words(
        "retention is shorter than the period of budget, so trainings would be deleted before they are "
        "counted.",
        f'Set retention to "{longest.days}d" or more.',
    )


def setting_requires(key: str, other: str) -> Words:
    return Words(f"{key} is used only with {other}.", f"Add {other}, or remove {key}.")


def holidays_unused() -> Words:
    return Words(
        "upload_holidays is used only with business-days or days-off in upload_window.",
        'Use them, such as upload_window = "business-days JP 22:00-05:00", or remove upload_holidays.',
    )


def settings_contradict(key: str, other: str) -> Words:
    return Words(f"{key} and {other} contradict each other.", "Remove or correct one of them.")


def column_named_twice(key: str, other: str, name: Name) -> Words:
    return Words(f'{key} and {other} name the same column ("{name}").', "Name a column of its own for each.")
