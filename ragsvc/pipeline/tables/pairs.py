"""Questions that hold one row, or the rows of one cell, against another."""

from __future__ import annotations

from ragsvc.pipeline.tables.clauses import ValueRun
from ragsvc.pipeline.tables.extremes import OPPOSITE
from ragsvc.pipeline.tables.interpretation import Interpretation
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import NotUnderstood, QuestionItem
from ragsvc.pipeline.tables.table_question import Intent, Order, RowCondition, TableQuestion
from ragsvc.pipeline.tables.typed_table import ColumnKind

_TWO = 2


def comparison_of(reading: Interpretation, head: str) -> TableQuestion:
    """One row with another: "Is A cheaper than B?", "Which plans are cheaper than B?"."""
    comparison = reading.clauses.comparison
    assert comparison is not None
    if reading.best or reading.groups or reading.numbers or reading.tops:
        raise NotUnderstood
    if not comparison.lexeme.concept and not reading.sized():
        order = Order.MAX if comparison.lexeme.value == ">" else Order.MIN
        return _groups_compared(reading, head, None, order, Intent.COUNT)
    measure, order = _measure_of(reading, comparison)
    if reading.sums:
        return _groups_compared(reading, head, measure, order, Intent(reading.sums[0].lexeme.value))
    if (
        not comparison.lexeme.concept
        and reading.is_counted(reading.column(measure))
        and not _names_rows(reading)
    ):
        return _groups_compared(reading, head, measure, order, Intent.SUM)
    if [column for column in reading.sized() if column != measure]:
        raise NotUnderstood
    label, runs, _ = _than(reading, comparison)
    if len(runs) == 1 and len(runs[0].values) == 1 and head in ("which", "who", "list", "count"):
        return _beyond(reading, head, comparison, measure, order, runs[0])
    column, runs, pair = _pair(reading)
    others = [run for run in reading.clauses.runs if run not in runs]
    if others or reading.clauses.conditions or set(reading.named()) - {label}:
        raise NotUnderstood
    if head == "amount" or (head == "count" and reading.sized()):
        intent = Intent.DIFFERENCE
    elif head in ("which", "who", "list", "") and (head or reading.text.small[0] in lexicon().aux):
        intent = Intent.COMPARE
    else:
        raise NotUnderstood
    whether = not head and not any(run.either for run in runs)
    return TableQuestion(
        intent=intent,
        measure=measure,
        shown=column,
        order=order,
        pair=pair,
        aggregate=Intent.EXISTS if whether else None,
    )


def _names_rows(reading: Interpretation) -> bool:
    """Whether two rows are named."""
    runs = [run for run in reading.clauses.runs if reading.column(run.column).is_unique]
    return sum(len(run.values) for run in runs) == _TWO


def _groups_compared(
    reading: Interpretation, head: str, measure: int | None, order: Order, aggregate: Intent
) -> TableQuestion:
    """Rows, averages or totals of the rows of two cells: "Was A warmer on average than B?"."""
    if measure is not None:
        reading.one_measure([measure], aggregate)
    elif reading.sums or not any(item.is_head for item in reading.subjects):
        raise NotUnderstood
    pairs = [run for run in reading.clauses.runs if not reading.column(run.column).is_unique]
    columns = [run.column for run in pairs]
    twice = {c for run in pairs for c in [run.column] if columns.count(c) + len(run.values) > _TWO}
    if len(twice) != 1 or set(reading.sized()) - {measure} or _is_joined(reading, twice):
        raise NotUnderstood
    (column,) = twice
    runs = [run for run in reading.clauses.runs if run.column == column]
    pair = tuple(values for run in runs for values in run.values)
    others = [run for run in reading.clauses.runs if run.column != column]
    whether = not head and reading.text.small[0] in lexicon().aux
    if len(pair) != _TWO or any(run.negated for run in runs) or set(reading.named()) - {column}:
        raise NotUnderstood
    apart = head in ("count", "amount")
    if not whether and not apart and head not in ("which", "who"):
        raise NotUnderstood
    if any(run.either for run in runs):
        whether = False
    elif whether and any(item.acts("or") for item in reading.rest):
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.DIFFERENCE if apart else Intent.COMPARE,
        conditions=(*reading.clauses.conditions, *(run.condition for run in others)),
        measure=measure,
        group=column,
        order=order,
        pair=pair,
        aggregate=aggregate,
        top=1 if whether else 0,
    )


def _is_joined(reading: Interpretation, columns: set[int]) -> bool:
    """Whether two cells stand together on one side: "more in A and B than in C"."""
    comparison = reading.clauses.comparison
    assert comparison is not None
    than = [
        at for at, word in enumerate(reading.text.small) if word in ("than", "als") and at > comparison.at
    ]
    runs = [run for run in reading.clauses.runs if run.column in columns]
    return bool(than) and any(len(run.values) > 1 for run in runs)


def _pair(reading: Interpretation) -> tuple[int, list[ValueRun], tuple[tuple[str, ...], ...]]:
    """Two rows that are named by cells of one column, which tells rows apart."""
    runs = [run for run in reading.clauses.runs if reading.column(run.column).is_unique]
    pair = tuple(values for run in runs for values in run.values)
    if len(pair) != _TWO or len({run.column for run in runs}) != 1 or any(run.negated for run in runs):
        raise NotUnderstood
    return runs[0].column, runs, pair


def _than(reading: Interpretation, comparison: QuestionItem) -> tuple[int, list[ValueRun], int]:
    runs = [run for run in reading.clauses.runs if reading.column(run.column).is_unique]
    if not runs:
        raise NotUnderstood
    return runs[0].column, runs, comparison.at


def _measure_of(reading: Interpretation, comparison: QuestionItem) -> tuple[int, Order]:
    order = Order.MAX if comparison.lexeme.value == ">" else Order.MIN
    if comparison.lexeme.value not in (">", "<"):
        raise NotUnderstood
    sized = reading.sized()
    concept = comparison.lexeme.concept
    if concept and concept != "date":
        column, flipped = reading.of_concept(concept, sized)
        return column, OPPOSITE[order] if flipped else order
    if len(sized) != 1 or "rank" in reading.column(sized[0]).concepts:
        raise NotUnderstood
    if (reading.column(sized[0]).kind is ColumnKind.DATE) != (concept == "date"):
        raise NotUnderstood
    return sized[0], order


def _beyond(
    reading: Interpretation, head: str, comparison: QuestionItem, measure: int, order: Order, run: ValueRun
) -> TableQuestion:
    if run.at < comparison.at or run.negated:
        raise NotUnderstood
    than = RowCondition(measure, ">" if order is Order.MAX else "<", (), (run.column, run.values[0]))
    others = tuple(c for c in reading.conditions() if c.column != run.column)
    named = [column for column in reading.named() if column != run.column]
    subject = any(item.is_head for item in reading.subjects) or head == "who"
    if named or not (subject or reading.named()):
        raise NotUnderstood
    intent = Intent.COUNT if head == "count" else Intent.LIST
    return TableQuestion(intent=intent, conditions=(*others, than), shown=run.column)


def difference_of(reading: Interpretation) -> TableQuestion:
    if (
        reading.best
        or reading.sums
        or reading.groups
        or reading.numbers
        or reading.tops
        or reading.clauses.conditions
    ):
        raise NotUnderstood
    column, runs, pair = _pair(reading)
    sized = reading.sized()
    if len(runs) != len(reading.clauses.runs) or len(sized) != 1 or set(reading.named()) - {column}:
        raise NotUnderstood
    if reading.column(sized[0]).kind is not ColumnKind.NUMBER:
        raise NotUnderstood
    return TableQuestion(intent=Intent.DIFFERENCE, measure=sized[0], shown=column, pair=pair)
