"""What each recipient of notifications was told, which outages were told, and holds that are on trial."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table and the columns."""
    op.create_table(
        "recipients",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("told", sa.Integer, nullable=False),
    )
    op.add_column("models", sa.Column("trial", sa.Text))
    op.add_column("hosts", sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false()))
