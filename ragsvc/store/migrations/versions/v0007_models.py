"""Trained generative models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    """Add the table; no model was trained before."""
    op.create_table(
        "model",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        *_texts("name"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *_texts("kind", "weights_sha256", "data"),
        sa.Column("data_commit", sa.BigInteger(), nullable=True),
        *_texts("hyperparameters", "metrics"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        *_texts("owner", "tenant", "created_at"),
        sa.PrimaryKeyConstraint("number", name="pk_model"),
        sa.UniqueConstraint("name", "version", name="uq_model_name_version"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_data", "model", ["data"])
