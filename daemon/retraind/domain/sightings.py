"""What the journal remembers of files that wait in a drop folder."""

from typing import NamedTuple

from retraind.domain.job import Signature


class Remembered(NamedTuple):
    """A file that waits in a drop folder, as it was seen there last, and in which order it came."""

    name: str
    """Path below the drop folder."""
    signature: Signature
    look: int
    """The number of the look that first saw it like this."""
    came: int
    """The number of the look that first saw a file of this name."""
