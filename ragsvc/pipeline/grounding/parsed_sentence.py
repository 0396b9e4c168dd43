"""A text word by word: which are denied, which count something, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from ragsvc.pipeline.grounding.lexicon import (
    CONDITIONS,
    ENGLISH,
    FOREIGN,
    HALF_NEGATIONS,
    JOINTS,
    LIMITS,
    NEGATIONS,
    NO_DENIAL,
    NO_VERBS,
    NOUN_NEGATIONS,
    NUMERALS,
    PERIODS,
    REFUSALS,
    SIGNS,
    TURNED_BY,
)
from ragsvc.pipeline.grounding.readable_text import readable
from ragsvc.protocols import Analyser

# How many words of content a negation denies: "does not store large files on the disk".
_REACH = 3
# And how many it may bear on, so that what stands there is neither affirmed nor denied for certain.
_DOUBTFUL_REACH = 6

# "Not ... until": within so many words.
_CLAUSE = 15

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+(?:['’.\-_][^\W_]+)*|[^\w\s]")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
"""A number in digits."""
_CONTRACTED = re.compile(r"(\w+)n['’]t")
_PARTED = {
    **dict.fromkeys(("can't", "can’t", "cannot"), ("can", "not")),
    **dict.fromkeys(("won't", "won’t"), ("will", "not")),
    **dict.fromkeys(("shan't", "shan’t"), ("shall", "not")),
}
_BREAKS = frozenset('.,;:!?()|–—"“”')
_UNTRUE = re.compile(
    r"\W*it(?:\s+is|['’]s)\s+(?:false|untrue|wrong|incorrect|not\s+(?:true|correct|the\s+case))\s+that\s+",
    re.IGNORECASE,
)
_FOR_EACH = frozenset({"a", "an", "per", "each", "every", "/"})
_ORDINAL_END = frozenset({"st", "nd", "rd", "th"})


@dataclass(frozen=True, slots=True)
class Word:
    """text: in small letters. term: what the analyser makes of it, empty for a sign or a stop word.

    capital: it begins with one, and not because a sentence does. small: it begins with none.
    """

    text: str
    term: str
    capital: bool
    small: bool


@dataclass(frozen=True, slots=True)
class Denial:
    """A plain negation at a place, and the terms that it denies, in order; at least one."""

    place: int
    terms: tuple[str, ...]


class ParsedSentence:
    """What a text says; worked out when it is first needed."""

    def __init__(self, text: str, analyser: Analyser) -> None:
        self.text = text
        self._analyser = analyser

    @cached_property
    def words(self) -> list[Word]:
        """All words and signs; "cannot" and "isn't" are two words."""
        found: list[Word] = []
        for token in _TOKEN.findall(self.text):
            inside = bool(found) and found[-1].text not in ".!?:"
            for part in _parted(token.lower()):
                terms = self._analyser.terms(part) if part[0].isalnum() else []
                large = token[0].isupper()
                found.append(Word(part, terms[-1] if terms else "", inside and large, not large))
        return found

    @cached_property
    def terms(self) -> Set[str]:
        """Of all its words."""
        return {word.term for word in self.words if word.term}

    @cached_property
    def numbers(self) -> Set[str]:
        """Terms of its numbers in digits."""
        return {word.term for word in self.words if word.term and NUMBER.fullmatch(word.text)}

    @cached_property
    def negations(self) -> Set[str]:
        """The words that deny in its language, as far as that is known: "no" is "in the" in another."""
        words = [word.text for word in self.words]
        english, foreign = sum(word in ENGLISH for word in words), sum(word in FOREIGN for word in words)
        if foreign and foreign >= english:
            return frozenset()
        return NEGATIONS if english else NEGATIONS - {"no"}

    @cached_property
    def denials(self) -> list[Denial]:
        """Its plain negations, but for those that cancel each other: "not without a key"."""
        found = [
            place
            for place, word in enumerate(self.words)
            if self._refuses(place) or (word.text in self.negations and not self._takes_back(place))
        ]
        cancelled = {place for pair in self._cancelled(found) for place in pair}
        return [
            Denial(place, terms)
            for place in found
            if place not in cancelled and (terms := tuple(self._after(place, _REACH)))
        ]

    def _cancelled(self, negations: Sequence[int]) -> list[tuple[int, int]]:
        """Places of negations with the "without" that follows them in the same clause."""
        return [
            (one, other)
            for one, other in pairwise(negations)
            if self.words[other].text == "without"
            and self.words[one].text != "without"
            and all(word.text not in _BREAKS | JOINTS for word in self.words[one + 1 : other])
        ]

    @cached_property
    def doubtful(self) -> Set[str]:
        """Terms on which some negation may bear, be it a plain one or not."""
        return self._borne(NEGATIONS | HALF_NEGATIONS)

    @cached_property
    def firmly_doubtful(self) -> Set[str]:
        """The same, but what is "only" so, is so."""
        return self._borne((NEGATIONS | HALF_NEGATIONS) - {"only"})

    def _borne(self, negations: Set[str]) -> Set[str]:
        found: set[str] = set()
        for place, word in enumerate(self.words):
            if word.text in negations or self._refuses(place):
                found.update(self._after(place, _DOUBTFUL_REACH, stop=False))
        return found

    def _refuses(self, place: int) -> bool:
        """Whether "refuses to" is here, itself not denied."""
        if self.words[place].text not in REFUSALS or place + 1 == len(self.words):
            return False
        before = {word.text for word in self.words[max(0, place - 2) : place]}
        return self.words[place + 1].text == "to" and NEGATIONS.isdisjoint(before)

    @cached_property
    def untrue(self) -> ParsedSentence | None:
        """What it says to be untrue: "it is false that"."""
        found = _UNTRUE.match(self.text)
        return ParsedSentence(self.text[found.end() :], self._analyser) if found else None

    @cached_property
    def paces(self) -> Set[tuple[str, str]]:
        """Amounts and what they count for: 180 and "night" of "180 EUR a night", "nightly rate: 180"."""
        found = set()
        for place, word in enumerate(self.words):
            if not NUMBER.fullmatch(word.text):
                continue
            after = [other.text for other in self.words[place + 1 : place + 4]]
            before = [other.text for other in self.words[max(0, place - 3) : place]]
            named = [at for one, at in pairwise(after) if one in _FOR_EACH]
            named += [other for other in after[:2] + before if other.endswith("ly")]
            found |= {(word.term, PERIODS[other]) for other in named if other in PERIODS}
        return found

    @cached_property
    def denied_before(self) -> Set[str]:
        """Terms that stand before a negation."""
        places = [place for place, word in enumerate(self.words) if word.text in NEGATIONS | HALF_NEGATIONS]
        return {term for place in places for term in self.sides(place, _REACH)[0]}

    @cached_property
    def counted(self) -> list[tuple[str, str]]:
        """Each number, with the word of content right after it, or none; ordinals end in "th"."""
        found = []
        for place, word in enumerate(self.words):
            following = self.words[place + 1 : place + 3]
            if (number := NUMERALS.get(word.text)) is None:
                if not NUMBER.fullmatch(word.text):
                    continue
                number = word.text.replace(",", "")
                if following and following[0].text in _ORDINAL_END:
                    number, following = f"{number}th", self.words[place + 2 : place + 4]
            named = next((each for each in following if each.term or each.text in _BREAKS), None)
            found.append((number, named.term if named else ""))
        return found

    def senses(self) -> Iterator[tuple[int, int, int]]:
        """Each word that has an opposite: its pair, its sign, turned where it is denied, and its place."""
        turned = {denial.place + 1 for denial in self.denials if not self.denies_a_noun(denial)}
        turned |= {place + 1 for place in turned if place < len(self.words) and not self.words[place].term}
        denied = {denial.place for denial in self.denials}
        # "Not without" is "with".
        turned |= {
            at
            for at, word in enumerate(self.words)
            if word.text == "without" and word.text in self.negations and at not in denied
        }
        for place, word in enumerate(self.words):
            for pair, sign in signs_of(word.text):
                yield pair, -sign if place in turned else sign, place

    def sides(self, place: int, reach: int) -> tuple[Set[str], Set[str]]:
        """Terms before and after a word, so many each."""
        full, first = self._full_before
        at, end = first[place], first[place + 1]
        return (
            {self.words[other].term for other in full[max(0, at - reach) : at]},
            {self.words[other].term for other in full[end : end + reach]},
        )

    @cached_property
    def _full_before(self) -> tuple[list[int], list[int]]:
        """Places of words with a term, and how many of them stand before each place and at the end."""
        full = [place for place, word in enumerate(self.words) if word.term]
        return full, [0, *accumulate(int(bool(word.term)) for word in self.words)]

    @cached_property
    def _ends(self) -> list[int]:
        """How many ends of clauses there are up to each place."""
        return list(accumulate(int(word.text in _BREAKS or word.text in JOINTS) for word in self.words))

    def is_conditional(self, place: int) -> bool:
        """Whether the clause of a word is a condition."""
        for word in reversed(self.words[:place]):
            if word.text in CONDITIONS:
                return True
            if word.text in _BREAKS:
                return False
        return False

    def denies_a_noun(self, denial: Denial) -> bool:
        """Whether a denial is one such as "without a key"."""
        return self.words[denial.place].text in NOUN_NEGATIONS

    def _takes_back(self, place: int) -> bool:
        following = [word.text for word in self.words[place + 1 : place + 1 + _CLAUSE]]
        before = self.words[place - 1].text if place else ""
        if before == "or" or not following or following[0] in NO_DENIAL:
            return True
        if following[0] in LIMITS and "than" in following[:3]:
            return True
        if self.words[place].text == "no" and following[0] in _BREAKS:
            # "No. 5", "No, it is."
            return True
        return not TURNED_BY.isdisjoint(following)

    def _after(self, place: int, reach: int, *, stop: bool = True) -> Iterator[str]:
        full, first = self._full_before
        for at in full[first[place + 1] : first[place + 1] + reach]:
            if stop and self._ends[at] != self._ends[place]:
                return
            yield self.words[at].term


def signs_of(word: str) -> tuple[tuple[int, int], ...]:
    """Each pair of opposites that a word is of, and on which side."""
    if (found := SIGNS.get(word)) is not None:
        return found
    bases = (word.removesuffix(ending) for ending in ("s", "es", "d", "ed", "ing") if word.endswith(ending))
    return next((SIGNS[base] for base in bases if base in SIGNS and base not in NO_VERBS), ())


def _parted(word: str) -> tuple[str, ...]:
    if (parts := _PARTED.get(word)) is not None:
        return parts
    if (found := _CONTRACTED.fullmatch(word)) is not None:
        return found.group(1), "not"
    return (word,)


def terms_of(text: str, analyser: Analyser) -> Set[str]:
    """Terms of a text as it stands and as it reads without its marks of emphasis and links."""
    terms = {*analyser.terms(text), *analyser.terms(readable(text))}
    # The stems of week, month and year are those of "weekly" and so on.
    return terms | {"day"} if "daili" in terms else terms
