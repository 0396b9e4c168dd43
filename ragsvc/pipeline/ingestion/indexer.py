"""From stored texts to chunks and vectors. Takes no lock; everything is keyed by content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ragsvc.domain import CutText, Failure, Progress, VersionId, VersionText
from ragsvc.errors import Cancelled, ParserCrashed, ParserOutOfMemory, ParserTimeout
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.store.catalog import Catalog
from ragsvc.store.rows import ChunkRow
from ragsvc.text.worker_pool import ParserPool

WINDOW_CHUNKS = 1024
# What a kill or a cancel can cost; texts of one step are about equally long.
STEP_CHUNKS = 128


@dataclass(slots=True)
class Window:
    """Cut versions that wait to be stored and embedded."""

    versions: list[tuple[VersionText, CutText]]
    chunks: int = 0

    def texts(self) -> dict[bytes, str]:
        """What is embedded, by `hash_of`."""
        return {
            hash_of(chunk.draft.embedded_text): chunk.draft.embedded_text
            for _, made in self.versions
            for chunk in made.chunks
        }


class Indexer:
    """Chunks and embeds document versions under one profile.

    embedded: texts that went through the model. failures: versions that could not be cut, and why.
    """

    def __init__(
        self,
        catalog: Catalog,
        parts: ProfileParts,
        pool: ParserPool,
        *,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._catalog = catalog
        self._parts = parts
        self._pool = pool
        self._progress = progress
        self._cancelled = cancelled
        self.embedded = 0
        self.failures: dict[VersionId, Failure] = {}

    def index(self, versions: Sequence[VersionId]) -> None:
        """Make sure that every version is chunked and every chunk embedded, but for `failures`.

        Running it twice, or in two processes at once, does no harm: the work of the first is found.

        :raises StaleContent: if a version was deleted meanwhile.
        :raises Cancelled: when asked to stop; what was embedded is kept.
        """
        done = 0
        for window in self.windows(self._catalog.versions.texts(versions)):
            self._store(window)
            done += len(window.versions)
            self._progress(Progress("indexing", done, len(versions), "documents"))

    def windows(self, texts: Iterator[VersionText]) -> Iterator[Window]:
        """Cut versions, and hand them on a bounded number of chunks at a time."""
        window = Window([])
        for version, made in self._pool.cut(self._parts.cutter, texts, self._check):
            if isinstance(made, Failure):
                self.failures[version.id] = made
                continue
            window.versions.append((version, made))
            window.chunks += len(made.chunks)
            if window.chunks >= WINDOW_CHUNKS:
                yield window
                window = Window([])
        if window.versions:
            yield window

    def embed(self, texts: Mapping[bytes, str], wanted: Collection[bytes]) -> None:
        """Embed texts and store their vectors in steps, so that little is lost when it is stopped.

        :param texts: by `hash_of`.
        :param wanted: those to embed; a vector that is there by now stays.
        :raises Cancelled: when asked to stop; what was embedded is kept.
        """
        parts, catalog = self._parts, self._catalog
        ordered = sorted(wanted, key=lambda digest: (len(texts[digest]), digest))
        for start in range(0, len(ordered), STEP_CHUNKS):
            self._check()
            digests = ordered[start : start + STEP_CHUNKS]
            vectors = parts.embedder.embed_documents([texts[digest] for digest in digests])
            catalog.vectors.put(parts.profile.embedder_fingerprint, digests, vectors)
            self.embedded += len(digests)

    def _check(self) -> None:
        if self._cancelled():
            raise Cancelled("it was cancelled", hint="run it again: what was embedded is kept")

    def _store(self, window: Window) -> None:
        parts, catalog = self._parts, self._catalog
        texts = window.texts()
        self.embed(texts, catalog.vectors.missing(parts.profile.embedder_fingerprint, list(texts)))
        fresh = set(
            catalog.chunks.unchunked(parts.profile.id, [version.id for version, _ in window.versions])
        )
        chosen = [(version, made) for version, made in window.versions if version.id in fresh]
        if chosen:
            rows = [(version.id, rows_of(made)) for version, made in chosen]
            catalog.chunks.put(
                parts.profile.id,
                rows,
                {version.id: made.signature for version, made in chosen},
                mentions={version.id: made.mentions for version, made in chosen},
            )


def refuse_failures(indexer: Indexer) -> None:
    """End what must be done for all texts or for none.

    :raises ParserTimeout, ParserOutOfMemory, ParserCrashed: if a text could not be cut.
    """
    for failure in indexer.failures.values():
        kinds = {kind.code: kind for kind in (ParserTimeout, ParserOutOfMemory)}
        raise kinds.get(failure.code, ParserCrashed)(
            f"the text {failure.source!r} cannot be cut: {failure.error}",
            hint="delete that document, or raise the limits of parsing",
        )


def rows_of(made: CutText) -> list[ChunkRow]:
    """The chunks of a version as they are stored."""
    return [
        ChunkRow(
            start=chunk.draft.start,
            end=chunk.draft.end,
            page=chunk.draft.page,
            headings=chunk.draft.headings,
            embedded_hash=hash_of(chunk.draft.embedded_text),
            terms=chunk.terms,
            signature=chunk.signature,
        )
        for chunk in made.chunks
    ]


def hash_of(text: str) -> bytes:
    """Key of a vector: sha256 of exactly what is embedded."""
    return hashlib.sha256(text.encode("utf-8")).digest()
