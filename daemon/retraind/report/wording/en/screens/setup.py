"""What `init`, `model add` and `model remove` ask and print."""

import shlex
from typing import Literal

from retraind.report.wording.en._parts import command, quoted
from retraind.report.wording.words import Name, Place, Words

_QUESTIONS = {
    "model": "Name of the model (lower-case letters, digits, - and _)",
    "drop": "Drop folder, where its files arrive",
    "group": "Group of those who write there",
    "mode": "What arrives: pair (training and evaluation file) or train-only",
    "edition": "Edition of the service: global (Easy Predictive Analytics) or japan (Prediction One)",
    "key": "API key of the model (it is not shown)",
    "backup": "Back up the journal every night",
    "agreed": "Do all of this",
}
_Question = Literal["model", "drop", "group", "mode", "edition", "key", "backup", "agreed"]
_Visible = Literal["model", "drop", "group", "mode", "edition", "backup", "agreed"]
_MODEL_NAME = "Use at most 63 lower-case letters, digits, - and _."
_GROUP_NAME = "Use lower-case letters, digits, - and _, or name a group that exists."
_ANSWERS = {
    "model": _MODEL_NAME,
    "drop": "Begin the path with /.",
    "group": _GROUP_NAME,
    "mode": "Answer pair or train-only.",
    "edition": "Answer global or japan.",
    "backup": "Answer y or n.",
    "agreed": "Answer y or n.",
}


def setup_question(name: _Question, default: str | None) -> str:
    shown = f" [{default}]" if default else ""
    return f"{_QUESTIONS[name]}{shown}: "


def setup_not_an_answer(name: _Visible, text: str) -> str:
    return f"{quoted(text)} cannot be used. {_ANSWERS[name]}" if text else "An answer is required."


def setup_not_confirmed(*, asked: bool) -> str:
    return (
        "Nothing was changed." if asked else "Nothing was changed. To do this without questions, add --yes."
    )


def setup_nothing_to_do(model: Name) -> str:
    return f"The model {model} is already set up. There is nothing to do."


def setup_done(*, model: Name, path: Place, started: bool) -> str:
    service = (
        "The service runs and watches it."
        if started
        else "The service was not started: run systemctl enable --now retraind.service."
    )
    return (
        f"The model {model} is set up: its files arrive in {path}. {service} To check all of it, run: "
        f"sudo {command('check')}"
    )


def setup_not_root() -> Words:
    return Words(
        "Only root can set up the service.",
        "Run the command with sudo. To see what it would do, add --dry-run.",
    )


def setup_model_unnamed() -> Words:
    return Words("No model was named.", "Add --model NAME, or run the command in a terminal, where it asks.")


def setup_model_unusable(name: str) -> Words:
    return Words(f"{quoted(name)} cannot be the name of a model.", _MODEL_NAME)


def setup_unanswered() -> Words:
    return Words("The input ended before everything was answered; nothing was changed.")


def setup_not_absolute(path: Place) -> Words:
    return Words(f"The drop folder {path} is not an absolute path.", "Begin it with /.")


def setup_key_missing(model: Name) -> Words:
    return Words(
        f"The API key of the model {model} is missing.",
        "Add --key-file FILE or --key-stdin, or run the command in a terminal, where it asks.",
    )


def setup_key_unreadable(path: Place, reason: str) -> Words:
    return Words(f"The key file {path} cannot be read: {reason}.")


def setup_key_malformed(*, empty: bool) -> Words:
    what = "The API key is empty." if empty else "The API key contains characters that no key has."
    return Words(what, "Copy it again from the service's screen.")


def setup_key_elsewhere(model: Name) -> Words:
    return Words(
        f"The configuration of the model {model} does not take its key from systemd (credential =).",
        "Put the new key where the configuration says, and leave it out here.",
    )


def setup_group_unusable(name: str) -> Words:
    return Words(f"{quoted(name)} cannot be the name of a group.", _GROUP_NAME)


def setup_account_missing(name: Name) -> Words:
    return Words(f"There is no user or group {name}.", "Create it, and run the command again.")


def setup_not_a_folder(path: Place) -> Words:
    return Words(f"{path} is not a folder.", "Move it away, or name another folder.")


def setup_not_a_file(path: Place) -> Words:
    return Words(f"{path} is not a file.", "Move it away; the key belongs there.")


def setup_folder_left(path: Place, user: Name, mode: str) -> Words:
    return Words(
        f"The drop folder {path} exists and belongs to somebody else, or is a mount: its owner and its "
        f"rights ({mode}) stay as they are.",
        f"The user {user} must be able to write there, and to read what arrives. "
        f"To check that, run: sudo {command('check')}",
    )


def setup_model_differs(model: Name, setting: str, present: str) -> Words:
    return Words(
        f"The configuration already has the model {model}, with {setting} = {quoted(present)}.",
        "Edit the configuration to change that, or choose another name for a new model.",
    )


def setup_edition_differs(address: str) -> Words:
    return Words(
        f"The configuration already names another service: api.base_url is {address}.",
        "Edit the configuration to change that, or leave out --edition.",
    )


def setup_config_not_editable(file: Place, text: str) -> Words:
    return Words(
        f"{file} is written in a way that cannot be edited automatically.", f"Edit it yourself:\n\n{text}"
    )


def setup_unit_missing(unit: str) -> Words:
    return Words(
        f"systemd does not know {unit}.",
        "Install the package or the unit first. On a machine without systemd, add --no-start.",
    )


def setup_command_missing(name: Name, reason: str) -> Words:
    return Words(f"{name} cannot be run: {reason}.")


def setup_command_failed(command: str, code: int, said: str) -> Words:
    shown = f":\n{said}" if said else "."
    return Words(
        f"{command} failed with exit code {code}{shown}", "Run this command again after the cause is fixed."
    )


def setup_in_use(path: Place) -> Words:
    return Words(f"Another command is setting up the configuration in {path}.", "Wait until it has ended.")


def setup_other_config(file: Place, usual: Place, unit: str) -> Words:
    return Words(
        f"The unit {unit} reads {usual}, unless a drop-in says otherwise; this command used {file}.",
        "Set ExecStart= and ExecReload= with systemctl edit, if the service is to read it.",
    )


def setup_left(model: Name, path: Place) -> Words:
    return Words(
        f"The drop folder {path} of the model {model} stays as it is, with all that is in it: deliveries in "
        "work in .retraind/, finished ones in done/ and failed/. The journal keeps its jobs.",
        "Deliveries in work continue when the model is added again: "
        f"{command('model', 'add', shlex.quote(model), '--drop', shlex.quote(path))}",
    )


def setup_key_left(path: Place) -> Words:
    return Words(f"Its API key stays in {path}.", f"To delete it, run: sudo rm {shlex.quote(path)}")
