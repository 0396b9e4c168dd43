"""Two evaluations side by side: what changed, and how sure that is."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import F64Vector
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.failures import headline
from ragsvc.evaluation.intervals import RESAMPLES, bootstrap_mean, randomisation_test, widened
from ragsvc.evaluation.page.labels import setting_label
from ragsvc.evaluation.report import Item, ItemKind, Report, Setup

SHOWN_CHANGES = 10
_SHOWN_NAMES = 10
# What a question without an id of its own is called.
_BY_LINE = re.compile(r"line-\d+")
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
    count: questions compared; 0 for such a figure. earlier: questions of the baseline that have it.
    """

    name: str
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    p: float | None
    count: int
    earlier: int


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
    latency: seconds gained or lost by name, such as "latency.total.p95", where both reports have it.
    warnings: why the two may not be comparable.
    """

    kind: ItemKind
    before: Setup
    after: Setup
    differences: tuple[Difference, ...]
    headline: str | None
    common: int
    better: tuple[Shift, ...]
    worse: tuple[Shift, ...]
    latency: Mapping[str, float]
    warnings: tuple[str, ...]


def compare(before: Report, after: Report) -> Comparison:
    """Compare two reports question by question; a question is the same when id and words are.

    Of questions that have no id of their own the words decide: a new line moves all lines after it.

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
        latency=_latency(before, after),
        warnings=_warnings(before, after, len(pairs)),
    )


def _pairs(before: Report, after: Report) -> list[tuple[Item, Item]]:
    earlier: defaultdict[tuple[str, str], deque[Item]] = defaultdict(deque)
    for item in before.items:
        earlier[_name(item)].append(item)
    return [(earlier[name].popleft(), item) for item in after.items if earlier.get(name := _name(item))]


def _name(item: Item) -> tuple[str, str]:
    return "" if _BY_LINE.fullmatch(item.id) else item.id, item.text


def _differences(before: Report, after: Report, pairs: list[tuple[Item, Item]]) -> tuple[Difference, ...]:
    means = {name for report in (before, after) for item in report.items for name in item.values}
    rows = []
    for name, figure in after.figures.items():
        if name not in before.figures:
            continue
        if name in means:
            difference = _paired(name, pairs, before.figures[name].count)
        else:
            old, count = before.figures[name].value, before.figures[name].count
            difference = Difference(name, old, figure.value, figure.value - old, None, None, None, 0, count)
        if difference is not None:
            rows.append(difference)
    return tuple(rows)


def _paired(name: str, pairs: list[tuple[Item, Item]], earlier: int) -> Difference | None:
    """None when no question has the figure in both reports.

    :param earlier: questions of the baseline that have it.
    """
    both = [(old.values[name], new.values[name]) for old, new in pairs if _has(name, old, new)]
    if not both:
        return None
    values: F64Vector = np.asarray(both, dtype=np.float64)
    old, new = values[:, 0], values[:, 1]
    means, count = (float(old.mean()), float(new.mean())), len(both)
    if np.array_equal(old, new):
        # What every resampling would give.
        return Difference(name, *means, 0.0, 0.0, 0.0, 1.0, count, earlier)
    resamples = min(RESAMPLES, max(_FEWEST, _BUDGET // count))
    interval = widened(bootstrap_mean(new - old, resamples=resamples), count, -1.0, 1.0)
    p = randomisation_test(new, old, resamples=resamples)
    return Difference(name, *means, interval.value, interval.low, interval.high, p, count, earlier)


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


def _latency(before: Report, after: Report) -> dict[str, float]:
    return {
        f"latency.{stage}.{name}": value - before.latency_s[stage][name]
        for stage, row in after.latency_s.items()
        for name, value in row.items()
        if name in before.latency_s.get(stage, {})
    }


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
    words.extend(_other_makings(old, new))
    changed = _changed(old.settings, new.settings)
    if changed:
        words.append(f"the settings differ: {', '.join(changed)}")
    for whose, one, other in (("the baseline", before, after), ("the later report", after, before)):
        lost = [name for name in one.figures if name not in other.figures]
        if lost:
            words.append(f"only {whose} has the figures {_some(lost)}")
    if not common:
        words.append("the reports have no question in common: nothing is compared question by question")
    elif common < max(len(before.items), len(after.items)):
        words.append(
            f"the figures here are over the {common} questions in common, "
            f"of {len(before.items)} before and {len(after.items)} after"
        )
    return tuple(words)


def _other_makings(old: Setup, new: Setup) -> list[str]:
    """What indexed and measured, where it is not the same."""
    words = []
    if old.embedder != new.embedder:
        words.append(f"the embedders differ: {old.embedder} and {new.embedder}")
    elif old.profile != new.profile:
        words.append(
            f"the profiles differ, as by the sizes of chunks: {old.profile[:12]} and {new.profile[:12]}"
        )
    if old.version != new.version:
        words.append(f"the versions of ragsvc differ: {old.version} and {new.version}")
    return words


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    names = dict.fromkeys((*old, *new))
    return [
        f"{setting_label(name)} {_worded(old.get(name))} -> {_worded(new.get(name))}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def _worded(value: object) -> str:
    """A setting's value in words; one that an older version did not know is unset, too."""
    return "unset" if value is None else str(value)
