"""Indexes with which a long history is looked up as fast as a short one."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Sort by state and time, by model and state, and by the id's last part.

    What a start asks for is in an index.
    """
    op.drop_index("jobs_by_state", "jobs")
    op.create_index("jobs_by_state", "jobs", ["state", "created_at"])
    op.create_index("jobs_by_model_state", "jobs", ["model", "state", "created_at"])
    op.create_index("jobs_known", "jobs", ["model", "id", "version", "state"])
    op.create_index("jobs_by_short_id", "jobs", [sa.text("substr(id, -6)")])
