"""Terms that stand together: the fast count against one that looks at every two places."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.pipeline.retrieval.proximity import PASSAGE_REACH, QUESTION_REACH, SATURATION, SHARE, Pairs

TERMS = "abcdef"
WEIGHTS = {"a": 0.1, "b": 3.5, "c": 1.0, "d": 1.0, "e": 7.25, "f": 0.0}
# Mostly what no question asks, so that distances on both sides of the reach come up.
passages = st.lists(st.sampled_from(TERMS + "x" * 9), max_size=60)
questions = st.lists(st.sampled_from(TERMS), max_size=9)


def pairs_of(question: Sequence[str]) -> Pairs:
    return Pairs.of(question, WEIGHTS.__getitem__)


def naive(question: Sequence[str], passage: Sequence[str]) -> float:
    """Every two places of the question with every two of the passage."""
    asked = {
        frozenset((one, other))
        for (i, one), (j, other) in combinations(enumerate(question), 2)
        if one != other and j - i <= QUESTION_REACH
    }
    total = 0.0
    for pair in asked:
        count = sum(
            1.0 / (j - i)
            for (i, one), (j, other) in combinations(enumerate(passage), 2)
            if {one, other} == pair and j - i <= PASSAGE_REACH
        )
        total += SHARE * min(WEIGHTS[term] for term in pair) * count / (count + SATURATION)
    return total


@given(questions, passages)
def test_the_score_matches_the_naive_count(question: list[str], passage: list[str]) -> None:
    assert pairs_of(question).score(passage) == pytest.approx(naive(question, passage), abs=1e-12)


@given(questions, passages)
def test_every_pair_adds_less_than_its_share(question: list[str], passage: list[str]) -> None:
    pairs = pairs_of(question)
    score = pairs.score(passage)
    assert score >= 0.0
    assert score < SHARE * sum(pairs.weights.values()) or score == 0.0
    # A passage that says nothing but a pair comes near to the bound and stays under it.
    for pair, weight in pairs.weights.items():
        alone = Pairs(frozenset(pair), {pair: weight}).score(list(pair) * 500)
        assert SHARE * weight * 0.99 < alone < SHARE * weight


@given(questions, passages)
def test_the_order_of_a_pair_does_not_matter(question: list[str], passage: list[str]) -> None:
    score = pairs_of(question).score(passage)
    backwards = pairs_of(question[::-1])
    assert list(backwards.weights.items()) == list(pairs_of(question).weights.items())
    assert backwards.score(passage) == score
    assert pairs_of(question).score(passage[::-1]) == pytest.approx(score, abs=1e-12)


@given(questions, passages, st.integers(0, 60))
def test_more_words_never_take_away(question: list[str], passage: list[str], cut: int) -> None:
    pairs = pairs_of(question)
    assert pairs.score(passage[:cut]) <= pairs.score(passage) + 1e-12


@pytest.mark.parametrize("question", [[], ["a"], ["a", "a", "a"], ["a", "f"], ["x", "f", "f"]])
def test_without_pairs_there_is_nothing_to_add(question: list[str]) -> None:
    """One term, a repeated one, and terms without weight make no pair."""
    pairs = Pairs.of(question, lambda term: WEIGHTS.get(term, 0.0))
    assert (pairs.terms, dict(pairs.weights)) == (frozenset(), {})
    assert pairs.score(["a", "b", "f", "x"] * 5) == 0.0


def test_the_reaches_are_inclusive() -> None:
    assert pairs_of("accb").weights.keys() == {("a", "c"), ("b", "c"), ("a", "b")}
    assert ("a", "b") not in pairs_of("acccb").weights
    pairs = pairs_of("ab")
    at_reach = ["a", *"x" * (PASSAGE_REACH - 1), "b"]
    once = 1.0 / PASSAGE_REACH
    assert pairs.score(at_reach) == pytest.approx(SHARE * 0.1 * once / (once + SATURATION))
    assert pairs.score(["a", "x", *at_reach[1:]]) == 0.0


@given(questions, passages, st.sets(st.sampled_from(TERMS)))
def test_only_terms_of_pairs_count(question: list[str], passage: list[str], others: set[str]) -> None:
    """What a passage says instead of other words changes nothing, as long as it says as much."""
    pairs = pairs_of(question)
    swapped = [term if term in pairs.terms else "y" for term in passage]
    assert pairs.score(swapped) == pairs.score(passage)
    assert all(weight > 0 for weight in pairs.weights.values())
    assert pairs.terms <= set(question) - {"f"} | (others & pairs.terms)
