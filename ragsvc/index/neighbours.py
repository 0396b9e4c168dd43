"""Nearest rows of one set of vectors to another, exact and in batches; for statistics, not for search."""

from __future__ import annotations

import faiss
import numpy as np

from ragsvc.domain import F32Matrix, I64Matrix

# Rows of queries that are compared at a time, which bounds the memory.
BATCH = 4096


def nearest_rows(
    queries: F32Matrix, vectors: F32Matrix, k: int, *, batch: int = BATCH
) -> tuple[F32Matrix, I64Matrix]:
    """The k nearest rows of `vectors` to each query, by Euclidean distance.

    :param queries: (q, dim) float32. vectors: (n, dim) float32, of any length.
    :param k: 1 to n. batch: queries a call of FAISS, at least 1.
    :return: Euclidean distances (q, k), ascending, and rows (q, k).
    :raises ValueError: if k is not 1 to n, or the dimensions differ.
    """
    if not 1 <= k <= len(vectors) or queries.shape[1] != vectors.shape[1]:
        raise ValueError(f"{k} nearest of {vectors.shape} to {queries.shape} cannot be had")
    base = np.ascontiguousarray(vectors, dtype=np.float32)
    asked = np.ascontiguousarray(queries, dtype=np.float32)
    distances = np.empty((len(asked), k), np.float32)
    rows = np.empty((len(asked), k), np.int64)
    for start in range(0, len(asked), batch):
        part = slice(start, start + batch)
        squared, rows[part] = faiss.knn(asked[part], base, k)
        # The kernel takes |a|^2 - 2ab + |b|^2, which rounds below 0 where both are equal.
        distances[part] = np.sqrt(np.maximum(squared, 0.0))
    return distances, rows
