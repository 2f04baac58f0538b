"""RETRAIND_... variables, which take precedence over the configuration file."""

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from retraind.config.settings import ENV_PREFIX, Settings


class Variables(EnvSettingsSource):
    """Reads them. A value that is not JSON is a text, as it could stand in the file."""

    def __init__(self) -> None:
        # It reads nothing of the class but its fields.
        super().__init__(Settings, env_prefix=ENV_PREFIX, env_nested_delimiter="__")  # type: ignore[arg-type]

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return a variable's value, decoded if it is JSON."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value
