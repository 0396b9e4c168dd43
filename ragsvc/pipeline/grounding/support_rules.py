"""What speaks against a sentence whose words its passages have."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import cached_property

from ragsvc.pipeline.grounding.contradiction import contradicts
from ragsvc.pipeline.grounding.lexicon import NEGATIONS
from ragsvc.pipeline.grounding.number_rules import miscounted, misplaced
from ragsvc.pipeline.grounding.parsed_sentence import ParsedSentence
from ragsvc.pipeline.grounding.readable_text import readable
from ragsvc.protocols import Analyser

_ASKS = re.compile(r"[?？][\"'”’)*_\]\s]*\Z")
_TAIL_CHARS = 12
_POLAR = re.compile(
    r"\W*(?:q(?:uestion)?\s*[:.]\W*)?(?:is|are|was|were|do|does|did|can|could|may|might|must|shall|should|will|would"
    r"|has|have|had)(?:n['’]t)?\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"(?:(?:sure(?: thing)?|certainly|of course|gladly|absolutely|(?:great|good) question|"
    r"hello|hi(?: there)?|thank(?:s| you)(?: for asking)?|you(?:['’]| a)re welcome|"
    r"(?:i(?:['’]| a)m )?(?:happy|glad) to help)\W*)+",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"(?:i hope (?:this|that|it) (?:helps|answers)|(?:please )?(?:let me know if|feel free to|"
    r"(?:do not|don['’]t) hesitate to)|(?:please |just )?ask if you)\b",
    re.IGNORECASE,
)
# After an offer: what may be offered, and claims nothing.
_OFFERED = frozenset(
    """i hope this that it helps answers your question questions please let me know if feel free to do not don
    t hesitate just ask you there is are re s need want would like d have any other further more anything else
    something information details help assistance clarification or and with for reach out""".split()  # noqa: SIM905
)
_ALPHANUMERIC = re.compile(r"[^\W_]+")
_MOST_COURTEOUS = 200
# Longer ones are no sentences, and what they say of one another is not told by their words.
_MOST_WORDS = 200
_ANSWER = re.compile(r"\W*(?:a(?:nswer)?\s*[:.]\W*)?(yes|no)\b", re.IGNORECASE)
_WORD = re.compile(r"[\w’']+")
_ENDS = " .!?:\"'”’"


class SupportRules:
    """Those that one passage, cut into sentences, raises; worked out when they are first needed."""

    def __init__(self, sentences: Sequence[str], analyser: Analyser) -> None:
        self._sentences = sentences
        self._analyser = analyser

    @cached_property
    def said(self) -> list[ParsedSentence]:
        """Its sentences, word by word."""
        return [ParsedSentence(readable(sentence), self._analyser) for sentence in self._sentences]

    @cached_property
    def names(self) -> Set[str]:
        """Terms that have a capital wherever they stand inside its sentences."""
        words = [word for text in self.said for word in text.words if word.term]
        return {word.term for word in words if word.capital} - {word.term for word in words if word.small}

    @cached_property
    def _folded(self) -> list[str]:
        return [_fold(sentence) for sentence in self._sentences]

    def quotes(self, sentence: str) -> bool:
        """Whether one of its sentences is this one, or begins with it."""
        folded = _fold(sentence)
        return any(
            known.startswith(folded) and (asks(sentence) or not asks(said))
            for known, said in zip(self._folded, self._sentences, strict=True)
        )


def is_courtesy(sentence: str) -> bool:
    """Whether a sentence is a politeness, such as "I hope this helps!", that claims nothing."""
    if len(sentence) > _MOST_COURTEOUS:
        return False
    if _GREETING.fullmatch(sentence):
        return True
    return _OFFER.match(sentence) is not None and _OFFERED.issuperset(_ALPHANUMERIC.findall(sentence.lower()))


def asks(text: str) -> bool:
    """Whether a text ends as a question does."""
    return _ASKS.search(text[-_TAIL_CHARS:]) is not None


def answers(answer: str, question: str, sentence: str, held: Set[str]) -> bool:
    """Whether a text that comes after a question makes a statement of it that a sentence may rest on.

    :param held: terms of the sentence that the answer has as well.
    """
    if (found := _ANSWER.match(answer)) is None:
        return bool(held) or _POLAR.match(question) is None
    words = [word.lower() for word in _WORD.findall(sentence)]
    denied = any(word in NEGATIONS or word.endswith(("n't", "n’t", "cannot")) for word in words)
    return denied == (found.group(1).lower() == "no")


def objected(
    sentence: str, closest: str, terms: Set[str], passages: Sequence[SupportRules], analyser: Analyser
) -> bool:
    """Whether passages have the words of a sentence, but in another sense or with other numbers.

    :param closest: what of them comes closest. terms: of the sentence.
    """
    said, nearest = ParsedSentence(sentence, analyser), ParsedSentence(readable(closest), analyser)
    everything = [text for passage in passages for text in passage.said]
    held = len(terms & nearest.terms)
    as_close = [
        text
        for text in everything
        if len(terms & text.terms) >= held > 0 and (asks(sentence) or not asks(text.text))
    ]
    names = frozenset[str]().union(*(passage.names for passage in passages))
    against = (
        len(said.words) <= _MOST_WORDS
        and contradicts(said, nearest, names)
        and all(contradicts(said, text, names) for text in as_close)
    )
    if not (against or misplaced(said, everything) or miscounted(said, nearest, everything)):
        return False
    return not any(passage.quotes(sentence) for passage in passages)


def _fold(text: str) -> str:
    return readable(text).casefold().strip(_ENDS)
