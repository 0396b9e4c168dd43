"""An answer that quotes: which units it shows, whole and in what order, and how they are laid out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from ragsvc.domain import Span
from ragsvc.pipeline.generation.answer_rows import rows_near
from ragsvc.pipeline.grounding.answer_shape import SHORT_ANSWERS, AnswerShape
from ragsvc.pipeline.grounding.centrality import EXTRACTED
from ragsvc.pipeline.grounding.documents import DocumentPart, WholeText
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.grounding.unit_features import COMPOSITE
from ragsvc.pipeline.grounding.units import Unit, UnitKind, units_of
from ragsvc.protocols import Analyser
from ragsvc.text.blocks import layout

MAX_CHARS = 650
SHORT_CHARS = 330
# A further unit must come this close to the best one, in log odds, to be worth reading.
KEEP_LOSS = 3.0
# So much of a paragraph is shown from the sentence that answers on.
CONTEXT_CHARS = 320
SHORT_SECTION_CHARS = 260
# A sentence with fewer terms than this that are not the question's is a title, or a function's signature.
FEW_TERMS = 3
# Two units that share this part of the shorter one's words say the same.
SAME_SHARE = 0.6
_FURTHER: Mapping[AnswerShape, int] = {
    AnswerShape.STEPS: 1,
    AnswerShape.CODE: 0,
    AnswerShape.YES_NO: 1,
    AnswerShape.COMPARISON: 3,
}
_SEVERAL = frozenset({AnswerShape.LIST, AnswerShape.STEPS})
_UNDER_HEADING = frozenset({UnitKind.ITEM, UnitKind.LIST, UnitKind.LINE, UnitKind.SECTION})
_ANNOUNCING = (":", "：")
# A number in brackets of the source must not look like one of our markers, which follow a blank.
MARKER_LIKE = re.compile(r"(?<!\S)\[(\d{1,4})\]")


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A piece of an answer, and the code points of the stored text that it is made of.

    number: rank of the passage's hit. prose: whether more may follow on its line. note: what is left out.
    unit: the one that it is made of, with what belongs to it.
    """

    text: str
    number: int
    document: DocumentPart | WholeText
    spans: tuple[Span, ...]
    prose: bool
    note: str = ""
    unit: Unit | None = None


def compose(
    scored: Sequence[ScoredUnit], shape: AnswerShape, analyser: Analyser, question: str
) -> tuple[AnswerPart, ...]:
    """The parts of an answer, in the order in which they are read.

    :param scored: best first, at least one.
    """
    return _Composer(scored, shape, analyser, question).parts()


class _Composer:
    def __init__(
        self, scored: Sequence[ScoredUnit], shape: AnswerShape, analyser: Analyser, question: str
    ) -> None:
        self._scored = scored
        self._shape = shape
        self._analyser = analyser
        self._wanted = frozenset(analyser.terms(question))

    def parts(self) -> tuple[AnswerPart, ...]:
        best = self._scored[0]
        if self._shape is AnswerShape.SUMMARY:
            return (self._extract(best),)
        if self._shape is AnswerShape.COMPARISON and (compared := self._one_each()):
            return compared
        if best.unit.kind is UnitKind.ROW:
            said, spans, note = rows_near(best, self._scored, self._shape, self._wanted, self._analyser)
            return (self._made(best, said, spans, prose=False, note=note),)
        if self._shape in _SEVERAL and best.unit.kind is not UnitKind.LIST:
            best = self._group_near(best) or best
        best = self._short_section(best) or best
        first = self._whole(best)
        chosen = [(best, first)]
        if first.prose or best.unit.kind in (UnitKind.ITEM, UnitKind.DEFINITION, UnitKind.LINE):
            chosen += self._further(best, first)
        chosen.sort(key=lambda each: (each[0].number != best.number, each[0].number, each[1].spans[0].start))
        return tuple(part for _, part in chosen)

    def _one_each(self) -> tuple[AnswerPart, ...]:
        """The best unit of each identifier that is compared; () where that are fewer than two."""
        best: dict[str, ScoredUnit] = {}
        for each in sorted(self._scored, key=lambda each: -each.score):
            if len(each.held) == 1 and each.unit.kind is not UnitKind.SECTION:
                best.setdefault(next(iter(each.held)), each)
        if len(best) < 2:
            return ()
        rows = all(each.unit.kind is UnitKind.ROW for each in best.values())
        return tuple(self._row(each) if rows else self._alone(each) for each in best.values())

    def _alone(self, scored: ScoredUnit) -> AnswerPart:
        """A sentence without the next one, which may be the other side; any other unit as it is shown."""
        unit = scored.unit
        if unit.kind is not UnitKind.SENTENCE:
            return self._whole(scored)
        return self._made(scored, _closed(unit.text), (Span(unit.start, unit.end),), prose=True)

    def _row(self, scored: ScoredUnit) -> AnswerPart:
        return self._made(scored, scored.unit.text, (Span(scored.unit.start, scored.unit.end),), prose=False)

    def _extract(self, best: ScoredUnit) -> AnswerPart:
        """The units that say most of a document, in its order, under their titles."""
        parts = [s for s in self._scored if s.part is best.part and s.unit.kind not in COMPOSITE]
        if all(each.unit.kind is UnitKind.CODE for each in parts):
            return self._whole(parts[0] if parts else best)
        units: list[Unit] = []
        for unit in (each.unit for each in parts[:EXTRACTED]):
            if not units or sum(len(each.text) for each in units) + len(unit.text) <= MAX_CHARS:
                units.append(unit)
        units.sort(key=lambda unit: unit.start)
        lines = [f"- {unit.path[-1]}: {unit.text}" if unit.heading else f"- {unit.text}" for unit in units]
        spans = tuple(Span(unit.start, unit.end) for unit in units)
        total = sum(1 for unit in units_of(best.part) if unit.kind not in COMPOSITE)
        note = f"An extract: {len(units)} of {total} statements of the document."
        return self._made(best, "\n".join(lines), spans, prose=False, note=note)

    def _group_near(self, best: ScoredUnit) -> ScoredUnit | None:
        """The whole list that the best unit is a part of or announces."""
        for each in self._scored:
            unit = each.unit
            if unit.kind is not UnitKind.LIST or each.part is not best.part:
                continue
            inside = unit.start <= best.unit.start and best.unit.end <= unit.end
            if inside or unit.lead_start == best.unit.start:
                return each
        return None

    def _short_section(self, best: ScoredUnit) -> ScoredUnit | None:
        """All that stands under the heading of the best unit, where that is no more than a few lines."""
        if best.unit.kind in COMPOSITE:
            return None
        for each in self._scored:
            unit = each.unit
            if (
                unit.kind is UnitKind.SECTION
                and each.part is best.part
                and unit.start <= best.unit.start < unit.end <= unit.start + SHORT_SECTION_CHARS
            ):
                return each
        return None

    def _announced(self, best: ScoredUnit) -> ScoredUnit | None:
        """What a sentence announces, right below it."""
        followed = [
            each
            for each in self._scored
            if each.part is best.part
            and each.unit.lead_start == best.unit.start
            and each.unit.kind in (UnitKind.LIST, UnitKind.CODE)
        ]
        return min(followed, key=lambda each: each.unit.start, default=None)

    def _whole(self, scored: ScoredUnit) -> AnswerPart:
        """A unit with what it cannot be understood without."""
        unit = scored.unit
        if unit.kind in (UnitKind.SENTENCE, UnitKind.TITLE):
            below = self._announced(scored)
            if below and (unit.text.endswith(_ANNOUNCING) or self._shape is AnswerShape.CODE):
                return self._laid_out(below, with_lead=True)
            return self._sentence(scored)
        if unit.kind is UnitKind.ITEM:
            return self._laid_out(scored, with_lead=unit.lead.endswith(_ANNOUNCING))
        return self._laid_out(scored, with_lead=unit.kind in (UnitKind.LIST, UnitKind.CODE))

    def _sentence(self, scored: ScoredUnit) -> AnswerPart:
        """A sentence with the next ones of its paragraph, where all of it is short.

        One that says little but what the question says, as a title does, takes the next one from anywhere.
        """
        unit = scored.unit
        said, spans = _closed(unit.text), [Span(unit.start, unit.end)]
        new = set(self._analyser.terms(unit.text)) - self._wanted
        following = self._next(scored, unit)
        while following is not None:
            near = following.unit.blocks[0] is unit.blocks[0] and self._comes_near(following, scored)
            if not (near or (len(new) < FEW_TERMS and len(spans) == 1)):
                break
            if len(spans) > 1 and len(said) + len(following.unit.text) > CONTEXT_CHARS:
                break
            said = f"{said} {_closed(following.unit.text)}"
            spans.append(Span(following.unit.start, following.unit.end))
            following = self._next(scored, following.unit)
        return self._made(scored, said, tuple(spans), prose=True)

    def _comes_near(self, other: ScoredUnit, best: ScoredUnit) -> bool:
        """Whether a unit is worth reading beside the best one."""
        return other.score >= best.score - KEEP_LOSS

    def _next(self, scored: ScoredUnit, unit: Unit) -> ScoredUnit | None:
        """The sentence, item or line right after a unit, in its section."""
        after = [
            each
            for each in self._scored
            if each.part is scored.part
            and each.unit.section == unit.section
            and each.unit.start >= unit.end
            and each.unit.kind in (UnitKind.SENTENCE, UnitKind.ITEM, UnitKind.LINE, UnitKind.DEFINITION)
        ]
        return min(after, key=lambda each: (each.unit.start, each.unit.end), default=None)

    def _laid_out(self, scored: ScoredUnit, *, with_lead: bool) -> AnswerPart:
        """A unit with what announces it, or else, where it is an item, with the heading over it."""
        unit = scored.unit
        said = layout(scored.part.reading, unit.blocks)
        spans = [Span(unit.start, unit.end)]
        if with_lead and unit.lead:
            said = f"{unit.lead}\n\n{said}" if unit.kind is UnitKind.CODE else f"{unit.lead}\n{said}"
            spans.insert(0, Span(unit.lead_start, unit.lead_end))
        elif unit.kind in _UNDER_HEADING and unit.heading is not None and self._tells_more(unit.path[-1]):
            said = f"{unit.path[-1].rstrip(':')}:\n{said}"
            spans.insert(0, unit.heading)
        return self._made(scored, said, tuple(spans), prose=False)

    def _tells_more(self, title: str) -> bool:
        """Whether a title says something that the question does not."""
        return not self._wanted.issuperset(self._analyser.terms(title)) and not title.endswith(("?", "？"))

    def _further(self, best: ScoredUnit, first: AnswerPart) -> list[tuple[ScoredUnit, AnswerPart]]:
        """Other units that come near to the best one and say something else."""
        room = (SHORT_CHARS if self._shape in SHORT_ANSWERS else MAX_CHARS) - len(first.text)
        said = [_words(first.text)]
        taken = [(best.part, span) for span in first.spans]
        found: list[tuple[ScoredUnit, AnswerPart]] = []
        for each in self._scored[1:]:
            if len(found) == _FURTHER.get(self._shape, 2) or not self._comes_near(each, best):
                break
            unit = each.unit
            if unit.kind not in (UnitKind.SENTENCE, UnitKind.ITEM, UnitKind.DEFINITION) or not each.bound:
                continue
            if any(of is each.part and _overlaps(Span(unit.start, unit.end), span) for of, span in taken):
                continue
            words = _words(unit.text)
            if len(unit.text) > room or not all(_distinct(words, other) for other in said):
                continue
            part = self._whole(each)
            if any(_overlaps(span, other) for span in part.spans for of, other in taken if of is each.part):
                # What follows it was said already.
                part = self._made(each, _closed(unit.text), (Span(unit.start, unit.end),), prose=part.prose)
            if len(part.text) > room:
                continue
            found.append((each, part))
            said.append(words)
            taken += [(each.part, span) for span in part.spans]
            room -= len(part.text)
        return found

    def _made(
        self, scored: ScoredUnit, text: str, spans: tuple[Span, ...], *, prose: bool, note: str = ""
    ) -> AnswerPart:
        # A marker stands behind the fence of code, never in it.
        said = text if scored.unit.kind is UnitKind.CODE else MARKER_LIKE.sub(r"(\1)", text)
        return AnswerPart(said, scored.number, scored.part, spans, prose, note, scored.unit)


def _overlaps(one: Span, other: Span) -> bool:
    return one.start < other.end and one.end > other.start


def _closed(text: str) -> str:
    """With an end, so that what follows does not run into it."""
    return text if text[-1:] in ".!?:。！？：”\"')" or not text[-1:].isalnum() else f"{text}."


def _words(text: str) -> Set[str]:
    return frozenset(text.casefold().split())


def _distinct(a: Set[str], b: Set[str]) -> bool:
    return len(a & b) < SAME_SHARE * min(len(a), len(b))
