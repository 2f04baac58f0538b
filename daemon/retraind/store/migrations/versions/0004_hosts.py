"""The hosts that are down."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "hosts",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("next_try", sa.Float, nullable=False),
    )
