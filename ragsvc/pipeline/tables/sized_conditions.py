"""Conditions by numbers and dates: whether they fit a column, and what rows must say in it then."""

from __future__ import annotations

from decimal import Decimal

from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import DayRange, NotUnderstood, QuestionItem, QuestionItemKind
from ragsvc.pipeline.tables.table_question import Bound, RowCondition
from ragsvc.pipeline.tables.typed_table import ColumnKind, TableColumn

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}
_MONEY = frozenset({"price", "pay", "revenue", "budget"})
_OPEN_ENDED = frozenset({">=", "<="})


def fits(column: TableColumn, value: QuestionItem) -> bool:
    """Whether a number or date can be compared with the cells of a column."""
    if column.kind is ColumnKind.DATE:
        return value.period_in(column) is not None
    if column.is_year and value.years() is not None:
        return True
    if column.kind is not ColumnKind.NUMBER or value.kind is not QuestionItemKind.NUMBER:
        return False
    if value.unit in ("", column.unit):
        return True
    known = lexicon()
    if column.unit:
        return known.scaled(value.amount, value.unit, column.unit) is not None
    if value.unit in known.currencies:
        return bool(column.concepts & _MONEY)
    concept = known.unit_concepts.get(value.unit, "")
    return bool(concept) and bool(known.members[concept] & column.concepts)


def compared(place: int, column: TableColumn, item: QuestionItem, value: QuestionItem) -> RowCondition:
    """A comparison of a column with a number or a date."""
    op, concept = item.lexeme.value, item.lexeme.concept
    if column.kind is ColumnKind.NUMBER and not (column.is_year and value.years() is not None):
        # "after 40" is no comparison of numbers, but "bis 40" is one.
        if concept == "date" and (op not in _OPEN_ENDED or value.period is not None):
            raise NotUnderstood
        return RowCondition(place, op, (amount_in(column, value),))
    if concept == "age":
        op = _FLIPPED[op]
    elif concept != "date" and column.kind is ColumnKind.DATE:
        raise NotUnderstood
    if column.is_year:
        return RowCondition(place, *_of_years(op, value))
    period = value.period_in(column)
    assert period is not None
    return RowCondition(place, *_dated(op, period))


def amount_in(column: TableColumn, value: QuestionItem) -> Decimal:
    """A number in the unit of a column that it fits."""
    if not column.unit or not value.unit:
        return value.amount
    return lexicon().scaled(value.amount, value.unit, column.unit) or value.amount


def _dated(op: str, period: DayRange) -> tuple[str, tuple[Bound, ...]]:
    if op == "=":
        return "between", (period.first, period.last)
    return op, (period.last if op in (">", "<=") else period.first,)


def equal_to(place: int, column: TableColumn, value: QuestionItem) -> RowCondition:
    if column.kind is ColumnKind.DATE:
        period = value.period_in(column)
        assert period is not None
        return RowCondition(place, "between", (period.first, period.last))
    if column.is_year and value.years() is not None:
        return RowCondition(place, *_of_years("=", value))
    return RowCondition(place, "=", (amount_in(column, value),))


def _of_years(op: str, value: QuestionItem) -> tuple[str, tuple[Bound, ...]]:
    years = value.years()
    assert years is not None
    first, last = map(Decimal, years)
    if op == "=":
        return ("=", (first,)) if first == last else ("between", (first, last))
    return op, (last if op in (">", "<=") else first,)


def between(column: TableColumn, low: QuestionItem, high: QuestionItem) -> tuple[Bound, Bound]:
    """Both ends of a range that begins with one number or date and ends with another.

    :raises NotUnderstood: if they do not fit the column, or the first is beyond the last.
    """
    if not (fits(column, low) and fits(column, high)):
        raise NotUnderstood
    if column.kind is ColumnKind.DATE:
        first, last = low.period_in(column), high.period_in(column)
        if first is None or last is None or first.first > last.last:
            raise NotUnderstood
        return (first.first, last.last)
    least, most = amount_in(column, low), amount_in(column, high)
    if least > most:
        raise NotUnderstood
    return (least, most)
