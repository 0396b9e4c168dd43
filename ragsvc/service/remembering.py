"""An embedder that keeps what it embeds in the catalog, for runs that ask the same again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragsvc.domain import EmbedderSpec, F32Matrix
from ragsvc.pipeline.indexing import hash_of
from ragsvc.protocols import Embedder
from ragsvc.store.catalog import Catalog


class RememberingEmbedder:
    """Embeds each text once in the life of a catalog, until gc: nothing that is indexed needs these vectors.

    Servers do not use it: a question that reads must not write.
    """

    def __init__(self, embedder: Embedder, catalog: Catalog, fingerprint: str) -> None:
        """
        :param fingerprint: of the embedder, under which its vectors are kept.
        """
        self._embedder = embedder
        self._catalog = catalog
        self._fingerprint = fingerprint

    @property
    def spec(self) -> EmbedderSpec:
        """See Embedder."""
        return self._embedder.spec

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        """See Embedder."""
        hashes = [hash_of(text) for text in texts]
        held = self._catalog.held_vectors(self._fingerprint, self.spec.dimension, hashes)
        missing = {digest: text for digest, text in zip(hashes, texts, strict=True) if digest not in held}
        if missing:
            matrix = self._embedder.embed_documents(list(missing.values()))
            self._catalog.put_vectors(self._fingerprint, list(missing), matrix)
            held.update(zip(missing, matrix, strict=True))
        return np.stack([held[digest] for digest in hashes])

    def embed_queries(self, texts: Sequence[str]) -> F32Matrix:
        """See Embedder."""
        return self._embedder.embed_queries(texts)
