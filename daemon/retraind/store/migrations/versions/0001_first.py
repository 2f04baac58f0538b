"""The first schema: jobs, events, models."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables and the indexes that the daemon's look-ups use."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("content", sa.String),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "model", "created_at"])
    op.create_index("jobs_by_model", "jobs", ["model", "created_at"])
    op.create_index("jobs_by_time", "jobs", ["created_at"])
    op.create_index("jobs_by_content", "jobs", ["model", "content"])
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("job", sa.String),
        sa.Column("model", sa.String),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("events_by_job", "events", ["job", "id"])
    op.create_table(
        "models",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("held_since", sa.Float),
        sa.Column("hold", sa.Text),
        sa.Column("credential", sa.Boolean, nullable=False),
    )
