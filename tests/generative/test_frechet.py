"""Fréchet distance against closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from ragsvc.generative.metrics.frechet import frechet_distance, gaussian_distance, moments, square_root


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_of_diagonal_gaussians_it_is_the_closed_form(seed: int, dimension: int) -> None:
    random = np.random.default_rng(seed)
    means = random.normal(size=(2, dimension))
    spreads = random.uniform(0.0, 3.0, size=(2, dimension))
    expected = ((means[0] - means[1]) ** 2).sum() + ((spreads[0] - spreads[1]) ** 2).sum()
    found = gaussian_distance(means[0], np.diag(spreads[0] ** 2), means[1], np.diag(spreads[1] ** 2))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_it_matches_the_root_of_scipy(seed: int, dimension: int) -> None:
    random = np.random.default_rng(seed)
    first = random.normal(size=(4 * dimension, dimension)) @ random.normal(size=(dimension, dimension))
    second = random.normal(size=(5 * dimension, dimension)) @ random.normal(size=(dimension, dimension)) + 1.0
    (mean, covariance), (other, turned) = moments(first), moments(second)
    root = np.real(sqrtm(covariance @ turned))
    expected = ((mean - other) ** 2).sum() + np.trace(covariance + turned - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-5)


def test_a_singular_covariance_has_a_root() -> None:
    line = np.outer(np.arange(5.0), [1.0, 2.0, 3.0])
    _, covariance = moments(line)
    root = square_root(covariance)
    assert root @ root == pytest.approx(covariance)
    assert frechet_distance(line, line) == pytest.approx(0.0, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_it_is_symmetric_and_moves_with_the_mean(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(2, 40, 4))
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), abs=1e-9)
    assert frechet_distance(first, first + 2.0) == pytest.approx(16.0, abs=1e-6)


def test_one_row_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="two rows"):
        frechet_distance(np.zeros((1, 3), np.float32), np.zeros((5, 3), np.float32))
