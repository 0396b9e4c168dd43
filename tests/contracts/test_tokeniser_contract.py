"""What every Tokeniser does: the bundled embedder's own and the double."""

from __future__ import annotations

import importlib
from operator import attrgetter

import numpy as np
import pytest
from doubles import WordTokeniser
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.models.embedder import DEFAULT_EMBEDDER
from ragsvc.models.tokeniser import EmbedderTokeniser
from ragsvc.protocols import Tokeniser

texts = st.text(max_size=200) | st.lists(st.sampled_from(["pear", "Größe", "梨", "🍐", ".", " ", "\n"])).map(
    "".join
)


@pytest.fixture(scope="module", params=["bundled", "double"])
def tokeniser(request: pytest.FixtureRequest) -> Tokeniser:
    return EmbedderTokeniser.load(DEFAULT_EMBEDDER) if request.param == "bundled" else WordTokeniser()


class TestTokeniserContract:
    """Nothing is cut, nothing is padded, and offsets are code points of the text."""

    @settings(max_examples=80, deadline=None)
    @given(text=texts)
    def test_spans_are_counted_ordered_and_inside_the_text(self, tokeniser: Tokeniser, text: str) -> None:
        spans = tokeniser.spans(text)
        assert (spans.dtype, spans.shape) == (np.int32, (tokeniser.count(text), 2))
        assert ((spans >= 0) & (spans <= len(text))).all()
        assert (spans[:, 0] <= spans[:, 1]).all()
        assert (np.diff(spans[:, 0]) >= 0).all()

    def test_every_visible_character_of_plain_words_is_in_a_token(self, tokeniser: Tokeniser) -> None:
        text = "Water boils at 100 degrees, and 🍐 grow on trees."
        inside = {at for start, end in tokeniser.spans(text).tolist() for at in range(start, end)}
        assert {at for at, char in enumerate(text) if not char.isspace()} <= inside

    def test_long_texts_are_counted_to_their_end(self, tokeniser: Tokeniser) -> None:
        assert tokeniser.count("") == 0
        assert tokeniser.count("pear " * 5000) == 5000 * tokeniser.count("pear")
        assert tokeniser.special_tokens >= 0

    def test_another_process_makes_the_same_by_its_recipe(self, tokeniser: Tokeniser) -> None:
        where, given_text = tokeniser.recipe
        module, _, name = where.partition(":")
        again: Tokeniser = attrgetter(name)(importlib.import_module(module))(given_text)
        for text in ("Größe 梨 🍐", "a-b c_d", ""):
            np.testing.assert_array_equal(again.spans(text), tokeniser.spans(text))
        assert again.special_tokens == tokeniser.special_tokens
