"""The fitted model of units: what it reads is what is computed, and it is as linear as it says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.grounded import PLAIN, scored

from ragsvc.domain import ReaderFinding
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.unit_features import (
    MODEL_FILE,
    UnitModel,
    alone_features,
    span_features,
    squeezed,
    unit_model,
)
from ragsvc.pipeline.grounding.units import UnitKind

TEXTS = [
    "# Boats\n\nThe ferry sails at 8.\n\n- two canoes\n- one kayak\n"
    "\n| boat | price |\n|---|---|\n| kayak | 9 |\n"
    "\n```\nsail now\n```\n",
    "Notes of the club\n\nThe ferry is late.\n\nferry: an old boat\n",
]
FINDING = ReaderFinding((), 0.3, 1.2, -0.4)


def all_names() -> set[str]:
    """Of every feature that is computed anywhere."""
    found: set[str] = set()
    for shape in AnswerShape:
        for text in TEXTS:
            for each in scored(
                "when does the ferry 8 sail",
                [text],
                PLAIN if text.startswith("N") else "text/markdown",
                shape,
            ):
                found |= set(each.features)
        for kind in UnitKind:
            found |= {f"kind:{kind}", f"several:{kind}", f"{shape}:{kind}"}
            found |= set(span_features(0.5, kind, shape))
        found |= set(alone_features(FINDING, shape))
    return found


def test_every_weight_is_of_a_feature_that_is_computed() -> None:
    stored = json.loads(MODEL_FILE.read_text("utf-8"))["models"]
    assert set(stored) == {"text", "spans", "read"}
    known = all_names()
    for name, weights in stored.items():
        assert set(weights) <= known, name
        assert unit_model(name).weights == weights


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(-5, 5)),
    st.dictionaries(st.sampled_from("bcde"), st.floats(-5, 5)),
)
def test_a_score_is_a_sum_of_weights(weights: dict[str, float], features: dict[str, float]) -> None:
    expected = sum(weights[name] * features[name] for name in weights.keys() & features.keys())
    assert UnitModel(weights).score(features) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_margins_are_squeezed_in_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= squeezed(low) <= squeezed(high) <= 1.0
