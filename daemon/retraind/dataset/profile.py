"""What is remembered of a delivery's training file for a comparison with the next one."""

from dataclasses import dataclass

from retraind.dataset.rules.comparison import kept_class
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.target import are_classes


@dataclass(frozen=True, slots=True)
class Profile:
    """The kinds of columns, and the classes of the target."""

    kinds: tuple[str, ...] = ()
    target: str | None = None
    classes: tuple[str, ...] = ()  # none if the target is a quantity or unknown; at most 200


def profile_of(file: DataFile) -> Profile:
    """Return what is remembered of a file that was read."""
    found = file.table.columns.target
    classes: tuple[str, ...] = ()
    if found is not None and not found.has_many and are_classes(file, found):
        classes = tuple(dict.fromkeys(kept_class(file.text(each.value)) for each in found.classes))
    kinds = tuple(kind.value for kind in file.table.columns.kinds)
    return Profile(kinds, file.target if classes else None, classes)
