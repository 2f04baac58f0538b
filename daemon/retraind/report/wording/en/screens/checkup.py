"""What `retraind check` and `retraind notify` find, good and bad, in words that follow the setting's name."""

import shlex
from datetime import datetime

from retraind.report.wording.en._parts import command, count, moment
from retraind.report.wording.words import Name, Place, Said, Words

# State and folders


def folder_writable(path: Place) -> str:
    return f"{path} is writable."


def folder_closed(path: Place) -> Words:
    """A folder in which this user cannot create and rename files."""
    return Words(
        f"This user cannot read and write in {path}.",
        f"If the service's user can, run: sudo -u retraind {command('check')}. If not, give it access.",
    )


def state_file_closed(path: Place) -> Words:
    return Words(
        f"This user cannot read and write {path}.",
        f"If the service's user cannot either, run: sudo chown retraind: {shlex.quote(path)}",
    )


def drop_folder_usable(path: Place) -> str:
    return f"{path} is readable and writable."


def filing_folder_linked(path: Place, target: Place, key: str) -> Words:
    """`key` is the setting that can name the folder."""
    return Words(
        f"{path} leads through a link to {target}; retraind follows no links inside the drop folder.",
        f'Remove the link and write {key} = "{target}".',
    )


def filing_folder_elsewhere(path: Place) -> str:
    return f"{path} is on another file system: files are copied there, verified, and then deleted here."


def arrival_folder_elsewhere(path: Place) -> Words:
    return Words(
        f"{path} is on a file system of its own. Files are sealed by renaming them, which is impossible from "
        "there, so nothing is taken in.",
        "Make it an ordinary folder of the drop folder, or mount the whole drop folder instead.",
    )


def drop_folder_unguarded(path: Place, file_system: Name, work: str) -> Words:
    """`work` is the folder in which deliveries are in work."""
    return Words(
        f"{path} is on a file system ({file_system}) where the mount decides who can write, so whoever can "
        f"write there may also be able to change the deliveries in {work}.",
        "See docs/security.md.",
    )


def drop_folder_sticky(path: Place) -> Words:
    return Words(
        f"{path} has the sticky bit and belongs to another user, so retraind cannot move files out of it.",
        f"Run: sudo chown retraind {shlex.quote(path)}",
    )


def drop_folder_not_sticky(path: Place, work: str) -> Words:
    """`work` is the folder in which deliveries are in work."""
    return Words(
        f"Whoever can write in {path} can also rename {work} there, and so stop the model.",
        f"Run: chmod +t {shlex.quote(path)}",
    )


def retention_shows(place: str, jobs: int, size: int, oldest: Name | None, newest: Name | None) -> str:
    """`place` is done or failed; `oldest` and `newest` are the first and the last job that would go."""
    if not jobs:
        return f"Nothing in {place}/ would be deleted now."
    which = f"{oldest}" if jobs == 1 else f"from {oldest} to {newest}"
    return (
        f"In {place}/, {count(jobs, 'job')} ({count(size, 'byte')} of data and results) would be deleted: "
        f"{which}."
    )


# Uploads, and days on which nobody works


def window_shows(opens: datetime | None, zone: str | None) -> str:
    """`opens` is None while it is open; `zone` is that of the window, if it names one."""
    return f"The window opens on {moment(opens, zone)}." if opens else "The window is open now."


def rate_shows(rate: Name) -> str:
    return f"All uploads together send at most {rate}."


def closed_days_unreadable(path: Place, why: Said) -> Words:
    return Words(f"{path}: {why.what}", why.remedy)


# The gate


def gate_program_found(path: Place) -> str:
    return f"{path} can be run."


# Keys and the service


def secret_key_found() -> str:
    return "The secret key is there; the API key is fetched when needed."


def api_key_found() -> str:
    return "The API key is there. To ask the service about it, add --online."


def api_key_accepted() -> str:
    return "The service accepts the API key."


def credential_inside(credential: Name) -> str:
    return f"systemd passes '{credential}' inside the service only, so this command cannot see the key."


def credential_not_in_unit(credential: Name, unit: str) -> Words:
    return Words(
        f"{unit} does not pass '{credential}': no LoadCredential={credential}: is in it or in its drop-ins.",
        f"Run: sudo systemctl edit {unit}, add LoadCredential={credential}: with the path of the key's file, "
        "and restart the service.",
    )


def credential_file_missing(path: Place) -> Words:
    return Words(
        f"{path}, from which systemd reads the key, does not exist.", "Write the key into this file."
    )


def credentials_out_of_sight(command: str) -> Words:
    """The keys that systemd passes."""
    return Words("Keys that systemd passes can be checked inside a service only.", f"Run: {command}")


def key_unavailable(why: Said) -> Words:
    return Words(f"The key cannot be read: {why.what}", why.remedy)


def key_shared(model: Name, other: Name) -> Words:
    return Words(
        f"This is the key of the model {other} too, and a key is for one model of the service: deliveries of "
        f"{model} and of {other} retrain the same one.",
        "If that is not intended, give each its own key.",
    )


def service_not_asked(why: Said) -> Words:
    return Words(f"The service could not be asked about the API key: {why.what}", why.remedy)


# Packages


def data_checked_slower() -> Words:
    """The data's fast check needs a package that is not installed."""
    return Words(
        "This package is not installed: data is checked by the same rules, but more slowly.",
        "Install it beside retraind if there is one for this machine: pip install google-re2",
    )


# Notifications


def recipient_configured() -> str:
    return f"To test this recipient, run: {command('notify')}"


def test_message_sent() -> str:
    return "A test message was sent; check that it has arrived."
