"""What manifests list, compared with the files in a drop folder: in the background where data is read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from retraind.config.patterns import canonical
from retraind.domain.job import DATA_ROLES, Signature
from retraind.domain.problems import Problem, problem
from retraind.intake.manifests.checksums import checksums_in
from retraind.intake.manifests.hashing import FileHash, Hashing
from retraind.intake.manifests.manifest import Listed, manifest_in, path_in
from retraind.intake.names.proof_names import MANIFEST_ENDING, SUMS_ENDINGS, is_sums
from retraind.intake.pairing import (
    Claims,
    Delivery,
    Group,
    Sighting,
    covers,
    is_shared,
    manifest_name,
    too_large,
)
from retraind.intake.rights import unreadable
from retraind.system.escape import display
from retraind.system.files import beside
from retraind.system.reading import read_start

_LARGEST_MANIFEST = 1 << 20
"""Bytes of a manifest that are read; a longer one is refused."""
_MOST_MANIFEST_BYTES = 16 << 20
"""Bytes of manifests that one scan reads."""
_MOST_HASHES = 2
"""Files of one folder that are read for their SHA-256 at a time. All folders of a file system take turns, and
one with countless files must not have more of these than every other."""
_LONGEST_NAME = 300
"""Characters that are kept of a name in a manifest."""
_MOST_ABSENT = 10
"""Files of one manifest that are named as absent."""
_DIGITS = 12
"""Of a SHA-256 that are shown."""


def _plain(name: str) -> str:
    return canonical(path_in(name))


class _Entry(NamedTuple):
    manifest: str
    plain: str
    """The canonical name of the file."""
    listed: Listed


class Manifests:
    """The manifests of one drop folder, and what is known of the files that they name."""

    def __init__(
        self, drop: Path, hashing: Hashing | None, hint: Callable[[], None], largest: int | None
    ) -> None:
        """`hashing` is None where files are read by another process; the rest is as for `DropFolder`."""
        self._drop = drop
        self._hashing = hashing
        self._hint = hint
        self._largest = largest
        self._seen: Sequence[Sighting] = ()
        self._hashes: dict[tuple[str, Signature], FileHash] = {}
        self._unreadable: dict[tuple[str, Signature], Problem] = {}
        self._manifest_bytes = 0
        """Bytes of manifests read so far in this scan."""
        self._read_before: dict[str, dict[str, Listed] | Problem] = {}
        """What this scan has read, by the manifests' names."""
        self._now = 0.0
        self._settle = 0.0
        self._taken: dict[Signature, set[str]] = {}
        """Names of files that were complete while a list of checksums for several deliveries was there."""
        self._by_name: dict[str, Sighting] | None = None
        """What this scan saw by canonical names, once it was asked for."""

    def used_up(self, drop: Path, complete: Sequence[Delivery]) -> list[Sighting]:
        """Return the lists for several deliveries that leave with these: all that they list is taken in.

        After a restart it is not known what was taken in before; then a list stays, which does no harm.
        """
        shared = [seen for seen in self._seen if is_shared(seen)]
        self._taken = {sums.signature: self._taken.get(sums.signature, set()) for sums in shared}
        taken = {canonical(file.name) for delivery in complete for file in delivery.files}
        used_up = []
        for sums in shared if complete else ():
            known = self._taken[sums.signature]
            known |= taken
            names = self.names_in(drop, sums)
            if names is not None and names <= known:
                used_up.append(sums)
        return used_up

    def begin(self, seen: Sequence[Sighting], now: float = 0.0, settle: float = 0.0) -> None:
        """Begin with what a scan has seen at `now`; what is known of other files is forgotten.

        `settle` is for how long a file must stay the same whose size nothing lists, before it is read.
        """
        self._seen = seen
        self._now = now
        self._settle = settle
        if self._hashes or self._unreadable:
            current = {(sighting.name, sighting.signature) for sighting in seen}
            for gone in self._hashes.keys() - current:
                self._hashes.pop(gone).cancel()
            self._unreadable = {known: why for known, why in self._unreadable.items() if known in current}
        self._manifest_bytes = 0
        self._by_name = None
        self._read_before = {}

    def of(self, drop: Path, each: Group) -> Claims:
        """Compare a group's files with its manifests, as far as is known now."""
        own = [seen for seen in each.manifests if not is_shared(seen)]
        kinds = [(is_sums(seen.name), seen.covers) for seen in own]
        if len(set(kinds)) < len(kinds):
            return Claims(verified=False, reasons=(problem("manifests_several"),))
        present = {_plain(seen.name): seen for seen in each.data}
        reasons: list[Problem] = []
        found: list[_Entry] = []
        for manifest in own:
            listed = self._listed(drop, manifest)
            if isinstance(listed, Problem):
                reasons.append(listed)
                continue
            found += [_Entry(manifest.name, plain, entry) for plain, entry in listed.items()]
            reasons += self._absent(manifest.name, listed, present)
        unlisted = present.keys() - {entry.plain for entry in found}
        if unlisted and not reasons:
            reasons += self._by_shared(drop, each, unlisted, found)
        due = None
        for entry in found:
            seen = present.get(entry.plain)
            if seen is None:
                continue
            size, settled = entry.listed.size, seen.since + self._settle
            if size is None and self._now < settled:
                reasons.append(problem("still_arriving", file=seen.name, settle=self._settle))
                due = settled if due is None else max(due, settled)
            elif size is not None and size != seen.signature.size:
                reasons.append(
                    problem(
                        "size_not_as_listed",
                        file=seen.name, size=seen.signature.size, manifest=entry.manifest, listed=size,
                    )
                )  # fmt: skip
            elif not too_large(seen.signature.size, self._largest):
                reasons += self._content(seen, entry.manifest, entry.listed.sha256)
        return Claims(not reasons, tuple(reasons), due)

    def names_in(self, drop: Path, manifest: Sighting) -> frozenset[str] | None:
        """Return the canonical names of the files that a manifest lists; None if it cannot be read now."""
        listed = self._listed(drop, manifest)
        return None if isinstance(listed, Problem) else frozenset(listed)

    def _by_shared(
        self, drop: Path, each: Group, unlisted: Collection[str], found: list["_Entry"]
    ) -> list[Problem]:
        """Add what lists for several deliveries say of the files in `unlisted`; return what nobody lists."""
        problems: list[Problem] = []
        left = set(unlisted)
        shared = [seen for seen in each.manifests if is_shared(seen)]
        for manifest in shared:
            listed = self._listed(drop, manifest)
            if isinstance(listed, Problem):
                problems.append(listed)
                continue
            found += [_Entry(manifest.name, plain, listed[plain]) for plain in left & listed.keys()]
            left -= listed.keys()
        return [] if not left else problems or self._omitted(each, left, shared)

    def _omitted(self, each: Group, left: Collection[str], shared: list[Sighting]) -> list[Problem]:
        """Return that no manifest lists some of a group's files."""
        reasons = []
        own = [seen for seen in each.manifests if not is_shared(seen)]
        for seen in each.data:
            if _plain(seen.name) not in left:
                continue
            covering = next((proof for proof in (*own, *shared) if covers(proof, seen)), None)
            if covering is not None:
                reasons.append(problem("manifest_omits_file", manifest=covering.name, file=seen.name))
            else:
                ending = SUMS_ENDINGS[0] if is_sums(own[0].name) else MANIFEST_ENDING
                reasons.append(problem("manifest_not_arrived", file=f"{seen.name}{ending}"))
        return reasons

    def _listed(self, drop: Path, manifest: Sighting) -> dict[str, Listed] | Problem:
        """Return what a manifest lists, by canonical names below the drop folder; or why it is not known."""
        name = manifest.name
        if name not in self._read_before:
            self._read_before[name] = self._parsed(drop, manifest)
        return self._read_before[name]

    def _parsed(self, drop: Path, manifest: Sighting) -> dict[str, Listed] | Problem:
        name = manifest.name
        text = self._read(drop, name)
        if isinstance(text, Problem):
            return text
        if is_sums(name):
            lists = checksums_in(text, name, manifest.covers)
        else:
            read = manifest_in(text, name)
            lists = read if isinstance(read, Problem) else read.listed()
        if isinstance(lists, Problem):
            return lists
        listed: dict[str, Listed] = {}
        for entry in lists:
            plain = self._place(manifest, entry.name)
            if plain == _plain(name):
                continue  # `sha256sum * > FILE` lists FILE, which was empty then.
            if plain in listed and (listed[plain] != entry or entry.size is not None):
                return problem("manifest_repeats_file", manifest=name)
            listed[plain] = entry
        return listed

    def _place(self, manifest: Sighting, entry: str) -> str:
        """Return the canonical name, below the drop folder, of a file that a manifest lists."""
        plain = _plain(entry)
        folder = canonical(manifest.name).rpartition("/")[0]
        if folder and not plain.startswith(f"{folder}/"):
            plain = f"{folder}/{plain}"  # A list beside its file names it without the folder.
        if manifest.covers is not None and plain == manifest.covers:
            # It is named after a file without its extension.
            return next(
                (
                    _plain(seen.name)
                    for seen in self._seen
                    if seen.role in DATA_ROLES and covers(manifest, seen)
                ),
                plain,
            )
        return plain

    def _read(self, drop: Path, name: str) -> bytes | Problem:
        """Return the content of a manifest, or why it cannot be read now."""
        if self._manifest_bytes > _MOST_MANIFEST_BYTES:
            return problem("manifest_queued", file=name)
        try:
            with beside(drop, name) as path:
                text = read_start(path, _LARGEST_MANIFEST + 1)
        except OSError as error:
            return unreadable(drop, name, error)
        self._manifest_bytes += len(text)
        if len(text) > _LARGEST_MANIFEST:
            return problem("manifest_too_long", file=name, largest=_LARGEST_MANIFEST)
        return text

    def _absent(
        self, manifest: str, listed: Mapping[str, Listed], present: Mapping[str, Sighting]
    ) -> list[Problem]:
        """Return which of the listed files are not among a group's."""
        absent = [plain for plain in listed if plain not in present]
        return [self._missing(manifest, plain, listed[plain].name) for plain in absent[:_MOST_ABSENT]]

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
            self._by_name = {_plain(seen.name): seen for seen in self._seen}
        file = display(file)[:_LONGEST_NAME]
        other = self._by_name.get(plain)
        if other is None or other.role not in DATA_ROLES:
            return problem("manifest_lists_missing_file", manifest=manifest, file=file)
        return problem(
            "manifest_lists_other_file", manifest=manifest, file=file, other=manifest_name(other.key)
        )

    def _hash(self, seen: Sighting, hashing: Hashing) -> str | None:
        """Return the SHA-256 of a file, or None while it is not known."""
        which = (seen.name, seen.signature)
        known = self._hashes.get(which)
        if known is None:
            if sum(not other.done for other in self._hashes.values()) < _MOST_HASHES:
                known = FileHash(self._drop, seen.name, seen.signature.size, self._hint)
                self._hashes[which] = known
                hashing(known.step)
            return None
        if known.error is not None:
            # The next scan tries again. That is the sweep's, since nothing is under way that would hint.
            self._unreadable[which] = unreadable(self._drop, seen.name, known.error)
            del self._hashes[which]
        elif known.value is not None:
            self._unreadable.pop(which, None)
        return known.value
