"""Search: both legs under one bitmap, fused, ordered, and shown as hits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragsvc.domain import (
    BoolVector,
    Caller,
    Candidates,
    ChunkText,
    Collapse,
    Corpus,
    F64Vector,
    Fusion,
    Hit,
    I64Vector,
    Mode,
    Passage,
)
from ragsvc.index.rank_order import SCORE_STEP, marked
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.pipeline.retrieval.close_reader import CLOSE
from ragsvc.pipeline.retrieval.collapser import Collapser
from ragsvc.pipeline.retrieval.fusion import SCORE_DECIMALS, competition_rank, convex, reciprocal_rank
from ragsvc.pipeline.retrieval.literal_queries import dense_weight_of
from ragsvc.pipeline.retrieval.search_query import SearchQuery
from ragsvc.pipeline.retrieval.snapshot import Snapshot
from ragsvc.protocols import Reranker
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import Filter

# Candidates of each leg. It does not depend on k, so the hits for a small k begin those for a large one.
DEPTH = 256
MAX_K = 200
# Chosen by a sweep over seven collections, see docs/fusion.md; .5 to .6 do about as well.
DENSE_WEIGHT = 0.55
UNKNOWN = -1
"""The id of a term that no chunk holds."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How the legs are fused.

    dense: [0, 1], share of the dense leg in the convex combination; `literal` lowers it for names and quotes.
    full_match: [0, 1], what the best lexical match must hold of the weight of the query's terms to count as
        much as a best match can; one that holds less counts less. 0: the best of each query counts as much.
    """

    fusion: Fusion = Fusion.CONVEX
    dense: float = DENSE_WEIGHT
    full_match: float = 0.0


@dataclass(frozen=True, slots=True)
class RankedRows:
    """Candidate rows of a snapshot with their scores, both (m,), best first."""

    rows: I64Vector
    scores: F64Vector


def rank(
    snapshot: Snapshot,
    query: SearchQuery,
    term_ids: Mapping[str, int],
    allowed: BoolVector,
    weights: Weights,
    close: RerankStage | None = None,
) -> RankedRows:
    """Score the candidates of both legs, and the best of a hybrid search a second time.

    :param term_ids: of those of `query.terms` that the catalog knows.
    :param allowed: (rows,) the one bitmap.
    :return: best first by score rounded to 1e-6; the order of ties is settled by `hits`.
    """
    legs = _legs(snapshot, query, term_ids, allowed)
    if weights.full_match:
        whole = sum(snapshot.lexical.weight(term_ids.get(term, UNKNOWN)) for term in query.terms)
        legs = replace(legs, lexical_best=max(legs.lexical_best, weights.full_match * whole))
    weights = replace(weights, dense=dense_weight_of(query.text, weights.dense))
    scores = np.round(_fused(legs, weights), SCORE_DECIMALS)
    order = np.argsort(-scores, kind="stable")
    ranked = RankedRows(legs.rows[order], scores[order])
    if close is None or query.mode is not Mode.HYBRID or query.vector is None or not len(order):
        return ranked
    top = order[: _end_of_tie(ranked.scores, CLOSE)]
    candidates = Candidates(
        question=query.text,
        vector=query.vector,
        texts=tuple(close.texts_of(snapshot.index.chunk_ids[legs.rows[top]].tolist())),
        scores=scores[top],
        dense=legs.dense[top],
        lexical=legs.lexical[top],
        lexical_best=legs.lexical_best,
        vectors=snapshot.index.vectors_of(legs.rows[top]),
        weight_of=lambda term: snapshot.lexical.weight(term_ids[term]) if term in term_ids else 0.0,
        dense_weight=weights.dense,
    )
    return _looked_at_again(ranked, np.round(close.reranker.rescore(candidates), SCORE_DECIMALS))


def _looked_at_again(ranked: RankedRows, scores: F64Vector) -> RankedRows:
    """Order the best candidates by their new scores; those not looked at again stay behind them."""
    count = len(scores)
    order = np.argsort(-scores, kind="stable")
    rest = ranked.scores[count:]
    if rest.size:
        rest = np.round(rest - max(0.0, rest[0] - scores.min() + SCORE_STEP), SCORE_DECIMALS)
    rows = np.concatenate([ranked.rows[:count][order], ranked.rows[count:]])
    return RankedRows(rows, np.concatenate([scores[order], rest]))


def _end_of_tie(scores: F64Vector, depth: int) -> int:
    """How many to take so that at least `depth` are, and no tie is cut; scores are best first."""
    if len(scores) <= depth:
        return len(scores)
    return int(np.count_nonzero(scores >= scores[depth - 1]))


def _legs(snapshot: Snapshot, query: SearchQuery, term_ids: Mapping[str, int], allowed: BoolVector) -> _Legs:
    index, vector = snapshot.index, query.vector
    matched = None
    if query.mode is not Mode.DENSE:
        matched = snapshot.lexical.match([term_ids[term] for term in query.terms if term in term_ids])
    by_terms = _NO_ROWS if matched is None else index.top(matched, allowed, DEPTH)
    by_vector, cosines = (_NO_ROWS, _NO_SCORES) if vector is None else index.nearest(vector, allowed, DEPTH)
    rows = np.union1d(by_vector, by_terms)
    near, named = marked(rows, by_vector), marked(rows, by_terms)
    dense: F64Vector = np.zeros(len(rows))
    dense[np.searchsorted(rows, by_vector)] = cosines
    if vector is not None:
        dense[~near] = index.similarities(vector, rows[~near])
    return _Legs(
        rows,
        dense,
        np.zeros(len(rows)) if matched is None else matched[rows],
        0.0 if matched is None or not by_terms.size else float(matched[by_terms[0]]),
        near,
        named,
        query.mode,
    )


def _fused(legs: _Legs, weights: Weights) -> F64Vector:
    if legs.mode is Mode.DENSE:
        return legs.dense
    if legs.mode is Mode.LEXICAL:
        return legs.lexical
    if weights.fusion is Fusion.RRF:
        return reciprocal_rank(
            competition_rank(legs.dense, legs.by_vector), competition_rank(legs.lexical, legs.by_terms)
        )
    return convex(legs.dense, legs.lexical, legs.lexical_best, weights.dense)


@dataclass(frozen=True, slots=True)
class _Legs:
    """What both legs say of the candidates, each (m,); by_vector, by_terms: which leg found them."""

    rows: I64Vector
    dense: F64Vector
    lexical: F64Vector
    lexical_best: float
    by_vector: BoolVector
    by_terms: BoolVector
    mode: Mode


_NO_ROWS = np.empty(0, dtype=np.int64)
_NO_SCORES = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class RerankStage:
    """A second look at the best candidates, and where it reads them: texts by the ids of their chunks."""

    reranker: Reranker
    texts_of: Callable[[Sequence[int]], Sequence[ChunkText]]


@dataclass(frozen=True, slots=True)
class SearchScope:
    """Where and for whom passages are read."""

    catalog: Catalog
    corpus: Corpus
    snapshot: Snapshot
    where: Filter | None
    caller: Caller


def hits(reading: SearchScope, ranked: RankedRows, k: int, collapse: Collapse) -> list[Hit]:
    """Show the best k: ordered by score, document id, start; nearly the same text shown once if asked.

    :param k: 1..200. The hits for a small k, and their duplicates, begin those for a large one.
    """
    index = reading.snapshot.index
    fold = Collapser(
        ranked.scores, index.signatures_of(ranked.rows) if collapse is Collapse.DUPLICATES else None
    )
    chunk_ids: list[int] = index.chunk_ids[ranked.rows].tolist()
    position_of = {chunk: position for position, chunk in enumerate(chunk_ids)}
    scores: list[float] = ranked.scores.tolist()
    shown: list[tuple[float, Passage]] = []
    while len(shown) < k and (block := fold.block(k - len(shown))).size:
        for passage in _read(reading, [chunk_ids[i] for i in block], position_of, scores):
            position = position_of[passage.chunk]
            owner = fold.owner(position)
            if owner is not None:
                fold.repeat(owner, scores[position], passage.document_id, passage.start)
            elif len(shown) < k:
                fold.show(position)
                shown.append((scores[position], passage))
    _list_unread(reading, fold, chunk_ids, position_of, scores)
    return [
        Hit(
            rank=number + 1,
            score=score,
            corpus=reading.corpus.name,
            passage=passage,
            duplicates=fold.duplicates(number),
        )
        for number, (score, passage) in enumerate(shown)
    ]


def _read(
    reading: SearchScope, chunk_ids: Sequence[int], position_of: Mapping[int, int], scores: Sequence[float]
) -> list[Passage]:
    """The passages of some candidates, in final order."""
    passages = reading.catalog.passages.read(
        reading.corpus, reading.snapshot.commit, chunk_ids, reading.where, reading.caller
    )
    return sorted(passages, key=lambda p: (-scores[position_of[p.chunk]], p.document_id, p.start))


def _list_unread(
    reading: SearchScope,
    fold: Collapser,
    chunk_ids: Sequence[int],
    position_of: Mapping[int, int],
    scores: Sequence[float],
) -> None:
    """List with the hits what repeats them further down; its text is not needed."""
    unread = fold.unread()
    if not unread.size:
        return
    holders = reading.catalog.passages.holders(
        reading.corpus,
        reading.snapshot.commit,
        [chunk_ids[i] for i in unread],
        reading.where,
        reading.caller,
    )
    for holder in holders:
        position = position_of[holder.chunk]
        owner = fold.owner(position)
        assert owner is not None
        fold.repeat(owner, scores[position], holder.document_id, holder.start)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What one corpus gave for a query, and what is needed to look closer.

    term_ids: of those of the query's terms that the catalog knows.
    """

    parts: ProfileParts
    snapshot: Snapshot
    query: SearchQuery
    term_ids: Mapping[str, int]
    hits: tuple[Hit, ...]
