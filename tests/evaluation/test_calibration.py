"""Figures of confidence agree with scikit-learn and with their definitions taken word for word."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.calibration import (
    auroc,
    bootstrap_of,
    expected_calibration_error,
    refusal_recall,
    reliability,
)

# Tenths, so that ties and the ends of bins come often.
SURE = st.one_of(st.integers(0, 10).map(lambda n: n / 10), st.floats(0, 1))
ROWS = st.lists(st.tuples(SURE, st.booleans()), min_size=1, max_size=40)
BOTH = ROWS.filter(lambda rows: len({truth for _, truth in rows}) == 2)
Rows = list[tuple[float, bool]]


def columns(rows: Rows) -> tuple[list[float], list[bool]]:
    return [sure for sure, _ in rows], [truth for _, truth in rows]


@given(BOTH)
def test_auroc_matches_scikit_learn(rows: Rows) -> None:
    sure, truth = columns(rows)
    assert auroc(sure, truth) == pytest.approx(roc_auc_score(truth, sure))
    assert auroc(sure, [not each for each in truth]) == pytest.approx(1.0 - auroc(sure, truth))


@given(BOTH, st.sampled_from([0.0, 0.05, 0.1, 0.29, 0.5, 0.99]))
def test_refusal_recall_takes_the_highest_threshold_allowed(rows: Rows, limit: float) -> None:
    yes = [sure for sure, truth in rows if truth]
    no = [sure for sure, truth in rows if not truth]
    allowed = [
        threshold
        for threshold in {sure for sure, _ in rows}
        if sum(sure < threshold for sure in yes) <= limit * len(yes) + 1e-9
    ]
    share, threshold = refusal_recall(*columns(rows), limit)
    assert threshold == max([each for each in allowed if each in yes])
    assert share == pytest.approx(sum(sure < threshold for sure in no) / len(no))
    # Any threshold above refuses one answerable question too many.
    above = np.nextafter(threshold, 2.0)
    assert sum(sure < above for sure in yes) > limit * len(yes) + 1e-9


@given(ROWS, st.integers(1, 20))
def test_bins_hold_every_question_once(rows: Rows, bins: int) -> None:
    sure, truth = columns(rows)
    held = reliability(sure, truth, bins)
    assert sum(each.count for each in held) == len(rows)
    assert sum(each.count * each.share for each in held) == pytest.approx(sum(truth))
    assert sum(each.count * each.confidence for each in held) == pytest.approx(sum(sure))
    error = 0.0
    for each in held:
        inside = [row for row in rows if each.low <= row[0] < each.high or row[0] == each.high == 1.0]
        assert each.count == len(inside) >= 1
        assert each.low <= each.confidence <= each.high
        assert each.high - each.low == pytest.approx(1 / bins)
        gap = sum(row[0] for row in inside) - sum(row[1] for row in inside)
        error += abs(gap) / len(rows)
    assert [each.low for each in held] == sorted({each.low for each in held})
    assert expected_calibration_error(sure, truth, bins) == pytest.approx(error, abs=1e-12)


def test_the_calibration_error_of_hand_worked_questions() -> None:
    sure, truth = [0.1, 0.3, 0.3, 1.0], [False, True, False, True]
    found = [
        (each.low, each.high, each.confidence, each.share, each.count) for each in reliability(sure, truth)
    ]
    assert found == [(0.1, 0.2, 0.1, 0.0, 1), (0.3, 0.4, 0.3, 0.5, 2), (0.9, 1.0, 1.0, 1.0, 1)]
    assert expected_calibration_error(sure, truth) == pytest.approx((0.1 + 2 * 0.2 + 0.0) / 4)


def test_the_bootstrap_of_auroc_covers_the_truth_and_repeats_itself() -> None:
    # Two normal distributions a standard deviation apart: AUROC is Phi(1 / sqrt 2) = 0.7602.
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(40):
        sure = np.concatenate([random.normal(1.0, 1.0, 120), random.normal(0.0, 1.0, 80)])
        truth = np.arange(200) < 120
        found = bootstrap_of(auroc, sure, truth, resamples=200)
        assert found.value == auroc(sure, truth)
        assert found.low <= found.value <= found.high
        covered += found.low <= 0.7602 <= found.high
    assert covered >= 34
    assert found == bootstrap_of(auroc, sure, truth, resamples=200)


def test_every_resample_has_as_many_questions_of_each_kind() -> None:
    truth = np.array([True] * 3 + [False] * 2)
    found = bootstrap_of(lambda _, kinds: float(kinds.sum()), np.linspace(0, 1, 5), truth, resamples=100)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)


def test_the_bootstrap_of_many_questions_is_quick() -> None:
    random = np.random.default_rng(1)
    sure, truth = random.random(5000), random.random(5000) < 0.6
    began = time.process_time()
    found = bootstrap_of(auroc, sure, truth)
    assert time.process_time() - began < 5.0
    assert found.high - found.low == pytest.approx(
        2 * 1.96 * np.sqrt(1 / 12 / 3000 + 1 / 12 / 2000), rel=0.15
    )


@pytest.mark.parametrize(("sure", "truth"), [([0.1, 0.2], [True, True]), ([0.1], [False])])
def test_one_kind_of_question_alone_is_refused(sure: list[float], truth: list[bool]) -> None:
    for statistic in (auroc, refusal_recall):
        with pytest.raises(InvalidRequest, match=r"there is no (un)?answerable question") as caught:
            statistic(sure, truth)
        assert "answerable" in caught.value.hint
    with pytest.raises(InvalidRequest):
        bootstrap_of(auroc, sure, truth)
    assert 0.0 <= expected_calibration_error(sure, truth) <= 1.0


@pytest.mark.parametrize(
    ("sure", "truth"),
    [([], []), ([0.5], [True, False]), ([float("nan"), 0.1], [True, False]), ([[0.5]], [[True]])],
)
def test_figures_that_do_not_fit_are_refused(sure: list[float], truth: list[bool]) -> None:
    for statistic in (auroc, refusal_recall, reliability):
        with pytest.raises(InvalidRequest):
            statistic(sure, truth)


def test_impossible_limits_are_refused() -> None:
    sure, truth = [0.1, 0.9], [False, True]
    for limit in (-0.1, 1.0):
        with pytest.raises(InvalidRequest):
            refusal_recall(sure, truth, limit)
    with pytest.raises(InvalidRequest):
        reliability(sure, truth, 0)
    with pytest.raises(InvalidRequest):
        reliability([1.5], [True])
