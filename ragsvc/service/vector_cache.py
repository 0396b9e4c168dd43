"""What is embedded for evaluations is kept in the catalog, for runs that ask the same again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragsvc.domain import EmbedderSpec, F32Matrix, F32Vector
from ragsvc.errors import StorageError, WriterBusy
from ragsvc.pipeline.ingestion.indexer import hash_of
from ragsvc.protocols import Embedder
from ragsvc.store.catalog import Catalog

_REFUSALS = (StorageError, WriterBusy)


class VectorCache:
    """Vectors of one embedder, kept until gc: nothing that is indexed needs them.

    They only save time. Where the catalog cannot give or take them (no room, another writer that does not
    end), nothing is kept from then on, and everything is embedded.
    """

    def __init__(self, catalog: Catalog, fingerprint: str, dimension: int) -> None:
        self._catalog = catalog
        self._fingerprint = fingerprint
        self._dimension = dimension
        self._works = True

    def held(self, hashes: Sequence[bytes]) -> dict[bytes, F32Vector]:
        """What is kept of these: (dim,) float32 each."""
        if not self._works:
            return {}
        try:
            return self._catalog.vectors.held(self._fingerprint, self._dimension, hashes)
        except _REFUSALS:
            self._works = False
            return {}

    def keep(self, vectors: Mapping[bytes, F32Vector]) -> None:
        """Keep vectors by the hashes of their texts."""
        if not self._works or not vectors:
            return
        try:
            self._catalog.vectors.put(self._fingerprint, list(vectors), np.stack(list(vectors.values())))
        except _REFUSALS:
            self._works = False


class CachingEmbedder:
    """Embeds each text once in the life of a catalog.

    Servers do not use it: a question that reads must not write.
    """

    def __init__(self, embedder: Embedder, memory: VectorCache) -> None:
        self._embedder = embedder
        self._memory = memory

    @property
    def spec(self) -> EmbedderSpec:
        """See Embedder."""
        return self._embedder.spec

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        """See Embedder."""
        hashes = [hash_of(text) for text in texts]
        held = self._memory.held(hashes)
        missing = {digest: text for digest, text in zip(hashes, texts, strict=True) if digest not in held}
        if missing:
            matrix = self._embedder.embed_documents(list(missing.values()))
            made = dict(zip(missing, matrix, strict=True))
            self._memory.keep(made)
            held.update(made)
        rows = np.empty((len(texts), self.spec.dimension), np.float32)
        for row, digest in zip(rows, hashes, strict=True):
            row[:] = held[digest]
        return rows

    def embed_queries(self, texts: Sequence[str]) -> F32Matrix:
        """See Embedder."""
        return self._embedder.embed_queries(texts)
