"""The first schema: corpora, commits, versions, memberships, chunks, terms, vectors, jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only when the type is exactly INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table and index."""
    op.create_table(
        "commit",
        sa.Column("id", ID, nullable=False),
        sa.Column("corpus_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stats", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_commit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_commit_corpus_id_id", "commit", ["corpus_id", "id"], unique=False)
    op.create_table(
        "counter",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counter"),
    )
    op.create_table(
        "document_version",
        sa.Column("id", ID, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("characters", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("pages", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document_version"),
        sa.UniqueConstraint("version", name="uq_document_version_version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "job",
        sa.Column("number", ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("corpus", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=True),
        sa.Column("cancel_requested", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_job"),
        sa.UniqueConstraint("id", name="uq_job_id"),
    )
    op.create_index("ix_job_corpus", "job", ["corpus"], unique=False)
    op.create_index("ix_job_state", "job", ["state"], unique=False)
    op.create_table(
        "profile",
        sa.Column("id", ID, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("embedder_fingerprint", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_profile"),
        sa.UniqueConstraint("fingerprint", name="uq_profile_fingerprint"),
    )
    op.create_table(
        "term",
        sa.Column("id", ID, nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_term"),
        sa.UniqueConstraint("term", name="uq_term_term"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "vector",
        sa.Column("id", ID, nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vector"),
        sa.UniqueConstraint("embedder", "hash", name="uq_vector_embedder_hash"),
    )
    op.create_table(
        "chunk",
        sa.Column("id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("profile_id", ID, nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.BigInteger(), nullable=True),
        sa.Column("headings", sa.Text(), nullable=False),
        sa.Column("embedded_hash", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name="fk_chunk_profile_id"),
        sa.ForeignKeyConstraint(["version_id"], ["document_version.id"], name="fk_chunk_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_chunk"),
        sa.UniqueConstraint(
            "version_id", "profile_id", "ordinal", name="uq_chunk_version_id_profile_id_ordinal"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_chunk_embedded_hash", "chunk", ["embedded_hash"], unique=False)
    op.create_table(
        "chunking",
        sa.Column("version_id", ID, nullable=False),
        sa.Column("profile_id", ID, nullable=False),
        sa.Column("chunks", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name="fk_chunking_profile_id"),
        sa.ForeignKeyConstraint(["version_id"], ["document_version.id"], name="fk_chunking_version_id"),
        sa.PrimaryKeyConstraint("version_id", "profile_id", name="pk_chunking"),
    )
    op.create_table(
        "corpus",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("profile_id", ID, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name="fk_corpus_profile_id"),
        sa.PrimaryKeyConstraint("id", name="pk_corpus"),
        sa.UniqueConstraint("name", name="uq_corpus_name"),
        sa.UniqueConstraint("uid", name="uq_corpus_uid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "parse_cache",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("version_id", ID, nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["document_version.id"], name="fk_parse_cache_version_id"),
        sa.PrimaryKeyConstraint("digest", "kind", "parser", name="pk_parse_cache"),
    )
    op.create_index("ix_parse_cache_version_id", "parse_cache", ["version_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("id", ID, nullable=False),
        sa.Column("corpus_id", ID, nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("born", sa.BigInteger(), nullable=False),
        sa.Column("died", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("ingested_at", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpus.id"], name="fk_membership_corpus_id"),
        sa.ForeignKeyConstraint(["version_id"], ["document_version.id"], name="fk_membership_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_membership"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_membership_corpus_id_born", "membership", ["corpus_id", "born"], unique=False)
    op.create_index(
        "ix_membership_corpus_id_died_document_id",
        "membership",
        ["corpus_id", "died", "document_id"],
        unique=False,
    )
    op.create_index(
        "ix_membership_corpus_id_document_id", "membership", ["corpus_id", "document_id"], unique=False
    )
    op.create_index(
        "ix_membership_version_id_corpus_id_born_died",
        "membership",
        ["version_id", "corpus_id", "born", "died"],
        unique=False,
    )
    op.create_index(
        "uq_membership_live",
        "membership",
        ["corpus_id", "document_id"],
        unique=True,
        sqlite_where=sa.text("died IS NULL"),
        postgresql_where=sa.text("died IS NULL"),
    )
    op.create_table(
        "root",
        sa.Column("corpus_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["corpus_id"], ["corpus.id"], name="fk_root_corpus_id"),
        sa.PrimaryKeyConstraint("corpus_id", "name", name="pk_root"),
    )
    op.create_table(
        "field",
        sa.Column("membership_id", ID, nullable=False),
        sa.Column("corpus_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("number", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["membership_id"], ["membership.id"], name="fk_field_membership_id"),
    )
    op.create_index(
        "ix_field_corpus_id_name_kind_number", "field", ["corpus_id", "name", "kind", "number"], unique=False
    )
    op.create_index(
        "ix_field_corpus_id_name_kind_text", "field", ["corpus_id", "name", "kind", "text"], unique=False
    )
    op.create_index("ix_field_membership_id_name", "field", ["membership_id", "name"], unique=False)
