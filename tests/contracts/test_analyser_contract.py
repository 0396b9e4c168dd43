"""What every Analyser does; there are two, and tests use them as they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.protocols import Analyser
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.multilingual_analyser import MultilingualAnalyser

texts = st.text(max_size=200) | st.lists(
    st.sampled_from(["pears", "RUNNING", "C++", "1,000", "don't", "Größe", "梨子", "e\u0301", "🍐", "v1.2"])
).map(" ".join)


@pytest.mark.parametrize("make", [StandardAnalyser, MultilingualAnalyser])
class TestAnalyserContract:
    """Terms are words to be looked up: never empty, in order, and of their place alone."""

    @settings(max_examples=80, deadline=None)
    @given(text=texts)
    def test_terms_are_the_same_in_every_process_and_never_blank(
        self, make: type[Analyser], text: str
    ) -> None:
        terms = make().terms(text)
        assert terms == make().terms(text)
        assert all(term and not any(char.isspace() for char in term) for term in terms)

    def test_repeats_are_kept(self, make: type[Analyser]) -> None:
        assert make().terms("pear pear") == make().terms("pear") * 2

    def test_its_version_is_settled(self, make: type[Analyser]) -> None:
        assert make().version == make().version != ""


@settings(max_examples=80, deadline=None)
@given(one=texts, other=texts)
def test_paragraphs_do_not_change_each_others_terms(one: str, other: str) -> None:
    # Where the language is given; the other analyser reads it from the whole text.
    analyser = StandardAnalyser()
    assert analyser.terms(f"{one}\n\n{other}") == [*analyser.terms(one), *analyser.terms(other)]
