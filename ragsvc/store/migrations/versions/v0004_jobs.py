"""Jobs with a budget: how often each was begun, and what is known of the file that ended its process."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what counts attempts and turns; summaries of the jobs that have ended are made of their results."""
    op.add_column("job", sa.Column("attempts", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("turns", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("started_at", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("salvage", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("summary", sa.Text(), nullable=True))
    op.create_index("ix_job_corpus_started_at", "job", ["corpus", "started_at"])
    op.execute(
        "UPDATE job SET summary = json_remove(result, '$.failures', '$.skipped') WHERE result IS NOT NULL"
    )
