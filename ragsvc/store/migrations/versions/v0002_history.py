"""History that can be gone back to: tags, pins, the profile of each commit; signatures of texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only when the type is exactly INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what history and near-duplicates need; commits so far have the profile of their corpus."""
    op.add_column("commit", sa.Column("uid", sa.Text(), nullable=False, server_default=""))
    op.add_column("commit", sa.Column("profile_id", sa.BigInteger(), nullable=True))
    op.add_column("commit", sa.Column("collected", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute('UPDATE "commit" SET uid = lower(hex(randomblob(16)))')
    op.execute(
        'UPDATE "commit" SET profile_id = '
        '(SELECT corpus.profile_id FROM corpus WHERE corpus.id = "commit".corpus_id)'
    )
    op.create_table(
        "tag",
        sa.Column("corpus_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("commit_id", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpus.id"], name="fk_tag_corpus_id"),
        sa.PrimaryKeyConstraint("corpus_id", "name", name="pk_tag"),
    )
    op.create_table(
        "pin",
        sa.Column("id", ID, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("corpus_id", sa.BigInteger(), nullable=True),
        sa.Column("commit_id", sa.BigInteger(), nullable=True),
        sa.Column("profile_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pin"),
    )
    op.create_table(
        "signature",
        sa.Column("version_id", ID, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["document_version.id"], name="fk_signature_version_id"),
        sa.PrimaryKeyConstraint("version_id", name="pk_signature"),
    )
    op.add_column(
        "chunk", sa.Column("signature", sa.LargeBinary(), nullable=False, server_default=sa.text("x''"))
    )
