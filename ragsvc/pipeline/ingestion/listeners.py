"""What an ingest works with, and whom it tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ragsvc.domain import Caller, Corpus, Progress
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.store.catalog import Catalog
from ragsvc.text.worker_pool import ParserPool


@dataclass(frozen=True, slots=True)
class IngestTools:
    """What an ingest works with; values come from the settings.

    pool: workers that read and cut. encoding: as of IngestRequest.
    parts_of, default_parts: load the parts of a corpus's profile, or of a new corpus's.
    new_corpus: find a corpus by name, or create it.
    fitted: a corpus without a commit, given the profile that fits its first documents, of which a share in
        [0, 1] is not English; any other corpus as it is. fits: whether it is indexed for such documents.
    multilingual: the embedder for other languages.
    """

    catalog: Catalog
    lock_timeout_s: float
    pool: ParserPool
    encoding: str
    parts_of: Callable[[Corpus], ProfileParts]
    default_parts: Callable[[], ProfileParts]
    new_corpus: Callable[[Caller, str], Corpus]
    fitted: Callable[[Corpus, float], Corpus]
    fits: Callable[[Corpus, float], bool]
    multilingual: str


@dataclass(frozen=True, slots=True)
class Listener:
    """How an ingest speaks to whoever started it."""

    progress: Callable[[Progress], None]
    on_wait: Callable[[str], None]
    cancelled: Callable[[], bool]

    @classmethod
    def of(
        cls,
        progress: Callable[[Progress], None] | None,
        on_wait: Callable[[str], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> Listener:
        """Whoever leaves something out is not told of it, and does not stop it."""
        return cls(progress or (lambda _: None), on_wait or (lambda _: None), cancelled or (lambda: False))
