"""Charts of losses: every point is inside, and ticks are round numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.generative.loss_chart import HEIGHT, WIDTH, charts_of

values = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(values, values), min_size=1, max_size=30))
def test_all_that_is_drawn_is_inside(losses: list[tuple[float, float]]) -> None:
    history = [
        {"epoch": i + 1, "step": 7 * (i + 1), "training": {"loss": one}, "validation": {"loss": other}}
        for i, (one, other) in enumerate(losses)
    ]
    (chart,) = charts_of(history, 1, {"loss": "what falls"})
    assert chart.meaning == "what falls" and chart.training and chart.validation
    for curve in (chart.training, chart.validation):
        points = [tuple(map(float, point.split(","))) for point in curve.points.split()]
        assert len(points) == len(losses)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert all(0 <= x <= WIDTH for x, _ in chart.across) and 1 <= len(chart.across) <= 12
    assert all(-0.1 <= y <= HEIGHT + 0.1 for y, _ in chart.up) and 1 <= len(chart.up) <= 12
    assert chart.validation.last == losses[-1][1]


@pytest.mark.parametrize("pair", [(0.0, 5e-324), (0.0, 1e-310), (1e6, math.nextafter(1e6, 2e6)), (3.0, 3.0)])
def test_numbers_that_can_hardly_be_told_apart_are_drawn(pair: tuple[float, float]) -> None:
    history = [
        {"epoch": i + 1, "step": i + 1, "training": {"loss": value}, "validation": {"loss": value}}
        for i, value in enumerate(pair)
    ]
    (chart,) = charts_of(history, 1, {})
    assert 1 <= len(chart.up) <= 12
