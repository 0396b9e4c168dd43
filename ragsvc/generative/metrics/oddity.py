"""How unlike a sample a vector is: Mahalanobis, nearest-neighbour and reconstruction distances.

Scores are distances here: the higher, the less does a vector belong to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ragsvc.domain import F32Matrix, F64Matrix, F64Vector


def shrunk_covariance(sample: F32Matrix) -> tuple[F64Matrix, float]:
    """Covariance moved towards a multiple of the identity, so that it can be inverted.

    Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004).

    :param sample: (n, dim), n at least 2.
    :return: (dim, dim), and how far it was moved, [0, 1].
    """
    wide = np.asarray(sample, dtype=np.float64)
    centred = wide - wide.mean(axis=0)
    rows, dimension = centred.shape
    covariance = centred.T @ centred / rows
    mean = float(np.trace(covariance)) / dimension
    spread = float((covariance**2).sum()) / dimension - mean**2
    noise = (float(((centred**2).sum(axis=1) ** 2).sum()) / rows - float((covariance**2).sum())) / dimension
    shrinkage = 0.0 if spread <= 0 else min(1.0, max(0.0, noise / rows / spread))
    return (1.0 - shrinkage) * covariance + shrinkage * mean * np.eye(dimension), shrinkage


@dataclass(frozen=True, slots=True)
class MahalanobisDistance:
    """Distance from a sample's mean in units of its spread in that direction.

    mean: (dim,). whitening: (dim, dim); the distance is the length of (x - mean) @ whitening.
    """

    mean: F64Vector
    whitening: F64Matrix

    @classmethod
    def of(cls, sample: F32Matrix) -> MahalanobisDistance:
        """Fit the mean and the shrunk covariance of a sample (n, dim), n at least 2."""
        covariance, _ = shrunk_covariance(sample)
        values, vectors = np.linalg.eigh(covariance)
        # Directions in which the sample does not vary at all tell nothing.
        scale = np.where(values > values.max() * 1e-10, 1.0 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
        return cls(np.asarray(sample, dtype=np.float64).mean(axis=0), vectors * scale)

    def distances(self, vectors: F32Matrix) -> F64Vector:
        """Of each vector (m, dim): (m,), at least 0."""
        lengths: F64Vector = np.linalg.norm((vectors - self.mean) @ self.whitening, axis=1)
        return lengths


def reconstruction_error(vectors: F32Matrix, rebuilt: F32Matrix) -> F64Vector:
    """Mean squared difference (m,) of each vector (m, dim) and what a model made of it.

    :raises ValueError: if the shapes differ.
    """
    if vectors.shape != rebuilt.shape:
        raise ValueError(f"{vectors.shape} and {rebuilt.shape} cannot be compared")
    error: F64Vector = ((np.asarray(vectors, np.float64) - rebuilt) ** 2).mean(axis=1)
    return error
