"""The built-in second look against the same sums written out longhand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_candidates import ANALYSER, WEIGHT, made, weight_of

from ragsvc.domain import Candidates, ChunkText
from ragsvc.pipeline.retrieval.close_reader import LEADERS, PULL, SHARPNESS, CloseReader
from ragsvc.pipeline.retrieval.proximity import Pairs

words = st.sampled_from(["apple", "pear", "plum", "fig", "kiwi", "lemon", "grape", "melon"])
sentences = st.lists(words, min_size=1, max_size=6).map(" ".join).map(str.capitalize)
texts = st.builds(
    ChunkText, st.just(""), st.just(()), st.lists(sentences, min_size=1, max_size=3).map(". ".join)
)
questions = st.lists(words, min_size=1, max_size=5).map(" ".join)
some = st.lists(texts, min_size=1, max_size=15)


def longhand(candidates: Candidates) -> list[float]:
    """Nearness, fusion, and the cosine with each other leader by itself."""
    pairs = Pairs.of(ANALYSER.terms(candidates.question), weight_of)
    lexical = [
        float(bm25) + pairs.score(ANALYSER.terms(text.whole))
        for bm25, text in zip(candidates.lexical, candidates.texts, strict=True)
    ]
    best = max([candidates.lexical_best, *lexical])
    fused = [
        2 * WEIGHT * float(cosine) + (1 - WEIGHT) * (bm25 / best if best > 0 else 0.0)
        for cosine, bm25 in zip(candidates.dense, lexical, strict=True)
    ]
    last = sorted((round(score, 6) for score in fused), reverse=True)[:LEADERS][-1]
    leaders = [place for place, score in enumerate(fused) if round(score, 6) >= last]
    shares = {place: math.exp(SHARPNESS * (fused[place] - max(fused))) for place in leaders}
    vectors = candidates.vectors.astype(np.float64)
    kin = []
    for own, row in enumerate(vectors):
        others = {place: share for place, share in shares.items() if place != own}
        near = sum(share * max(0.0, float(vectors[place] @ row)) for place, share in others.items())
        kin.append(near / sum(others.values()) if others else 0.0)
    return [score + PULL * near for score, near in zip(fused, kin, strict=True)]


@settings(max_examples=60, deadline=None)
@given(questions, some, st.floats(0.0, 9.0))
def test_the_second_look_matches_the_longhand(question: str, found: list[ChunkText], more: float) -> None:
    """The best BM25 may be of a passage that is not looked at again."""
    candidates = made(question, found)
    candidates = replace(candidates, lexical_best=candidates.lexical_best + more)
    scores = CloseReader(ANALYSER).rescore(candidates)
    np.testing.assert_allclose(scores, longhand(candidates), atol=1e-9, rtol=0)


def test_words_that_stand_together_win() -> None:
    """The same words, so the same vector and the same BM25."""
    together = ChunkText("", (), "plum grape " + "kiwi lemon " * 12)
    apart = ChunkText("", (), "plum " + "kiwi lemon " * 12 + "grape")
    candidates = made("plum grape", [apart, together])
    assert candidates.scores[0] == pytest.approx(candidates.scores[1])
    scores = CloseReader(ANALYSER).rescore(candidates)
    assert scores[1] > scores[0] + 0.01


def test_a_candidate_near_to_the_leaders_is_pulled_up() -> None:
    """Neither has a word of the question; one says what the best passages also say."""
    leaders = [
        ChunkText("", (), f"apple plum fig {name}") for name in ("kiwi", "lemon", "grape", "melon", "pear")
    ]
    kin, stranger = ChunkText("", (), "plum fig"), ChunkText("", (), "stone bridge")
    candidates = made("apple", [*leaders, kin, stranger])
    gain = CloseReader(ANALYSER).rescore(candidates) - candidates.scores
    assert gain[5] > gain[6] + 0.03
    assert (gain > -1e-9).all() and (gain <= PULL + 1e-9).all()


@settings(max_examples=30, deadline=None)
@given(questions, some)
def test_nearness_never_takes_the_lexical_leg_over_its_share(question: str, found: list[ChunkText]) -> None:
    scores = CloseReader(ANALYSER).rescore(replace(made(question, found), dense_weight=0.0))
    assert ((scores >= 0.0) & (scores <= 1.0 + PULL + 1e-6)).all()


def test_the_only_passage_of_a_corpus_gains_nothing() -> None:
    """It would beat those of other corpora, in a search over several, by being near to itself."""
    candidates = made("apple", [ChunkText("", (), "stone bridge")])
    np.testing.assert_array_equal(CloseReader(ANALYSER).rescore(candidates), candidates.scores)
