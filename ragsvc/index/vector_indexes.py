"""Which kinds of vector index there are, and which of them a segment gets: the only file that knows.

Another kind is a file beside `exact_index.py` and a row in `KINDS`; `vector_index_of` says when it is used.
The files of an index tell their kind by the names of their columns, so the manifest needs no word for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ragsvc.domain import F32Matrix
from ragsvc.index.exact_index import COLUMN, ExactIndex
from ragsvc.protocols import VectorIndex


@dataclass(frozen=True, slots=True)
class VectorIndexKind:
    """How vector indexes of one kind are made, and what their files are known by.

    columns: names of the columns in their files, no other kind's: letters a to z and "_".
    build: from (n, dim) float32, C-contiguous, rows L2-normalised, n >= 0.
    load: from what `VectorIndex.columns` gave, with the rows and the dimension that the manifest tells;
        raises ValueError if these do not fit together.
    """

    columns: frozenset[str]
    build: Callable[[F32Matrix], VectorIndex]
    load: Callable[[Mapping[str, NDArray[Any]], int, int], VectorIndex]


EXACT = VectorIndexKind(frozenset({COLUMN}), ExactIndex, ExactIndex.from_columns)
KINDS = (EXACT,)


def vector_index_of(vectors: F32Matrix) -> VectorIndex:
    """Build the kind that a segment of these vectors gets.

    :param vectors: (n, dim) float32, C-contiguous, rows L2-normalised; not written to afterwards.
    """
    return EXACT.build(vectors)


def kind_of(columns: Set[str]) -> VectorIndexKind | None:
    """The kind whose files have these columns; None: of no kind that is known here."""
    return next((kind for kind in KINDS if kind.columns == columns), None)
