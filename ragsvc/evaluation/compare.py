"""Two evaluations side by side: what changed, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import F64Vector
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.bootstrap import RESAMPLES, bootstrap_mean, randomisation_test
from ragsvc.evaluation.report import Item, Kind, Report, Setup
from ragsvc.evaluation.worst import headline

SHOWN_CHANGES = 10
# Random numbers a figure: with more questions fewer resamples are as sure, and a page comes in seconds.
_BUDGET = 4_000_000
_FEWEST = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure before and after.

    before, after: means over the questions that both reports have; of a figure that is no mean of
        questions (AUROC and the like), what the reports say.
    change: after - before. low, high: its 95 % bootstrap interval; p: of a two-sided paired
        randomisation test. None for a figure that is no mean of questions.
    count: questions compared; 0 for such a figure.
    """

    name: str
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    p: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A question that went better or worse than before, by the headline figure."""

    id: str
    text: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of a baseline.

    headline: the figure that `better` and `worse` go by; None when the reports share none.
    common: questions that both reports have. better, worse: the largest shifts, largest first.
    warnings: why the two may not be comparable.
    """

    kind: Kind
    before: Setup
    after: Setup
    differences: tuple[Difference, ...]
    headline: str | None
    common: int
    better: tuple[Shift, ...]
    worse: tuple[Shift, ...]
    warnings: tuple[str, ...]


def compare(before: Report, after: Report) -> Comparison:
    """Compare two reports question by question; a question is the same when id and words are.

    :raises InvalidRequest: if they are of different kinds.
    """
    if before.kind is not after.kind:
        raise InvalidRequest(
            f"a report of {before.kind} and one of {after.kind} cannot be compared",
            hint="compare two reports of `ragsvc eval retrieval`, or two of `ragsvc eval answers`",
        )
    pairs = _pairs(before, after)
    name = headline(after)
    better, worse = _shifts(pairs, name)
    return Comparison(
        kind=after.kind,
        before=before.setup,
        after=after.setup,
        differences=_differences(before, after, pairs),
        headline=name,
        common=len(pairs),
        better=better,
        worse=worse,
        warnings=_warnings(before, after, len(pairs)),
    )


def _pairs(before: Report, after: Report) -> list[tuple[Item, Item]]:
    earlier = {item.id: item for item in before.items}
    found = ((earlier.get(item.id), item) for item in after.items)
    return [(old, new) for old, new in found if old is not None and old.text == new.text]


def _differences(before: Report, after: Report, pairs: list[tuple[Item, Item]]) -> tuple[Difference, ...]:
    means = {name for report in (before, after) for item in report.items for name in item.values}
    rows = []
    for name, figure in after.figures.items():
        if name not in before.figures:
            continue
        if name in means:
            difference = _paired(name, pairs)
        else:
            old = before.figures[name].value
            difference = Difference(name, old, figure.value, figure.value - old, None, None, None, 0)
        if difference is not None:
            rows.append(difference)
    return tuple(rows)


def _paired(name: str, pairs: list[tuple[Item, Item]]) -> Difference | None:
    """None when no question has the figure in both reports."""
    both = [(old.values[name], new.values[name]) for old, new in pairs if _has(name, old, new)]
    if not both:
        return None
    values: F64Vector = np.asarray(both, dtype=np.float64)
    old, new = values[:, 0], values[:, 1]
    if np.array_equal(old, new):
        # What every resampling would give.
        return Difference(name, float(old.mean()), float(new.mean()), 0.0, 0.0, 0.0, 1.0, len(both))
    resamples = min(RESAMPLES, max(_FEWEST, _BUDGET // len(both)))
    interval = bootstrap_mean(new - old, resamples=resamples)
    p = randomisation_test(new, old, resamples=resamples)
    return Difference(
        name, float(old.mean()), float(new.mean()), interval.value, interval.low, interval.high, p, len(both)
    )


def _has(name: str, old: Item, new: Item) -> bool:
    return name in old.values and name in new.values


def _shifts(pairs: list[tuple[Item, Item]], name: str | None) -> tuple[tuple[Shift, ...], tuple[Shift, ...]]:
    if name is None:
        return (), ()
    shifts = [
        Shift(new.id, new.text, old.values[name], new.values[name])
        for old, new in pairs
        if _has(name, old, new)
    ]
    shifts.sort(key=lambda shift: (shift.before - shift.after, shift.id))
    better = tuple(shift for shift in shifts[:SHOWN_CHANGES] if shift.after > shift.before)
    worse = tuple(shift for shift in shifts[: -SHOWN_CHANGES - 1 : -1] if shift.after < shift.before)
    return better, worse


def _warnings(before: Report, after: Report, common: int) -> tuple[str, ...]:
    old, new = before.setup, after.setup
    words = []
    if old.digest != new.digest:
        words.append(
            f"the questions differ ({old.questions} and {new.questions}, or one of them was edited): "
            f"{common} questions are in both"
        )
    if old.corpus != new.corpus:
        words.append(f"the corpora differ: {old.corpus} and {new.corpus}")
    changed = _changed(old.settings, new.settings)
    if changed:
        words.append(f"the settings differ: {', '.join(changed)}")
    if not common:
        words.append("the reports have no question in common: nothing is compared question by question")
    elif common < max(len(before.items), len(after.items)):
        words.append(
            f"the figures here are over the {common} questions in common, "
            f"of {len(before.items)} before and {len(after.items)} after"
        )
    return tuple(words)


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    names = dict.fromkeys((*old, *new))
    return [
        f"{name} {old.get(name, 'unset')} -> {new.get(name, 'unset')}"
        for name in names
        if old.get(name) != new.get(name)
    ]
