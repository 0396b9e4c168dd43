"""The words of questions about tables, English and German, as they stand in lexicon.json."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import Stemmer

from ragsvc.text.stopwords import stop_words

_STEMMERS = (Stemmer.Stemmer("english"), Stemmer.Stemmer("german"))
_LOCK = threading.Lock()
# Endings of German adjectives: "günstigst" is written once for all of them.
_ENDINGS = ("e", "en", "er", "es", "em")
_INFLECTIONS = frozenset({"", "s", "es", "e", "en", "n", "er", "ern", "y", "ies", "em", "ens"})
_MAX_WORDS = 50_000
_DECLINED = frozenset({"superlative", "aggregate", "distinct", "common", "rarest", "nth"})
ROOT_CHARS = 5
_COMPOUND_CHARS, _TAIL_CHARS = 7, 4


@dataclass(frozen=True, slots=True)
class Lexeme:
    """What a word or phrase does in a question.

    role: "head", "aggregate", "comparison", "superlative", or the name of a list of the file.
    value: which of them, such as "count", "sum", ">=" or "max". concept: what it is said of; "" for anything.
    """

    role: str
    value: str = ""
    concept: str = ""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All words, small. phrases: words of a phrase -> what it may do. units: forms -> one way of writing.

    silent: words that say nothing. light: verbs that only join what is asked to a condition. frames: words
    for all rows together, after one of `framing`. openers: of sentences about who asks.
    concepts: word -> concept. members: concept or family -> concepts. nouns, same: word -> the numbers of
    the groups of words that mean one thing, as names of rows and in cells. cues: groups of nouns -> what
    columns of such rows are about. suffixes: of derived words. abstracts: endings of German nouns that name
    no place. compounds: beginnings of German compounds -> the word that they stand for.
    months, truths, numbers, multipliers, ordinals: word -> value.
    """

    phrases: Mapping[tuple[str, ...], tuple[Lexeme, ...]]
    silent: frozenset[str]
    light: frozenset[str]
    openers: frozenset[str]
    abstracts: tuple[str, ...]
    frames: frozenset[str]
    framing: frozenset[str]
    relative: frozenset[str]
    verbs: frozenset[str]
    neutral: frozenset[str]
    aux: frozenset[str]
    deeds: tuple[tuple[frozenset[int], frozenset[str]], ...]
    generic: frozenset[str]
    people: frozenset[str]
    listing: frozenset[str]
    identifiers: frozenset[str]
    numbering: frozenset[str]
    footers: frozenset[str]
    german: frozenset[str]
    english: frozenset[str]
    expletives: frozenset[str]
    places: frozenset[str]
    universal: frozenset[str]
    units: Mapping[str, str]
    currencies: frozenset[str]
    counters: frozenset[str]
    unit_concepts: Mapping[str, str]
    concepts: Mapping[str, frozenset[str]]
    members: Mapping[str, frozenset[str]]
    nouns: Mapping[str, frozenset[int]]
    cues: tuple[tuple[frozenset[int], frozenset[str]], ...]
    same: Mapping[str, frozenset[int]]
    suffixes: frozenset[str]
    compounds: Mapping[str, str]
    months: Mapping[str, int]
    truths: Mapping[str, bool]
    numbers: Mapping[str, int]
    multipliers: Mapping[str, int]
    ordinals: Mapping[str, int]
    centuries: frozenset[str]
    scales: tuple[Mapping[str, Decimal], ...]
    amounts: Mapping[str, Decimal]
    gaps: frozenset[str]

    def acts(self, words: tuple[str, ...]) -> tuple[Lexeme, ...]:
        """What a word or phrase may do; the last word may have an ending of a German adjective."""
        if found := self.phrases.get(words):
            return found
        last = words[-1]
        for ending in _ENDINGS:
            if last.endswith(ending) and len(last) > len(ending) + 2:
                found = self.phrases.get((*words[:-1], last.removesuffix(ending)))
                if found and found[0].role in _DECLINED:
                    return found
        return ()

    def concepts_of(self, word: str) -> frozenset[str]:
        """What a word is about."""
        return frozenset().union(*(self.concepts.get(form, ()) for form in _bases(word)))

    def concepts_in(self, word: str) -> frozenset[str]:
        """What a word of a column's name is about, or else the last part of a compound: Einzelpreis."""
        found = self.concepts_of(word)
        if found or len(word) < _COMPOUND_CHARS:
            return found
        tails = (word[start:] for start in range(2, len(word) - _TAIL_CHARS + 1))
        return next((self.concepts[tail] for tail in tails if tail in self.concepts), found)

    def says_number(self, word: str) -> bool:
        """Whether a word is one of a number: twelve, thousand, second."""
        return word in self.numbers or word in self.multipliers or word in self.ordinals

    def scaled(self, value: Decimal, unit: str, wanted: str) -> Decimal | None:
        """A value in another unit of the same scale; None where there is no such scale."""
        if unit == wanted:
            return value
        for scale in self.scales:
            if unit in scale and wanted in scale:
                return value * scale[unit] / scale[wanted]
        return None

    def related(self, one: str, other: str) -> bool:
        """Whether two words differ by what words are derived with: insured and insurance, Geriatrie and
        geriatrisch."""
        return any(
            {one[cut:], other[cut:]} <= self.suffixes
            for cut in range(ROOT_CHARS, common_start(one, other) + 1)
        )

    def same_words(self, word: str) -> list[str]:
        """Other words of cells that say the same, in the one or the other language."""
        groups = frozenset().union(*(self.same.get(form, ()) for form in _bases(word)))
        return [other for other, numbers in self.same.items() if numbers & groups and other != word]

    def nouns_in(self, compound: str) -> frozenset[int]:
        """The groups of nouns that the last part of a compound belongs to: Angebote of Mietangebote."""
        tails = (compound[start:] for start in range(2, len(compound) - _TAIL_CHARS + 1))
        return next((found for tail in tails if (found := self.nouns_of(tail))), frozenset())

    def nouns_of(self, word: str) -> frozenset[int]:
        """The groups of nouns that a word belongs to."""
        return frozenset().union(*(self.nouns.get(form, ()) for form in _bases(word)))


@cache
def lexicon() -> Lexicon:
    """The words, read once."""
    text = resources.files(__package__).joinpath("lexicon.json").read_text("utf-8")
    # Small letters know no ß: the words of questions and cells are casefolded.
    raw: dict[str, Any] = json.loads(text.replace("ß", "ss"))
    words = {name: frozenset(text.split()) for name, text in raw.items() if isinstance(text, str)}
    concepts = _by_word(raw["concepts"].items())
    members = {name: frozenset({name}) for name in raw["concepts"]}
    members |= {name: frozenset(text.split()) for name, text in raw["families"].items()}
    nouns = _by_word((number, text) for number, text in enumerate(raw["nouns"]))
    phrases = _phrases(raw)
    acting = {phrase[0] for phrase in phrases if len(phrase) == 1} | _by_word(raw["truths"].items()).keys()
    stops = stop_words("en") | stop_words("de")
    return Lexicon(
        phrases=phrases,
        silent=words["neutral"]
        | (stops - acting - words["weighty"] - words["expletives"] - words["universal"]),
        light=words["light"],
        openers=words["openers"],
        abstracts=tuple(words["abstracts"]),
        frames=words["frames"],
        framing=words["framing"],
        relative=words["relative"],
        verbs=words["verbs"] | words["aux"],
        neutral=words["neutral"],
        aux=words["aux"],
        deeds=tuple((nouns[noun], frozenset(text.split())) for noun, text in raw["deeds"]),
        generic=words["generic"],
        people=words["people"],
        listing=words["listing"],
        identifiers=words["identifiers"],
        numbering=words["numbering"],
        footers=words["footers"] | {"grand total", "overall total"},
        german=words["german"],
        english=words["english"],
        expletives=words["expletives"],
        places=words["places"],
        universal=words["universal"],
        units={form: unit for unit, text in raw["units"].items() for form in text.split(" ")},
        currencies=words["currencies"],
        counters=words["counters"],
        unit_concepts=raw["unit_concepts"],
        concepts=concepts,
        members=members,
        nouns=nouns,
        cues=tuple((nouns[noun], frozenset(text.split())) for noun, text in raw["cues"]),
        same=_by_word(enumerate(raw["same"])),
        suffixes=words["suffixes"] | {""},
        compounds={start: word for word, text in raw["compounds"].items() for start in text.split()},
        months={word: int(number) for number, text in raw["months"].items() for word in text.split()},
        truths={word: name == "yes" for name, text in raw["truths"].items() for word in text.split()},
        numbers={
            word: number
            for language in raw["numbers"].split("|")
            for number, word in enumerate(language.split())
        },
        ordinals={
            word: number
            for language in raw["ordinals"].split("|")
            for number, word in enumerate(language.split(), start=1)
        },
        centuries=words["centuries"],
        multipliers={word: int(n) for n, text in raw["multipliers"].items() for word in text.split()},
        scales=tuple({unit: Decimal(size) for unit, size in scale.items()} for scale in raw["scales"]),
        amounts={word: Decimal(n) for n, text in raw["amounts"].items() for word in text.split("|")},
        gaps=frozenset(raw["gaps"].split("|")),
    )


def _phrases(raw: Mapping[str, Any]) -> dict[tuple[str, ...], tuple[Lexeme, ...]]:
    found: dict[tuple[str, ...], list[Lexeme]] = {}

    def add(text: str, lexeme: Lexeme) -> None:
        for phrase in text.split("|"):
            found.setdefault(tuple(phrase.split()), []).append(lexeme)

    for role in (
        "and", "or", "not", "missing", "per", "distinct", "between", "spans", "until", "than", "difference",
        "top", "nor", "common", "rarest", "apart",
    ):  # fmt: skip
        add(raw[role], Lexeme(role))
    for plural, role in (
        ("heads", "head"),
        ("aggregates", "aggregate"),
        ("edges", "edge"),
        ("spells", "span"),
        ("orders", "nth"),
    ):
        for value, text in raw[plural].items():
            add(text, Lexeme(role, value))
    for plural, role in (("comparisons", "comparison"), ("superlatives", "superlative")):
        for text, value, concept in raw[plural]:
            add(text, Lexeme(role, value, concept))
    return {words: tuple(lexemes) for words, lexemes in found.items()}


def _by_word(rows: Iterable[tuple[Any, str]]) -> dict[str, frozenset[Any]]:
    found: dict[str, set[Any]] = {}
    for value, text in rows:
        for word in text.split():
            found.setdefault(word, set()).add(value)
    return {form: frozenset(values) for form, values in found.items()}


@lru_cache(_MAX_WORDS)
def stems(word: str) -> frozenset[str]:
    """The English and the German stem of a small word."""
    with _LOCK:
        return frozenset(stemmer.stemWord(word) for stemmer in _STEMMERS)


def _bases(word: str) -> list[str]:
    """A small word, and what it is without an ending of number or case.

    Its stem would be too much: a driver is not what was driven.
    """
    found = [word]
    for ending in _INFLECTIONS:
        if ending and word.endswith(ending) and len(word) > len(ending) + 2:
            found.append(word.removesuffix(ending) + ("y" if ending == "ies" else ""))
    return found


def same_noun(one: str, other: str) -> bool:
    """Whether two small words differ by nothing but number or case: clerk and clerks, city and cities."""
    if one == other:
        return True
    if not one.isalpha() or not other.isalpha() or not stems(one) & stems(other):
        return False
    alike = common_start(one, other)
    return one[alike:] in _INFLECTIONS and other[alike:] in _INFLECTIONS


def common_start(one: str, other: str) -> int:
    """How many letters two words have in common from their first."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
