"""Fair rewordings with other words: what the embedder decides, and what it must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from doubles import HashEmbedder
from made_hits import hit_of

from ragsvc.domain import F32Matrix, SupportState, SupportVerdict
from ragsvc.pipeline.grounding.semantic_match import FITTED_TO, SemanticMatch, nearness_of
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.text.analyser import StandardAnalyser

PASSAGE = (
    "Cats sleep. When you meet a lawyer, ask what the 3 services cost. The lawyer must answer. Dogs bark."
)
REWORDED = "Ask the lawyer about all services, prices, fees and expenses."


class AngleEmbedder(HashEmbedder):
    """Every text points the same way, but for those that hold a word: they are at right angles."""

    def __init__(self, far: str) -> None:
        super().__init__()
        self._far = far
        self.seen: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        self.seen += texts
        return np.array([[0.0, 1.0] if self._far in text else [1.0, 0.0] for text in texts], dtype=np.float32)


def verdict(sentence: str, embedder: HashEmbedder, numbers: Sequence[int] = (1,)) -> SupportVerdict:
    nearness = SemanticMatch(TextVectors(embedder))
    return SupportCheck([hit_of(1, PASSAGE)], StandardAnalyser(), nearness).verdict(sentence, numbers)


@pytest.mark.parametrize("numbers", [(1,), ()])
def test_a_sentence_with_few_of_the_words_stands_where_it_means_the_same(numbers: Sequence[int]) -> None:
    found = verdict(REWORDED, AngleEmbedder("zebra"), numbers)
    assert found.standing is SupportState.SUPPORTED
    ((number, span),) = found.spans
    assert number == 1
    assert PASSAGE[span.start : span.end] == "When you meet a lawyer, ask what the 3 services cost."
    assert verdict(REWORDED, AngleEmbedder("prices"), numbers).standing is SupportState.UNSUPPORTED


@pytest.mark.parametrize(
    "sentence",
    [
        # A number and a name that no passage has; a denial; words that no passage has.
        "Ask the lawyer about all 4 services, prices and expenses.",
        "Ask the lawyer about all services, prices and expenses in Lisbon.",
        "Never ask the lawyer about services, prices, fees and expenses.",
        "Ask about prices, expenses and terms.",
    ],
)
def test_meaning_about_the_same_is_not_enough(sentence: str) -> None:
    assert verdict(sentence, AngleEmbedder("zebra")).standing is SupportState.UNSUPPORTED


def test_the_embedder_is_asked_only_where_words_do_not_decide_and_of_few_texts() -> None:
    embedder = AngleEmbedder("zebra")
    verdict("Dogs bark.", embedder)
    verdict("Fish swim in cold water.", embedder)
    # Held, but denied: that is decided.
    verdict("Dogs never bark.", embedder)
    assert embedder.seen == []
    verdict(REWORDED, embedder)
    assert embedder.seen[0] == REWORDED
    assert 1 < len(embedder.seen) <= 5


def test_cosines_of_unknown_embedders_decide_nothing() -> None:
    vectors, spec = TextVectors(HashEmbedder()), HashEmbedder().spec
    assert nearness_of(vectors, spec) is None
    assert nearness_of(vectors, replace(spec, name=FITTED_TO)) is not None
