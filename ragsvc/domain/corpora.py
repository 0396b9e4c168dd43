"""Corpora: their profiles, commits and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ragsvc.domain.arrays import BoolVector, ChunkId, CommitId, CorpusId, I64Vector, ProfileId


class DuplicateKind(StrEnum):
    """Whether documents share their stored text and title, or nearly all of their text."""

    EXACT = "exact"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class ChunkerSpec:
    """All that decides where a text is cut. Sizes are embedder tokens."""

    version: str
    size_tokens: int
    overlap_tokens: int
    header_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderSpec:
    """All that decides an embedding.

    name: what to load: "bundled:all-MiniLM-L6-v2", a hub name or a folder.
    weights: sha256 hex of the weights file(s).
    """

    name: str
    weights: str
    dimension: int
    max_tokens: int
    pooling: str
    query_prefix: str
    document_prefix: str
    backend: str
    dtype: str


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """Embedder + chunker + analyser: what a corpus was indexed with."""

    embedder: EmbedderSpec
    chunker: ChunkerSpec
    analyser: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A stored profile. fingerprint: hex sha256 of the canonical JSON of `spec`."""

    id: ProfileId
    fingerprint: str
    embedder_fingerprint: str
    spec: ProfileSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A named collection of documents at a commit, with the profile of that commit.

    commit: the head, unless an earlier one was asked for; 0: nothing yet.
    commit_uid: random hex of the commit; numbers come again after a backup was put back.
    """

    id: CorpusId
    uid: str
    name: str
    created_at: str
    commit: CommitId
    profile: Profile
    commit_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One entry of a corpus's history.

    kind: what made it: "ingest", "delete", "rollback", "reindex", "import".
    stats: what it changed, such as {"added": 2}; of a rollback also {"to": number}.
    collected: gc took away what only this commit needed: it cannot be read or gone back to.
    """

    id: CommitId
    created_at: str
    principal: str
    kind: str
    stats: Mapping[str, Any]
    profile: str
    embedder: str
    tags: tuple[str, ...]
    collected: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for a commit; gc keeps what it needs."""

    name: str
    commit: CommitId
    principal: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """Versions that a corpus's uncollected history holds and that are chunked under a profile.

    versions: (n,) int64, ascending. chunks: (n,) int64. live: (n,) bool, whether live at the head.
    cuts: (n,) int64, sum of the ids of its chunks; it tells one cutting from another.
    """

    versions: I64Vector
    chunks: I64Vector
    live: BoolVector
    cuts: I64Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSummary:
    """What a listing shows of a corpus."""

    name: str
    created_at: str
    commit: CommitId
    documents: int
    chunks: int
    characters: int
    embedder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusDetails:
    """A corpus looked at closely.

    index_bytes: of its index files on disk. log: its last commits, newest first. tags: by name.
    """

    summary: CorpusSummary
    profile: Profile
    index_bytes: int
    log: tuple[Commit, ...]
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """Which live document holds a chunk, and which code points of its text that is."""

    chunk: ChunkId
    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Outlier:
    """A live document that is unlike the others.

    distance: mean Euclidean distance of its vector to those of the five nearest other documents, [0, 2].
    nearest: id of the nearest.
    """

    document_id: str
    distance: float
    nearest: str


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Live documents that say the same.

    similarity: (0, 1], estimated, of the least similar one to the first; 1 for exact ones.
    documents: at least two ids, ascending.
    """

    kind: DuplicateKind
    similarity: float
    documents: tuple[str, ...]
