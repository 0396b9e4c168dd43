"""From the values of single questions to figures with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ragsvc.evaluation.intervals import Interval, bootstrap_mean, randomisation_test, widened, wilson
from ragsvc.evaluation.report import Figure, Item

RESAMPLES = 2000
AGAINST = " against "
PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def figures_of(items: Sequence[Item]) -> dict[str, Figure]:
    """The mean of every value over the questions that have it, names in order of appearance.

    Shares of yes and no get Wilson's interval, other means a bootstrap interval.
    """
    values: dict[str, list[float]] = {}
    for item in items:
        for name, value in item.values.items():
            values.setdefault(name, []).append(value)
    return {name: figure(interval_of(each), len(each)) for name, each in values.items()}


def interval_of(values: Sequence[float]) -> Interval:
    """The mean of at least one value in [0, 1] with its 95 % interval.

    Of a single value, or of equal ones, it is as wide as it is for shares of yes and no.
    """
    if all(value in (0.0, 1.0) for value in values):
        return wilson(int(sum(values)), len(values))
    return widened(bootstrap_mean(values, resamples=RESAMPLES), len(values))


def figure(interval: Interval, count: int) -> Figure:
    """A figure over `count` questions."""
    return Figure(interval.value, interval.low, interval.high, count)


def tests_of(items: Sequence[Item], pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """p values of two-sided paired randomisation tests, over the questions that have both values.

    They are named such as "hybrid.ndcg@10 against dense.ndcg@10".

    :param pairs: names of the two figures of each test; one without common questions is left out.
    """
    found: dict[str, float] = {}
    for first, second in pairs:
        both = [item.values for item in items if first in item.values and second in item.values]
        if both:
            found[f"{first}{AGAINST}{second}"] = randomisation_test(
                [values[first] for values in both],
                [values[second] for values in both],
                resamples=RESAMPLES,
            )
    return found


def percentiles(seconds: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """p50, p95 and p99 of each stage that took any time."""
    return {
        stage: {
            name: round(float(value), 6)
            for name, value in zip(PERCENTILES, np.percentile(each, list(PERCENTILES.values())), strict=True)
        }
        for stage, each in seconds.items()
        if len(each)
    }
