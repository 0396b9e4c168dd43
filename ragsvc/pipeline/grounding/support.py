"""Whether passages bear out the sentences of an answer, and which of their words do."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from ragsvc.domain import Hit, Span
from ragsvc.pipeline.grounding.citations import ANY_MARKER, best_of, words_of
from ragsvc.pipeline.grounding.lexicon import plainly
from ragsvc.pipeline.grounding.number_rules import PassageFacts, names_known, numbers_of
from ragsvc.pipeline.grounding.parsed_sentence import terms_of
from ragsvc.pipeline.grounding.readable_text import readable
from ragsvc.pipeline.grounding.rows import row_readings
from ragsvc.pipeline.grounding.semantic_match import KNOWN_SHARE, PassagePart, SemanticMatch
from ragsvc.pipeline.grounding.support_rules import SupportRules, answers, asks, is_courtesy, objected
from ragsvc.protocols import Analyser
from ragsvc.text.sentences import sentences

HELD_SHARE = 0.6
"""A sentence is supported when a text holds at least this share of its content words.

Less would pass sentences that only share a topic with the text; more would fail fair rewordings.
"""
HEADING = re.compile(r"\s*#{1,6}\s")
BLANK_LINE = re.compile(r"\n[ \t]*\n")

# "According to passage [1]" is said of the answer, not of the world.
_REFERENCE = re.compile(r"\b(?:passages?|sources?|documents?)\s+(?:\d+(?!\w))?", re.IGNORECASE)

_Spans: TypeAlias = tuple[tuple[int, Span], ...]


class SupportState(StrEnum):
    """How a sentence of an answer stands. Nothing is claimed by a heading, or without words of content."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NOTHING_CLAIMED = "nothing claimed"


@dataclass(frozen=True, slots=True)
class SupportVerdict:
    """How a sentence stands; spans: passage numbers with the part of their text that comes closest."""

    standing: SupportState
    spans: _Spans = ()


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A sentence without what it says of passages, as it stands but for its markers, and its terms."""

    sentence: str
    whole: str
    terms: Set[str]


class SupportCheck:
    """Holds the sentences of one answer against its passages."""

    def __init__(
        self, passages: Sequence[Hit], analyser: Analyser, nearness: SemanticMatch | None = None
    ) -> None:
        """Take the passages; without nearness, words alone decide."""
        self._grounds = [PassageGround(hit, analyser) for hit in passages]
        self._analyser = analyser
        self._nearness = nearness

    def verdict(self, sentence: str, numbers: Sequence[int]) -> SupportVerdict:
        """Judge one sentence by the passages of its markers together, or by any one when it has none.

        Supported are sentences of which at least `HELD_SHARE` of the distinct terms stand in the closest
        spans, and every number and every name in the passages, and to which these do not object
        (`objections`). Where fewer terms do, a span that means about the same (`nearness`) may stand for
        them.

        :param sentence: with or without its markers. numbers: of passages, from 1.
        """
        if HEADING.match(sentence):
            return SupportVerdict(SupportState.NOTHING_CLAIMED)
        whole = plainly(readable(bare(sentence)))
        if is_courtesy(whole):
            return SupportVerdict(SupportState.NOTHING_CLAIMED)
        sentence = _REFERENCE.sub(" ", whole)
        terms = set(self._analyser.terms(sentence))
        if not terms:
            words = words_of(sentence)
            held = words <= {word for number in numbers for word in self._said(sentence, number)}
            return SupportVerdict(SupportState.SUPPORTED if words and held else SupportState.NOTHING_CLAIMED)
        asked = _Asked(sentence, whole, terms)
        if numbers:
            verdict = self._together(asked, numbers)
            if verdict.standing is SupportState.SUPPORTED:
                return verdict
            return self._by_sense(asked, [numbers]) or verdict
        alone = [(number,) for number in range(1, len(self._grounds) + 1)]
        for number in alone:
            if (verdict := self._together(asked, number)).standing is SupportState.SUPPORTED:
                return verdict
        return self._by_sense(asked, alone) or SupportVerdict(SupportState.UNSUPPORTED)

    def choose(self, number: int, sentence: str) -> Span:
        """The span of a passage's text that is cited for a sentence."""
        return self._grounds[number - 1].closest(sentence, set(self._analyser.terms(sentence)))[0]

    def holds(self, quotes: Sequence[str], sentence: str) -> bool:
        """Whether quotes hold enough of the terms of a sentence."""
        return enough(set(self._analyser.terms(bare(sentence))), terms_of("\n".join(quotes), self._analyser))

    def _together(self, asked: _Asked, numbers: Sequence[int]) -> SupportVerdict:
        spans, held = self._closest(asked, numbers)
        stands = held and self._is_known(asked, numbers) and not self._objected(asked, spans)
        return SupportVerdict(SupportState.SUPPORTED if stands else SupportState.UNSUPPORTED, spans)

    def _closest(self, asked: _Asked, numbers: Sequence[int]) -> tuple[_Spans, bool]:
        """What comes closest in each passage, and whether it holds enough."""
        closest = [self._grounds[number - 1].closest(asked.sentence, asked.terms) for number in numbers]
        spans = tuple((number, span) for number, (span, _) in zip(numbers, closest, strict=True))
        return spans, enough(asked.terms, frozenset[str]().union(*(found for _, found in closest)))

    def _by_sense(self, asked: _Asked, groups: Iterable[Sequence[int]]) -> SupportVerdict | None:
        """Supported by what means about the same where too few words are held; None: there is no such thing.

        :param groups: numbers of passages that count together.
        """
        if self._nearness is None:
            return None
        places = [
            place
            for numbers in groups
            if self._holds_some(asked.terms, numbers)
            and self._is_known(asked, numbers)
            and not self._closest(asked, numbers)[1]
            for number in numbers
            for place in self._grounds[number - 1].places(number, asked.sentence, asked.terms)
        ]
        for place in self._nearness.near(asked.whole, asked.terms, places):
            spans = ((place.number, place.span),)
            if not self._objected(asked, spans):
                return SupportVerdict(SupportState.SUPPORTED, spans)
        return None

    def _holds_some(self, terms: Set[str], numbers: Sequence[int]) -> bool:
        known = frozenset[str]().union(*(self._grounds[number - 1].all_terms for number in numbers))
        return len(terms & known) >= KNOWN_SHARE * len(terms)

    def _is_known(self, asked: _Asked, numbers: Sequence[int]) -> bool:
        """Whether passages have every number and every name."""
        said = numbers_of(asked.sentence)
        grounds = [self._grounds[number - 1] for number in numbers]
        facts = [ground.stated.for_sentence(asked.terms, said) for ground in grounds]
        known = frozenset[str]().union(*(terms for terms, _ in facts))
        if not said <= frozenset[str]().union(*(stated for _, stated in facts)):
            return False
        if asked.sentence.lstrip().startswith("|"):
            # What is in none of these rows may be the writer's word for it, but not what is in others.
            return not any(asked.terms & ground.all_terms - known for ground in grounds)
        return names_known(asked.sentence, known, self._analyser)

    def _objected(self, asked: _Asked, spans: _Spans) -> bool:
        grounds = [self._grounds[number - 1] for number, _ in spans]
        texts = [ground.reading(span) for ground, (_, span) in zip(grounds, spans, strict=True)]
        closest = max(texts, key=lambda text: len(asked.terms & terms_of(text, self._analyser)))
        passages = [ground.objections for ground in grounds]
        return objected(asked.whole, closest, asked.terms, passages, self._analyser)

    def _said(self, sentence: str, number: int) -> Set[str]:
        ground = self._grounds[number - 1]
        span = ground.closest(sentence, frozenset())[0]
        return words_of(ground.text_of(span))


def bare(text: str) -> str:
    """A text with blanks in place of its markers: offsets stay, and a sentence may go on after a marker."""
    return ANY_MARKER.sub(lambda marker: " " * len(marker.group(0)), text)


def enough(terms: Set[str], held: Set[str]) -> bool:
    """Whether a text with these terms holds `HELD_SHARE` of the terms of a sentence."""
    return len(terms & held) >= HELD_SHARE * len(terms)
