"""The exact kind of vector index: all vectors in one matrix, every allowed one compared. Knows faiss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from ragsvc.domain import BoolVector, F32Matrix, F32Vector, I64Vector

COLUMN = "vectors"


class ExactIndex:
    """Implements `VectorIndex` by comparing a query with every allowed row."""

    __slots__ = ("_vectors",)

    def __init__(self, vectors: F32Matrix) -> None:
        """Take (n, dim) float32, C-contiguous, rows L2-normalised; they are not copied."""
        self._vectors = vectors

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]], rows: int, dimension: int) -> ExactIndex:
        """Take what `columns` gave.

        :raises ValueError: if they are not of this many rows and dimensions.
        """
        vectors = columns[COLUMN]
        shape = (rows, dimension)
        if vectors.shape != shape or vectors.dtype != np.float32:
            raise ValueError(f"{COLUMN} is not {shape} float32")
        return cls(vectors)

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return len(self._vectors)

    def nearest(self, query: F32Vector, allowed: BoolVector, wanted: int) -> tuple[I64Vector, F32Vector]:
        """Ask FAISS for the best allowed rows.

        This is the kernel behind IndexFlatIP.search, called on our own memory: nothing is copied,
        and there is no index object to mutate.
        """
        count = int(np.count_nonzero(allowed))
        wanted = min(wanted, count)
        scores, rows = np.empty(wanted, np.float32), np.empty(wanted, np.int64)
        if wanted == 0:
            return rows, scores
        pointer = faiss.swig_ptr
        # The selector borrows the memory of the bits, so these live as long as it.
        bits = np.packbits(allowed, bitorder="little")
        selector = None if count == len(allowed) else faiss.IDSelectorBitmap(len(bits), pointer(bits))
        size, dimension = self._vectors.shape
        faiss.knn_inner_product(
            pointer(query),
            pointer(self._vectors),
            dimension,
            1,
            size,
            wanted,
            pointer(scores),
            pointer(rows),
            selector,
        )
        real = rows >= 0
        return rows[real], scores[real]

    def vectors_of(self, rows: I64Vector) -> F32Matrix:
        """Vectors of given rows, copied: (m, dim) float32, in the order of `rows`."""
        return self._vectors[rows]

    def columns(self) -> Mapping[str, NDArray[Any]]:
        """The matrix is all that its files hold."""
        return {COLUMN: self._vectors}
