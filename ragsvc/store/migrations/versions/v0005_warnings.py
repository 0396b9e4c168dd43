"""An account of every document: what was not read of it, and the documents inside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add warnings of parses and memberships, and parts of parses; nothing is known of those so far."""
    for table in ("parse_cache", "membership"):
        op.add_column(table, sa.Column("warnings", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("parse_cache", sa.Column("parts", sa.Text(), nullable=False, server_default="[]"))
