"""Metrics equal pytrec_eval and hand-worked numbers."""

from __future__ import annotations

import math

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.evaluation.retrieval_metrics import Scores, evaluate, mean, ndcg, ranked

# Few distinct ids and scores, so that ties and overlaps are common; not only ASCII, as ids sort by bytes.
IDS = st.sampled_from([f"d{number}" for number in range(30)] + ["ä", "Z", "d/1#a", "ﬀ", "𝔘"])
# Differences too small for 32 bits, huge and negative scores too.
SCORES = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, 0.1, 0.1 + 1e-10, -3.0]),
    st.floats(min_value=-1e6, max_value=1e6, allow_nan=False, width=64),
)
RUNS = st.dictionaries(IDS, SCORES, min_size=1, max_size=30)
JUDGEMENTS = st.dictionaries(IDS, st.integers(min_value=-1, max_value=4), min_size=1, max_size=30)


@given(RUNS, JUDGEMENTS, st.integers(min_value=1, max_value=20))
def test_metrics_match_pytrec_eval(run: dict[str, float], judged: dict[str, int], k: int) -> None:
    names = {f"ndcg_cut.{k}", f"recall.{k}", f"P.{k}", "recip_rank"}
    expected = pytrec_eval.RelevanceEvaluator({"q": judged}, names).evaluate({"q": run})["q"]
    found = evaluate(run, judged, k)
    assert found.ndcg == pytest.approx(expected[f"ndcg_cut_{k}"], abs=1e-9)
    assert found.recall == pytest.approx(expected[f"recall_{k}"], abs=1e-9)
    assert found.precision == pytest.approx(expected[f"P_{k}"], abs=1e-9)
    assert found.reciprocal_rank == pytest.approx(expected["recip_rank"], abs=1e-9)


def test_ndcg_matches_numbers_worked_by_hand() -> None:
    judged = {"a": 3, "b": 2, "c": 1}
    best = 3 + 2 / math.log2(3) + 1 / 2
    assert ndcg(["b", "x", "a"], judged, 3) == pytest.approx((2 + 3 / 2) / best)
    assert ndcg(["a", "b", "c"], judged, 10) == pytest.approx(1.0)
    assert ndcg(["x", "y"], judged, 10) == 0.0


def test_a_query_without_relevant_documents_scores_nothing() -> None:
    assert evaluate({"a": 1.0}, {"a": 0, "b": -1}, 10) == Scores(0.0, 0.0, 0.0, 0.0)


def test_equal_scores_are_ordered_by_the_last_id_first() -> None:
    assert ranked({"a": 1.0, "b": 1.0, "c": 2.0}) == ["c", "b", "a"]


def test_mean_of_nothing_is_nothing() -> None:
    assert mean([]) == Scores(0.0, 0.0, 0.0, 0.0)
    assert mean([Scores(1.0, 0.5, 0.2, 1.0), Scores(0.0, 0.0, 0.0, 0.0)]) == Scores(0.5, 0.25, 0.1, 0.5)
