"""The settings that are in force: an immutable snapshot, replaced as a whole when the configuration is read again."""

from retraind.config.settings import Settings


class Current:
    """Holds the present snapshot."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def settings(self) -> Settings:
        """The snapshot at this moment; whoever needs the same one twice keeps it."""
        return self._settings

    def replace(self, settings: Settings) -> None:
        """Let another snapshot be in force from now on."""
        self._settings = settings
