"""What was done to a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ragsvc.domain.arrays import CommitId
from ragsvc.domain.documents import Failure, SkippedSource, SourceCaveat


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCounts:
    """Every source of an ingest is in exactly one count."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What an ingest did, or with a dry run would do.

    commit: the head afterwards. notices: sentences about the corpus as a whole, for people.
    """

    corpus: str
    commit: CommitId
    documents: DocumentCounts
    chunks_added: int
    chunks_removed: int
    embedded: int
    seconds: float
    failures: tuple[Failure, ...]
    skipped: tuple[SkippedSource, ...]
    warnings: tuple[SourceCaveat, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackReport:
    """What a rollback did.

    commit: the head afterwards, a new one unless nothing changed. previous: the head before.
    """

    corpus: str
    commit: CommitId
    previous: CommitId
    to: CommitId
    added: int
    changed: int
    removed: int
    profile_changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexReport:
    """What a reindex did. commit: the head afterwards. embedded: texts sent through the model.

    profile, previous: fingerprints; equal when there was nothing to do.
    """

    corpus: str
    commit: CommitId
    profile: str
    previous: str
    embedder: str
    documents: int
    chunks: int
    embedded: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectReport:
    """What a gc removed, or with a dry run would remove.

    commits: that cannot be read any more. documents: states of documents that only they had.
    versions, chunks, vectors, terms: content that nothing needs. indexes: folders of index files.
    freed_bytes: given back to the disk. reusable_bytes: free inside the catalog, filled by what comes.
    kept: commits that can be read, and why. postponed: why content was left for the next gc; "": it was not.
    """

    commits: int
    documents: int
    versions: int
    chunks: int
    vectors: int
    terms: int
    indexes: int
    freed_bytes: int
    reusable_bytes: int
    kept: tuple[str, ...]
    postponed: str
    dry_run: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class VerifyProblem:
    """What a check found. repair: what to type."""

    corpus: str
    code: str
    message: str
    repair: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was looked at, by name, and what is wrong with it."""

    checked: Mapping[str, int]
    problems: tuple[VerifyProblem, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What a rebuild looked at, and what it made anew besides the index files.

    texts: of the kept commits under the head's profile; documents may share one.
    rechunked: texts whose chunks were damaged. embedded: chunks whose vectors were.
    unmended: why something that only earlier commits need stays as it is.
    """

    corpus: str
    commit: CommitId
    texts: int
    chunks: int
    rechunked: int
    embedded: int
    unmended: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryReport:
    """What an export wrote or an import read."""

    corpus: str
    commit: CommitId
    folder: str
    documents: int
    chunks: int
    vectors: int
    size_bytes: int
    seconds: float
