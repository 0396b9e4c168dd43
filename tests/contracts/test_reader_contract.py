"""What every Reader must do: the bundled one, where its weights are installed, and the double."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.domain import F64Matrix, ReaderFinding, ReaderText
from ragsvc.models.reader import BundledReader
from ragsvc.protocols import Reader


class FirstWordReader:
    """A double: the answer is always the first word."""

    def read(self, question: str, texts: Sequence[ReaderText]) -> list[ReaderFinding]:
        found = []
        for text in texts:
            end = len(text.text.split(" ")[0])
            spans = ((0, end, 1.0),) if end else ()
            found.append(ReaderFinding(spans, 1.0 if end else -1.0, 0.0, 0.0))
        return found

    def support(self, claim: str, texts: Sequence[str]) -> F64Matrix:
        return np.full((len(texts), 3), 1.0 / 3.0)


BUNDLED = BundledReader()
READERS = [
    FirstWordReader(),
    pytest.param(
        BUNDLED, marks=pytest.mark.skipif(not BundledReader.is_there(), reason="no weights are installed")
    ),
]


@pytest.mark.parametrize("reader", READERS)
class TestReaderContract:
    @settings(max_examples=15, deadline=None)
    @given(question=st.text(max_size=60), texts=st.lists(st.text(max_size=120), max_size=3))
    def test_spans_lie_in_their_texts(self, reader: Reader, question: str, texts: list[str]) -> None:
        found = reader.read(question, [ReaderText("Title", text) for text in texts])
        assert len(found) == len(texts)
        for finding, text in zip(found, texts, strict=True):
            assert all(0 <= start < end <= len(text) for start, end, _ in finding.spans)
            margins = [margin for _, _, margin in finding.spans]
            assert margins == sorted(margins, reverse=True)
            assert not margins or finding.margin == margins[0]

    @settings(max_examples=10, deadline=None)
    @given(claim=st.text(max_size=60), texts=st.lists(st.text(max_size=120), max_size=3))
    def test_support_is_three_probabilities_a_text(
        self, reader: Reader, claim: str, texts: list[str]
    ) -> None:
        found = reader.support(claim, texts)
        assert found.shape == (len(texts), 3)
        assert np.allclose(found.sum(axis=1), 1.0) and (found >= 0.0).all()

    def test_what_a_text_says_does_not_depend_on_the_others(self, reader: Reader) -> None:
        texts = [ReaderText("", "The lock has 12 gates."), ReaderText("Pears", "They ripen late. " * 20)]
        alone = [reader.read("How many gates?", [text])[0] for text in texts]
        together = reader.read("How many gates?", texts)
        assert [f.spans[0][:2] for f in alone] == [f.spans[0][:2] for f in together]
