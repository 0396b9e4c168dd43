"""Distances of vectors to a sample, and recall curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from ragsvc.generative.metrics.oddity import MahalanobisDistance, reconstruction_error, shrunk_covariance
from ragsvc.generative.metrics.recall_curves import RecallCurve, recall_at
from ragsvc.index.neighbours import nearest_rows


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.integers(1, 10))
def test_the_covariance_is_that_of_ledoit_and_wolf(seed: int, rows: int, dimension: int) -> None:
    random = np.random.default_rng(seed)
    sample = random.normal(size=(rows, dimension)) @ random.normal(size=(dimension, dimension))
    found, shrinkage = shrunk_covariance(sample)
    expected = LedoitWolf().fit(sample)
    assert shrinkage == pytest.approx(expected.shrinkage_, abs=1e-6)
    assert found == pytest.approx(expected.covariance_, rel=1e-6, abs=1e-9)


def test_mahalanobis_is_the_quadratic_form_of_the_covariance() -> None:
    random = np.random.default_rng(0)
    sample = (random.normal(size=(200, 5)) @ random.normal(size=(5, 5)) + 3).astype(np.float32)
    covariance, _ = shrunk_covariance(sample)
    away = sample[:20].astype(np.float64) - sample.mean(axis=0, dtype=np.float64)
    expected = np.sqrt(np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away))
    assert MahalanobisDistance.of(sample).distances(sample[:20]) == pytest.approx(expected, rel=1e-6)


def test_a_direction_without_spread_does_no_harm() -> None:
    flat = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    flat[:, 2] = 0.0
    assert np.isfinite(MahalanobisDistance.of(flat).distances(flat)).all()


def test_reconstruction_error_is_a_mean_square() -> None:
    vectors = np.array([[0.0, 2.0], [1.0, 1.0]], np.float32)
    assert reconstruction_error(vectors, np.ones((2, 2), np.float32)).tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="compared"):
        reconstruction_error(vectors, vectors[:1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 5))
def test_nearest_rows_are_those_of_numpy(seed: int, batch: int, k: int) -> None:
    random = np.random.default_rng(seed)
    vectors, queries = random.normal(size=(2, 30, 4)).astype(np.float32)
    distances, rows = nearest_rows(queries, vectors, k, batch=batch)
    exact = np.linalg.norm(queries[:, None] - vectors[None], axis=2)
    assert distances == pytest.approx(np.sort(exact, axis=1)[:, :k], abs=1e-3)
    assert rows.tolist() == np.argsort(exact, axis=1)[:, :k].tolist()


@pytest.mark.parametrize(("k", "dimension"), [(0, 4), (31, 4), (1, 3)])
def test_neighbours_that_cannot_be_had_are_refused(k: int, dimension: int) -> None:
    with pytest.raises(ValueError, match="cannot be had"):
        nearest_rows(np.zeros((2, dimension), np.float32), np.zeros((30, 4), np.float32), k)


def test_recall_curves_are_measured_and_compared() -> None:
    exact = np.array([[0, 1], [2, 3]])
    assert recall_at(np.array([[1, 9], [3, 2]]), exact).tolist() == [0.5, 1.0]
    found = {1: np.array([[0, -1], [2, -1]]), 2: np.array([[0, 1], [2, -1]]), 4: exact}
    curve = RecallCurve.of(lambda effort: found[effort], exact, (1, 2, 4))
    assert curve.recalls == (0.5, 0.75, 1.0)
    assert (curve.effort_for(0.6), curve.effort_for(1.1), curve.recall_with(2)) == (2, 4, 0.75)
    assert curve.difference(curve) == 0.0
    assert curve.difference(RecallCurve((1, 2, 4), (0.2, 0.75, 1.0))) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="efforts"):
        curve.difference(RecallCurve((1, 2), (0.2, 0.75)))
    with pytest.raises(ValueError, match="queries"):
        recall_at(exact, exact[:1])
