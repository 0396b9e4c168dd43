"""Geometry of the charts: bars in per cent of their track, plots in their own units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragsvc.evaluation.comparison import Difference
from ragsvc.evaluation.intervals import wilson
from ragsvc.evaluation.page.labels import full_label, label_of
from ragsvc.evaluation.report import Bin, Figure

BINS = 10
PLOT_WIDTH, PLOT_HEIGHT = 300.0, 180.0
_BIGGEST_DOT, _SMALLEST_DOT = 11.0, 3.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure as a bar on a track from 0 to 1. at, low, high: per cent of the track; tone: a system."""

    label: str
    meaning: str
    at: float
    low: float
    high: float
    value: str
    interval: str
    count: int
    tone: str
    lower: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A bin of a histogram, in units of the plot; y grows downwards."""

    x: float
    y: float
    width: float
    height: float
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A bin of the reliability plot with its 95 % interval, in units of the plot."""

    x: float
    y: float
    top: float
    bottom: float
    radius: float
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Latency of a stage; per cent of the slowest p99, and in words."""

    name: str
    p50: float
    p95: float
    p99: float
    words: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ChangeBar:
    """A difference on a track whose middle is no change. verdict: see `verdict`."""

    label: str
    before: str
    after: str
    change: str
    at: float
    low: float | None
    high: float | None
    interval: str
    p: str
    count: int
    verdict: str


def number(value: float) -> str:
    """With three decimals, for figures between 0 and 1."""
    return f"{value:.3f}"


def signed(value: float) -> str:
    """With its sign, a true minus, and none for what rounds to nothing."""
    words = f"{abs(value):.3f}"
    if float(words) == 0:
        return "0.000"
    return f"+{words}" if value > 0 else f"\u2212{words}"


def bar(name: str, figure: Figure, *, words: str | None = None, tone: str = "") -> Bar:
    """A figure as a bar. words: its label; what it is called when None."""
    label = label_of(name)
    return Bar(
        label=label.words if words is None else words,
        meaning=label.meaning,
        at=_percent(figure.value),
        low=_percent(figure.low),
        high=_percent(figure.high),
        value=number(figure.value),
        interval=f"{number(figure.low)} – {number(figure.high)}",
        count=figure.count,
        tone=tone,
        lower=label.lower,
    )


def histogram(values: Sequence[float]) -> list[Column]:
    """Counts of values in ten equal bins from 0 to 1; 1.0 falls into the last one."""
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, max(0, math.floor(value * BINS + 1e-9)))] += 1
    most = max(counts, default=0) or 1
    width = PLOT_WIDTH / BINS
    columns = []
    for place, count in enumerate(counts):
        height = PLOT_HEIGHT * count / most
        words = f"{place / BINS:.1f} to {(place + 1) / BINS:.1f}: {count} questions"
        columns.append(Column(place * width + 1, PLOT_HEIGHT - height, width - 2, height, count, words))
    return columns


def reliability(bins: Sequence[Bin]) -> list[Dot]:
    """A dot for each bin: confidence to the right, share of answerable questions up."""
    most = max((entry.count for entry in bins), default=1)
    dots = []
    for entry in bins:
        interval = wilson(min(entry.count, round(entry.share * entry.count)), entry.count)
        words = (
            f"confidence {entry.low:.1f} to {entry.high:.1f}: {entry.share:.0%} of "
            f"{entry.count} questions have an answer"
        )
        dots.append(
            Dot(
                x=PLOT_WIDTH * entry.confidence,
                y=PLOT_HEIGHT * (1 - entry.share),
                top=PLOT_HEIGHT * (1 - interval.high),
                bottom=PLOT_HEIGHT * (1 - interval.low),
                radius=max(_SMALLEST_DOT, _BIGGEST_DOT * math.sqrt(entry.count / most)),
                count=entry.count,
                words=words,
            )
        )
    return dots


def stages(latency_s: Mapping[str, Mapping[str, float]]) -> list[Stage]:
    """Latency bars on one scale, from nothing to the slowest p99."""
    slowest = max((row.get("p99", 0.0) for row in latency_s.values()), default=0.0) or 1.0
    rows = []
    for name, row in latency_s.items():
        p50, p95, p99 = (row.get(quantile, 0.0) for quantile in ("p50", "p95", "p99"))
        rows.append(
            Stage(
                name=name,
                p50=_percent(p50 / slowest),
                p95=_percent(p95 / slowest),
                p99=_percent(p99 / slowest),
                words=(duration(p50), duration(p95), duration(p99)),
            )
        )
    return rows


def duration(seconds: float) -> str:
    """Such as "0.42 ms", "12 ms" or "1.3 s"."""
    if seconds >= 1.0:
        return f"{seconds:.1f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.2g} ms"


def changes(differences: Sequence[Difference]) -> tuple[list[ChangeBar], str]:
    """Differences on one scale around no change, and the words for its end."""
    ends = [abs(end) for row in differences for end in (row.change, row.low, row.high) if end is not None]
    reach = max([0.02, *ends])
    return [_change(row, reach) for row in differences], number(reach)


def _change(row: Difference, reach: float) -> ChangeBar:
    def place(value: float) -> float:
        return round(50 + 48 * value / reach, 3)

    return ChangeBar(
        label=full_label(row.name),
        before=number(row.before),
        after=number(row.after),
        change=signed(row.change),
        at=place(row.change),
        low=None if row.low is None else place(row.low),
        high=None if row.high is None else place(row.high),
        interval="" if row.low is None or row.high is None else f"{signed(row.low)} to {signed(row.high)}",
        p="" if row.p is None else p_words(row.p),
        count=row.count,
        verdict=verdict(row),
    )


def verdict(row: Difference) -> str:
    """ "better" or "worse" where the interval leaves out no change, "same" without any, else "unclear"."""
    if row.low == row.high == 0.0:
        return "same"
    if row.low is None or row.high is None or row.low <= 0.0 <= row.high:
        return "unclear"
    return "better" if (row.change > 0) != label_of(row.name).lower else "worse"


def p_words(p: float) -> str:
    """Such as "p = 0.031" or "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _percent(share: float) -> float:
    return round(100 * min(1.0, max(0.0, share)), 3)
