"""Whether the numbers of a sentence stand in its passages where the rest of the sentence does."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from ragsvc.pipeline.grounding.citations import words_of
from ragsvc.pipeline.grounding.lexicon import MEASURES, SPELT
from ragsvc.pipeline.grounding.parsed_sentence import NUMBER, ParsedSentence, terms_of
from ragsvc.pipeline.grounding.readable_text import readable
from ragsvc.protocols import Analyser

_GROUPED = re.compile(r",(?=\d{3}(?!\d))")
# Of the other words of a sentence, so much more must stand with other numbers than with its own.
_MARGIN = 0.2
# And of the words next to its number at most so many may stand with it.
_NEAR_SHARE = 0.4
_AROUND = 3
# A date line, or a heading: it has hardly more than numbers and names.
_BYLINE_WORDS = 1
# A capital somewhere, and no stop sign right before: the first word of a sentence has one anyway.
_NAME = re.compile(r"(?<=[\w,;)\]’'\"] )[^\W\d_]*[A-ZÀ-ÖØ-Þ][\w'’-]*")


def misplaced(sentence: ParsedSentence, texts: Sequence[ParsedSentence]) -> bool:
    """Whether a number is one of other sentences of the passages than those that the sentence repeats.

    :param texts: the sentences of the passages.
    """
    numbers = sentence.numbers
    rest = sentence.terms - numbers
    if not rest:
        return False
    for place, word in enumerate(sentence.words):
        if word.term not in numbers:
            continue
        holding = [text for text in texts if word.term in text.terms]
        others = [text for text in texts if word.term not in text.terms and text.numbers - numbers]
        if not holding or not others or any(map(_is_byline, holding)):
            continue
        before, after = sentence.sides(place, _AROUND)
        near = (before | after) - {word.term}
        beside = max(len(near & text.terms) for text in holding)
        own = max(len(rest & text.terms) for text in holding)
        other = max(len(rest & text.terms) for text in others)
        if other >= own + _MARGIN * len(rest) and beside <= _NEAR_SHARE * len(near):
            return True
    return False


def miscounted(sentence: ParsedSentence, closest: ParsedSentence, texts: Sequence[ParsedSentence]) -> bool:
    """Whether the closest text has other numbers before a word, and no text has this one before it.

    Or another measure after the number: "5 weeks" for "5 months", "5 EUR a week" for "5 EUR a night".
    """
    known = {pair for text in texts for pair in text.counted}
    fresh = [pair for pair in sentence.counted if pair[1] and pair not in known]
    paces = {pace for text in texts for pace in text.paces}
    if any(
        pace not in paces and any(pace[0] == number for number, _ in closest.paces) for pace in sentence.paces
    ):
        return True
    numbers = {number for number, _ in closest.counted}
    return any(
        _is_ordinal(number) == _is_ordinal(other)
        and (
            (named == noun and number not in numbers)
            or (number == other and named != noun and {named, noun} <= MEASURES)
        )
        for number, named in fresh
        for other, noun in closest.counted
    )


def _is_ordinal(number: str) -> bool:
    return number.endswith("th")


def _is_byline(text: ParsedSentence) -> bool:
    plain = sum(bool(word.term) and word.text.isalpha() and not word.capital for word in text.words[1:])
    return plain <= _BYLINE_WORDS


def numbers_of(text: str) -> Set[str]:
    """Numbers in digits, without the commas of thousands."""
    found = NUMBER.findall(unicodedata.normalize("NFKC", text))
    return {_GROUPED.sub("", number) for number in found}


def names_known(sentence: str, known: Set[str], analyser: Analyser) -> bool:
    """Whether terms hold each name of a sentence, whole or in parts.

    One letter is a piece of "U.S." or an initial.
    """
    return all(
        any(
            # "CNN" is known where "CNNs" is.
            all(len(term) == 1 or term in known or f"{term}s" in known for term in analyser.terms(text))
            for text in (name, name.replace("-", " "))
        )
        for name in _NAME.findall(sentence)
    )


@dataclass(frozen=True, slots=True)
class _Cell:
    """name: terms of its column's name. shape: its text with a sign in the place of each number."""

    name: Set[str]
    numbers: Set[str]
    shape: str


class _Row:
    """What a row of a table says, by its reading "column: cell; column: cell"; the first cell is its key."""

    def __init__(self, reading: str, analyser: Analyser) -> None:
        self.terms: Set[str] = frozenset(analyser.terms(reading))
        self.numbers = numbers_of(reading)
        self.plain = self.terms - self.numbers
        parts = [part.rpartition(": ") for part in reading.removesuffix(".").split("; ")]
        self.key: Set[str] = frozenset(analyser.terms(parts[0][2]))
        self._cells = [
            _Cell(frozenset(analyser.terms(name)), numbers_of(text), NUMBER.sub("#", text).casefold())
            for name, _, text in parts[1:]
        ]

    def crosses(self, terms: Set[str], numbers: Set[str], number: str) -> bool:
        """Whether a number is in one column and a sentence names another that has the like of it.

        :param terms: of the sentence, with these numbers.
        """
        holding = [cell for cell in self._cells if number in cell.numbers]
        return bool(holding) and all(
            any(
                other.shape == cell.shape
                and not other.numbers & numbers
                and terms & (other.name - cell.name)
                and not terms & (cell.name - other.name)
                for other in self._cells
            )
            for cell in holding
        )


class PassageFacts:
    """The terms and numbers of a passage, apart for each row of its tables."""

    def __init__(self, lines: Sequence[str], rows: Sequence[str], analyser: Analyser) -> None:
        """Take all that is no row, its title and headings too, and the readings of the rows."""
        text = "\n".join(lines)
        spelt = {SPELT[word] for line in (*lines, *rows) for word in words_of(line) & SPELT.keys()}
        self._terms = frozenset(terms_of(text, analyser)).union(*(terms_of(line, analyser) for line in lines))
        self._numbers = frozenset(numbers_of(f"{text}\n{readable(text)}") | spelt)
        self._rows = [_Row(row, analyser) for row in rows]
        self._keys = Counter(term for row in self._rows for term in row.key)

    def for_sentence(self, terms: Set[str], numbers: Set[str]) -> tuple[Set[str], Set[str]]:
        """The terms and the numbers that it may bear out of a sentence with these.

        Of the rows only those count that the sentence is about, and a number of them only when it is not in
        another column than the sentence names.
        """
        rows = self._meant(terms)
        found = {
            number
            for row in rows
            for number in row.numbers
            if number not in numbers or not row.crosses(terms, numbers, number)
        }
        return self._terms.union(*(row.terms for row in rows)), self._numbers | found

    def _meant(self, terms: Set[str]) -> list[_Row]:
        """The rows whose keys a sentence names, and those with which it shares most words."""
        named = [
            row
            for row in self._rows
            if row.key <= terms or any(self._keys[term] == 1 for term in row.key & terms)
        ]
        shared = [len(terms & row.plain) for row in self._rows]
        most = max(shared, default=0)
        if any(len(terms & row.plain) == most for row in named):
            return named
        return named + [row for row, count in zip(self._rows, shared, strict=True) if count == most]
