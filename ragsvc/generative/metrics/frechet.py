"""Fréchet distance between two samples, each taken for a Gaussian.

Dowson and Landau, "The Fréchet distance between multivariate normal distributions" (1982):
d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). Heusel et al. (2017) took it on features of Inception
v3 and called it FID; on other features, as here, it is no FID and its figures cannot be compared with any.
"""

from __future__ import annotations

import numpy as np

from ragsvc.domain import F32Matrix, F64Matrix, F64Vector


def moments(sample: F32Matrix) -> tuple[F64Vector, F64Matrix]:
    """Mean (dim,) and unbiased covariance (dim, dim) of a sample (n, dim), n at least 2.

    :raises ValueError: if there are fewer than two rows.
    """
    if len(sample) < 2:
        raise ValueError("a covariance needs two rows")
    wide = np.asarray(sample, dtype=np.float64)
    return wide.mean(axis=0), np.atleast_2d(np.cov(wide, rowvar=False))


def square_root(matrix: F64Matrix) -> F64Matrix:
    """The symmetric root of a symmetric positive semidefinite matrix (dim, dim), by its eigenvalues.

    Eigenvalues that rounding has put below 0 count as 0, so a singular covariance has a real root.
    """
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    root: F64Matrix = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


def gaussian_distance(
    mean: F64Vector, covariance: F64Matrix, other_mean: F64Vector, other_covariance: F64Matrix
) -> float:
    """Squared Fréchet distance of two Gaussians, as FID is stated: at least 0.

    The trace of (C1 C2)^(1/2) is that of (R C2 R)^(1/2) with R = C1^(1/2), which is symmetric: no root of a
    matrix that is not, which may come out complex, is ever taken.

    :param mean: (dim,). covariance: (dim, dim), symmetric positive semidefinite.
    """
    root = square_root(covariance)
    inner = root @ other_covariance @ root
    values = np.linalg.eigvalsh((inner + inner.T) / 2)
    cross = float(np.sqrt(np.maximum(values, 0.0)).sum())
    apart = float(((mean - other_mean) ** 2).sum())
    return max(0.0, apart + float(np.trace(covariance) + np.trace(other_covariance)) - 2.0 * cross)


def frechet_distance(first: F32Matrix, second: F32Matrix) -> float:
    """Squared Fréchet distance of two samples (n, dim) and (m, dim).

    It is biased upwards, the more so the fewer rows there are to a dimension: compare only figures of equal
    n and m, and beside that of a second real sample.

    :raises ValueError: if a sample has fewer than two rows.
    """
    return gaussian_distance(*moments(first), *moments(second))
