"""Fusion, against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ragsvc.pipeline.retrieval.fusion import competition_rank, convex, reciprocal_rank

unit = st.floats(-1, 1, width=32)


def test_convex_by_hand() -> None:
    fused = convex(np.array([0.5, 0.0, -0.25]), np.array([2.0, 4.0, 0.0]), 4.0, 0.6)
    np.testing.assert_allclose(fused, [0.6 * 1.0 + 0.4 * 0.5, 0.4, 0.6 * -0.5])


def test_convex_without_any_term_is_the_dense_leg() -> None:
    np.testing.assert_allclose(convex(np.array([0.5, 0.1]), np.zeros(2), 0.0, 0.6), [0.6, 0.12])


def test_reciprocal_rank_by_hand() -> None:
    fused = reciprocal_rank(np.array([1.0, 2.0, np.inf]), np.array([3.0, np.inf, np.inf]))
    np.testing.assert_allclose(fused, [1 / 61 + 1 / 63, 1 / 62, 0.0])


def test_competition_ranks_by_hand() -> None:
    found = np.array([True, True, True, False, True])
    ranks = competition_rank(np.array([0.5, 0.9, 0.5, 1.0, 0.1]), found)
    assert ranks.tolist() == [2.0, 1.0, 2.0, np.inf, 4.0]


@given(arrays(np.float64, st.integers(1, 12), elements=unit), st.floats(0.0, 1.0))
def test_convex_follows_each_leg_at_the_ends(scores: np.ndarray, weight: float) -> None:
    lexical = np.abs(scores[::-1])
    best = float(lexical.max())
    fused = convex(scores, lexical, best, weight)
    better = (scores[:, None] >= scores[None, :]) & (lexical[:, None] >= lexical[None, :])
    assert (fused[:, None] + 1e-12 >= fused[None, :])[better].all(), "better in both legs, worse together"
    assert convex(scores, lexical, best, 1.0) == pytest.approx(2 * scores)


@given(arrays(np.float64, st.integers(1, 12), elements=unit), st.data())
def test_reciprocal_rank_does_not_depend_on_the_order_of_rows(
    scores: np.ndarray, data: st.DataObject
) -> None:
    order = np.array(data.draw(st.permutations(range(len(scores)))))
    found = np.ones(len(scores), dtype=bool)
    ranks = competition_rank(scores, found)
    assert (competition_rank(scores[order], found) == ranks[order]).all()
    one, other = reciprocal_rank(ranks, ranks[::-1]), reciprocal_rank(ranks[::-1], ranks)
    np.testing.assert_allclose(one, other)
