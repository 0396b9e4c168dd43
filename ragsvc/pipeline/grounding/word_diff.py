"""What was changed of a text in a sentence that is nearly the same, word for word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations, islice

from ragsvc.pipeline.grounding.lexicon import NO_DENIAL

# So much of a sentence must be the text's own words, and so much of it in their order.
NEARLY = 0.7
IN_ORDER = 0.5
# With two of its words in each other's place, so much of a sentence is in the text's order, and so many more.
_IN_ORDER_AGAIN = 0.8
_MORE_IN_ORDER = 2
# Longer ones are lists and tables, and comparing takes the time of their product.
MOST_WORDS = 80
MOST_OF_TEXT = 400
_MOST_PAIRS = 40
# More words than these in the place of others are another wording, not one word more or less.
_SHORT = 3
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "professor", "sir"})
_SUBJECTS = frozenset(
    {",", "it", "he", "she", "they", "we", "you", "i", "there", "this", "these", "the", "a"}
)
_DETERMINERS = frozenset(
    {"the", "a", "an", "this", "these", "our", "your", "their", "its", "his", "her", "my"}
)
# A negation beside one of these is another one: "not always", "if not".
_OF_ANOTHER_KIND = NO_DENIAL | {"if"}


@dataclass(frozen=True, slots=True)
class WordChange:
    """Words of a sentence in the place of words of a text; either may be none. first: it begins so."""

    said: tuple[str, ...]
    read: tuple[str, ...]
    first: bool = False


def changes(sentence: Sequence[str], text: Sequence[str]) -> list[WordChange] | None:
    """Between a sentence and a text, in small letters; None: they are not nearly the same, or too long.

    What the text has before the first and after the last word in common is no change: a part may be quoted.
    """
    if len(sentence) > MOST_WORDS or len(text) > MOST_OF_TEXT:
        return None
    matcher = SequenceMatcher(None, sentence, text, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    known = sum((Counter(sentence) & Counter(text)).values())
    if not same or same < IN_ORDER * len(sentence) or known < NEARLY * len(sentence):
        return None
    return [
        WordChange(tuple(sentence[a:b]), tuple(text[c:d]), a == 0)
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal" and not (a == b and a in {0, len(sentence)})
    ]


def swapped(sentence: Sequence[str], text: Sequence[str], words: Set[str]) -> bool:
    """Whether a sentence is in the text's order but for two words, each in the place of the other.

    :param words: those that carry content.
    """
    if sum((Counter(sentence) & Counter(text)).values()) < _IN_ORDER_AGAIN * len(sentence):
        return False
    once = [word for word in sentence if word in words and sentence.count(word) == text.count(word) == 1]
    before = _in_order(sentence, text)
    inverted = (
        pair
        for pair in combinations(once, 2)
        if text.index(pair[0]) > text.index(pair[1])
        and not words.isdisjoint(sentence[sentence.index(pair[0]) + 1 : sentence.index(pair[1])])
    )
    for one, other in islice(inverted, _MOST_PAIRS):
        place = {one: other, other: one}
        after = _in_order([place.get(word, word) for word in sentence], text)
        if after >= max(before + _MORE_IN_ORDER, _IN_ORDER_AGAIN * len(sentence)):
            return True
    return False


def _in_order(sentence: Sequence[str], text: Sequence[str]) -> int:
    matcher = SequenceMatcher(None, sentence, text, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def turned(found: Sequence[WordChange], negations: Set[str]) -> bool:
    """Whether a negation came in or went out, all in all."""
    said = sum(word in negations for change in found for word in change.said)
    read = sum(word in negations for change in found for word in change.read)
    return (said - read) % 2 == 1 and any(
        not negations.isdisjoint(change.said + change.read)
        and _OF_ANOTHER_KIND.isdisjoint(change.said + change.read)
        and len(change.said) + len(change.read) <= _SHORT
        for change in found
    )


def exchanged(found: Sequence[WordChange]) -> bool:
    """Whether two parts have changed places.

    :param found: with the words that carry content, as terms.
    """
    both = [change for change in found if change.said and change.read]
    return any(
        set(one.said) & set(other.read) and set(other.said) & set(one.read)
        for one, other in combinations(both, 2)
    )


def renamed(found: Sequence[WordChange], names: Set[str]) -> bool:
    """Whether a name stands where the text has another one.

    :param found: with the words that carry content, as terms. names: terms of names.
    """
    said = {word for change in found for word in change.said}
    read = {word for change in found for word in change.read}
    return any(
        change.said
        and change.read
        and len(change.said) + len(change.read) <= 2 * _SHORT
        and set(change.said) <= names
        and not names.isdisjoint(change.read)
        and not set(change.said) & read
        and not set(change.read) & said
        and not _abbreviates(change.said, change.read)
        for change in found
    )


def subject_renamed(
    found: Sequence[WordChange], term_of: Mapping[str, str], names: Set[str], following: str
) -> bool:
    """Whether a sentence begins with another word or some where the text ends its first part with a name.

    :param found: between the two, in small letters. term_of: what carries content, as terms. names: terms of
        the names of the text. following: the word or sign of the sentence after the first change.
    """
    # At the beginning of a sentence a capital tells nothing of a word.
    if not found or not found[0].first or len(found[0].said) > _SHORT:
        return False
    said, read = found[0].said, found[0].read
    # "In June" or "Otherwise" before a subject is none itself.
    if not said or said[0] not in term_of or not said[0].isalpha() or following in _SUBJECTS:
        return False
    if not _DETERMINERS.isdisjoint(said) or not _TITLES.isdisjoint(said):
        return False
    terms = [term_of[word] for word in said if word in term_of]
    last = term_of.get(read[-1], "") if read else ""
    return (
        bool(terms)
        and last in names
        and not any(
            term in names or _abbreviates((term,), (term_of.get(word, word),))
            for term in terms
            for word in read
        )
    )


def _abbreviates(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether one is the first letters of the other, or the beginning of its word."""
    short, long = sorted(("".join(one), "".join(other)), key=len)
    initials = "".join(word[0] for word in max(one, other, key=len))
    return long.startswith(short) or short == initials
