"""The tables as SQLAlchemy sees them; migrations create them, and a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ragsvc.store.columns import NAMING, CanonicalJson, Id

metadata = MetaData(naming_convention=NAMING)

# Ids of corpora, commits, versions, chunks and terms are never reused (AUTOINCREMENT): other
# processes hold them in memory, and a stale id must find nothing rather than something else.

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

profile = Table(
    "profile",
    metadata,
    Column("id", Id, primary_key=True),
    Column("fingerprint", Text, nullable=False, unique=True),
    Column("embedder_fingerprint", Text, nullable=False),
    Column("spec", CanonicalJson, nullable=False),
)

corpus = Table(
    "corpus",
    metadata,
    Column("id", Id, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Text, nullable=False),
    Column("profile_id", ForeignKey("profile.id"), nullable=False),
    Column("owner", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    sqlite_autoincrement=True,
)

# No foreign key to corpus: the deletion of a corpus is itself a commit, and outlives it.
commit = Table(
    "commit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("corpus_id", BigInteger, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("stats", CanonicalJson, nullable=False),
    # Numbers come again after a catalog was put back from a backup; this does not.
    Column("uid", Text, nullable=False, server_default=""),
    # The profile of the head from this commit on; none for the deletion of a corpus.
    Column("profile_id", BigInteger, nullable=True),
    # 1 once gc took memberships away that only this commit needed: it cannot be read any more.
    Column("collected", BigInteger, nullable=False, server_default="0"),
    Index(None, "corpus_id", "id"),
    sqlite_autoincrement=True,
)

tag = Table(
    "tag",
    metadata,
    Column("corpus_id", ForeignKey("corpus.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("commit_id", BigInteger, nullable=False),
    Column("principal", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    PrimaryKeyConstraint("corpus_id", "name"),
)

# What running processes need; gc leaves it alone. A pin is worth nothing once its holder is gone:
# nobody has the lock of <home>/readers/<holder> any more.
pin = Table(
    "pin",
    metadata,
    Column("id", Id, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("corpus_id", BigInteger, nullable=True),
    Column("commit_id", BigInteger, nullable=True),
    Column("profile_id", BigInteger, nullable=True),
    Column("created_at", Text, nullable=False),
)

root = Table(
    "root",
    metadata,
    Column("corpus_id", ForeignKey("corpus.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    PrimaryKeyConstraint("corpus_id", "name"),
)

document_version = Table(
    "document_version",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("text_hash", Text, nullable=False),
    Column("characters", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("pages", CanonicalJson, nullable=False),
    Column("created_at", Text, nullable=False),
    # Last, so that reading the other columns does not walk through a long text.
    Column("text", Text, nullable=False),
    # Rows of Place; none for most texts, which are not walked through to learn that.
    Column("places", CanonicalJson, nullable=True),
    sqlite_autoincrement=True,
)

# Apart from the version itself, whose long text would be walked through to read it.
signature = Table(
    "signature",
    metadata,
    Column("version_id", ForeignKey("document_version.id"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# What the structure of a version names, [kind, name, start, end] each. One row, as a version is read and
# dropped whole: who is named with whom follows from the rows that live.
mentions = Table(
    "mentions",
    metadata,
    Column("version_id", ForeignKey("document_version.id"), primary_key=True),
    Column("data", CanonicalJson, nullable=False),
)

parse_cache = Table(
    "parse_cache",
    metadata,
    Column("digest", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("parser", Text, nullable=False),
    Column("version_id", ForeignKey("document_version.id"), nullable=True, index=True),
    Column("metadata", CanonicalJson, nullable=False),
    Column("code", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("warnings", CanonicalJson, nullable=False, server_default="[]"),
    # [suffix, parent] of each document inside it; each has a row of its own, see part_kind.
    Column("parts", CanonicalJson, nullable=False, server_default="[]"),
    PrimaryKeyConstraint("digest", "kind", "parser"),
)

setback = Table(
    "setback",
    metadata,
    Column("digest", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("maker", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    PrimaryKeyConstraint("digest", "kind", "maker"),
)

membership = Table(
    "membership",
    metadata,
    Column("id", Id, primary_key=True),
    Column("corpus_id", ForeignKey("corpus.id"), nullable=False),
    Column("document_id", Text, nullable=False),
    Column("version_id", ForeignKey("document_version.id"), nullable=False),
    Column("born", BigInteger, nullable=False),
    Column("died", BigInteger, nullable=True),
    # What a hit shows: the version's own title, or else the base name of the document id.
    Column("title", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("ingested_at", Text, nullable=False),
    Column("metadata", CanonicalJson, nullable=False),
    # What was not read of it, or only by a guess: [code, message] each.
    Column("warnings", CanonicalJson, nullable=False, server_default="[]"),
    Index(None, "corpus_id", "died", "document_id"),
    Index(None, "corpus_id", "document_id"),
    Index(None, "corpus_id", "born"),
    # Wide, so that the planner takes it for few versions even without statistics.
    Index(None, "version_id", "corpus_id", "born", "died"),
    sqlite_autoincrement=True,
)
# One live version per document; also what stops two writers that planned on the same head.
Index(
    "uq_membership_live",
    membership.c.corpus_id,
    membership.c.document_id,
    unique=True,
    sqlite_where=membership.c.died.is_(None),
    postgresql_where=membership.c.died.is_(None),
)

# kind: s string, n number, b boolean ("true"/"false" in text), z null, l empty list, o object.
field = Table(
    "field",
    metadata,
    Column("membership_id", ForeignKey("membership.id"), nullable=False),
    Column("corpus_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=True),
    Column("number", Float, nullable=True),
    Index(None, "membership_id", "name"),
    Index(None, "corpus_id", "name", "kind", "text"),
    Index(None, "corpus_id", "name", "kind", "number"),
)

chunking = Table(
    "chunking",
    metadata,
    Column("version_id", ForeignKey("document_version.id"), nullable=False),
    Column("profile_id", ForeignKey("profile.id"), nullable=False),
    Column("chunks", BigInteger, nullable=False),
    PrimaryKeyConstraint("version_id", "profile_id"),
)

chunk = Table(
    "chunk",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version_id", ForeignKey("document_version.id"), nullable=False),
    Column("profile_id", ForeignKey("profile.id"), nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("page", BigInteger, nullable=True),
    Column("headings", CanonicalJson, nullable=False),
    Column("embedded_hash", LargeBinary, nullable=False, index=True),
    Column("length", BigInteger, nullable=False),
    Column("terms", LargeBinary, nullable=False),
    Column("counts", LargeBinary, nullable=False),
    # Of the chunk's own text, without its header; empty when it was stored before there were any.
    Column("signature", LargeBinary, nullable=False, server_default=text("x''")),
    UniqueConstraint("version_id", "profile_id", "ordinal"),
    sqlite_autoincrement=True,
)

term = Table(
    "term",
    metadata,
    Column("id", Id, primary_key=True),
    Column("term", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

vector = Table(
    "vector",
    metadata,
    Column("id", Id, primary_key=True),
    Column("embedder", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("embedder", "hash"),
)

job = Table(
    "job",
    metadata,
    Column("number", Id, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("corpus", Text, nullable=False, index=True),
    Column("state", Text, nullable=False, index=True),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("payload", CanonicalJson, nullable=False),
    Column("result", CanonicalJson, nullable=True),
    Column("error", CanonicalJson, nullable=True),
    Column("owner", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("pid", BigInteger, nullable=True),
    Column("cancel_requested", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False, server_default="0"),
    Column("turns", BigInteger, nullable=False, server_default="0"),
    Column("started_at", Text, nullable=True),
    Column("salvage", CanonicalJson, nullable=True),
    # Of the result, without what is listed file by file.
    Column("summary", CanonicalJson, nullable=True),
    Index(None, "corpus", "started_at"),
)

session = Table(
    "session",
    metadata,
    Column("number", Id, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("owner", Text, nullable=False, index=True),
    Column("tenant", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("metadata", CanonicalJson, nullable=False),
    sqlite_autoincrement=True,
)

# A record is written after its session may have gone, so ids are compared, not bound.
record = Table(
    "record",
    metadata,
    Column("number", Id, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("parent", Text, nullable=True),
    Column("session", Text, nullable=True),
    Column("owner", Text, nullable=False, index=True),
    Column("tenant", Text, nullable=False),
    Column("created_at", Text, nullable=False, index=True),
    Column("origin", Text, nullable=False),
    Column("corpora", CanonicalJson, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("unsupported", BigInteger, nullable=False),
    # Of the characters of the answer; none for a refusal.
    Column("support", Float, nullable=True),
    Column("far", BigInteger, nullable=False),
    Column("latency_ms", Float, nullable=False),
    Column("timings_ms", CanonicalJson, nullable=False),
    Column("commits", CanonicalJson, nullable=False),
    Column("generator", Text, nullable=False),
    Column("metadata", CanonicalJson, nullable=False),
    Column("passages", CanonicalJson, nullable=False),
    Column("question", Text, nullable=False),
    Column("searched", Text, nullable=True),
    # Last, as they are long.
    Column("answer", Text, nullable=False),
    Column("citations", CanonicalJson, nullable=False),
    Index(None, "session", "number"),
    sqlite_autoincrement=True,
)

# What filters look for and what has several values: `corpus`, and `metadata.*` as in `field`.
record_field = Table(
    "record_field",
    metadata,
    Column("record_number", ForeignKey("record.number"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=True),
    Column("number", Float, nullable=True),
    Index(None, "record_number", "name"),
    Index(None, "name", "kind", "text"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("number", Id, primary_key=True),
    Column("record_number", ForeignKey("record.number"), nullable=False, index=True),
    Column("owner", Text, nullable=False, index=True),
    Column("created_at", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("label", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("corrected_answer", Text, nullable=False),
    Column("tags", CanonicalJson, nullable=False),
)

# Trained generative models; their weights lie beside the catalog.
model = Table(
    "model",
    metadata,
    Column("number", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("weights_sha256", Text, nullable=False),
    Column("data", Text, nullable=False, index=True),
    Column("data_commit", BigInteger, nullable=True),
    Column("hyperparameters", CanonicalJson, nullable=False),
    Column("metrics", CanonicalJson, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    UniqueConstraint("name", "version"),
    sqlite_autoincrement=True,
)
