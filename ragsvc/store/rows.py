"""Rows of the catalog as the store and the pipeline hand them to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragsvc.domain.arrays import I64Vector, Metadata, U16Matrix, VersionId
from ragsvc.domain.documents import Caveat


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A live membership row as the planner compares it.

    origin: what claims the id: root name + "/" + relative path of the file, or "upload".
    root: root name; "" for uploads.
    """

    id: int
    document_id: str
    version_id: VersionId
    metadata: Metadata
    source: str
    origin: str
    root: str
    owner: str
    warnings: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMembership:
    """A membership about to be born. ingested_at: ISO 8601 UTC as stored; "": the time of its commit."""

    document_id: str
    version_id: VersionId
    metadata: Metadata
    source: str
    origin: str
    root: str
    owner: str
    ingested_at: str = ""
    warnings: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedParse:
    """What an earlier parse of the same bytes gave: a version, or a stable failure code.

    version_id: None when the parse failed; then code and error say why.
    """

    version_id: VersionId | None
    metadata: Metadata
    code: str = ""
    error: str = ""
    warnings: tuple[Caveat, ...] = ()
    parts: tuple[CachedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class CachedPart:
    """A document inside a document, as it is stored; see Part."""

    suffix: str
    parent: str
    result: CachedParse


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """A chunk as it is stored.

    embedded_hash: digest of exactly what was embedded; the key of its vector.
    terms: analysed terms in order, repeats kept; or each with its count.
    signature: of the chunk's own text without its header; b"" when unknown.
    """

    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    embedded_hash: bytes
    terms: Sequence[str] | Mapping[str, int]
    signature: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedDocument:
    """A live document as an export holds it; see docs/export.md.

    version: public hex id. title: what a hit shows. metadata, warnings: canonical JSON.
    """

    document_id: str
    version: str
    title: str
    source: str
    origin: str
    root: str
    owner: str
    media_type: str
    ingested_at: str
    metadata: str
    warnings: str = "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedVersion:
    """A document version as an export holds it.

    signature: of the whole text; b"" when unknown. places: canonical JSON.
    """

    version: str
    title: str
    text: str
    media_type: str
    pages: Sequence[int]
    signature: bytes
    places: str = "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedChunk:
    """A chunk as an export holds it.

    version: public hex id; ordinal: place among the chunks of the version, from 0.
    start, end: code points of the version's text. page: 1-based; None without pages.
    terms: distinct, ascending; counts: aligned, at least 1; length: their sum.
    """

    version: str
    ordinal: int
    start: int
    end: int
    page: int | None
    headings: Sequence[str]
    embedded_hash: bytes
    terms: Sequence[str]
    counts: Sequence[int]
    length: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class DocumentSignatures:
    """Live documents with their versions and signatures, rows aligned, ascending document id.

    versions: (n,) int64. signatures: (n, 128) uint16; zeros where unknown.
    """

    document_ids: tuple[str, ...]
    versions: I64Vector
    signatures: U16Matrix
