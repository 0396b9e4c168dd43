"""Charts of losses over the steps of a training, as points of an SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 420
HEIGHT = 200
_TICKS = 4
_LEAST_SPAN, _LEAST_SHARE = 1e-300, 1e-9
_FEW = 12
# Of the values that decide the height; the first steps are often far above all others.
_SHARE = 0.97


@dataclass(frozen=True, slots=True)
class _Curve:
    """points: for a polyline; "" when there are none. last: the last value."""

    points: str
    dots: tuple[tuple[float, float], ...]
    last: float


@dataclass(frozen=True, slots=True)
class LossChart:
    """One loss. across, up: ticks as (place, words). best: where the best weights are, across; None: outside.

    cut: whether values lie above what is shown.
    """

    name: str
    meaning: str
    training: _Curve | None
    validation: _Curve | None
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    best: float | None
    cut: bool


def charts_of(
    history: Sequence[Mapping[str, Any]], best_epoch: int, meanings: Mapping[str, str]
) -> list[LossChart]:
    """A chart a loss, in the order in which they first come."""
    names = dict.fromkeys(
        name for row in history for part in ("validation", "training") for name in row[part]
    )
    return [_chart(name, history, best_epoch, meanings.get(name, "")) for name in names]


def _chart(name: str, history: Sequence[Mapping[str, Any]], best_epoch: int, meaning: str) -> LossChart:
    series = {
        part: [(row["step"], row[part][name]) for row in history if name in row[part]]
        for part in ("training", "validation")
    }
    values = sorted(value for points in series.values() for _, value in points)
    low, top = values[0], values[-1]
    high = values[min(len(values) - 1, math.ceil(_SHARE * len(values)) - 1)] if len(values) > _FEW else top
    # Little is lost by showing all where nothing stands out.
    high = top if top - low <= 1.6 * (high - low) else high
    # Where numbers can hardly be told apart, neither can the ticks between them.
    if high - low <= max(_LEAST_SPAN, _LEAST_SHARE * max(abs(low), abs(high))):
        low, high = low - 0.5, high + 0.5
    steps = max(row["step"] for row in history)

    def place(step: float, value: float) -> tuple[float, float]:
        share = (min(value, high) - low) / (high - low)
        return round(WIDTH * step / steps, 1), round(HEIGHT * (1 - share), 1)

    best = next((row["step"] for row in history if row["epoch"] == best_epoch), None)
    return LossChart(
        name.replace("_", " "),
        meaning,
        _curve(series["training"], place),
        _curve(series["validation"], place),
        tuple((place(step, high)[0], _short(step)) for step in _round_numbers(0, steps)),
        tuple((place(0, value)[1], _short(value)) for value in _round_numbers(low, high)),
        None if best is None else round(WIDTH * best / steps, 1),
        top > high,
    )


def _curve(points: Sequence[tuple[int, float]], place: Any) -> _Curve | None:
    if not points:
        return None
    places = tuple(place(step, value) for step, value in points)
    line = " ".join(f"{x},{y}" for x, y in places)
    return _Curve(line, places if len(places) <= _FEW else (), points[-1][1])


def _round_numbers(low: float, high: float) -> list[float]:
    """A few numbers with few digits from low to high, ascending."""
    rough = (high - low) / _TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _short(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:.3g}k"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
