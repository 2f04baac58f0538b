"""Which retraind has brought the journal to which schema, and where it was kept as it was before."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "upgrades",
        sa.Column("schema", sa.String, primary_key=True),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("backup", sa.String),
    )
