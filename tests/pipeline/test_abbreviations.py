"""Abbreviations are told from other words in brackets by their letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.pipeline.grounding.abbreviations import long_forms, spelt_out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A generative adversarial network (GAN) makes data.", {"GAN": "generative adversarial network"}),
        ("Role-based access control (RBAC) is old.", {"RBAC": "Role-based access control"}),
        ("Fernwärme ist ein Kraft-Wärme-Kopplung (KWK) Thema.", {"KWK": "Kraft-Wärme-Kopplung"}),
        ("The pump (see Figure) is red. It is fast (FAST).", {}),
        ("It runs (on Sundays) in the park (NATO).", {}),
        ("(GAN)", {}),
        ("Meter Transfer Protocol, Version 3 (MTP/3)", {}),
    ],
)
def test_a_short_form_stands_in_the_letters_before_it(text: str, expected: dict[str, str]) -> None:
    assert long_forms([text]) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is a GAN?", "What is a GAN (generative adversarial network)?"),
        ("GANs", "GANs (generative adversarial network)"),
        ("Is GAN/2 a gan-like thing?", "Is GAN/2 a gan-like thing?"),
        ("Is a generative adversarial network a GAN?", "Is a generative adversarial network a GAN?"),
    ],
)
def test_a_question_is_spelt_out_once(question: str, expected: str) -> None:
    assert spelt_out(question, {"GAN": "generative adversarial network"}) == expected


@given(st.text(alphabet="aAbB (-)", max_size=60))
def test_a_long_form_is_words_of_the_text_that_begin_with_the_first_letter(text: str) -> None:
    for short, long in long_forms([text]).items():
        assert long in " ".join(text.split())
        assert long[0].casefold() == next(sign for sign in short if sign.isalnum()).casefold()
