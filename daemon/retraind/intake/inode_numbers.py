"""Whether inode numbers say anything: some file systems in user space invent them, others with each scan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from retraind.intake.listing import Found
from retraind.intake.pairing import Delivery, Sighting
from retraind.system import log
from retraind.system.remote.verbs import file_system_of

_LOG = log.get(__name__)

_RENUMBERED = 3
"""Scans in a row after which it is certain that a file's inode number changes with the same file."""


def without_lasting_numbers(folder: Path, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Return what is to be sealed, without inode numbers where these may not outlive a mount.

    File systems in user space invent them, and others after each mount, or after a rename whose answer was
    lost; a job's files are compared again after that. (fuseblk has a disk's own numbers.)
    """
    mount = file_system_of(folder)[1] if deliveries else None
    if mount is None or not f"{mount.kind}.".startswith("fuse."):
        return [*deliveries]
    return [
        replace(
            each,
            files=tuple(replace(file, signature=replace(file.signature, inode=0)) for file in each.files),
        )
        for each in deliveries
    ]


class InodeNumbers:
    """What the scans of one folder show of its inode numbers."""

    def __init__(self, folder: Path) -> None:
        self.are_stable = True
        """False once they have proved to change by themselves."""
        self._folder = folder
        self._renumbered: dict[str, int] = {}
        """How often in a row a file had another number and was the same otherwise."""

    def mind(self, new: Sequence[Found], seen: Mapping[str, Sighting]) -> list[Found]:
        """Return the files that are new or changed, without inode numbers where these are not stable.

        They are not where a file gets another one at each scan and nothing else changes. A file that was
        replaced has another ctime. `seen` are the files of the scan before.
        """
        before, self._renumbered = self._renumbered, {}
        for found in new if self.are_stable else ():
            known = seen.get(found.name)
            if (
                known is not None
                and known.changed_ns == found.changed_ns
                and known.signature.inode != found.signature.inode
                and replace(known.signature, inode=found.signature.inode) == found.signature
            ):
                self._renumbered[found.name] = before.get(found.name, 0) + 1
        if self.are_stable and any(count >= _RENUMBERED for count in self._renumbered.values()):
            self.are_stable = False
            _LOG.warning("inode_numbers_change", folder=str(self._folder))
        if self.are_stable:
            return [*new]
        return [found._replace(signature=replace(found.signature, inode=0)) for found in new]
