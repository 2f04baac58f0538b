"""What manifests list, compared with the files in a drop folder: in the background where data is read."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path

from retraind.config.patterns import canonical
from retraind.domain.job import Role, Signature
from retraind.domain.problems import Problem, problem
from retraind.intake.listing import unreadable
from retraind.intake.manifest import Manifest, manifest_in
from retraind.intake.pairing import Claims, Group, Sighting, manifest_name, too_large
from retraind.system.escape import display
from retraind.system.files import beside, held, open_regular, sha256_of

_LARGEST_MANIFEST = 1 << 20
"""Bytes of a manifest that are read; a longer one is refused."""
_MOST_MANIFEST_BYTES = 16 << 20
"""Bytes of manifests that one scan reads."""
_MOST_HASHES = 2
"""Files of one folder that wait to be read for their SHA-256. One thread reads them for all folders in turn,
and a folder of countless files must not be in front of every other."""
_LONGEST_NAME = 300
"""Characters that are kept of a name in a manifest."""
_DIGITS = 12
"""Of a SHA-256 that are shown."""


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
        self._unreadable: dict[tuple[str, Signature], Problem] = {}
        self._manifest_bytes = 0
        """Bytes of manifests read so far in this scan."""
        self._by_name: dict[str, Sighting] | None = None
        """What this scan saw by canonical names, once it was asked for."""

    def begin(self, seen: Sequence[Sighting]) -> None:
        """Begin with what a scan has seen; what is known of other files is forgotten."""
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
            return Claims(verified=False, reasons=(problem("manifests_several"),))
        manifest = self._read(drop, each.manifests[0].name)
        reasons = (manifest,) if isinstance(manifest, Problem) else self._differences(each, manifest)
        return Claims(not reasons, tuple(reasons))

    def _read(self, drop: Path, name: str) -> Manifest | Problem:
        """Return a manifest, or why it cannot be read now."""
        if self._manifest_bytes > _MOST_MANIFEST_BYTES:
            return problem("manifest_queued", file=name)
        try:
            with open_regular(drop / name) as file:
                text = file.read(_LARGEST_MANIFEST + 1)
        except OSError as error:
            return unreadable(name, error)
        self._manifest_bytes += len(text)
        if len(text) > _LARGEST_MANIFEST:
            return problem("manifest_too_long", file=name, largest=_LARGEST_MANIFEST)
        return manifest_in(text, name)

    def _differences(self, each: Group, manifest: Manifest) -> list[Problem]:
        """Return what of a group's files is not, or not yet, known to be as its manifest lists it."""
        name = each.manifests[0].name
        listed = {canonical(file.name): file for file in manifest.files}
        present = {canonical(seen.name): seen for seen in each.data}
        if len(listed) < len(manifest.files):
            return [problem("manifest_repeats_file", manifest=name)]
        reasons = [
            problem("manifest_omits_file", manifest=name, file=seen.name)
            for plain, seen in present.items()
            if plain not in listed
        ]
        for plain, file in listed.items():
            seen = present.get(plain)
            if seen is None:
                reasons.append(self._missing(name, plain, file.name))
            elif file.size != seen.signature.size:
                reasons.append(
                    problem(
                        "size_not_as_listed",
                        file=seen.name, size=seen.signature.size, manifest=name, listed=file.size,
                    )
                )  # fmt: skip
            elif not too_large(file.size, self._largest):
                reasons += self._content(seen, name, file.sha256.lower())
        return reasons

    def _content(self, seen: Sighting, manifest: str, listed: str) -> tuple[Problem, ...]:
        """Compare the content of a file with the SHA-256 that its manifest lists."""
        if self._hashing is None:
            return (problem("compared_by_daemon", file=seen.name, manifest=manifest),)
        found = self._hash(seen, self._hashing)
        if found == listed:
            return ()
        if found is None:
            comparing = problem("comparing_with_manifest", file=seen.name, manifest=manifest)
            return (self._unreadable.get((seen.name, seen.signature), comparing),)
        return (
            problem(
                "content_not_as_listed",
                file=seen.name, manifest=manifest, sha256=found[:_DIGITS], listed=listed[:_DIGITS],
            ),
        )  # fmt: skip

    def _missing(self, manifest: str, plain: str, file: str) -> Problem:
        """Return where a listed file is that does not go with the manifest; `plain` is its canonical name."""
        if self._by_name is None:
            self._by_name = {canonical(seen.name): seen for seen in self._seen}
        file = display(file)[:_LONGEST_NAME]
        other = self._by_name.get(plain)
        if other is None or other.role not in {Role.TRAIN, Role.EVAL}:
            return problem("manifest_lists_missing_file", manifest=manifest, file=file)
        return problem(
            "manifest_lists_other_file", manifest=manifest, file=file, other=manifest_name(other.key)
        )

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
            # The next scan tries again. That is the sweep's, since nothing is under way that would hint.
            self._unreadable[which] = unreadable(seen.name, trouble)
            del self._hashes[which]
            return None
        self._unreadable.pop(which, None)
        return known.result()

    def _sha256(self, name: str) -> str:
        with held(self._drop) as drop, beside(drop, name) as path:
            return sha256_of(path)
