"""Precision, recall, density and coverage against a slow reading of the papers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.generative.metrics.manifolds import ManifoldFigures, manifold_figures, nearest_distances, radii


def slow(real: np.ndarray, samples: np.ndarray, k: int) -> ManifoldFigures:
    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.sqrt(((one - other) ** 2).sum()))

    def reach(points: np.ndarray) -> list[float]:
        return [
            sorted(apart(point, other) for at, other in enumerate(points) if at != own)[k - 1]
            for own, point in enumerate(points)
        ]

    real_reach, sample_reach = reach(real), reach(samples)
    held = [
        [apart(sample, point) <= r for point, r in zip(real, real_reach, strict=True)] for sample in samples
    ]
    inside = [
        any(apart(sample, point) <= r for sample, r in zip(samples, sample_reach, strict=True))
        for point in real
    ]
    return ManifoldFigures(
        precision=float(np.mean([any(row) for row in held])),
        recall=float(np.mean(inside)),
        density=float(np.sum(held)) / k / len(samples),
        coverage=float(np.mean(np.any(held, axis=0))),
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(6, 25), st.integers(6, 25))
def test_they_match_the_definition(seed: int, k: int, many: int, few: int) -> None:
    random = np.random.default_rng(seed)
    real = random.normal(size=(many, 3)).astype(np.float32)
    samples = (random.normal(size=(few, 3)) * 1.3 + 0.4).astype(np.float32)
    found, expected = manifold_figures(real, samples, k), slow(real, samples, k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    real, samples = random.normal(size=(2, 100, 4)).astype(np.float32)
    whole = manifold_figures(real, samples)
    monkeypatch.setattr("ragsvc.generative.metrics.manifolds.BATCH", 7)
    assert manifold_figures(real, samples) == whole


def test_a_collapsed_model_is_precise_and_covers_little() -> None:
    random = np.random.default_rng(1)
    real = random.normal(size=(400, 4)).astype(np.float32)
    same = (real[:1] + random.normal(size=(400, 4)) * 1e-3).astype(np.float32)
    found = manifold_figures(real, same)
    assert found.precision == 1.0
    assert found.recall < 0.05
    assert found.coverage < 0.2


def test_equal_samples_are_covered_and_far_ones_are_not() -> None:
    real = np.random.default_rng(2).normal(size=(60, 3)).astype(np.float32)
    assert manifold_figures(real, real).coverage == 1.0
    assert nearest_distances(real, real) == pytest.approx(0.0, abs=1e-3)
    far = manifold_figures(real, real + 100.0)
    assert (far.precision, far.recall, far.density, far.coverage) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("k", [0, 3])
def test_more_neighbours_than_others_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match="others"):
        radii(np.eye(3, dtype=np.float32), k)
