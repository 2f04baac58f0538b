"""The settings in force: an immutable snapshot, replaced when the configuration is read again."""

from retraind.config.settings import Settings


class Current:
    """Holds the current snapshot."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Settings:
        """The current snapshot. A caller that needs the same one twice must keep it."""
        return self._settings

    def replace(self, settings: Settings) -> None:
        """Put another snapshot in force."""
        self._settings = settings
