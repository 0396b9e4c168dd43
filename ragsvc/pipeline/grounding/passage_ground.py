"""What the passages of an answer say, sentence by sentence, and which of it is cited."""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Set
from functools import cached_property

from ragsvc.domain import Hit, Span
from ragsvc.pipeline.grounding.citations import bare, best_of, words_of
from ragsvc.pipeline.grounding.lexicon import plainly
from ragsvc.pipeline.grounding.number_rules import PassageFacts
from ragsvc.pipeline.grounding.parsed_sentence import terms_of
from ragsvc.pipeline.grounding.rows import row_readings
from ragsvc.pipeline.grounding.semantic_match import PassagePart
from ragsvc.pipeline.grounding.support_rules import SupportRules, answers, asks
from ragsvc.protocols import Analyser
from ragsvc.text.sentences import sentences

HELD_SHARE = 0.6
"""A sentence is supported when a text holds at least this share of its content words.

Less would pass sentences that only share a topic with the text; more would fail fair rewordings.
"""


class PassageGround:
    """What one passage says; worked out when it is first needed."""

    def __init__(self, hit: Hit, analyser: Analyser) -> None:
        self._passage = hit.passage
        self._analyser = analyser

    @cached_property
    def spans(self) -> list[Span]:
        """Its sentences; all of its text when there are none."""
        text = self._passage.text
        return sentences(text) or [Span(0, len(text))]

    @cached_property
    def _readings(self) -> dict[int, str]:
        # With an end: a cell such as "Reversible?" asks nothing.
        return {start: plainly(f"{reading}.") for start, reading in row_readings(self._passage).items()}

    @cached_property
    def said(self) -> list[str]:
        """What each of them says: the cells of a table's row mean nothing without their columns."""
        return [plainly(self._readings.get(span.start) or self.text_of(span)) for span in self.spans]

    @cached_property
    def _questions(self) -> list[bool]:
        return [asks(said) for said in self.said]

    @cached_property
    def _words(self) -> list[Set[str]]:
        return [words_of(said) for said in self.said]

    @cached_property
    def _terms(self) -> list[Set[str]]:
        return [terms_of(said, self._analyser) for said in self.said]

    @cached_property
    def all_terms(self) -> Set[str]:
        """Terms of the text, of the title and of the headings over it."""
        around = terms_of("\n".join((self._passage.title, *self._passage.headings)), self._analyser)
        return frozenset(around).union(*self._terms)

    @cached_property
    def stated(self) -> PassageFacts:
        """What it states, in rows of tables and elsewhere."""
        passage = self._passage
        plain = [
            said for span, said in zip(self.spans, self.said, strict=True) if span.start not in self._readings
        ]
        around = (passage.title, *passage.headings)
        return PassageFacts([*around, *plain], list(self._readings.values()), self._analyser)

    def closest(self, sentence: str, terms: Set[str]) -> tuple[Span, Set[str]]:
        """The span that bears out most of a sentence, and the terms that it holds.

        The sentence of the passage with most words in common, or two neighbouring ones where that one
        does not hold enough. A question bears out nothing without its answer.
        """
        asking = asks(sentence)
        mute = [question and not asking for question in self._questions]
        place = best_of(
            sentence, [set() if no else words for no, words in zip(mute, self._words, strict=True)]
        )
        if place is not None and (enough(terms, self._terms[place]) or len(self.spans) == 1):
            return self.spans[place], self._terms[place]
        both = [first for first in range(len(self.spans) - 1) if self._bears(first, sentence, terms)]
        first = max(both, key=lambda at: len(terms & (self._terms[at] | self._terms[at + 1])), default=None)
        if first is not None and enough(terms, found := self._terms[first] | self._terms[first + 1]):
            return Span(self.spans[first].start, self.spans[first + 1].end), found
        if place is None:
            return Span(0, len(self._passage.text)), frozenset()
        return self.spans[place], self._terms[place]

    def _bears(self, first: int, sentence: str, terms: Set[str]) -> bool:
        """Whether two neighbours may bear out a sentence together."""
        if asks(sentence):
            return True
        if self._questions[first + 1]:
            return False
        question, answer = self.said[first : first + 2]
        return not self._questions[first] or answers(
            answer, question, sentence, terms & self._terms[first + 1]
        )

    @cached_property
    def objections(self) -> SupportRules:
        """What it may raise against a sentence."""
        return SupportRules(self.said, self._analyser)

    def places(self, number: int, sentence: str, terms: Set[str]) -> list[PassagePart]:
        """Its sentences, and each two neighbours, that may bear out a sentence with these terms."""
        one = [
            PassagePart(number, span, said, terms)
            for span, said, terms in zip(self.spans, self.said, self._terms, strict=True)
        ]
        both = [
            PassagePart(number, Span(a.span.start, b.span.end), f"{a.text} {b.text}", a.terms | b.terms)
            for first, (a, b) in enumerate(itertools.pairwise(one))
            if self._bears(first, sentence, terms)
        ]
        asking = asks(sentence)
        return [
            place for place, question in zip(one, self._questions, strict=True) if asking or not question
        ] + both

    def reading(self, span: Span) -> str:
        """What a part of its text says."""
        return next(
            (said for own, said in zip(self.spans, self.said, strict=True) if own == span), self.text_of(span)
        )

    def text_of(self, span: Span) -> str:
        """A part of its text."""
        return self._passage.text[span.start : span.end]


class CitedSpans:
    """Chooses what of some passages is cited for the sentences of one answer."""

    def __init__(self, passages: Sequence[Hit], analyser: Analyser) -> None:
        self._grounds = [PassageGround(hit, analyser) for hit in passages]
        self._analyser = analyser

    def choose(self, number: int, sentence: str) -> Span:
        """The span of a passage's text that is cited for a sentence."""
        return self._grounds[number - 1].closest(sentence, set(self._analyser.terms(sentence)))[0]

    def holds(self, quotes: Sequence[str], sentence: str) -> bool:
        """Whether quotes hold enough of the terms of a sentence."""
        return enough(set(self._analyser.terms(bare(sentence))), terms_of("\n".join(quotes), self._analyser))


def enough(terms: Set[str], held: Set[str]) -> bool:
    """Whether a text with these terms holds `HELD_SHARE` of the terms of a sentence."""
    return len(terms & held) >= HELD_SHARE * len(terms)
