"""An answer that quotes: which units it shows, whole and in what order, and how they are laid out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from ragsvc.domain import Span
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.documents import DocumentPart
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.grounding.units import Unit, UnitKind, units_of
from ragsvc.protocols import Analyser
from ragsvc.text.blocks import BlockKind, layout

MAX_CHARS = 650
# A further unit must come this close to the best one to be worth reading.
KEEP_SHARE = 0.86
SAME_SCORE = 0.97
MAX_ROWS = 10
# A sentence with fewer terms than this that are not the question's is a title, or a function's signature.
FEW_TERMS = 3
MAX_SECTIONS = 6
# With fewer a document is told by its paragraphs.
FEW_SECTIONS = 3
# Two units that share this part of the shorter one's words say the same.
SAME_SHARE = 0.6
_FURTHER: Mapping[AnswerShape, int] = {
    AnswerShape.STEPS: 1,
    AnswerShape.CODE: 0,
    AnswerShape.YES_NO: 1,
    AnswerShape.COMPARISON: 3,
}
_SEVERAL = frozenset({AnswerShape.LIST, AnswerShape.STEPS})
_UNDER_HEADING = frozenset({UnitKind.ITEM, UnitKind.LIST, UnitKind.LINE})
_ANNOUNCING = (":", "：")
# A number in brackets of the source must not look like one of our markers, which follow a blank.
_MARKER_LIKE = re.compile(r"(?<!\S)\[(\d{1,4})\]")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an answer, and the code points of the stored text that it is made of.

    number: rank of the passage's hit. prose: whether more may follow on its line. note: what is left out.
    unit: the one that it is made of, with what belongs to it.
    """

    text: str
    number: int
    document: DocumentPart
    spans: tuple[Span, ...]
    prose: bool
    note: str = ""
    unit: Unit | None = None


def compose(
    scored: Sequence[ScoredUnit], shape: AnswerShape, analyser: Analyser, question: str
) -> tuple[Part, ...]:
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

    def parts(self) -> tuple[Part, ...]:
        best = self._scored[0]
        if self._shape is AnswerShape.SUMMARY:
            # The document that fits best as a whole, not the one with the best sentence.
            return (self._extract(min(self._scored, key=lambda each: each.number)),)
        if self._shape is AnswerShape.COMPARISON and (compared := self._one_each()):
            return compared
        if best.unit.kind is UnitKind.ROW:
            return (self._rows(best),)
        if self._shape in _SEVERAL and best.unit.kind is not UnitKind.LIST:
            best = self._group_near(best) or best
        first = self._whole(best)
        chosen = [(best, first)]
        if first.prose or best.unit.kind in (UnitKind.ITEM, UnitKind.DEFINITION, UnitKind.LINE):
            chosen += self._further(best, first)
        chosen.sort(key=lambda each: (each[0].number != best.number, each[0].number, each[1].spans[0].start))
        return tuple(part for _, part in chosen)

    def _one_each(self) -> tuple[Part, ...]:
        """The best unit of each identifier that is compared; () where that are fewer than two."""
        best: dict[str, ScoredUnit] = {}
        for each in sorted(self._scored, key=lambda each: -each.score):
            if len(each.held) == 1 and each.unit.kind is not UnitKind.SECTION:
                best.setdefault(next(iter(each.held)), each)
        if len(best) < 2:
            return ()
        rows = all(each.unit.kind is UnitKind.ROW for each in best.values())
        return tuple(self._row(each) if rows else self._whole(each) for each in best.values())

    def _row(self, scored: ScoredUnit) -> Part:
        return self._made(scored, scored.unit.text, (Span(scored.unit.start, scored.unit.end),), prose=False)

    def _extract(self, best: ScoredUnit) -> Part:
        """The first sentences of the first sections of the best document, under their titles."""
        kinds = (UnitKind.SENTENCE, UnitKind.ITEM, UnitKind.DEFINITION, UnitKind.LINE)
        units = [unit for unit in units_of(best.part) if unit.kind in kinds]
        by_section = len({unit.section for unit in units}) >= FEW_SECTIONS
        first: dict[int, Unit] = {}
        for unit in units:
            first.setdefault(unit.section if by_section else unit.position, unit)
        shown = list(first.values())[:MAX_SECTIONS]
        lines = [f"- {unit.path[-1]}: {unit.text}" if unit.path else f"- {unit.text}" for unit in shown]
        note = f"An extract: how {len(shown)} of {len(first)} parts of the document begin."
        spans = tuple(Span(unit.start, unit.end) for unit in shown)
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

    def _whole(self, scored: ScoredUnit) -> Part:
        """A unit with what it cannot be understood without."""
        unit = scored.unit
        if unit.kind is UnitKind.SENTENCE:
            below = self._announced(scored)
            if below and (unit.text.endswith(_ANNOUNCING) or self._shape is AnswerShape.CODE):
                return self._laid_out(below, with_lead=True)
            return self._sentence(scored)
        if unit.kind is UnitKind.ITEM:
            return self._laid_out(scored, with_lead=unit.lead.endswith(_ANNOUNCING))
        return self._laid_out(scored, with_lead=unit.kind in (UnitKind.LIST, UnitKind.CODE))

    def _sentence(self, scored: ScoredUnit) -> Part:
        """A sentence; with the next one where it says little but what the question says, as a title does."""
        unit = scored.unit
        said, spans = _closed(unit.text), [Span(unit.start, unit.end)]
        new = set(self._analyser.terms(unit.text)) - self._wanted
        following = self._next(scored) if len(new) < FEW_TERMS else None
        if following is not None:
            said = f"{said} {_closed(following.text)}"
            spans.append(Span(following.start, following.end))
        return self._made(scored, said, tuple(spans), prose=True)

    def _next(self, scored: ScoredUnit) -> Unit | None:
        """The sentence, item or line right after a unit, in its section."""
        unit = scored.unit
        after = [
            each.unit
            for each in self._scored
            if each.part is scored.part
            and each.unit.section == unit.section
            and each.unit.start >= unit.end
            and each.unit.kind in (UnitKind.SENTENCE, UnitKind.ITEM, UnitKind.LINE, UnitKind.DEFINITION)
        ]
        return min(after, key=lambda each: (each.start, each.end), default=None)

    def _laid_out(self, scored: ScoredUnit, *, with_lead: bool) -> Part:
        """A unit with what announces it, or else, where it is an item, with the heading over it."""
        unit = scored.unit
        said = layout(scored.part.reading, unit.blocks)
        spans = [Span(unit.start, unit.end)]
        if with_lead and unit.lead:
            said = f"{unit.lead}\n\n{said}" if unit.kind is UnitKind.CODE else f"{unit.lead}\n{said}"
            spans.insert(0, Span(unit.lead_start, unit.lead_start + _length_of_lead(scored)))
        elif unit.kind in _UNDER_HEADING and unit.heading is not None and self._tells_more(unit.path[-1]):
            said = f"{unit.path[-1].rstrip(':')}:\n{said}"
            spans.insert(0, unit.heading)
        return self._made(scored, said, tuple(spans), prose=False)

    def _tells_more(self, title: str) -> bool:
        """Whether a title says something that the question does not."""
        return not self._wanted.issuperset(self._analyser.terms(title)) and not title.endswith(("?", "？"))

    def _rows(self, best: ScoredUnit) -> Part:
        """Rows of one table: the best, and those that answer as well."""
        table = best.unit.group
        floor = (
            KEEP_SHARE
            if self._shape in (AnswerShape.LIST, AnswerShape.COUNT, AnswerShape.COMPARISON)
            else SAME_SCORE
        )
        rows = [
            each
            for each in self._scored
            if each.unit.kind is UnitKind.ROW
            and each.unit.group is table
            and each.bound == best.bound
            and each.score >= floor * best.score
        ]
        shown = sorted(rows[:MAX_ROWS] if floor < SAME_SCORE else rows[:3], key=lambda each: each.unit.start)
        lines, spans = [], []
        for each in shown:
            text, of = self._cells(each)
            lines.append(f"- {text}" if len(shown) > 1 else text)
            spans += of
        total = (
            sum(1 for row in table.children if row.kind is BlockKind.ROW and not row.header) if table else 0
        )
        note = ""
        if (
            self._shape in (AnswerShape.LIST, AnswerShape.COUNT, AnswerShape.COMPARISON)
            and len(shown) < total
        ):
            note = f"{len(shown)} of {total} rows are shown."
        return self._made(best, "\n".join(lines), tuple(spans), prose=False, note=note)

    def _cells(self, scored: ScoredUnit) -> tuple[str, list[Span]]:
        """What a row says of what is asked: its key, and the cells of the columns that the question names."""
        unit, reading, offset = scored.unit, scored.part.reading, scored.part.offset
        whole = [Span(unit.start, unit.end)]
        row = unit.blocks[0]
        head = next((each for each in unit.group.children if each.header), None) if unit.group else None
        if head is None or len(head.cells) != len(row.cells) or len(row.cells) < 3:
            return unit.text, whole
        names = [reading.line(cell.start, cell.end) if cell.end > cell.start else "" for cell in head.cells]
        cells = [reading.line(cell.start, cell.end) if cell.end > cell.start else "" for cell in row.cells]
        asked = {at for at, name in enumerate(names) if self._wanted & set(self._analyser.terms(name))}
        meant = {at for at, cell in enumerate(cells) if self._wanted & set(self._analyser.terms(cell))}
        if not asked - meant - {0}:
            return unit.text, whole
        kept = [at for at in sorted({0} | asked | meant) if cells[at]]
        spans: list[Span] = []
        for at in kept:
            spans.append(Span(row.cells[at].start + offset, row.cells[at].end + offset))
        return "; ".join(f"{names[at]}: {cells[at]}" if names[at] else cells[at] for at in kept), spans

    def _further(self, best: ScoredUnit, first: Part) -> list[tuple[ScoredUnit, Part]]:
        """Other units that come near to the best one and say something else."""
        room = MAX_CHARS - len(first.text)
        said = [_words(first.text)]
        taken = [(best.part, span) for span in first.spans]
        found: list[tuple[ScoredUnit, Part]] = []
        for each in self._scored[1:]:
            if len(found) == _FURTHER.get(self._shape, 2) or each.score < KEEP_SHARE * best.score:
                break
            unit = each.unit
            if unit.kind not in (UnitKind.SENTENCE, UnitKind.ITEM, UnitKind.DEFINITION) or not each.bound:
                continue
            if any(
                part is each.part and unit.start < span.end and unit.end > span.start for part, span in taken
            ):
                continue
            words = _words(unit.text)
            if len(unit.text) > room or not all(_distinct(words, other) for other in said):
                continue
            part = self._whole(each)
            if len(part.text) > room:
                continue
            found.append((each, part))
            said.append(words)
            taken += [(each.part, span) for span in part.spans]
            room -= len(part.text)
        return found

    def _made(
        self, scored: ScoredUnit, text: str, spans: tuple[Span, ...], *, prose: bool, note: str = ""
    ) -> Part:
        said = _MARKER_LIKE.sub(r"(\1)", text)
        return Part(said, scored.number, scored.part, spans, prose, note, scored.unit)


def _length_of_lead(scored: ScoredUnit) -> int:
    """Of the stored text: from where what announces a unit begins, to the end of its sentence."""
    unit, part = scored.unit, scored.part
    stored = part.slice(unit.lead_start, unit.start)
    return len(stored.rstrip())


def _closed(text: str) -> str:
    """With an end, so that what follows does not run into it."""
    return text if text[-1:] in ".!?:。！？：”\"')" or not text[-1:].isalnum() else f"{text}."


def _words(text: str) -> Set[str]:
    return frozenset(text.casefold().split())


def _distinct(a: Set[str], b: Set[str]) -> bool:
    return len(a & b) < SAME_SHARE * min(len(a), len(b))
