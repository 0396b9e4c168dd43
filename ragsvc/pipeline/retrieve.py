"""Search: both legs under one bitmap, fused, ordered, and shown as hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import (
    BoolVector,
    Caller,
    Collapse,
    Corpus,
    F32Vector,
    F64Vector,
    Fusion,
    Hit,
    I64Vector,
    Mode,
    Passage,
)
from ragsvc.pipeline.collapse import Fold
from ragsvc.pipeline.condense import Condensed
from ragsvc.pipeline.fusion import SCORE_DECIMALS, competition_rank, convex, reciprocal_rank
from ragsvc.pipeline.indexing import ProfileParts
from ragsvc.pipeline.snapshot import Snapshot
from ragsvc.protocols import Analyser
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import Filter

# Candidates of each leg. It does not depend on k, so the hits for a small k begin those for a large one.
DEPTH = 256
MAX_K = 200


@dataclass(frozen=True, slots=True)
class Weights:
    """How the legs are fused. dense: [0, 1], share of the dense leg in the convex combination."""

    fusion: Fusion = Fusion.CONVEX
    dense: float = 0.6


@dataclass(frozen=True, slots=True)
class Query:
    """A query made ready for one corpus.

    text: the stand-alone form; what was asked, completed from the conversation where it leans on it.
    vector: (dim,) float32, L2-normalised; None in lexical mode.
    terms: analysed terms, repeats kept; unused in dense mode.
    """

    text: str
    mode: Mode
    vector: F32Vector | None
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidate rows of a snapshot with their scores, both (m,), best first."""

    rows: I64Vector
    scores: F64Vector


def prepare(text: str, mode: Mode, vector: F32Vector | None, analyser: Analyser) -> Query:
    """Analyse a query that stands by itself, see `prepare_condensed`."""
    return prepare_condensed(Condensed(text), mode, vector, analyser)


def prepare_condensed(
    condensed: Condensed, mode: Mode, vector: F32Vector | None, analyser: Analyser
) -> Query:
    """Analyse a query; its terms are sorted, so that sums do not depend on how an index grew.

    :param vector: what `condensed.mix` gave, if the dense leg is asked.
    """
    terms = () if mode is Mode.DENSE else tuple(sorted(condensed.terms(analyser)))
    return Query(condensed.searched, mode, None if mode is Mode.LEXICAL else vector, terms)


def rank(
    snapshot: Snapshot, query: Query, term_ids: Sequence[int], allowed: BoolVector, weights: Weights
) -> Ranked:
    """Score the candidates of both legs.

    :param term_ids: ids of `query.terms` that the catalog knows, in the order of the terms.
    :param allowed: (rows,) the one bitmap.
    :return: best first by score rounded to 1e-6; the order of ties is settled by `hits`.
    """
    index = snapshot.index
    lexical = snapshot.lexical.match(term_ids) if query.mode is not Mode.DENSE else None
    by_terms = index.top(lexical, allowed, DEPTH) if lexical is not None else _NO_ROWS
    by_vector = index.nearest(query.vector, allowed, DEPTH)[0] if query.vector is not None else _NO_ROWS
    rows = np.union1d(by_vector, by_terms)
    if lexical is None:
        assert query.vector is not None
        scores = index.similarities(query.vector, rows).astype(np.float64)
    elif query.vector is None:
        scores = lexical[rows]
    else:
        dense = index.similarities(query.vector, rows).astype(np.float64)
        if weights.fusion is Fusion.RRF:
            scores = reciprocal_rank(
                competition_rank(dense, np.isin(rows, by_vector)),
                competition_rank(lexical[rows], np.isin(rows, by_terms)),
            )
        else:
            best = float(lexical[by_terms[0]]) if by_terms.size else 0.0
            scores = convex(dense, lexical[rows], best, weights.dense)
    scores = np.round(scores, SCORE_DECIMALS)
    order = np.argsort(-scores, kind="stable")
    return Ranked(rows[order], scores[order])


_NO_ROWS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Reading:
    """Where and for whom passages are read."""

    catalog: Catalog
    corpus: Corpus
    snapshot: Snapshot
    where: Filter | None
    caller: Caller


def hits(reading: Reading, ranked: Ranked, k: int, collapse: Collapse) -> list[Hit]:
    """Show the best k: ordered by score, document id, start; nearly the same text shown once if asked.

    :param k: 1..200. The hits for a small k, and their duplicates, begin those for a large one.
    """
    index = reading.snapshot.index
    fold = Fold(ranked.scores, index.signatures_of(ranked.rows) if collapse is Collapse.DUPLICATES else None)
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
        Hit(number + 1, score, reading.corpus.name, passage, fold.duplicates(number))
        for number, (score, passage) in enumerate(shown)
    ]


def _read(
    reading: Reading, chunk_ids: Sequence[int], position_of: Mapping[int, int], scores: Sequence[float]
) -> list[Passage]:
    """The passages of some candidates, in final order."""
    passages = reading.catalog.passages(
        reading.corpus, reading.snapshot.commit, chunk_ids, reading.where, reading.caller
    )
    return sorted(passages, key=lambda p: (-scores[position_of[p.chunk]], p.document_id, p.start))


def _list_unread(
    reading: Reading,
    fold: Fold,
    chunk_ids: Sequence[int],
    position_of: Mapping[int, int],
    scores: Sequence[float],
) -> None:
    """List with the hits what repeats them further down; its text is not needed."""
    unread = fold.unread()
    if not unread.size:
        return
    holders = reading.catalog.holders(
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
class Looked:
    """What one corpus gave for a query, and what is needed to look closer.

    term_ids: of those of the query's terms that the catalog knows.
    """

    parts: ProfileParts
    snapshot: Snapshot
    query: Query
    term_ids: Mapping[str, int]
    hits: tuple[Hit, ...]
