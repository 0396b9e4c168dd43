"""Whether a sentence says the contrary of a text that has its words.

English only, by lists of words, and of two texts at a time: in doubt nothing is contradicted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set

from ragsvc.pipeline.grounding.enumerations import in_order_of
from ragsvc.pipeline.grounding.lexicon import COMPARING, MODALS, MUTUAL, SLIPPERY, STRONG, WEAKER
from ragsvc.pipeline.grounding.parsed_sentence import Denial, ParsedSentence, signs_of
from ragsvc.pipeline.grounding.word_diff import (
    WordChange,
    changes,
    exchanged,
    renamed,
    subject_renamed,
    swapped,
    turned,
)

# Of the words that a text denies, so many must be in a sentence that affirms them.
_DENIED_SHARE = 0.6
# How many words of content before and after an opposite are its surroundings.
_AROUND = 3
# And around "before" and "after", which join whole clauses.
_AROUND_TIMES = 12
_PREFIX = re.compile(r"(?:un|non-?|dis|in|im|ir)(?=\w{4})")
_ANSWERS = frozenset({"yes", "no"})
_PARTS = frozenset({",", ";", ".", "and", "but", "while", "whereas"})
_TIMES = frozenset({"before", "after"})
_WORD = re.compile(r"\w")


def contradicts(sentence: ParsedSentence, text: ParsedSentence, names: Set[str] = frozenset()) -> bool:
    """Whether a sentence says the contrary of a text that holds most of its words.

    :param names: terms that are names elsewhere in the passages.
    """
    if sentence.untrue is not None and text.untrue is None:
        return not contradicts(sentence.untrue, text, names)
    return (
        denies(sentence, text)
        or affirms(sentence, text)
        or opposes(sentence, text)
        or overstates(sentence, text)
        or alters(sentence, text, names)
    )


def denies(sentence: ParsedSentence, text: ParsedSentence) -> bool:
    """Whether a sentence denies what the text affirms."""
    for denial in sentence.denials:
        first = denial.terms[0]
        if (
            first in text.terms
            and first not in text.doubtful
            and not (sentence.denies_a_noun(denial) and first in text.denied_before)
            and not sentence.is_conditional(denial.place)
            and not _denied_too(denial, text)
            and not _prefixed(first, text)
        ):
            return True
    return False


def affirms(sentence: ParsedSentence, text: ParsedSentence) -> bool:
    """Whether a sentence affirms what the text denies."""
    for denial in text.denials:
        terms = set(denial.terms)
        held = terms & sentence.terms
        if (
            denial.terms[0] in held
            and len(held) >= _DENIED_SHARE * len(terms)
            and not held & (sentence.firmly_doubtful if held == terms else sentence.doubtful)
            and not text.is_conditional(denial.place)
            and not _affirmed_elsewhere(denial, text)
            and not _prefixed(denial.terms[0], sentence)
        ):
            return True
    return False


def opposes(sentence: ParsedSentence, text: ParsedSentence) -> bool:
    """Whether a sentence has the opposite of a word of the text, in the same surroundings."""
    for said, read in _opposed(sentence, text):
        near = [sentence.sides(place, _AROUND) for place in said]
        far = [text.sides(place, _AROUND) for place in read]
        if any((a | b) & (c | d) for a, b in near for c, d in far) and not any(
            _converse(sentence, text, ours, theirs) or not _of_a_kind(sentence, text, ours, theirs)
            for ours in said
            for theirs in read
        ):
            return True
    return False


def _opposed(sentence: ParsedSentence, text: ParsedSentence) -> Iterator[tuple[list[int], list[int]]]:
    """Places of the words of each pair of opposites that the two have in opposite senses alone."""
    ours, theirs = list(sentence.senses()), list(text.senses())
    for pair in {pair for pair, _, _ in ours} & {pair for pair, _, _ in theirs}:
        said = [(sign, place) for number, sign, place in ours if number == pair]
        read = [(sign, place) for number, sign, place in theirs if number == pair]
        if not {sign for sign, _ in said} & {sign for sign, _ in read}:
            yield [place for _, place in said], [place for _, place in read]


def _converse(sentence: ParsedSentence, text: ParsedSentence, ours: int, theirs: int) -> bool:
    """Whether opposites stand between the same two things in the other order: "A after B", "B before A"."""
    if not _mutual(sentence, ours) or not _mutual(text, theirs):
        return False
    before, after = _parties(sentence, ours)
    first, second = _parties(text, theirs)
    crossed, straight = (before & second, after & first), (before & first) | (after & second)
    return all(crossed) and len(crossed[0] | crossed[1]) >= len(straight)


def _mutual(text: ParsedSentence, place: int) -> bool:
    following = text.words[place + 1].text if place + 1 < len(text.words) else ""
    return text.words[place].text in MUTUAL or following in COMPARING


def _parties(text: ParsedSentence, place: int) -> tuple[Set[str], Set[str]]:
    """What stands before and after a word; "after A, B" is "B after A"."""
    words = [word.text for word in text.words]
    if words[place] not in _TIMES:
        return text.sides(place, _AROUND)
    if place == 0 and "," in words:
        before, after = text.sides(words.index(","), _AROUND_TIMES)
        return after, before
    return text.sides(place, _AROUND_TIMES)


def _of_a_kind(sentence: ParsedSentence, text: ParsedSentence, ours: int, theirs: int) -> bool:
    """Whether words of several senses, as "left", stand beside the same word; true of all others."""
    if sentence.words[ours].text not in SLIPPERY:
        return True
    return bool(_beside(sentence, ours) & _beside(text, theirs))


def _beside(text: ParsedSentence, place: int) -> Set[tuple[int, str]]:
    """The words right before and right after a place."""
    return {
        (side, text.words[place + side].text)
        for side in (-1, 1)
        if 0 <= place + side < len(text.words) and _WORD.match(text.words[place + side].text)
    }


def _evened(sentence: ParsedSentence, text: ParsedSentence) -> bool:
    """Whether an opposite stands in the place of a negation: "closed", "not open"."""
    theirs = {(pair, sign): text.words[place].text for pair, sign, place in text.senses()}
    return any(
        (pair, sign) in theirs and _raw(pair, word.text) == -_raw(pair, theirs[pair, sign])
        for pair, sign, place in sentence.senses()
        if (word := sentence.words[place])
    )


def _raw(pair: int, word: str) -> int:
    return next((sign for number, sign in signs_of(word) if number == pair), 0)


def overstates(sentence: ParsedSentence, text: ParsedSentence) -> bool:
    """Whether a sentence says "all", "always" or "must" where the text says "some", "often" or "may"."""
    if any(other.text in STRONG for other in text.words):
        return False
    for place, word in enumerate(sentence.words):
        if word.text not in STRONG or _forbids(sentence, place):
            continue
        modal = word.text in MODALS
        _, after = sentence.sides(place, 1)
        for at, other in enumerate(text.words):
            if (
                other.text in WEAKER
                and (other.text in MODALS) == modal
                and not _forbids(text, at)
                and after & text.sides(at, 1)[1]
            ):
                return True
    return False


def _forbids(text: ParsedSentence, place: int) -> bool:
    """Whether a modal is denied: "may not" forbids as "must not" does."""
    following = [word.text for word in text.words[place + 1 : place + 2]]
    return text.words[place].text in MODALS and not text.negations.isdisjoint(following)


def alters(sentence: ParsedSentence, text: ParsedSentence, known: Set[str] = frozenset()) -> bool:
    """Whether it is the text nearly word for word, but for a negation, a name or the places of two parts."""
    ours = [word for word in in_order_of(sentence.words, text.words) if _WORD.match(word.text)]
    theirs = [word for word in text.words if _WORD.match(word.text)]
    if len(ours) > 1 and ours[0].text in _ANSWERS and sentence.words[1].text == ",":
        ours = ours[1:]
    said, read = [word.text for word in ours], [word.text for word in theirs]
    found = changes(said, read)
    if not found:
        return False
    denied = turned(found, sentence.negations) and not _evened(sentence, text)
    if denied or any(
        _converse(sentence, text, one, other)
        for places, others in _opposed(sentence, text)
        for one in places
        for other in others
    ):
        return denied
    term_of = {word.text: word.term for word in (*ours, *theirs) if word.term}
    names = {word.term for word in (*ours, *theirs) if word.capital and word.term}
    content = [WordChange(_terms(change.said, term_of), _terms(change.read, term_of)) for change in found]
    passive = any(("by" in change.said) != ("by" in change.read) for change in found)
    if (
        not passive
        and not _same_facts(sentence, text)
        and (exchanged(content) or swapped(said, read, term_of.keys()))
    ):
        return True
    following = next((word.text for word in sentence.words[len(found[0].said) :]), "")
    called = known | {word.term for word in theirs if word.capital and word.term}
    return renamed(content, names) or subject_renamed(found, term_of, called, following)


def _terms(words: Sequence[str], term_of: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(term_of[word] for word in words if word in term_of)


def _same_facts(sentence: ParsedSentence, text: ParsedSentence) -> bool:
    """Whether its clauses, two or more, have the numbers and names of clauses of the text, in any order."""
    names = {word.term for word in (*sentence.words, *text.words) if word.capital}
    ours, theirs = _facts(sentence, names), _facts(text, names)
    return len(ours) > 1 and all(fact in theirs for fact in ours)


def _facts(text: ParsedSentence, names: Set[str]) -> list[tuple[Set[str], Set[str]]]:
    """The numbers and names of each clause that has both."""
    clauses: list[set[str]] = [set()]
    for word in text.words:
        if word.text in _PARTS:
            clauses.append(set())
        elif word.term:
            clauses[-1].add(word.term)
    found = [(clause & text.numbers, clause & names) for clause in clauses]
    # A clause with numbers alone belongs to another one: nothing is known.
    return (
        []
        if any(numbers and not called for numbers, called in found)
        else [fact for fact in found if fact[0]]
    )


def _denied_too(denial: Denial, text: ParsedSentence) -> bool:
    """Whether the text denies what comes with the first term of a denial: "not stored in plain text"."""
    rest = set(denial.terms[1:])
    return bool(rest) and any(rest <= set(other.terms) for other in text.denials)


def _affirmed_elsewhere(denial: Denial, text: ParsedSentence) -> bool:
    """Whether a text has what it denies outside of the reach of its negations as well."""
    first = denial.terms[0]
    count = sum(word.term == first for word in text.words)
    return count > sum(other.terms.count(first) for other in text.denials)


def _prefixed(term: str, text: ParsedSentence) -> bool:
    """Whether a text has the term with a prefix that denies it: "unencrypted"."""
    return any(
        (found := _PREFIX.match(word.text)) is not None and word.text[found.end() :].startswith(term[:5])
        for word in text.words
    )
