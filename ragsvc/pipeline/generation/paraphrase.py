"""An answer in sentences of a small model's own, each held against the unit that it is made of.

Only what is a sentence, a definition or one row is said anew. Lists, steps, tables and code stay as they are,
and so does every unit of which the model writes what it does not bear out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby

from ragsvc.domain import Delta, Hit, Message, ReaderText, Speaker, SupportState
from ragsvc.pipeline.generation.composition import AnswerPart
from ragsvc.pipeline.generation.copies import are_copied, holds, identifiers_of
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.pipeline.grounding.units import UnitKind
from ragsvc.pipeline.iterators import closed_after
from ragsvc.protocols import Analyser, Chat, Reader, SupportChecker
from ragsvc.text.blocks import BlockKind
from ragsvc.text.escapes import escaped

MOST_UNITS = 3
"""So many units the model reads together, as it did when it was trained."""
MOST_UNIT_CHARS = 420
# A paraphrase has hardly more tokens than its units.
SPARE_TOKENS = 24
LEAST_SUPPORT = 0.5
"""So sure the reader must be, in [0, 1], that a unit bears out a sentence."""
# A longer row is read more easily as it is.
MOST_CELLS = 2
_WORDED = frozenset({UnitKind.SENTENCE, UnitKind.DEFINITION, UnitKind.ROW})
_BRACKETS = re.compile(r"\([^()]*\)")
_MARKED = re.compile(r"([^\[]*(?:\[(?!\d{1,2}\])[^\[]*)*)\[(\d{1,2})\]")


class Paraphrase:
    """One answer said anew.

    spent: the last pieces of what the model wrote, with its counts. kept, replaced: how many of its sentences
    stand in the answer, and for how many a unit does.
    """

    def __init__(
        self, chat: Chat, reader: Reader | None, analyser: Analyser, passages: Sequence[Hit], question: str
    ) -> None:
        self._chat = chat
        self._reader = reader
        self._analyser = analyser
        self._hits = {hit.rank: hit for hit in passages}
        self._question = question
        self.spent: list[Delta] = []
        self.kept = self.replaced = 0

    def parts(self, parts: Sequence[AnswerPart], temperature: float) -> Iterator[AnswerPart | None]:
        """The parts of the answer, one after the other; None while nothing can be told yet.

        :raises ModelError: if the model cannot be used.
        """
        for worded, run in groupby(parts, key=_may_be_worded):
            units = list(run)
            if not worded:
                yield from units
                continue
            for first in range(0, len(units), MOST_UNITS):
                yield from self._said(units[first : first + MOST_UNITS], temperature)

    def _said(self, units: Sequence[AnswerPart], temperature: float) -> Iterator[AnswerPart | None]:
        sources = [self._source(unit) for unit in units]
        asked = prompt_of(self._question, [(each.title, each.unit.text) for each in sources])
        room = SPARE_TOKENS + sum(self._chat.count(unit.text) for unit in units)
        # The unit that was told last, and whether in the model's words: units keep their order.
        last, anew = -1, False
        written: set[str] = set()
        with closed_after(self._chat.stream([Message(Speaker.USER, asked)], room, temperature, ())) as pieces:
            for sentence, number in self._sentences(pieces):
                if sentence and sentence in written:
                    # A small model that says a thing twice says it for ever.
                    break
                written.add(sentence)
                at = number - 1
                if not last <= at < len(units) or at < 0 or (at == last and not anew):
                    yield None
                    continue
                yield from units[last + 1 : at]
                stands = sources[at].bears_out(sentence) and (at == last or sources[at].answers(sentence))
                if stands:
                    self.kept += 1
                    yield replace(units[at], text=sentence, prose=True)
                elif at != last:
                    self.replaced += 1
                    yield units[at]
                last, anew = at, stands
        yield from units[last + 1 :]

    def _source(self, unit: AnswerPart) -> WriterSource:
        return WriterSource(unit, self._hits[unit.number], self._question, self._analyser, self._reader)

    def _sentences(self, pieces: Iterator[Delta]) -> Iterator[tuple[str, int]]:
        """Sentences with the numbers of their units, as they are written; 0: there is none yet.

        What has no marker was not written to its end, and is left out.
        """
        held = ""
        for piece in pieces:
            held += piece.text
            if piece.finish is not None:
                self.spent.append(piece)
            yield "", 0
            while found := _MARKED.match(held):
                held = held[found.end() :]
                yield " ".join(found.group(1).split()), int(found.group(2))


class WriterSource:
    """A unit that the model reads, and what it bears out."""

    def __init__(
        self, unit: AnswerPart, hit: Hit, question: str, analyser: Analyser, reader: Reader | None
    ) -> None:
        path = unit.unit.path if unit.unit else ()
        self.unit = unit
        self.title = path[-1] if path else hit.passage.title
        self._question = question
        self._analyser = analyser
        self._reader = reader
        passage = replace(hit.passage, text=unit.text, headings=path, page_breaks=())
        self._hit = replace(hit, passage=passage)

    def bears_out(self, sentence: str) -> bool:
        """Whether the unit, under its titles, says what a sentence says.

        Every number, name and identifier stands in it, sign by sign and beside the same words, all other
        words of content in it or in the question, and neither the rules of support nor the reader object.
        """
        if sentence == self.unit.text:
            return True
        if not sentence or escaped([sentence]) != [sentence]:
            return False
        if not are_copied(sentence, self._said, self._analyser):
            return False
        if not self._adds_nothing(sentence):
            return False
        if self._support.verdict(sentence, [1]).standing is not SupportState.SUPPORTED:
            return False
        if self._reader is None:
            return True
        text = f"{self.title}: {self.unit.text}" if self.title else self.unit.text
        return bool(self._reader.support(sentence, [text])[0, 0] >= LEAST_SUPPORT)

    def answers(self, sentence: str) -> bool:
        """Whether a sentence leaves nothing out that the question may need.

        It has every identifier of the unit that stands in no brackets, the words that unit and question
        share, and what the reader takes for the answer; where that is nothing, every word of content.
        """
        if sentence == self.unit.text:
            return True
        if not all(holds(sentence, each) for each in identifiers_of(_BRACKETS.sub("", self.unit.text))):
            return False
        terms = own = set(self._analyser.terms(self.unit.text))
        if self._reader is not None:
            (found,) = self._reader.read(self._question, [ReaderText(self.title, self.unit.text)])
            if found.spans and found.margin > 0:
                start, end, _ = found.spans[0]
                terms = set(self._analyser.terms(self.unit.text[start:end]))
                terms |= own & set(self._analyser.terms(self._question))
        return terms <= set(self._analyser.terms(sentence))

    @property
    def _said(self) -> list[str]:
        return [self._hit.passage.title, *self._hit.passage.headings, self.unit.text]

    def _adds_nothing(self, sentence: str) -> bool:
        """Whether all its words of content are the unit's, but for those that say what it speaks of.

        Titles and question may tell what "it" is, and not what stands in place of the unit's own first word.
        """
        terms, own = set(self._analyser.terms(sentence)), list(self._analyser.terms(self.unit.text))
        if terms <= set(own):
            return True
        around = set(self._analyser.terms("\n".join((*self._said, self._question))))
        return terms <= around and terms.issuperset(own[:1])

    @cached_property
    def _support(self) -> SupportChecker:
        return SupportCheck([self._hit], self._analyser)


def prompt_of(question: str, units: Sequence[tuple[str, str]]) -> str:
    """What the model reads.

    :param units: title, or "", and text of each; they are numbered from 1.
    """
    lines = (
        f"[{n}] ({title}) {text}" if title else f"[{n}] {text}" for n, (title, text) in enumerate(units, 1)
    )
    return "\n".join((question, *lines))


def _may_be_worded(part: AnswerPart) -> bool:
    unit = part.unit
    if unit is None or "\n" in part.text or part.note or len(part.text) > MOST_UNIT_CHARS:
        return False
    if unit.kind is UnitKind.LINE:
        # A name with its value, and no line of a log.
        return unit.blocks[0].kind is BlockKind.KEY_VALUE
    return unit.kind in _WORDED and (unit.kind is not UnitKind.ROW or part.text.count(";") < MOST_CELLS)
