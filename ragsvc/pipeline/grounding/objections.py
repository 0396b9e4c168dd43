"""What speaks against a sentence whose words its passages have."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cached_property

from ragsvc.pipeline.grounding.contradiction import contradicts
from ragsvc.pipeline.grounding.placing import miscounted, misplaced
from ragsvc.pipeline.grounding.readable import readable
from ragsvc.pipeline.grounding.said import Said
from ragsvc.protocols import Analyser

_ENDS = " .!?:\"'”’"


class Objections:
    """Those that one passage, cut into sentences, raises; worked out when they are first needed."""

    def __init__(self, sentences: Sequence[str], analyser: Analyser) -> None:
        self._sentences = sentences
        self._analyser = analyser

    @cached_property
    def said(self) -> list[Said]:
        """Its sentences, word by word."""
        return [Said(readable(sentence), self._analyser) for sentence in self._sentences]

    @cached_property
    def _folded(self) -> list[str]:
        return [_fold(sentence) for sentence in self._sentences]

    def quotes(self, sentence: str) -> bool:
        """Whether one of its sentences is this one, or begins with it."""
        folded = _fold(sentence)
        return any(known.startswith(folded) for known in self._folded)


def objected(
    sentence: str, closest: str, terms: Set[str], passages: Sequence[Objections], analyser: Analyser
) -> bool:
    """Whether passages have the words of a sentence, but in another sense or with other numbers.

    :param closest: what of them comes closest. terms: of the sentence.
    """
    said, nearest = Said(sentence, analyser), Said(readable(closest), analyser)
    everything = [text for passage in passages for text in passage.said]
    held = len(terms & nearest.terms)
    as_close = [text for text in everything if len(terms & text.terms) >= held > 0]
    against = contradicts(said, nearest) and all(contradicts(said, text) for text in as_close)
    if not (against or misplaced(said, everything) or miscounted(said, nearest, everything)):
        return False
    return not any(passage.quotes(sentence) for passage in passages)


def _fold(text: str) -> str:
    return readable(text).casefold().strip(_ENDS)
