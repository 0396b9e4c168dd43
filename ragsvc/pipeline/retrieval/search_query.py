"""A query made ready for both legs, with what a follow-up takes over weighed in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragsvc.domain import ContextDependence, F32Matrix, F32Vector, Mode, RewrittenQuery
from ragsvc.protocols import Analyser

# More of them would each have to be met by a passage that answers; without any, a follow-up on a subject
# that the corpus does not know would be answered with another one.
JUDGED_WORDS = 2
# Weight of the rewritten question's vector beside the vector of the question as it was asked.
_PULL = {ContextDependence.NONE: 0.0, ContextDependence.SOME: 0.5, ContextDependence.MUCH: 2.0}
# How often the question's own terms count in the lexical leg when a carried term counts once.
_OWN_SHARE = {ContextDependence.NONE: 1, ContextDependence.SOME: 4, ContextDependence.MUCH: 2}


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query made ready for one corpus.

    text: what the passages must speak of: the question and the first carried words.
    searched: the whole stand-alone query. question: the question by itself, its slips put right.
    vector: (dim,) float32, L2-normalised; None in lexical mode.
    terms: analysed terms, repeats kept; unused in dense mode.
    """

    text: str
    mode: Mode
    vector: F32Vector | None
    terms: tuple[str, ...]
    searched: str
    question: str


def prepare(text: str, mode: Mode, vector: F32Vector | None, analyser: Analyser) -> SearchQuery:
    """Analyse a query that stands by itself, see `prepare_rewritten`."""
    return prepare_rewritten(RewrittenQuery(text), mode, vector, analyser)


def prepare_rewritten(
    query: RewrittenQuery, mode: Mode, vector: F32Vector | None, analyser: Analyser
) -> SearchQuery:
    """Analyse a query; its terms are sorted, so that sums do not depend on how an index grew.

    :param vector: what `mixed` gave, if the dense leg is asked.
    """
    terms = () if mode is Mode.DENSE else tuple(sorted(query_terms(query, analyser)))
    given = None if mode is Mode.LEXICAL else vector
    judged = " ".join((query.question, *query.carried[:JUDGED_WORDS]))
    return SearchQuery(judged, mode, given, terms, query.searched, query.question)


def query_terms(query: RewrittenQuery, analyser: Analyser) -> list[str]:
    """Terms for the lexical leg: the question's own are repeated, so that carried ones weigh less."""
    own = analyser.terms(query.question)
    held = set(own)
    carried = dict.fromkeys(term for term in analyser.terms(" ".join(query.carried)) if term not in held)
    return [*own * _OWN_SHARE[query.lean], *carried]


def query_texts(query: RewrittenQuery) -> list[str]:
    """What to embed for `mixed`."""
    return [query.question, query.searched] if query.carried else [query.question]


def mixed(query: RewrittenQuery, vectors: F32Matrix) -> F32Vector:
    """Vector for the dense leg: between the question's own and the rewritten one's.

    :param vectors: of `query_texts`, rows L2-normalised.
    :return: (dim,) float32, L2-normalised; the first row itself when nothing is carried.
    """
    own: F32Vector = vectors[0]
    if not query.carried:
        return own
    total = own + np.float32(_PULL[query.lean]) * vectors[1]
    norm = float(np.linalg.norm(total))
    return np.asarray(total / norm, dtype=np.float32) if norm > 0 else own
