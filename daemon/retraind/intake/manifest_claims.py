"""What manifests say of the files in a drop folder, compared with the files: in the background where they are read."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path

from retraind.config.patterns import canonical
from retraind.domain.job import Role, Signature
from retraind.intake.manifest import Manifest, ManifestFile, manifest_in
from retraind.intake.pairing import (
    Claims,
    Group,
    Sighting,
    manifest_name,
    too_large,
)
from retraind.system.escape import display
from retraind.system.files import beside, held, open_regular, sha256_of

_LARGEST_MANIFEST = 1 << 20
"""Bytes of a manifest that are read; a longer one is refused."""
_MOST_MANIFEST_BYTES = 16 << 20
"""Bytes of manifests that one look reads."""
_MOST_HASHES = 2
"""Files of one folder that wait to be read for their SHA-256. One thread reads them for all folders in turn, and a
folder of countless files must not be in front of every other."""
_LONGEST_NAME = 300
"""Characters of a name that a manifest made up."""


class Manifests:
    """The manifests of one drop folder, and what is known of the files that they name."""

    def __init__(
        self, drop: Path, hashing: Executor | None, hint: Callable[[], None], largest: int | None
    ) -> None:
        """`hashing` is None where files are read by another process; the rest is as for `DropFolder`."""
        self._drop = drop
        self._hashing = hashing
        self._hint = hint
        self._largest = largest
        self._seen: Sequence[Sighting] = ()
        self._hashes: dict[tuple[str, Signature], Future[str]] = {}
        self._unreadable: dict[tuple[str, Signature], str] = {}
        self._manifest_bytes = 0
        """Bytes of manifests read so far in this scan."""
        self._by_name: dict[str, Sighting] | None = None
        """What this scan saw by canonical names, once somebody has asked."""

    def begin(self, seen: Sequence[Sighting]) -> None:
        """Begin with what a scan has seen; what is known of other files is dropped."""
        self._seen = seen
        if self._hashes or self._unreadable:
            current = {(sighting.name, sighting.signature) for sighting in seen}
            for gone in self._hashes.keys() - current:
                self._hashes.pop(gone).cancel()
            self._unreadable = {known: why for known, why in self._unreadable.items() if known in current}
        self._manifest_bytes = 0
        self._by_name = None

    def of(self, drop: Path, each: Group) -> Claims:
        """Compare a group's files with its manifest, as far as is known now."""
        if len(each.manifests) > 1:
            return Claims(False, ("There are two manifests for this delivery. Please remove one.",))
        shown = display(each.manifests[0].name)
        if self._manifest_bytes > _MOST_MANIFEST_BYTES:
            return Claims(False, (f"{shown} is read once those before it have been taken.",))
        try:
            with open_regular(drop / each.manifests[0].name) as file:
                text = file.read(_LARGEST_MANIFEST + 1)
        except OSError as error:
            return Claims(False, (f"{shown} cannot be read: {error.strerror or error}.",))
        self._manifest_bytes += len(text)
        if len(text) > _LARGEST_MANIFEST:
            return Claims(
                False, (f"{shown} is too long for a manifest ({_LARGEST_MANIFEST:,} bytes at most).",)
            )
        manifest = manifest_in(text, shown)
        if isinstance(manifest, str):
            return Claims(False, (manifest,))
        return self._compare(each, shown, manifest)

    def _compare(self, each: Group, shown: str, manifest: Manifest) -> Claims:
        claimed = {canonical(file.name): file for file in manifest.files}
        present = {canonical(seen.name): seen for seen in each.data}
        if len(claimed) < len(manifest.files):
            return Claims(False, (f"{shown} names a file twice.",))
        reasons = [self._missing(shown, name, file) for name, file in claimed.items() if name not in present]
        reasons += [
            f"{shown} does not name {display(seen.name)}."
            for name, seen in present.items()
            if name not in claimed
        ]
        for name in claimed.keys() & present.keys():
            file, seen = claimed[name], present[name]
            what = display(seen.name)
            if file.size != seen.signature.size:
                reasons.append(f"{what} has {seen.signature.size} bytes so far; {shown} says {file.size}.")
                continue
            if too_large(seen.signature.size, self._largest):
                continue
            if self._hashing is None:
                reasons.append(f"Whether {what} is what {shown} says, STATUS.txt tells.")
                continue
            found = self._hash(seen, self._hashing)
            if found is None:
                trouble = self._unreadable.get((seen.name, seen.signature))
                reasons.append(
                    f"{what} cannot be read: {trouble}."
                    if trouble
                    else f"{what} is being compared with {shown}."
                )
            elif found != file.sha256.lower():
                reasons.append(
                    f"The content of {what} is not what {shown} says (SHA-256 {found[:12]}… instead of "
                    f"{file.sha256[:12].lower()}…). It may still be arriving; if not, please deliver it again."
                )
        return Claims(not reasons, tuple(sorted(reasons)))

    def _missing(self, shown: str, name: str, file: ManifestFile) -> str:
        """Say of a file that a manifest names, and that does not go with it, where it is."""
        if self._by_name is None:
            self._by_name = {canonical(seen.name): seen for seen in self._seen}
        told = f"{shown} names {display(file.name)[:_LONGEST_NAME]}"
        other = self._by_name.get(name)
        if other is None or other.role not in {Role.TRAIN, Role.EVAL}:
            return f"{told}, which is not there."
        return f"{told}; the manifest of that file has to be called {display(manifest_name(other.key))}."

    def _hash(self, seen: Sighting, hashing: Executor) -> str | None:
        """Return the SHA-256 of a file, or None while it is not known."""
        which = (seen.name, seen.signature)
        known = self._hashes.get(which)
        if known is None:
            if sum(not other.done() for other in self._hashes.values()) >= _MOST_HASHES:
                return None
            known = hashing.submit(self._sha256, seen.name)
            self._hashes[which] = known
            known.add_done_callback(lambda future: None if future.cancelled() else self._hint())
            return None
        if not known.done() or known.cancelled():
            return None
        trouble = known.exception()
        if isinstance(trouble, OSError):
            # The next look tries again. That is the sweep's, since nothing is under way that would hint.
            self._unreadable[which] = trouble.strerror or str(trouble)
            del self._hashes[which]
            return None
        self._unreadable.pop(which, None)
        return known.result()

    def _sha256(self, name: str) -> str:
        with held(self._drop) as drop, beside(drop, name) as path:
            return sha256_of(path)
