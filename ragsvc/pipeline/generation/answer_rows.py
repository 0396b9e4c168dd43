"""Which rows of a table answer, and which of their cells."""

from __future__ import annotations

from collections.abc import Sequence, Set

from ragsvc.domain import Span
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.grounding.units import UnitKind
from ragsvc.protocols import Analyser
from ragsvc.text.blocks import BlockKind

MAX_ROWS = 10
FEW_ROWS = 3
# How close, in log odds, another row must come to the best: where several are asked for, and else.
SEVERAL_LOSS = 1.0
SAME_LOSS = 0.15
_SEVERAL = (AnswerShape.LIST, AnswerShape.COUNT, AnswerShape.COMPARISON)


def rows_near(
    best: ScoredUnit, scored: Sequence[ScoredUnit], shape: AnswerShape, wanted: Set[str], analyser: Analyser
) -> tuple[str, tuple[Span, ...], str]:
    """The best row and those of its table that answer as well.

    :param scored: best first. wanted: terms of the question.
    :return: what they say, the spans of it, and what is left out.
    """
    table = best.unit.group
    several = shape in _SEVERAL
    floor = best.score - (SEVERAL_LOSS if several else SAME_LOSS)
    rows = [
        each
        for each in scored
        if each.unit.kind is UnitKind.ROW
        and each.unit.group is table
        and each.bound == best.bound
        and each.score >= floor
    ]
    shown = sorted(rows[: MAX_ROWS if several else FEW_ROWS], key=lambda each: each.unit.start)
    lines: list[str] = []
    spans: list[Span] = []
    for each in shown:
        text, of = cells_asked(each, wanted, analyser)
        lines.append(f"- {text}" if len(shown) > 1 else text)
        spans += of
    total = sum(row.kind is BlockKind.ROW and not row.header for row in table.children) if table else 0
    note = f"{len(shown)} of {total} rows are shown." if several and len(shown) < total else ""
    return "\n".join(lines), tuple(spans), note


def cells_asked(scored: ScoredUnit, wanted: Set[str], analyser: Analyser) -> tuple[str, list[Span]]:
    """What a row says of what is asked: its key, and the cells of the columns that the question names."""
    unit, reading, offset = scored.unit, scored.part.reading, scored.part.offset
    whole = [Span(unit.start, unit.end)]
    row = unit.blocks[0]
    head = next((each for each in unit.group.children if each.header), None) if unit.group else None
    if head is None and unit.group:
        # The first row tells how many columns there are, if not their names.
        head = next((each for each in unit.group.children if each.cells), None)
    if head is None or len(head.cells) > len(row.cells) or len(head.cells) < 2:
        return unit.text, whole
    # What stands behind the last column is no part of the table.
    strays = len(row.cells) > len(head.cells)
    names = [
        reading.line(cell.start, cell.end) if head.header and cell.end > cell.start else ""
        for cell in head.cells
    ]
    cells = [
        reading.line(cell.start, cell.end) if cell.end > cell.start else ""
        for cell in row.cells[: len(names)]
    ]
    asked = {at for at, name in enumerate(names) if wanted & set(analyser.terms(name))}
    meant = {at for at, cell in enumerate(cells) if wanted & set(analyser.terms(cell))}
    all_asked = not asked - meant - {0} or len(cells) < 3
    if all_asked and not strays:
        return unit.text, whole
    kept = [at for at in (range(len(cells)) if all_asked else sorted({0} | asked | meant)) if cells[at]]
    if not kept or (not all_asked and not any(cells[at] for at in asked)):
        # What is asked for is empty: the rest of the row may tell.
        return unit.text, whole
    spans: list[Span] = []
    for at in kept:
        spans.append(Span(row.cells[at].start + offset, row.cells[at].end + offset))
    return "; ".join(f"{names[at]}: {cells[at]}" if names[at] else cells[at] for at in kept), spans
