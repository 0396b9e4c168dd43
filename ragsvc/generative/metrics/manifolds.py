"""Precision, recall, density and coverage of samples, by balls around the real and the made points.

Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models" (2019), and
Naeem et al., "Reliable fidelity and diversity metrics for generative models" (2020). A ball reaches from a
point to its k-th nearest neighbour in its own sample, itself not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragsvc.domain import F32Matrix, F32Vector
from ragsvc.index.neighbours import nearest_rows

K = 5
# Samples compared with all balls at a time, which bounds the memory.
BATCH = 512


@dataclass(frozen=True, slots=True)
class ManifoldFigures:
    """How samples lie among real points.

    precision: share of samples inside a ball of a real point, [0, 1]: do they look real?
    recall: share of real points inside a ball of a sample, [0, 1]: is all of the real there?
    density: real balls that a sample lies in, over k; 1 for samples like the real, at least 0, without bound.
    coverage: share of real balls that hold a sample, [0, 1]; unlike recall not misled by far samples.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def radii(points: F32Matrix, k: int = K) -> F32Vector:
    """Distance (n,) of every point (n, dim) to its k-th nearest other one; 1 <= k < n.

    :raises ValueError: if k is out of that range.
    """
    if not 1 <= k < len(points):
        raise ValueError(f"{len(points)} points have no {k} others each")
    distances, _ = nearest_rows(points, points, k + 1)
    # The point itself, or an equal one, is the first.
    last: F32Vector = distances[:, -1]
    return last


def nearest_distances(samples: F32Matrix, real: F32Matrix) -> F32Vector:
    """Euclidean distance (m,) of every sample (m, dim) to the nearest real point (n, dim).

    Near 0 for all of them, a model has learnt the real points by heart.
    """
    distances, _ = nearest_rows(samples, real, 1)
    nearest: F32Vector = distances[:, 0]
    return nearest


def manifold_figures(real: F32Matrix, samples: F32Matrix, k: int = K) -> ManifoldFigures:
    """All four figures.

    :param real: (n, dim), n > k. samples: (m, dim), m > k.
    :param k: at least 1; the authors take 3 for the first two and 5 for the last two.
    :raises ValueError: if there are too few points.
    """
    real_radii, sample_radii = radii(real, k), radii(samples, k)
    held = np.zeros(len(samples), np.int64)
    for start in range(0, len(samples), BATCH):
        distances = _distances(samples[start : start + BATCH], real)
        held[start : start + BATCH] = (distances <= real_radii).sum(axis=1)
    inside = np.zeros(len(real), np.bool_)
    for start in range(0, len(real), BATCH):
        distances = _distances(real[start : start + BATCH], samples)
        inside[start : start + BATCH] = (distances <= sample_radii).any(axis=1)
    return ManifoldFigures(
        precision=float((held > 0).mean()),
        recall=float(inside.mean()),
        density=float(held.mean() / k),
        coverage=float((nearest_distances(real, samples) <= real_radii).mean()),
    )


def _distances(some: F32Matrix, others: F32Matrix) -> F32Matrix:
    squared = (some**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2.0 * (some @ others.T)
    distances: F32Matrix = np.sqrt(np.maximum(squared, 0.0))
    return distances
