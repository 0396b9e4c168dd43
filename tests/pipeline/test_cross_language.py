"""Passages in another language than the question are judged by vectors alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.pipeline.grounding.cross_language import (
    OPERATING_POINT,
    confidence,
    differ,
)

GERMAN = "Das Archiv bewahrt jeden Brief auf, den das Hafenamt im Winter erhalten hat."
cosines = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("Who keeps the letters?", GERMAN, True),
        ("Wer bewahrt die Briefe auf?", GERMAN, False),
        ("谁保存信件？", GERMAN, True),
        ("max_tokens", "max_tokens = 42; top_p = 0.9; stop = []", False),
        ("Wo steht max_tokens?", "| max_tokens | 42 |\n| top_p | 0.9 |", False),
    ],
)
def test_languages_are_compared_where_both_are_known(question: str, text: str, expected: bool) -> None:
    assert differ(question, text) is expected


@given(cosines)
def test_confidence_is_a_probability_whatever_the_order(values: list[float]) -> None:
    found = confidence(np.array(values, dtype=np.float64))
    assert 0.0 <= found <= 1.0
    assert confidence(np.array(values[::-1], dtype=np.float64)) == pytest.approx(found)


def test_a_passage_far_ahead_answers_and_one_among_equals_does_not() -> None:
    assert confidence(np.array([0.62, 0.38, 0.35, 0.3])) >= OPERATING_POINT
    assert confidence(np.array([0.42, 0.41, 0.40, 0.4])) < OPERATING_POINT


def test_a_passage_without_others_is_not_ahead_of_them() -> None:
    # Cosines of real questions and passages: about something else they were 0.23 on average, at most 0.39.
    assert confidence(np.array([0.25])) < OPERATING_POINT
    assert confidence(np.array([0.33])) < OPERATING_POINT
    assert confidence(np.array([0.48])) >= OPERATING_POINT
