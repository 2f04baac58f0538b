"""The settings in force: an immutable snapshot, replaced when the configuration is read again."""

from collections.abc import Container

from retraind.config.settings import Settings


class Current:
    """Holds the current snapshot."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.refused: Container[str] = ()
        """The models that are left out of it for mistakes in their tables."""

    @property
    def settings(self) -> Settings:
        """The current snapshot. A caller that needs the same one twice must keep it."""
        return self._settings

    def replace(self, settings: Settings, refused: Container[str] = ()) -> None:
        """Put another snapshot in force, from which the models `refused` are left out."""
        self.refused = refused
        self._settings = settings
