"""An index for counting a model's trainings in a period."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the index."""
    op.create_index("events_by_model", "events", ["model", "event", "at"])
