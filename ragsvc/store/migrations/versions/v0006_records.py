"""Records: sessions, questions with their answers, and what people say of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    """Add the tables; nothing was kept before."""
    op.create_table(
        "session",
        sa.Column("number", _ID, nullable=False),
        *_texts("id", "title", "owner", "tenant", "created_at", "updated_at", "metadata"),
        sa.PrimaryKeyConstraint("number", name="pk_session"),
        sa.UniqueConstraint("id", name="uq_session_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_session_owner", "session", ["owner"])
    op.create_table(
        "record",
        sa.Column("number", _ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        *_texts("owner", "tenant", "created_at", "origin", "corpora"),
        sa.Column("answered", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("unsupported", sa.BigInteger(), nullable=False),
        sa.Column("support", sa.Float(), nullable=True),
        sa.Column("far", sa.BigInteger(), nullable=False),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        *_texts("timings_ms", "commits", "generator", "metadata", "passages", "question"),
        sa.Column("searched", sa.Text(), nullable=True),
        *_texts("answer", "citations"),
        sa.PrimaryKeyConstraint("number", name="pk_record"),
        sa.UniqueConstraint("id", name="uq_record_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_record_owner", "record", ["owner"])
    op.create_index("ix_record_created_at", "record", ["created_at"])
    op.create_index("ix_record_session_number", "record", ["session", "number"])
    op.create_table(
        "record_field",
        sa.Column("record_number", _ID, nullable=False),
        *_texts("name", "kind"),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("number", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["record_number"], ["record.number"], name="fk_record_field_record_number"),
    )
    op.create_index("ix_record_field_record_number_name", "record_field", ["record_number", "name"])
    op.create_index("ix_record_field_name_kind_text", "record_field", ["name", "kind", "text"])
    op.create_table(
        "feedback",
        sa.Column("number", _ID, nullable=False),
        sa.Column("record_number", _ID, nullable=False),
        *_texts("owner", "created_at"),
        sa.Column("score", sa.Float(), nullable=False),
        *_texts("label", "comment", "corrected_answer", "tags"),
        sa.PrimaryKeyConstraint("number", name="pk_feedback"),
        sa.ForeignKeyConstraint(["record_number"], ["record.number"], name="fk_feedback_record_number"),
    )
    op.create_index("ix_feedback_record_number", "feedback", ["record_number"])
    op.create_index("ix_feedback_owner", "feedback", ["owner"])
