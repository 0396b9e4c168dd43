"""Whether passages bear out the sentences of an answer, and which of their words do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ragsvc.domain import Hit, Span
from ragsvc.pipeline.extractive import readable
from ragsvc.pipeline.markers import ANY_MARKER, best_of, words_of
from ragsvc.pipeline.objections import Objections, objected
from ragsvc.pipeline.rows import row_readings
from ragsvc.protocols import Analyser
from ragsvc.text.sentences import sentences

HELD_SHARE = 0.6
"""A sentence is supported when a text holds at least this share of its content words.

Less would pass sentences that only share a topic with the text; more would fail fair rewordings.
"""
HEADING = re.compile(r"\s*#{1,6}\s")
BLANK_LINE = re.compile(r"\n[ \t]*\n")

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_GROUPED = re.compile(r",(?=\d{3}(?!\d))")
_SPELT = {
    word: str(number)
    for number, word in enumerate(
        (
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
}
# "According to passage [1]" is said of the answer, not of the world.
_REFERENCE = re.compile(r"\b(?:passages?|sources?|documents?)\s+(?:\d+(?!\w))?", re.IGNORECASE)
# A capital somewhere, and no stop sign right before: the first word of a sentence has one anyway.
_NAME = re.compile(r"(?<=[\w,;)\]’'\"] )[^\W\d_]*[A-ZÀ-ÖØ-Þ][\w'’-]*")


class Standing(StrEnum):
    """How a sentence of an answer stands. Nothing is claimed by a heading, or without words of content."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NOTHING_CLAIMED = "nothing claimed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a sentence stands; spans: passage numbers with the part of their text that comes closest."""

    standing: Standing
    spans: tuple[tuple[int, Span], ...] = ()


class Ground:
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
    def said(self) -> list[str]:
        """What each of them says: the cells of a table's row mean nothing without their columns."""
        readings = row_readings(self._passage)
        return [readings.get(span.start) or self.text_of(span) for span in self.spans]

    @cached_property
    def _words(self) -> list[Set[str]]:
        return [words_of(said) for said in self.said]

    @cached_property
    def _terms(self) -> list[Set[str]]:
        return [terms_of(said, self._analyser) for said in self.said]

    @cached_property
    def all_terms(self) -> Set[str]:
        """Terms of the text, of the title and of the headings over it."""
        passage = self._passage
        around = terms_of("\n".join((passage.title, *passage.headings)), self._analyser)
        return frozenset(around).union(*self._terms)

    @cached_property
    def numbers(self) -> Set[str]:
        """Numbers of the text, of the title and of the headings, also those written as words."""
        passage = self._passage
        text = "\n".join((passage.title, *passage.headings, passage.text))
        return numbers_of(f"{text}\n{readable(text)}") | {
            _SPELT[word] for word in words_of(text) & _SPELT.keys()
        }

    def closest(self, sentence: str, terms: Set[str]) -> tuple[Span, Set[str]]:
        """The span that bears out most of a sentence, and the terms that it holds.

        The sentence of the passage with most words in common, or two neighbouring ones where that one
        does not hold enough.
        """
        place = best_of(sentence, self._words)
        if place is None:
            return Span(0, len(self._passage.text)), frozenset()
        if enough(terms, self._terms[place]) or len(self.spans) == 1:
            return self.spans[place], self._terms[place]
        pairs = [self._terms[first] | self._terms[first + 1] for first in range(len(self.spans) - 1)]
        first = max(range(len(pairs)), key=lambda at: len(terms & pairs[at]))
        if not enough(terms, pairs[first]):
            return self.spans[place], self._terms[place]
        return Span(self.spans[first].start, self.spans[first + 1].end), pairs[first]

    @cached_property
    def objections(self) -> Objections:
        """What it may raise against a sentence."""
        return Objections(self.said, self._analyser)

    def reading(self, span: Span) -> str:
        """What a part of its text says."""
        return next(
            (said for own, said in zip(self.spans, self.said, strict=True) if own == span), self.text_of(span)
        )

    def text_of(self, span: Span) -> str:
        """A part of its text."""
        return self._passage.text[span.start : span.end]


class Support:
    """Holds the sentences of one answer against its passages."""

    def __init__(self, passages: Sequence[Hit], analyser: Analyser) -> None:
        self._grounds = [Ground(hit, analyser) for hit in passages]
        self._analyser = analyser

    def verdict(self, sentence: str, numbers: Sequence[int]) -> Verdict:
        """Judge one sentence by the passages of its markers together, or by any one when it has none.

        Supported are sentences of which at least `HELD_SHARE` of the distinct terms stand in the closest
        spans, and every number and every name in the passages, and to which these do not object
        (`objections`). Only words are compared, not what they mean.

        :param sentence: with or without its markers. numbers: of passages, from 1.
        """
        if HEADING.match(sentence):
            return Verdict(Standing.NOTHING_CLAIMED)
        whole = readable(bare(sentence))
        sentence = _REFERENCE.sub(" ", whole)
        terms = set(self._analyser.terms(sentence))
        if not terms:
            words = words_of(sentence)
            held = words <= {word for number in numbers for word in self._said(sentence, number)}
            return Verdict(Standing.SUPPORTED if words and held else Standing.NOTHING_CLAIMED)
        if numbers:
            return self._together(sentence, whole, terms, numbers)
        alone = ([number] for number in range(1, len(self._grounds) + 1))
        verdicts = [self._together(sentence, whole, terms, number) for number in alone]
        supported = [verdict for verdict in verdicts if verdict.standing is Standing.SUPPORTED]
        return supported[0] if supported else Verdict(Standing.UNSUPPORTED)

    def choose(self, number: int, sentence: str) -> Span:
        """The span of a passage's text that is cited for a sentence."""
        return self._grounds[number - 1].closest(sentence, set(self._analyser.terms(sentence)))[0]

    def holds(self, quotes: Sequence[str], sentence: str) -> bool:
        """Whether quotes hold enough of the terms of a sentence."""
        return enough(set(self._analyser.terms(bare(sentence))), terms_of("\n".join(quotes), self._analyser))

    def _together(self, sentence: str, whole: str, terms: Set[str], numbers: Sequence[int]) -> Verdict:
        grounds = [self._grounds[number - 1] for number in numbers]
        closest = [ground.closest(sentence, terms) for ground in grounds]
        spans = tuple((number, span) for number, (span, _) in zip(numbers, closest, strict=True))
        held = enough(terms, frozenset[str]().union(*(found for _, found in closest)))
        stated = frozenset[str]().union(*(ground.numbers for ground in grounds))
        known = frozenset[str]().union(*(ground.all_terms for ground in grounds))
        right = numbers_of(sentence) <= stated and self._names(sentence) <= known
        stands = held and right and not self._objected(whole, terms, spans)
        return Verdict(Standing.SUPPORTED if stands else Standing.UNSUPPORTED, spans)

    def _objected(self, sentence: str, terms: Set[str], spans: Sequence[tuple[int, Span]]) -> bool:
        grounds = [self._grounds[number - 1] for number, _ in spans]
        texts = [ground.reading(span) for ground, (_, span) in zip(grounds, spans, strict=True)]
        closest = max(texts, key=lambda text: len(terms & terms_of(text, self._analyser)))
        passages = [ground.objections for ground in grounds]
        return objected(sentence, closest, terms, passages, self._analyser)

    def _names(self, sentence: str) -> Set[str]:
        return set(self._analyser.terms(" ".join(_NAME.findall(sentence))))

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


def terms_of(text: str, analyser: Analyser) -> Set[str]:
    """Terms of a text as it stands and as it reads without its marks of emphasis and links."""
    return {*analyser.terms(text), *analyser.terms(readable(text))}


def numbers_of(text: str) -> Set[str]:
    """Numbers in digits, without the commas of thousands."""
    found = _NUMBER.findall(unicodedata.normalize("NFKC", text))
    return {_GROUPED.sub("", number) for number in found}
