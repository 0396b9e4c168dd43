"""What the structure of texts names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; versions without a row are read by the next rebuild or reindex."""
    op.create_table(
        "mentions",
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name="pk_mentions"),
        sa.ForeignKeyConstraint(["version_id"], ["document_version.id"], name="fk_mentions_version_id"),
    )
