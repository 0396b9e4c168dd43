"""How sure a figure is: intervals for means and proportions, and a test for paired differences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ragsvc.domain import F64Vector, I64Matrix
from ragsvc.errors import InvalidRequest

RESAMPLES = 10_000
SEED = 20_240_101
# Two-sided 95 % of the normal distribution.
Z95 = 1.959963984540054
# Sums of equal numbers differ in their last bits.
_NO_WIDTH = 1e-12
# Numbers drawn at a time, which bounds the memory.
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 95 % interval, low <= value <= high."""

    value: float
    low: float
    high: float


def bootstrap_mean(values: ArrayLike, *, resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """Percentile bootstrap interval of a mean; the same input gives the same interval.

    :param values: (n,) one figure per query, finite, n at least 1.
    :param resamples: at least 100.
    :raises InvalidRequest: if there are no values.
    """
    observed = _vector(values)
    means = np.concatenate([observed[picks].mean(axis=1) for picks in _picks(len(observed), resamples, seed)])
    low, high = np.quantile(means, (0.025, 0.975))
    value = float(observed.mean())
    return Interval(value, min(float(low), value), max(float(high), value))


def randomisation_test(
    first: ArrayLike, second: ArrayLike, *, resamples: int = RESAMPLES, seed: int = SEED
) -> float:
    """Two-sided paired randomisation test of the difference of two means.

    The sign of each pair's difference is flipped at random; the observed arrangement counts as one
    of the drawn ones, so the result is never 0.

    :param first: (n,) figures of one system.
    :param second: (n,) figures of the other on the same queries, in the same order.
    :return: p value in (0, 1].
    :raises InvalidRequest: if the lengths differ or there are no values.
    """
    one, other = _vector(first), _vector(second)
    if len(one) != len(other):
        raise InvalidRequest(
            f"paired figures differ in number: {len(one)} and {len(other)}",
            hint="score both systems on the same queries",
        )
    differences = one - other
    observed = abs(float(differences.sum()))
    random = np.random.default_rng(seed)
    # Sums of the same numbers in another order differ in their last bits.
    slack = 1e-12 * float(np.abs(differences).sum())
    extreme = 0
    for rows in _blocks(len(one), resamples):
        signs = random.integers(0, 2, size=(rows, len(one)), dtype=np.int8) * 2.0 - 1.0
        extreme += int(np.count_nonzero(np.abs(signs @ differences) >= observed - slack))
    return (extreme + 1) / (resamples + 1)


def wilson(successes: int, trials: int) -> Interval:
    """Wilson score interval of a proportion, 95 %.

    :param successes: 0 <= successes <= trials.
    :param trials: at least 1.
    :raises InvalidRequest: if the counts are not such.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise InvalidRequest(
            f"{successes} of {trials} is no proportion", hint="at least one trial, no more hits than trials"
        )
    return _score(successes / trials, trials)


def widened(interval: Interval, trials: int, least: float = 0.0, most: float = 1.0) -> Interval:
    """An interval without width, as of a single figure or of equal ones, made as wide as it may have to be.

    Resampling what is all the same says nothing of what other questions would give. Of all figures with a
    given mean those that are only ever the least or the most possible vary most; so this is Wilson's
    interval, as if the figure were such. Intervals with a width stay as they are.

    :param trials: figures that the value is over, at least 1.
    :param least, most: what one figure can be, least < most; the value lies between.
    """
    if interval.high - interval.low > _NO_WIDTH:
        return interval
    size = most - least
    found = _score(min(max((interval.value - least) / size, 0.0), 1.0), trials)
    low, high = least + size * found.low, least + size * found.high
    return Interval(interval.value, min(low, interval.value), max(high, interval.value))


def _score(share: float, trials: int) -> Interval:
    spread = 1.0 + Z95**2 / trials
    centre = (share + Z95**2 / (2 * trials)) / spread
    half = Z95 / spread * math.sqrt(share * (1.0 - share) / trials + Z95**2 / (4 * trials**2))
    # Rounding may put an end just outside at 0 or 1.
    return Interval(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def _vector(values: ArrayLike) -> F64Vector:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or not vector.size:
        raise InvalidRequest("no figures to summarise", hint="evaluate at least one query")
    return vector


def _blocks(width: int, rows: int) -> Iterator[int]:
    step = max(1, _BLOCK // width)
    for start in range(0, rows, step):
        yield min(step, rows - start)


def _picks(width: int, rows: int, seed: int) -> Iterator[I64Matrix]:
    random = np.random.default_rng(seed)
    for count in _blocks(width, rows):
        yield random.integers(0, width, size=(count, width))
