"""Commands that write run as the owner of the state: the service could not use files of root's."""

import os
import platform
import pwd
import sys
from contextlib import suppress
from pathlib import Path

from retraind.config.settings import Settings
from retraind.domain.failures import JournalError
from retraind.domain.people import Person
from retraind.domain.problems import problem
from retraind.report.wording.catalogue import LANGUAGES, catalogue
from retraind.store.instance import lock_of, of_another, running_instance
from retraind.system.escape import display
from retraind.system.remote.helpers import HELPERS
from retraind.system.service.process import become

_ROOT = 0
_LONGEST_NAME = 64
"""Of an environment variable, which may hold anything."""


def whoever_asks() -> Person:
    """Return who runs this command. Ask before `act_as_owner`, which makes it somebody else."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    sudo_user = os.environ.get("SUDO_USER", "")[:_LONGEST_NAME]
    return Person(uid=uid, name=name, sudo_user=display(sudo_user) or None, host=platform.node())


def act_as_owner(settings: Settings) -> None:
    """Continue as the owner of the state, for good, if root runs this process.

    Call it once the configuration has been read, which the owner perhaps cannot read. Raises JournalError
    when this user can neither write there nor act as its owner.
    """
    file = settings.state.journal_file
    try:
        owner = _owner(file)
    except PermissionError:
        raise of_another(file, file.parent) from None
    if owner is None or owner.st_uid == os.geteuid():
        return
    if os.geteuid() == _ROOT:
        HELPERS.end_all()  # They were started by root, and would go on as root.
        catalogue(LANGUAGES[0])  # The owner perhaps cannot read the program, and so could say nothing later.
        try:
            become(owner.st_uid, owner.st_gid)
        except PermissionError:
            raise of_another(file, file.parent) from None
    elif not os.access(file.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise of_another(file, file.parent)


def permit_upgrade(settings: Settings) -> None:
    """Let a command that only looks bring an older journal up to date: the backup is its owner's, too.

    Raises JournalError, also while an older retraind works with it, whose restart does the same.
    """
    file = settings.state.journal_file
    if (process := running_instance(file)) is not None:
        raise JournalError(problem("journal_in_older_use", path=file, process=process))
    act_as_owner(settings)


def act_as_owner_for_long(settings: Settings) -> None:
    """Do the same for a process that lives on, which also reads the files of its program later.

    Raises JournalError as well where the owner cannot read them: root may have installed it for itself.
    """
    before = os.geteuid()
    act_as_owner(settings)
    if os.geteuid() != before and not os.access(os.__file__, os.R_OK):
        path = settings.state.journal_file
        raise JournalError(problem("program_closed_to_owner", path=path, program=Path(sys.prefix)))


def _owner(journal: Path) -> os.stat_result | None:
    """Return whose the state is; None where there is none yet.

    The journal decides, then the lock, which outlives a lost journal. The folder may be a volume that belongs
    to somebody else.
    """
    for path in (journal, lock_of(journal), journal.parent):
        with suppress(FileNotFoundError):
            return path.stat()
    return None
