"""Whether passages bear out the sentences of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from ragsvc.domain import Hit, Span, SupportState, SupportVerdict
from ragsvc.pipeline.grounding.citations import bare, words_of
from ragsvc.pipeline.grounding.lexicon import plainly
from ragsvc.pipeline.grounding.number_rules import names_known, numbers_of
from ragsvc.pipeline.grounding.parsed_sentence import terms_of
from ragsvc.pipeline.grounding.passage_ground import PassageGround, enough
from ragsvc.pipeline.grounding.readable_text import readable
from ragsvc.pipeline.grounding.semantic_match import KNOWN_SHARE, SemanticMatch
from ragsvc.pipeline.grounding.support_rules import is_courtesy, objected
from ragsvc.protocols import Analyser

HEADING = re.compile(r"\s*#{1,6}\s")
BLANK_LINE = re.compile(r"\n[ \t]*\n")

# "According to passage [1]" is said of the answer, not of the world.
_REFERENCE = re.compile(r"\b(?:passages?|sources?|documents?)\s+(?:\d+(?!\w))?", re.IGNORECASE)

_Spans: TypeAlias = tuple[tuple[int, Span], ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A sentence without what it says of passages, as it stands but for its markers, and its terms."""

    sentence: str
    whole: str
    terms: Set[str]


class SupportCheck:
    """Implements `SupportChecker` by words, numbers and names, and by rules for what contradicts."""

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
        claim = _Claim(sentence, whole, terms)
        if numbers:
            verdict = self._together(claim, numbers)
            if verdict.standing is SupportState.SUPPORTED:
                return verdict
            return self._by_sense(claim, [numbers]) or verdict
        alone = [(number,) for number in range(1, len(self._grounds) + 1)]
        for number in alone:
            if (verdict := self._together(claim, number)).standing is SupportState.SUPPORTED:
                return verdict
        return self._by_sense(claim, alone) or SupportVerdict(SupportState.UNSUPPORTED)

    def _together(self, claim: _Claim, numbers: Sequence[int]) -> SupportVerdict:
        spans, held = self._closest(claim, numbers)
        stands = held and self._is_known(claim, numbers) and not self._objected(claim, spans)
        return SupportVerdict(SupportState.SUPPORTED if stands else SupportState.UNSUPPORTED, spans)

    def _closest(self, claim: _Claim, numbers: Sequence[int]) -> tuple[_Spans, bool]:
        """What comes closest in each passage, and whether it holds enough."""
        closest = [self._grounds[number - 1].closest(claim.sentence, claim.terms) for number in numbers]
        spans = tuple((number, span) for number, (span, _) in zip(numbers, closest, strict=True))
        return spans, enough(claim.terms, frozenset[str]().union(*(found for _, found in closest)))

    def _by_sense(self, claim: _Claim, groups: Iterable[Sequence[int]]) -> SupportVerdict | None:
        """Supported by what means about the same where too few words are held; None: there is no such thing.

        :param groups: numbers of passages that count together.
        """
        if self._nearness is None:
            return None
        places = [
            place
            for numbers in groups
            if self._holds_some(claim.terms, numbers)
            and self._is_known(claim, numbers)
            and not self._closest(claim, numbers)[1]
            for number in numbers
            for place in self._grounds[number - 1].places(number, claim.sentence, claim.terms)
        ]
        for place in self._nearness.near(claim.whole, claim.terms, places):
            spans = ((place.number, place.span),)
            if not self._objected(claim, spans):
                return SupportVerdict(SupportState.SUPPORTED, spans)
        return None

    def _holds_some(self, terms: Set[str], numbers: Sequence[int]) -> bool:
        known = frozenset[str]().union(*(self._grounds[number - 1].all_terms for number in numbers))
        return len(terms & known) >= KNOWN_SHARE * len(terms)

    def _is_known(self, claim: _Claim, numbers: Sequence[int]) -> bool:
        """Whether passages have every number and every name."""
        said = numbers_of(claim.sentence)
        grounds = [self._grounds[number - 1] for number in numbers]
        facts = [ground.stated.for_sentence(claim.terms, said) for ground in grounds]
        known = frozenset[str]().union(*(terms for terms, _ in facts))
        if not said <= frozenset[str]().union(*(stated for _, stated in facts)):
            return False
        if claim.sentence.lstrip().startswith("|"):
            # What is in none of these rows may be the writer's word for it, but not what is in others.
            return not any(claim.terms & ground.all_terms - known for ground in grounds)
        return names_known(claim.sentence, known, self._analyser)

    def _objected(self, claim: _Claim, spans: _Spans) -> bool:
        grounds = [self._grounds[number - 1] for number, _ in spans]
        texts = [ground.reading(span) for ground, (_, span) in zip(grounds, spans, strict=True)]
        closest = max(texts, key=lambda text: len(claim.terms & terms_of(text, self._analyser)))
        passages = [ground.objections for ground in grounds]
        return objected(claim.whole, closest, claim.terms, passages, self._analyser)

    def _said(self, sentence: str, number: int) -> Set[str]:
        ground = self._grounds[number - 1]
        span = ground.closest(sentence, frozenset())[0]
        return words_of(ground.text_of(span))
