"""What was tried in retrieval and dropped, each as short as it can be measured: scores of all candidates."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import numpy as np

from benchmarks.prepared import Asked, Prepared, Score
from ragsvc.domain import F32Matrix, F64Vector
from ragsvc.index.lexical import LexicalView
from ragsvc.pipeline.retrieval.fusion import convex

WEIGHT = 0.6
BLOCK = 2000


def fused(dense: F64Vector, lexical: F64Vector, best: float) -> F64Vector:
    """The default of the time, with another score in place of one leg's."""
    return convex(dense, lexical, best, WEIGHT)


def plain(asked: Asked) -> F64Vector:
    return fused(asked.dense, asked.lexical, asked.lexical_best)


def feedback(share: float, leaders: int) -> Score:
    """Move the query's vector towards the best chunks (Rocchio 1971), and search with it instead."""

    def score(asked: Asked) -> F64Vector:
        first = plain(asked)
        best = np.argsort(-first)[:leaders]
        vectors = asked.vectors(asked.rows)
        centre = first[best] @ vectors[best]
        moved = asked.vector + share * centre / np.linalg.norm(centre)
        dense = (vectors @ moved).astype(np.float64)
        return fused(dense * (asked.dense.max() / dense.max()), asked.lexical, asked.lexical_best)

    return score


def expansion(leaders: int, added: int, share: float) -> Score:
    """RM3 (Lavrenko and Croft 2001): add the terms that set the best chunks apart to the query."""

    def score(asked: Asked) -> F64Vector:
        first = plain(asked)
        best = np.argsort(-first)[:leaders]
        weights = np.exp(4.0 * (first[best] - first.max()))
        numbers, held = asked.prepared.numbers, asked.prepared.terms
        found: Counter[str] = Counter()
        for row, weight in zip(asked.rows[best], weights / weights.sum(), strict=True):
            for term, count in Counter(held[row]).items():
                found[term] += weight * count / len(held[row]) * _idf(asked, term)
        chosen = found.most_common(added)
        total = sum(value for _, value in chosen)
        more = sum(value / total * asked.view.match([numbers[term]])[asked.rows] for term, value in chosen)
        lexical = (1.0 - share) * asked.lexical / max(len(asked.terms), 1) + share * np.asarray(more)
        return fused(asked.dense, lexical, float(lexical.max()))

    return score


def centred(share: float) -> Score:
    """Take the mean of all chunks out of chunks and queries before the cosine."""

    def score(asked: Asked) -> F64Vector:
        vectors, queries = _centred(asked.prepared, share)
        return _replaced(asked, vectors, queries)

    return score


def whitened(power: float) -> Score:
    """Shrink the directions in which chunks differ most (Su et al. 2021, by a part)."""

    def score(asked: Asked) -> F64Vector:
        vectors, queries = _whitened(asked.prepared, power)
        return _replaced(asked, vectors, queries)

    return score


def without_hubs(share: float) -> Score:
    """CSLS (Conneau et al. 2018): hold back the chunks that are near to many."""

    def score(asked: Asked) -> F64Vector:
        dense = asked.dense - share * _hubness(asked.prepared)[asked.rows]
        return fused(dense, asked.lexical, asked.lexical_best)

    return score


def bounded(share: float) -> Score:
    """BM25 by a share of the most that any text could reach, instead of by the best that one does."""

    def score(asked: Asked) -> F64Vector:
        bound = sum(_idf(asked, term) for term in asked.terms)
        return fused(asked.dense, asked.lexical, share * bound)

    return score


def pooled(share: float) -> Score:
    """A document counts by its best chunk and a share of its second; a lone chunk by .8 of itself."""

    def score(asked: Asked) -> F64Vector:
        first = plain(asked)
        groups: dict[str, list[int]] = {}
        for place in np.argsort(-first).tolist():
            groups.setdefault(asked.prepared.owners[asked.rows[place]], []).append(place)
        out = first.copy()
        for best, *others in groups.values():
            out[best] += share * (first[others[0]] if others else 0.8 * first[best])
        return out

    return score


def _replaced(asked: Asked, vectors: F32Matrix, queries: F32Matrix) -> F64Vector:
    dense = (vectors[asked.rows] @ queries[asked.number]).astype(np.float64)
    return fused(dense, asked.lexical, asked.lexical_best)


@lru_cache(2)
def _centred(prepared: Prepared, share: float) -> tuple[F32Matrix, F32Matrix]:
    mean = share * prepared.vectors.mean(axis=0)
    return _scaled(prepared, prepared.vectors - mean, prepared.queries - mean)


@lru_cache(2)
def _whitened(prepared: Prepared, power: float) -> tuple[F32Matrix, F32Matrix]:
    half = prepared.vectors - 0.5 * prepared.vectors.mean(axis=0)
    values, axes = np.linalg.eigh(half.T @ half / len(half))
    values = np.maximum(values, 0.0) + values.mean() / 2.0
    turned = (axes * values**-power) @ axes.T
    return _scaled(prepared, half @ turned, prepared.queries @ turned)


def _scaled(prepared: Prepared, vectors: F32Matrix, queries: F32Matrix) -> tuple[F32Matrix, F32Matrix]:
    """Rows of length 1, queries then stretched so that the best cosines are on average what they were."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    true = (prepared.queries @ prepared.vectors.T).max(axis=1).mean()
    return vectors, queries * (true / (queries @ vectors.T).max(axis=1).mean())


@lru_cache(2)
def _hubness(prepared: Prepared, neighbours: int = 10) -> F64Vector:
    """Mean cosine of every chunk with those nearest to it, less the mean of all: (chunks,)."""
    vectors, near = prepared.vectors, []
    for start in range(0, len(vectors), BLOCK):
        cosines = np.partition(vectors[start : start + BLOCK] @ vectors.T, -neighbours - 1, axis=1)
        # Its nearest is the chunk itself.
        near.append((cosines[:, -neighbours - 1 :].sum(axis=1) - 1.0) / neighbours)
    found = np.concatenate(near).astype(np.float64)
    return np.asarray(found - found.mean())


def _idf(asked: Asked, term: str) -> float:
    """Inverse frequency of a term; the highest of all when no chunk holds it."""
    return _weights(asked.view, asked.prepared.numbers.get(term, -1))


@lru_cache(100_000)
def _weights(view: LexicalView, number: int) -> float:
    return view.weight(number)
