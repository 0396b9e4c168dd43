"""From stored texts to chunks and vectors. Takes no lock; everything is keyed by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ragsvc.domain import ChunkDraft, ChunkRow, Progress, VersionId, VersionText
from ragsvc.errors import Cancelled
from ragsvc.pipeline.parts import ProfileParts
from ragsvc.store.catalog import Catalog
from ragsvc.text.signature import signature

WINDOW_CHUNKS = 1024
# What a kill or a cancel can cost; texts of one step are about equally long.
STEP_CHUNKS = 128


@dataclass(slots=True)
class Window:
    """Cut versions that wait to be stored and embedded."""

    versions: list[tuple[VersionText, list[ChunkDraft]]]
    chunks: int = 0

    def texts(self) -> dict[bytes, str]:
        """What is embedded, by `hash_of`."""
        return {
            hash_of(draft.embedded_text): draft.embedded_text
            for _, drafts in self.versions
            for draft in drafts
        }


class Indexer:
    """Chunks and embeds document versions under one profile."""

    def __init__(
        self,
        catalog: Catalog,
        parts: ProfileParts,
        *,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._catalog = catalog
        self._parts = parts
        self._progress = progress
        self._cancelled = cancelled
        self.embedded = 0

    def index(self, versions: Sequence[VersionId]) -> None:
        """Make sure that every version is chunked and every chunk embedded.

        Running it twice, or in two processes at once, does no harm: the work of the first is found.

        :raises StaleContent: if a version was deleted meanwhile.
        :raises Cancelled: when asked to stop; what was embedded is kept.
        """
        done = 0
        for window in self.windows(self._catalog.version_texts(versions)):
            self._store(window)
            done += len(window.versions)
            self._progress(Progress("indexing", done, len(versions), "documents"))

    def windows(self, texts: Iterator[VersionText]) -> Iterator[Window]:
        """Cut versions, and hand them on a bounded number of chunks at a time."""
        window = Window([])
        for version in texts:
            drafts = self.drafts(version)
            window.versions.append((version, drafts))
            window.chunks += len(drafts)
            if window.chunks >= WINDOW_CHUNKS:
                yield window
                window = Window([])
        if window.versions:
            yield window

    def drafts(self, version: VersionText) -> list[ChunkDraft]:
        """Cut one version."""
        return self._parts.chunker.split(version.title, version.text, version.media_type, version.pages)

    def embed(self, texts: Mapping[bytes, str], wanted: Collection[bytes]) -> None:
        """Embed texts and store their vectors in steps, so that little is lost when it is stopped.

        :param texts: by `hash_of`.
        :param wanted: those to embed; a vector that is there by now stays.
        :raises Cancelled: when asked to stop; what was embedded is kept.
        """
        parts, catalog = self._parts, self._catalog
        ordered = sorted(wanted, key=lambda digest: (len(texts[digest]), digest))
        for start in range(0, len(ordered), STEP_CHUNKS):
            if self._cancelled():
                raise Cancelled("it was cancelled", hint="run it again: what was embedded is kept")
            digests = ordered[start : start + STEP_CHUNKS]
            vectors = parts.embedder.embed_documents([texts[digest] for digest in digests])
            catalog.put_vectors(parts.profile.embedder_fingerprint, digests, vectors)
            self.embedded += len(digests)

    def _store(self, window: Window) -> None:
        parts, catalog = self._parts, self._catalog
        texts = window.texts()
        self.embed(texts, catalog.missing_vectors(parts.profile.embedder_fingerprint, list(texts)))
        fresh = set(catalog.unchunked(parts.profile.id, [version.id for version, _ in window.versions]))
        chosen = [(version, drafts) for version, drafts in window.versions if version.id in fresh]
        if chosen:
            rows = [(version.id, self.rows(version, drafts)) for version, drafts in chosen]
            catalog.put_chunks(parts.profile.id, rows, {v.id: signature(v.text) for v, _ in chosen})

    def rows(self, version: VersionText, drafts: Sequence[ChunkDraft]) -> list[ChunkRow]:
        """The chunks of a version as they are stored."""
        return [
            ChunkRow(
                draft.start,
                draft.end,
                draft.page,
                draft.headings,
                hash_of(draft.embedded_text),
                self._parts.analyser.terms(draft.embedded_text),
                # Without the header: copies of a text under other titles are duplicates too.
                signature(version.text[draft.start : draft.end]),
            )
            for draft in drafts
        ]


def hash_of(text: str) -> bytes:
    """Key of a vector: sha256 of exactly what is embedded."""
    return hashlib.sha256(text.encode("utf-8")).digest()
