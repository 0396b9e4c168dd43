"""The lexical leg: BM25 over postings, with the statistics of exactly the rows that are alive."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import BoolVector, F64Vector, I32Vector, I64Vector
from ragsvc.errors import InternalError


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Which rows of one segment hold a term, and how often.

    terms: (t,) int32, ascending. offsets: (t + 1,) int64 into rows and counts.
    rows: (p,) int32, ascending within a term. counts: (p,) int32 >= 1.
    """

    terms: I32Vector
    offsets: I64Vector
    rows: I32Vector
    counts: I32Vector

    @classmethod
    def from_entries(cls, terms: I32Vector, rows: I64Vector, counts: I32Vector) -> Postings:
        """Sort entries (term, row, count), aligned and in any order, into postings.

        :raises InternalError: if a term is listed twice for one row, or an id is negative.
        """
        keys = (terms.astype(np.int64) << 32) | rows
        order = np.argsort(keys)
        keys = keys[order]
        if len(keys) and (keys[0] < 0 or bool((keys[1:] == keys[:-1]).any())):
            raise InternalError("postings need term ids >= 0, each once in a row")
        distinct, starts = np.unique(keys >> 32, return_index=True)
        return cls(
            terms=distinct.astype(np.int32),
            offsets=np.append(starts, len(keys)).astype(np.int64),
            rows=(keys & 0xFFFFFFFF).astype(np.int32),
            counts=counts[order].astype(np.int32),
        )

    @property
    def entry_terms(self) -> I32Vector:
        """The term of every entry, (p,) int32."""
        return np.repeat(self.terms, np.diff(self.offsets))

    def find(self, term: int) -> tuple[I32Vector, I32Vector]:
        """Rows and counts of a term, both (df,) int32; empty when no row has it."""
        place = int(np.searchsorted(self.terms, term))
        if place == len(self.terms) or self.terms[place] != term:
            return self.rows[:0], self.counts[:0]
        span = slice(int(self.offsets[place]), int(self.offsets[place + 1]))
        return self.rows[span], self.counts[span]


@dataclass(frozen=True, slots=True, eq=False)
class LexicalPart:
    """One segment as a view sees it.

    norms: (rows,) float64, k1 * (1 - b + b * length / average length); infinite for dead rows,
        which so score 0 without a mask in the inner loop.
    alive: (rows,) bool, or None when every row is alive.
    """

    first: int
    postings: Postings
    norms: F64Vector
    alive: BoolVector | None


@dataclass(frozen=True, slots=True, eq=False)
class LexicalView:
    """BM25 over the rows that are alive at one commit; made once, asked often.

    alive_rows: N of the formula. rows: the size of a score vector.
    """

    parts: tuple[LexicalPart, ...]
    rows: int
    alive_rows: int

    def match(self, terms: Sequence[int]) -> F64Vector:
        """Score every row by BM25 (Lucene's form, without the constant factor k1 + 1).

        Terms are summed in the given order, so a caller that sorts them by their strings gets
        the same bits however the index grew and whatever ids the terms have.

        :param terms: term ids of the query; a repeated term counts as often as it occurs.
        :return: (rows,) float64 >= 0; 0 for dead rows and rows without any of the terms.
        """
        scores = np.zeros(self.rows, np.float64)
        for term, repeats in Counter(terms).items():
            found = [(part, *part.postings.find(term)) for part in self.parts]
            frequency = sum(_alive_count(part, rows) for part, rows, _ in found)
            if frequency == 0:
                continue
            weight = repeats * inverse_frequency(self.alive_rows, frequency)
            for part, rows, counts in found:
                if len(rows):
                    target = scores[part.first : part.first + len(part.norms)]
                    target[rows] += weight * (counts / (counts + part.norms[rows]))
        return scores

    def frequency(self, term: int) -> int:
        """How many of the alive rows hold a term."""
        return sum(_alive_count(part, part.postings.find(term)[0]) for part in self.parts)

    def weight(self, term: int) -> float:
        """Inverse frequency of a term among the alive rows; the highest of all when no row holds it."""
        return inverse_frequency(self.alive_rows, self.frequency(term))


def _alive_count(part: LexicalPart, rows: I32Vector) -> int:
    return len(rows) if part.alive is None else int(np.count_nonzero(part.alive[rows]))


def inverse_frequency(rows: int, frequency: int) -> float:
    """Weight of a term that `frequency` of `rows` rows hold; > 0."""
    return math.log1p((rows - frequency + 0.5) / (frequency + 0.5))


def view(
    segments: Sequence[tuple[int, Postings]], lengths: I32Vector, alive: BoolVector, k1: float, b: float
) -> LexicalView:
    """Fix the statistics (N, average length) of the rows that are alive.

    :param segments: (first row, postings), adjacent.
    :param lengths: (n,) int32, analysed terms of each row.
    :param alive: (n,) rows that exist at the commit.
    :param k1: >= 0, how slowly repeats of a term saturate.
    :param b: in [0, 1], how much long rows are held back.
    """
    count = int(np.count_nonzero(alive))
    everything = count == len(alive)
    total = int(lengths.sum(dtype=np.int64) if everything else lengths[alive].sum(dtype=np.int64))
    average = total / count if total else 1.0
    norms = k1 * (1.0 - b + b * (lengths / average))
    norms[~alive] = np.inf
    bounds = [first for first, _ in segments] + [len(alive)]
    parts = tuple(
        LexicalPart(first, postings, norms[first:end], None if everything else alive[first:end])
        for (first, postings), end in zip(segments, bounds[1:], strict=True)
    )
    return LexicalView(parts, len(alive), count)
