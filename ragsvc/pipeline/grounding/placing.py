"""Whether the numbers of a sentence stand in its passages where the rest of the sentence does."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.pipeline.grounding.opposites import MEASURES
from ragsvc.pipeline.grounding.said import Said

# Of the other words of a sentence, so much more must stand with other numbers than with its own.
_MARGIN = 0.2
# And of the words next to its number at most so many may stand with it.
_NEAR_SHARE = 0.4
_AROUND = 3
# A date line, or a heading: it has hardly more than numbers and names.
_BYLINE_WORDS = 1


def misplaced(sentence: Said, texts: Sequence[Said]) -> bool:
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


def miscounted(sentence: Said, closest: Said, texts: Sequence[Said]) -> bool:
    """Whether the closest text has other numbers before a word, and no text has this one before it.

    Or another measure after the number: "5 weeks" for "5 months".
    """
    known = {pair for text in texts for pair in text.counted}
    fresh = [pair for pair in sentence.counted if pair[1] and pair not in known]
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


def _is_byline(text: Said) -> bool:
    plain = sum(bool(word.term) and word.text.isalpha() and not word.capital for word in text.words[1:])
    return plain <= _BYLINE_WORDS
