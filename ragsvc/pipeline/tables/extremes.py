"""Questions for the row, the number or the time that is first: the cheapest, the highest, the last."""

from __future__ import annotations

from dataclasses import dataclass

from ragsvc.pipeline.tables.counts import best_group, top_of
from ragsvc.pipeline.tables.interpretation import Interpretation
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import NotUnderstood, QuestionItem
from ragsvc.pipeline.tables.table_question import Intent, Order, RowCondition, TableQuestion
from ragsvc.pipeline.tables.typed_table import ColumnKind

OPPOSITE = {Order.MIN: Order.MAX, Order.MAX: Order.MIN}
# "The most" may mean all together; "the highest" is one.
_ROW_WORDS = frozenset({"which", "welche", "welcher", "welches", "welchen", "welchem"})
_MOST = frozenset({"most", "fewest", "least", "meisten", "wenigsten"})


@dataclass(frozen=True, slots=True)
class Extreme:
    """A superlative with the column that it is of."""

    column: int
    order: Order
    at: int


def best_row(reading: Interpretation, head: str) -> TableQuestion:
    if reading.groups or head in ("where", "how"):
        raise NotUnderstood
    if reading.sums:
        return best_group(reading, Intent(reading.sums[0].lexeme.value))
    named, superlative = reading.named(), reading.best[0]
    if any(item.acts("span") for item in reading.rest):
        summed = reading.sized() and _is_summed(reading, superlative)
        return best_group(reading, Intent.SUM if summed else Intent.COUNT)
    counted = not superlative.lexeme.concept and not reading.sized() and len(named) == 1
    if counted and any(item.is_head and item.at > superlative.at for item in reading.subjects):
        return best_group(reading, Intent.COUNT)
    if _means_together(reading, superlative, named):
        return best_group(reading, Intent.SUM)
    if head == "who" and not named and not reading.is_of_people():
        raise NotUnderstood
    wanted = wanted_by(reading, superlative)
    top = top_of(reading)
    targets = tuple(column for column in reading.sized() if column != wanted.column)
    if len(named) > 1:
        raise NotUnderstood
    conditions = reading.conditions()
    if head == "when":
        return _when_best(reading, wanted, named, targets, conditions)
    # "The oldest minibus" is a row; "what is the highest salary in Berlin" asks for a number.
    which = bool(reading.heads) and reading.text.small[reading.heads[0].at] in _ROW_WORDS
    is_one = which or (bool(superlative.lexeme.concept) and not reading.sized())
    asks_rows = named or reading.subjects or head == "who" or targets or is_one or reading.nth
    if not asks_rows:
        if top or head not in ("which", "amount", "", "list"):
            raise NotUnderstood
        return TableQuestion(intent=Intent(wanted.order.value), conditions=conditions, measure=wanted.column)
    day = _day_asked(reading, wanted)
    if named and not reading.column(named[0]).is_unique and not reading.subjects and day is None:
        _only_by_rows(reading, superlative, wanted)
    shown = named[0] if named else reading.label() if day is None else day
    return TableQuestion(
        intent=Intent.WHICH,
        conditions=conditions,
        measure=wanted.column,
        shown=shown,
        targets=targets,
        order=wanted.order,
        top=top,
        nth=reading.nth,
    )


def range_of(reading: Interpretation) -> TableQuestion:
    """How far the highest is from the lowest: "the difference between the highest and the lowest salary"."""
    reading.only(best=True)
    found = [wanted_by(reading, superlative) for superlative in reading.best]
    if len(found) not in (0, 2) or len({each.column for each in found}) > 1:
        raise NotUnderstood
    if found and found[0].order is found[1].order:
        raise NotUnderstood
    columns = [found[0].column] if found else reading.sized()
    measure = reading.one_measure(columns, Intent.MEAN)
    if reading.named() or set(reading.sized()) - {measure}:
        raise NotUnderstood
    return TableQuestion(intent=Intent.RANGE, conditions=reading.conditions(), measure=measure)


def _means_together(reading: Interpretation, superlative: QuestionItem, named: list[int]) -> bool:
    """Whether "which customer ordered the most pieces" means all rows of each: of what may be added up."""
    if superlative.lexeme.concept or len(named) != 1 or len(reading.sized()) != 1:
        return False
    return not reading.column(named[0]).is_unique and _is_summed(reading, superlative)


def _is_summed(reading: Interpretation, superlative: QuestionItem) -> bool:
    """Whether "the most" is said of a column that adds up."""
    said = set(reading.text.small[superlative.at : superlative.at + superlative.length])
    sized = [c for c in reading.sized() if reading.column(c).kind is ColumnKind.NUMBER]
    return bool(said & _MOST) and len(sized) == 1 and reading.is_counted(reading.column(sized[0]))


def _only_by_rows(reading: Interpretation, superlative: QuestionItem, wanted: Extreme) -> None:
    """Refuse "which station had the highest rain", where a station has several: a row, or all of them?"""
    said = set(reading.text.small[superlative.at : superlative.at + superlative.length])
    column = reading.column(wanted.column)
    concept = superlative.lexeme.concept
    if said & _MOST and not concept:
        raise NotUnderstood
    if not concept and reading.is_counted(column):
        raise NotUnderstood
    if concept and column.concepts & lexicon().members["reading"]:
        raise NotUnderstood


def _day_asked(reading: Interpretation, wanted: Extreme) -> int | None:
    """The column of dates that is asked for: "on which day", "the coldest day"."""
    days = [item.column for item in reading.columns if reading.column(item.column).kind is ColumnKind.DATE]
    return days[0] if days and wanted.column not in days else None


def _when_best(
    reading: Interpretation,
    wanted: Extreme,
    named: list[int],
    targets: tuple[int, ...],
    conditions: tuple[RowCondition, ...],
) -> TableQuestion:
    """When something was highest, or was first."""
    if named or reading.numbers or reading.tops:
        raise NotUnderstood
    timed = reading.candidates("date")
    if wanted.column in timed:
        if targets:
            raise NotUnderstood
        return TableQuestion(intent=Intent(wanted.order.value), conditions=conditions, measure=wanted.column)
    if len(timed) != 1 or set(targets) - set(timed):
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.WHICH,
        conditions=conditions,
        measure=wanted.column,
        shown=timed[0],
        order=wanted.order,
    )


def wanted_by(reading: Interpretation, superlative: QuestionItem) -> Extreme:
    """The column that a superlative is of: the one it names or that is named after it."""
    order = Order(superlative.lexeme.value)
    concept = superlative.lexeme.concept
    sized = [item for item in reading.columns if item.column in reading.sized()]
    if concept == "size" and sized and not any(i.column in reading.candidates(concept) for i in sized):
        raise NotUnderstood
    if concept:
        named, flipped = reading.of_concept(concept, [item.column for item in sized])
        return Extreme(named, OPPOSITE[order] if flipped else order, superlative.at)
    after = [item for item in sized if item.at > superlative.at]
    before = [item for item in sized if item.at < superlative.at]
    chosen = after[0] if after else before[-1] if len(before) == 1 else None
    if chosen is None:
        raise NotUnderstood
    column = reading.column(chosen.column)
    # No date is highest, and of a rank the best is lowest.
    if column.is_identifier or column.kind is ColumnKind.DATE or "rank" in column.concepts:
        raise NotUnderstood
    return Extreme(chosen.column, order, superlative.at)
