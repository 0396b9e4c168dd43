"""What every SupportChecker does: by words alone, by words and nearness of vectors, and the double."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest
from doubles import HashEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from made_hits import hits_of

from ragsvc.domain import Hit, Span, SupportState, SupportVerdict
from ragsvc.pipeline.grounding.semantic_match import SemanticMatch
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.protocols import SupportChecker
from ragsvc.text.analyser import StandardAnalyser

ANALYSER = StandardAnalyser()
WATER = "Water boils at 100 degrees Celsius. Ice melts at 0 degrees."
MOON = "The Moon orbits the Earth in 27 days. Neil Armstrong walked on it in 1969."
COPIED = (
    "Water boils at 100 degrees Celsius.", "Ice melts at 0 degrees.", "The Moon orbits the Earth in 27 days.",
)  # fmt: skip
MADE_UP = ("Bananas contain much potassium.", "Water boils at 250 degrees Celsius.")


class VerbatimCheck:
    """A double: a sentence is supported by a passage that has it word for word."""

    def __init__(self, passages: Sequence[Hit]) -> None:
        self._texts = [hit.passage.text for hit in passages]

    def verdict(self, sentence: str, numbers: Sequence[int]) -> SupportVerdict:
        said = sentence.split("[")[0].strip()
        if not said:
            return SupportVerdict(SupportState.NOTHING_CLAIMED)
        for number in numbers or range(1, len(self._texts) + 1):
            start = self._texts[number - 1].find(said)
            if start >= 0:
                return SupportVerdict(SupportState.SUPPORTED, ((number, Span(start, start + len(said))),))
        return SupportVerdict(SupportState.UNSUPPORTED)


HITS = tuple(hits_of([WATER, MOON, ""]))
nearness = SemanticMatch(TextVectors(HashEmbedder()))
CHECKERS = {
    "words": partial(SupportCheck, analyser=ANALYSER),
    "nearness": partial(SupportCheck, analyser=ANALYSER, nearness=nearness),
    "double": VerbatimCheck,
}
sentences = st.text(max_size=80) | st.lists(
    st.sampled_from(
        ["Water", "boils", "is", "not", "100", "27", "Moon", "[1]", "[2]", "?", "|", "# ", "1969"]
    ),
    max_size=12,
).map(" ".join)
numbers = st.lists(st.integers(1, 3), unique=True, max_size=3).map(tuple)


@pytest.mark.parametrize("make", CHECKERS.values(), ids=CHECKERS.keys())
class TestSupportCheckerContract:
    """Any sentence has a verdict, which depends on it and on the passages alone."""

    @settings(max_examples=60, deadline=None)
    @given(asked=st.lists(st.tuples(sentences, numbers), max_size=4))
    def test_verdicts_are_of_their_sentence_alone_and_spans_lie_in_passages(
        self,
        make: Callable[[Sequence[Hit]], SupportChecker],
        asked: list[tuple[str, tuple[int, ...]]],
    ) -> None:
        checker = make(HITS)
        verdicts = [checker.verdict(*each) for each in asked]
        assert verdicts == [make(HITS).verdict(*each) for each in reversed(asked)][::-1]
        for (_, named), verdict in zip(asked, verdicts, strict=True):
            for number, span in verdict.spans:
                assert number in (named or (1, 2, 3))
                assert 0 <= span.start <= span.end <= len(HITS[number - 1].passage.text)

    @pytest.mark.parametrize("sentence", COPIED)
    def test_what_a_passage_says_is_supported_by_it(
        self, make: Callable[[Sequence[Hit]], SupportChecker], sentence: str
    ) -> None:
        owner = next(h.rank for h in HITS if sentence in h.passage.text)
        for named in ((owner,), ()):
            verdict = make(HITS).verdict(sentence, named)
            assert verdict.standing is SupportState.SUPPORTED
            number, span = verdict.spans[0]
            assert number == owner
            assert HITS[owner - 1].passage.text[span.start : span.end] == sentence
        assert make(HITS).verdict(sentence, (3,)).standing is not SupportState.SUPPORTED

    @pytest.mark.parametrize("sentence", MADE_UP)
    def test_what_no_passage_says_is_not_supported(
        self, make: Callable[[Sequence[Hit]], SupportChecker], sentence: str
    ) -> None:
        for named in ((), (1,), (1, 2)):
            assert make(HITS).verdict(sentence, named).standing is SupportState.UNSUPPORTED

    @pytest.mark.parametrize("sentence", [*COPIED, *MADE_UP])
    def test_markers_of_a_sentence_change_nothing(
        self, make: Callable[[Sequence[Hit]], SupportChecker], sentence: str
    ) -> None:
        checker = make(HITS)
        assert checker.verdict(f"{sentence} [1]", (1,)) == checker.verdict(sentence, (1,))

    def test_nothing_supports_without_passages(self, make: Callable[[Sequence[Hit]], SupportChecker]) -> None:
        assert make(()).verdict(COPIED[0], ()).standing is SupportState.UNSUPPORTED
