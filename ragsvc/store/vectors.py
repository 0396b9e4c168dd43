"""Vectors, keyed by what was embedded and by what embedded it: no text is embedded twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import delete, select

from ragsvc.domain import F32Matrix, F32Vector
from ragsvc.errors import InternalError
from ragsvc.store.engine import Repository, batches, insert_or_ignore
from ragsvc.store.tables import vector

_NORM_TOLERANCE = 1e-3


class Vectors(Repository):
    """The cache of embeddings; needs no lock and is safe to fill twice."""

    def missing(self, embedder: str, hashes: Sequence[bytes]) -> set[bytes]:
        """Tell which of these texts have no vector of this embedder (its fingerprint) yet."""
        missing = set(hashes)
        with self._db.read() as connection:
            for some in batches(sorted(missing)):
                statement = select(vector.c.hash).where(
                    vector.c.embedder == embedder, vector.c.hash.in_(some)
                )
                missing.difference_update(connection.execute(statement).scalars())
        return missing

    def held(self, embedder: str, dimension: int, hashes: Sequence[bytes]) -> dict[bytes, F32Vector]:
        """Read those of these vectors that are there and undamaged, each (dimension,) float32."""
        found: dict[bytes, F32Vector] = {}
        with self._db.read() as connection:
            for some in batches(sorted(set(hashes))):
                statement = select(vector.c.hash, vector.c.data).where(
                    vector.c.embedder == embedder, vector.c.hash.in_(some)
                )
                found.update(
                    (row.hash, np.frombuffer(row.data, dtype="<f4").astype(np.float32, copy=False))
                    for row in connection.execute(statement)
                    if is_vector(row.data, dimension)
                )
        return found

    def put(self, embedder: str, hashes: Sequence[bytes], matrix: F32Matrix) -> None:
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

    def drop(self, embedder: str, hashes: Sequence[bytes]) -> None:
        """Remove damaged vectors, to be made anew."""
        with self._db.write("store.drop_vectors") as connection:
            for some in batches(list(hashes)):
                connection.execute(
                    delete(vector).where(vector.c.embedder == embedder, vector.c.hash.in_(some))
                )

    def damaged(self, embedder: str, dimension: int, hashes: Sequence[bytes]) -> set[bytes]:
        """Tell which of these texts have a vector of this embedder that cannot be one."""
        found: set[bytes] = set()
        with self._db.read() as connection:
            for some in batches(sorted(set(hashes))):
                statement = select(vector.c.hash, vector.c.data).where(
                    vector.c.embedder == embedder, vector.c.hash.in_(some)
                )
                found.update(
                    row.hash for row in connection.execute(statement) if not is_vector(row.data, dimension)
                )
        return found


def is_vector(data: bytes, dimension: int) -> bool:
    """Whether bytes are float32 numbers of this dimension and of length 1."""
    if len(data) != 4 * dimension:
        return False
    values = np.frombuffer(data, dtype="<f4").astype(np.float64)
    with np.errstate(all="ignore"):
        return bool(abs(np.linalg.norm(values) - 1.0) <= _NORM_TOLERANCE)
