"""Where stretches of a stored text stand in the original: on a page, or in a recording."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nothing is known of the texts so far."""
    op.add_column("document_version", sa.Column("places", sa.Text(), nullable=True))
