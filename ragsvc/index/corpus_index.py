"""The index of one corpus: a frozen base and small delta segments, searched by both legs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ragsvc.domain import (
    SIGNATURE_VALUES,
    BoolVector,
    ChunkBatch,
    F32Matrix,
    F32Vector,
    F64Vector,
    I32Vector,
    I64Vector,
    U16Matrix,
)
from ragsvc.errors import InternalError
from ragsvc.index import dense, lexical
from ragsvc.index.lexical import LexicalView, Postings
from ragsvc.index.rank_order import best
from ragsvc.index.vector_indexes import vector_index_of
from ragsvc.protocols import VectorIndex

# Chosen by a sweep over seven collections, see docs/fusion.md; the plateau is wide.
K1 = 0.9
B = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """n adjacent rows, never changed after they are built.

    chunk_ids, versions: (n,) int64. lengths: (n,) int32 analysed terms.
    vectors: those of the rows, to be searched.
    signatures: (n, 128) uint16, zeros where unknown.
    """

    chunk_ids: I64Vector
    versions: I64Vector
    lengths: I32Vector
    vectors: VectorIndex
    signatures: U16Matrix
    postings: Postings

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return len(self.chunk_ids)

    @classmethod
    def from_batch(cls, batch: ChunkBatch, dimension: int) -> Segment:
        """Turn the columns of a batch into a segment; row i is the batch's row i.

        The vectors are not copied when they are float32 and contiguous: the batch must not be
        written to afterwards.

        :raises InternalError: if the columns do not fit together or have another dimension.
        """
        rows = len(batch.chunk_ids)
        entries = len(batch.terms)
        fits = (
            batch.vectors.shape == (rows, dimension)
            and batch.signatures.shape == (rows, SIGNATURE_VALUES)
            and len(batch.versions) == len(batch.lengths) == rows
            and len(batch.term_offsets) == rows + 1
            and int(batch.term_offsets[-1]) == len(batch.counts) == entries
        )
        if not fits:
            raise InternalError(
                f"a batch of {rows} chunks does not fit together: "
                f"vectors {batch.vectors.shape}, dimension {dimension}, {entries} terms"
            )
        owners = np.repeat(np.arange(rows, dtype=np.int64), np.diff(batch.term_offsets))
        return cls(
            chunk_ids=np.asarray(batch.chunk_ids, np.int64),
            versions=np.asarray(batch.versions, np.int64),
            lengths=np.asarray(batch.lengths, np.int32),
            vectors=vector_index_of(np.ascontiguousarray(batch.vectors, np.float32)),
            signatures=np.ascontiguousarray(batch.signatures, np.uint16),
            postings=Postings.from_entries(batch.terms, owners, batch.counts),
        )

    @classmethod
    def gathered(cls, segments: Sequence[Segment], order: I64Vector, dimension: int) -> Segment:
        """Copy chosen rows of adjacent segments into a new one.

        :param order: (m,) int64, the old row (counted from the first segment) of each new row.
        """
        sizes = [segment.rows for segment in segments]
        starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
        target = np.full(int(starts[-1]), -1, np.int64)
        target[order] = np.arange(len(order), dtype=np.int64)
        vectors = np.empty((len(order), dimension), np.float32)
        signatures = np.empty((len(order), SIGNATURE_VALUES), np.uint16)
        terms, rows, counts = [], [], []
        for segment, start in zip(segments, starts[:-1].tolist(), strict=True):
            moved = target[start : start + segment.rows]
            kept = np.flatnonzero(moved >= 0)
            vectors[moved[kept]] = segment.vectors.vectors_of(kept)
            signatures[moved[kept]] = segment.signatures[kept]
            homes = moved[segment.postings.rows]
            live = homes >= 0
            terms.append(segment.postings.entry_terms[live])
            rows.append(homes[live])
            counts.append(segment.postings.counts[live])
        return cls(
            chunk_ids=np.concatenate([segment.chunk_ids for segment in segments])[order],
            versions=np.concatenate([segment.versions for segment in segments])[order],
            lengths=np.concatenate([segment.lengths for segment in segments])[order],
            vectors=vector_index_of(vectors),
            signatures=signatures,
            postings=Postings.from_entries(
                np.concatenate(terms), np.concatenate(rows), np.concatenate(counts)
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class CorpusIndex:
    """All chunks of a corpus as rows 0..n-1, dead ones included; immutable, safe to share.

    What grows or shrinks it returns another index that shares the unchanged segments, so a
    search that runs on the old one is not disturbed.

    dimension: of the vectors. segments: adjacent, each non-empty.
    base_rows: rows of the first segment when that is the base (what files hold), else 0.
    chunk_ids, versions: (n,) int64. lengths: (n,) int32.
    """

    dimension: int
    segments: tuple[Segment, ...]
    base_rows: int
    chunk_ids: I64Vector
    versions: I64Vector
    lengths: I32Vector

    @classmethod
    def empty(cls, dimension: int) -> CorpusIndex:
        """An index without rows, to be extended."""
        return cls.from_segments(dimension, (), 0)

    @classmethod
    def from_segments(cls, dimension: int, segments: Iterable[Segment], base_rows: int) -> CorpusIndex:
        """Put segments one after the other; those without rows are left out."""
        kept = tuple(segment for segment in segments if segment.rows)
        none = np.empty(0, np.int64)
        return cls(
            dimension=dimension,
            segments=kept,
            base_rows=base_rows,
            chunk_ids=_frozen(np.concatenate([none, *(segment.chunk_ids for segment in kept)])),
            versions=_frozen(np.concatenate([none, *(segment.versions for segment in kept)])),
            lengths=_frozen(np.concatenate([np.empty(0, np.int32), *(segment.lengths for segment in kept)])),
        )

    @property
    def rows(self) -> int:
        """How many rows there are, dead ones included."""
        return len(self.chunk_ids)

    @property
    def delta_rows(self) -> int:
        """Rows that are not in the base."""
        return self.rows - self.base_rows

    def extended(self, batch: ChunkBatch) -> CorpusIndex:
        """Add chunks as new rows at the end; the rows that exist keep their numbers.

        Delta segments that are not larger than what follows them are merged with it, so there
        are O(log n) of them and each row is copied O(log n) times.

        :param batch: chunks that the index does not hold; not written to afterwards.
        :raises InternalError: if the columns do not fit together or have another dimension.
        """
        added = Segment.from_batch(batch, self.dimension)
        if added.rows == 0:
            return self
        frozen = 1 if self.base_rows else 0
        kept, tail, size = list(self.segments), [added], added.rows
        while len(kept) > frozen and kept[-1].rows <= size:
            size += kept[-1].rows
            tail.insert(0, kept.pop())
        everything = np.arange(size, dtype=np.int64)
        merged = tail[0] if len(tail) == 1 else Segment.gathered(tail, everything, self.dimension)
        return CorpusIndex.from_segments(self.dimension, (*kept, merged), self.base_rows)

    def compacted(self, keep: BoolVector) -> CorpusIndex:
        """Copy the kept rows into one base, in the order of their chunk ids.

        The result depends only on what is kept, not on how the index grew.

        :param keep: (n,) rows to take over; the numbers of rows change.
        """
        self._check_mask(keep, "keep")
        chosen = np.flatnonzero(keep)
        order = chosen[np.argsort(self.chunk_ids[chosen], kind="stable")]
        if len(order) == 0:
            return CorpusIndex.empty(self.dimension)
        base = Segment.gathered(self.segments, order, self.dimension)
        return CorpusIndex.from_segments(self.dimension, (base,), base.rows)

    def cuts(self, versions: I64Vector) -> I64Vector:
        """See `cuts_of`."""
        return cuts_of(self.versions, self.chunk_ids, versions)

    def nearest(self, query: F32Vector, allowed: BoolVector, depth: int) -> tuple[I64Vector, F32Vector]:
        """Find the allowed rows most similar to a query, with all that tie with the last one.

        :param query: (dim,) float32, L2-normalised.
        :param allowed: (n,) the one bitmap: alive, filter and permission.
        :param depth: how many are wanted; more on a tie (to 1e-6), fewer if fewer are allowed.
        :return: rows (m,) int64 and cosines (m,) float32 in [-1, 1], best first; ties in the
            order of chunk ids.
        :raises InternalError: if a shape does not fit.
        """
        self._check_mask(allowed, "allowed")
        self._check_query(query)
        return dense.nearest(self._vectors(), query, allowed, self.chunk_ids, depth)

    def similarities(self, query: F32Vector, rows: I64Vector) -> F32Vector:
        """Compute the exact cosine of given rows: (m,) float32, in the order of `rows`."""
        return dense.similarities(self._vectors(), query, rows)

    def vectors_of(self, rows: I64Vector) -> F32Matrix:
        """Vectors of given rows, copied: (m, dim) float32, in the order of `rows`."""
        found = np.empty((len(rows), self.dimension), np.float32)
        for first, segment in self._placed():
            here = np.flatnonzero((rows >= first) & (rows < first + segment.rows))
            found[here] = segment.vectors.vectors_of(rows[here] - first)
        return found

    def signatures_of(self, rows: I64Vector) -> U16Matrix:
        """Signatures of given rows, copied: (m, 128) uint16, in the order of `rows`; zeros where unknown."""
        found = np.empty((len(rows), SIGNATURE_VALUES), np.uint16)
        for first, segment in self._placed():
            here = np.flatnonzero((rows >= first) & (rows < first + segment.rows))
            found[here] = segment.signatures[rows[here] - first]
        return found

    def lexical_view(self, alive: BoolVector, k1: float = K1, b: float = B) -> LexicalView:
        """Fix N, lengths and their average for the rows alive at a commit; keep it, it is immutable.

        :param alive: (n,) rows that exist at the commit, before any filter.
        """
        self._check_mask(alive, "alive")
        postings = [(first, segment.postings) for first, segment in self._placed()]
        return lexical.view(postings, self.lengths, alive, k1, b)

    def match(self, terms: Sequence[int], alive: BoolVector, k1: float = K1, b: float = B) -> F64Vector:
        """Score all rows by BM25 with statistics of the alive ones; see `LexicalView.match`."""
        return self.lexical_view(alive, k1, b).match(terms)

    def top(self, scores: F64Vector, allowed: BoolVector, depth: int) -> I64Vector:
        """Find the best allowed rows with a score above 0, with all that tie with the last one.

        :param scores: (n,) float64 from `match`.
        :param allowed: (n,) the one bitmap: alive, filter and permission.
        :return: rows (m,) int64, best first; ties (to 1e-6) in the order of chunk ids.
        """
        self._check_mask(allowed, "allowed")
        candidates = np.flatnonzero((scores > 0) & allowed)
        return candidates[best(scores[candidates], self.chunk_ids[candidates], depth)]

    def _placed(self) -> list[tuple[int, Segment]]:
        placed, first = [], 0
        for segment in self.segments:
            placed.append((first, segment))
            first += segment.rows
        return placed

    def _vectors(self) -> list[tuple[int, VectorIndex]]:
        return [(first, segment.vectors) for first, segment in self._placed()]

    def _check_query(self, query: F32Vector) -> None:
        shape = (self.dimension,)
        if query.shape != shape or query.dtype != np.float32 or not query.flags.c_contiguous:
            raise InternalError(f"a query must be {shape} float32, got {query.shape} {query.dtype}")
        if not np.isfinite(query).all():
            raise InternalError("a query vector must be finite")

    def _check_mask(self, mask: BoolVector, name: str) -> None:
        if mask.shape != (self.rows,) or mask.dtype != np.bool_:
            raise InternalError(f"{name} must be ({self.rows},) bool, got {mask.shape} {mask.dtype}")


def cuts_of(versions: I64Vector, chunk_ids: I64Vector, wanted: I64Vector) -> I64Vector:
    """The sum of the chunk ids of each wanted version, (n,) int64; 0 for one without rows.

    It tells one cutting of a text from another: ids of chunks are never used again.

    :param versions: (rows,) int64. chunk_ids: (rows,) int64, aligned with it.
    """
    known, places = np.unique(versions, return_inverse=True)
    if not len(known):
        return np.zeros(len(wanted), np.int64)
    sums: I64Vector = np.zeros(len(known), np.int64)
    np.add.at(sums, places, chunk_ids)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, sums[at], 0)


_Array = TypeVar("_Array", I64Vector, I32Vector)


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False
    return array
