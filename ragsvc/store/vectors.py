"""Vectors, keyed by what was embedded and by what embedded it: no text is embedded twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from ragsvc.domain import F32Matrix
from ragsvc.errors import InternalError
from ragsvc.store.engine import Section, batches, insert_or_ignore
from ragsvc.store.tables import vector


class Vectors(Section):
    """The cache of embeddings; needs no lock and is safe to fill twice."""

    def missing_vectors(self, embedder: str, hashes: Sequence[bytes]) -> set[bytes]:
        """Tell which of these texts have no vector of this embedder (its fingerprint) yet."""
        missing = set(hashes)
        with self._db.read() as connection:
            for some in batches(sorted(missing)):
                statement = select(vector.c.hash).where(
                    vector.c.embedder == embedder, vector.c.hash.in_(some)
                )
                missing.difference_update(connection.execute(statement).scalars())
        return missing

    def put_vectors(self, embedder: str, hashes: Sequence[bytes], matrix: F32Matrix) -> None:
        """Store embeddings; those already there stay as they are.

        :param hashes: n digests of the exact embedded texts.
        :param matrix: (n, dim) float32, rows L2-normalised, aligned with `hashes`.
        """
        if matrix.ndim != 2 or len(matrix) != len(hashes):
            raise InternalError(f"{len(hashes)} hashes do not match vectors of shape {matrix.shape}")
        if not len(hashes):
            return
        packed = np.ascontiguousarray(matrix, dtype="<f4")
        rows = [
            {"embedder": embedder, "hash": digest, "data": packed[i].tobytes()}
            for i, digest in enumerate(hashes)
        ]
        with self._db.write("store.put_vectors") as connection:
            connection.execute(insert_or_ignore(vector), rows)
