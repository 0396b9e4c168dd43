"""How well confidence tells the questions that can be answered from those that cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ragsvc.domain import BoolVector, F64Vector
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.intervals import SEED, Interval
from ragsvc.evaluation.report import Bin

MAX_FALSE_REFUSALS = 0.05
BINS = 10
RESAMPLES = 1000
# A share of a count, such as 0.29 of 100, may lie just below the whole number it stands for.
_SLACK = 1e-9

Statistic: TypeAlias = Callable[[F64Vector, BoolVector], float]


def auroc(confidence: ArrayLike, answerable: ArrayLike) -> float:
    """Chance that an answerable question has more confidence than an unanswerable one; ties count half.

    :param confidence: (n,) finite, higher is surer.
    :param answerable: (n,) booleans.
    :return: in [0, 1]; 0.5 is what guessing gives.
    :raises InvalidRequest: if there are no questions of one kind, or the arguments are not such.
    """
    yes, no = _kinds(*_pair(confidence, answerable))
    no.sort()
    below = np.searchsorted(no, yes, side="left")
    not_above = np.searchsorted(no, yes, side="right")
    return float((below.sum() + not_above.sum()) / (2 * len(yes) * len(no)))


def refusal_recall(
    confidence: ArrayLike, answerable: ArrayLike, max_false_refusals: float = MAX_FALSE_REFUSALS
) -> tuple[float, float]:
    """Share of the unanswerable questions that can be refused while few answerable ones are.

    A question is refused when its confidence is below a threshold. The threshold taken is the highest
    that refuses at most this share of the answerable questions; some question has it as its confidence.

    :param confidence: (n,) finite, higher is surer.
    :param answerable: (n,) booleans.
    :param max_false_refusals: in [0, 1).
    :return: the share, in [0, 1], and the threshold.
    :raises InvalidRequest: if there are no questions of one kind, or the arguments are not such.
    """
    if not 0.0 <= max_false_refusals < 1.0:
        raise InvalidRequest(
            f"max_false_refusals is {max_false_refusals}", hint="give a share from 0 to below 1, such as 0.05"
        )
    yes, no = _kinds(*_pair(confidence, answerable))
    yes.sort()
    allowed = min(int(max_false_refusals * len(yes) + _SLACK), len(yes) - 1)
    threshold = float(yes[allowed])
    return float(np.mean(no < threshold)), threshold


def expected_calibration_error(confidence: ArrayLike, answerable: ArrayLike, bins: int = BINS) -> float:
    """Mean distance between confidence and the share that is answerable, over bins of equal width.

    :param confidence: (n,) in [0, 1].
    :param answerable: (n,) booleans; all may be of one kind.
    :param bins: at least 1.
    :return: in [0, 1], lower is better: the one figure here of which less is more.
    :raises InvalidRequest: if there are no questions, or the arguments are not such.
    """
    held = reliability(confidence, answerable, bins)
    total = sum(each.count for each in held)
    return sum(each.count * abs(each.confidence - each.share) for each in held) / total


def reliability(confidence: ArrayLike, answerable: ArrayLike, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width that hold questions, ascending; a bin begins at its low end, the last has 1.0 too.

    :param confidence: (n,) in [0, 1].
    :param answerable: (n,) booleans; all may be of one kind.
    :param bins: at least 1.
    :raises InvalidRequest: if there are no questions, or the arguments are not such.
    """
    sure, truth = _pair(confidence, answerable)
    if bins < 1:
        raise InvalidRequest(f"bins is {bins}", hint="give at least 1")
    if sure.min() < 0.0 or sure.max() > 1.0:
        raise InvalidRequest(
            f"confidence goes from {sure.min():g} to {sure.max():g}", hint="give probabilities, from 0 to 1"
        )
    edges = np.arange(bins + 1) / bins
    place = np.minimum(np.searchsorted(edges, sure, side="right") - 1, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=sure, minlength=bins)
    hits = np.bincount(place, weights=truth, minlength=bins)
    return tuple(
        Bin(
            low=float(edges[number]),
            high=float(edges[number + 1]),
            # A mean of equal numbers may leave their bin by its last bit.
            confidence=float(np.clip(sums[number] / counts[number], edges[number], edges[number + 1])),
            share=float(hits[number] / counts[number]),
            count=int(counts[number]),
        )
        for number in np.flatnonzero(counts)
    )


def bootstrap_of(
    statistic: Statistic,
    confidence: ArrayLike,
    answerable: ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Percentile bootstrap interval of a figure of confidence; the same input gives the same interval.

    Answerable and unanswerable questions are drawn apart, so every resample has as many of each. A distance
    from the truth, as the calibration error is one, grows with the noise that drawing adds: its resamples
    lie mostly above the value, so its interval leans upward and is no more than a cautious bound.

    :param statistic: such as `auroc`; gets (n,) float64 and (n,) bool.
    :param confidence: (n,) finite.
    :param answerable: (n,) booleans.
    :param resamples: at least 100.
    :raises InvalidRequest: if there are no questions, or the statistic refuses them.
    """
    sure, truth = _pair(confidence, answerable)
    value = statistic(sure, truth)
    kinds = [kind for kind in (np.flatnonzero(truth), np.flatnonzero(~truth)) if len(kind)]
    random = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for number in range(resamples):
        picks = np.concatenate([kind[random.integers(0, len(kind), size=len(kind))] for kind in kinds])
        drawn[number] = statistic(sure[picks], truth[picks])
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(value, min(float(low), value), max(float(high), value))


def _pair(confidence: ArrayLike, answerable: ArrayLike) -> tuple[F64Vector, BoolVector]:
    sure, truth = np.asarray(confidence, dtype=np.float64), np.asarray(answerable, dtype=np.bool_)
    if sure.ndim != 1 or sure.shape != truth.shape or not sure.size or not np.isfinite(sure).all():
        raise InvalidRequest(
            f"confidence of {sure.size} questions and kinds of {truth.size} do not fit",
            hint="give one finite confidence and one kind for each question, at least one",
        )
    return sure, truth


def _kinds(sure: F64Vector, truth: BoolVector) -> tuple[F64Vector, F64Vector]:
    yes, no = sure[truth], sure[~truth]
    if not len(yes) or not len(no):
        missing = "unanswerable" if len(yes) else "answerable"
        raise InvalidRequest(
            f"there is no {missing} question to compare with",
            hint='add questions with "answerable": false as well as ones with true',
        )
    return yes, no
