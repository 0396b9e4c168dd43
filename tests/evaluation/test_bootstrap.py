"""Intervals and tests agree with exact and published results."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.intervals import Interval, bootstrap_mean, randomisation_test, widened, wilson

FIGURES = st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3; rounded to four decimals.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)
    assert found.value == successes / trials
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@given(st.integers(min_value=1, max_value=10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_ordered_and_mirrored(counts: tuple[int, int]) -> None:
    successes, trials = counts
    found, mirrored = wilson(successes, trials), wilson(trials - successes, trials)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert found.low == pytest.approx(1.0 - mirrored.high, abs=1e-9)


def test_bootstrap_matches_the_normal_interval_of_many_figures() -> None:
    values = np.random.default_rng(7).normal(0.5, 0.1, size=400)
    error = values.std(ddof=1) / np.sqrt(len(values))
    found = bootstrap_mean(values)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


@given(FIGURES)
def test_bootstrap_holds_the_mean_and_stays_within_the_figures(values: list[float]) -> None:
    found = bootstrap_mean(values, resamples=200)
    assert found == bootstrap_mean(values, resamples=200)
    assert found.low <= found.value <= found.high
    assert min(values) - 1e-12 <= found.low <= found.high <= max(values) + 1e-12


def test_bootstrap_of_equal_figures_is_a_point() -> None:
    assert bootstrap_mean([0.25] * 8) == Interval(0.25, 0.25, 0.25)


@given(st.floats(0, 1), st.integers(1, 10**6))
def test_what_has_no_width_gets_that_of_yes_and_no(value: float, trials: int) -> None:
    point = Interval(value, value, value)
    found = widened(point, trials)
    assert 0.0 <= found.low <= found.value == value <= found.high <= 1.0
    assert found.high - found.low > 0.0
    fewer = widened(point, max(1, trials // 4))
    assert fewer.low <= found.low + 1e-12 and found.high <= fewer.high + 1e-12
    assert widened(Interval(0.5, 0.4, 0.6), trials) == Interval(0.5, 0.4, 0.6)


def test_widths_of_shares_and_differences() -> None:
    assert widened(Interval(0.25, 0.25, 0.25), 20) == wilson(5, 20)
    assert widened(Interval(1.0, 1.0, 1.0), 5) == wilson(5, 5)
    # One question that gained 0.4 does not tell that others would.
    gain = widened(Interval(0.4, 0.4, 0.4), 1, -1.0, 1.0)
    assert -1.0 <= gain.low < 0.0 < gain.high <= 1.0
    # A hundred of them do.
    assert widened(Interval(0.4, 0.4, 0.4), 100, -1.0, 1.0).low > 0.0


def test_randomisation_matches_all_arrangements() -> None:
    random = np.random.default_rng(3)
    first, second = random.random(10), random.random(10) * 0.7
    differences = first - second
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=10)]
    exact = np.mean(np.asarray(sums) >= abs(differences.sum()) - 1e-12)
    assert randomisation_test(first, second, resamples=40_000) == pytest.approx(exact, abs=0.01)


@given(FIGURES)
def test_randomisation_is_symmetric_and_never_zero(values: list[float]) -> None:
    other = list(reversed(values))
    found = randomisation_test(values, other, resamples=200)
    assert 0.0 < found <= 1.0
    assert found == randomisation_test(other, values, resamples=200)
    assert randomisation_test(values, values, resamples=200) == 1.0


def test_bad_counts_and_figures_are_refused() -> None:
    for successes, trials in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(InvalidRequest, match="proportion"):
            wilson(successes, trials)
    with pytest.raises(InvalidRequest, match="differ"):
        randomisation_test([1.0], [1.0, 2.0])
    with pytest.raises(InvalidRequest, match="no figures"):
        bootstrap_mean([])
