"""The conditions of a question: which rows it is about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_items import TableWords
from ragsvc.pipeline.tables.question_words import DayRange, QuestionItem, QuestionItemKind, QuestionText
from ragsvc.pipeline.tables.table_question import Bound, RowCondition
from ragsvc.pipeline.tables.typed_table import ColumnKind, TableColumn

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}
_MONEY = frozenset({"price", "pay", "revenue", "budget"})
_AFTER_NUMBER = frozenset({"or", "and", "oder", "und"})
_BOUNDS = frozenset({QuestionItemKind.NUMBER, QuestionItemKind.PERIOD})
_OPEN_ENDED = frozenset({">=", "<="})


class NotUnderstood(Exception):
    """A question that is not one of those that are computed."""


@dataclass(frozen=True, slots=True)
class ValueRun:
    """Cells of one column that a question names one after the other, as "Berlin or Hamburg"."""

    at: int
    column: int
    values: tuple[tuple[str, ...], ...]
    negated: bool = False
    endless: bool = False
    either: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """All cells that are named."""
        return tuple(cell for each in self.values for cell in each)

    @property
    def condition(self) -> RowCondition:
        """That a row says one of them, or none."""
        if self.endless:
            return RowCondition(self.column, "<" if self.negated else "=", (Decimal("Infinity"),))
        return RowCondition(self.column, "not in" if self.negated else "in", self.cells)


@dataclass(slots=True)
class Clauses:
    """What was found. conditions: by numbers, dates and truths. runs: by cells. rest: what is left, in order.

    comparison: a comparison with no number after it.
    """

    conditions: list[RowCondition] = field(default_factory=list)
    runs: list[ValueRun] = field(default_factory=list)
    rest: list[QuestionItem] = field(default_factory=list)
    comparison: QuestionItem | None = None


def clauses_of(items: list[QuestionItem], text: QuestionText, words: TableWords) -> Clauses:
    """Take the conditions out of a reading of a question.

    :raises NotUnderstood: if one is none that can be told for certain.
    """
    return _ClauseReader(items, text, words).read()


class _ClauseReader:
    def __init__(self, items: list[QuestionItem], text: QuestionText, words: TableWords) -> None:
        self._items = items
        self._text = text
        self._words = words
        self._table = words.table
        self._used: set[int] = set()
        self._found = Clauses()

    def read(self) -> Clauses:
        self._ranges()
        self._comparisons()
        self._runs()
        self._truths()
        self._unknown()
        self._bare_numbers()
        self._found.rest = [item for place, item in enumerate(self._items) if place not in self._used]
        if any(item.acts(role) for item in self._found.rest for role in ("not", "between", "spans", "until")):
            raise NotUnderstood
        return self._found

    # --- looking around -----------------------------------------------------------------

    def _at(self, place: int) -> QuestionItem | None:
        free = 0 <= place < len(self._items) and place not in self._used
        return self._items[place] if free else None

    def _is_bound(self, place: int) -> bool:
        item = self._at(place)
        return item is not None and item.kind in _BOUNDS

    def _sized(self, place: int) -> int | None:
        """The column of numbers or dates that stands there."""
        item = self._at(place)
        if item is None or item.kind is not QuestionItemKind.COLUMN:
            return None
        sized = self._table.columns[item.column].kind in (ColumnKind.NUMBER, ColumnKind.DATE)
        return item.column if sized else None

    def _acts(self, place: int, role: str) -> bool:
        item = self._at(place)
        return item is not None and item.acts(role)

    def _negated(self, place: int) -> bool:
        """Whether "not" stands there; it is taken then."""
        if self._acts(place, "not"):
            self._used.add(place)
            return True
        return False

    # --- numbers and dates --------------------------------------------------------------

    def _ranges(self) -> None:
        for place, item in enumerate(self._items):
            if not (item.acts("between") or item.acts("spans")):
                continue
            joint = "and" if item.acts("between") else "until"
            if not (self._is_bound(place + 1) and self._acts(place + 2, joint) and self._is_bound(place + 3)):
                raise NotUnderstood
            low, high = self._items[place + 1], self._items[place + 3]
            if not low.unit and high.unit:
                low = replace(low, unit=high.unit)
            column = self._column_of(place, place + 3, low, "")
            bounds = self._between(self._table.columns[column], low, high)
            self._used.update(range(place, place + 4))
            op = "not between" if self._negated(place - 1) else "between"
            self._found.conditions.append(RowCondition(column, op, bounds))

    def _between(self, column: TableColumn, low: QuestionItem, high: QuestionItem) -> tuple[Bound, Bound]:
        if not (_fits(column, low) and _fits(column, high)):
            raise NotUnderstood
        if column.kind is ColumnKind.DATE:
            first, last = low.period_in(column), high.period_in(column)
            if first is None or last is None or first.first > last.last:
                raise NotUnderstood
            return (first.first, last.last)
        least, most = _amount(column, low), _amount(column, high)
        if least > most:
            raise NotUnderstood
        return (least, most)

    def _comparisons(self) -> None:
        for place, item in enumerate(self._items):
            if place in self._used or not item.acts("comparison"):
                continue
            follows = self._text.small[item.at] in _AFTER_NUMBER
            if follows:
                bound = next((at for at in (place - 1, place - 2) if self._is_bound(at)), None)
                if bound is None or (bound == place - 2 and self._sized(place - 1) is None):
                    raise NotUnderstood
            else:
                bound = (
                    place + 2 if self._acts(place + 1, "than") and self._is_bound(place + 2) else place + 1
                )
            if not self._is_bound(bound):
                if self._found.comparison is not None:
                    raise NotUnderstood
                self._found.comparison = item
                self._used.add(place)
                if self._acts(place + 1, "than"):
                    self._used.add(place + 1)
                continue
            self._compared(place, bound, item)

    def _compared(self, place: int, bound: int, item: QuestionItem) -> None:
        value = self._items[bound]
        first, last = min(place, bound), max(place, bound)
        column = self._column_of(first, last, value, item.lexeme.concept)
        self._used.update({place, bound})
        if self._acts(bound - 1, "than"):
            self._used.add(bound - 1)
        if self._acts(first - 1, "not"):
            raise NotUnderstood
        found = self._table.columns[column]
        self._found.conditions.append(_condition(column, found, item, value))

    def _column_of(self, first: int, last: int, value: QuestionItem, concept: str) -> int:
        """Which column a number belongs to: the one beside it, or the only one that is meant by its words."""
        skipped = self._at(first - 1)
        before = first - 2 if skipped is not None and skipped.kind is QuestionItemKind.SUBJECT else first - 1
        for place in (last + 1, before):
            column = self._sized(place)
            if column is not None and _fits(self._table.columns[column], value):
                self._take(place, column)
                return column
        if self._sized(last + 1) is not None:
            raise NotUnderstood
        return self._only_column(value, concept)

    def _take(self, place: int, column: int) -> None:
        """Use a column's name, with other words right before it that mean the same: "due for inspection"."""
        while self._sized(place) == column:
            self._used.add(place)
            place -= 1

    def _only_column(self, value: QuestionItem, concept: str) -> int:
        """The only column that fits what is compared with, by a concept, a date or a unit."""
        columns = list(enumerate(self._table.columns))
        if (value.period is not None or value.month) and concept in ("", "date", "age"):
            found = [place for place, column in columns if column.kind is ColumnKind.DATE or column.is_year]
            if concept == "age":
                made = self._made(found)
                found = made or found
        elif concept and concept != "date":
            members = lexicon().members[concept]
            found = [place for place, column in columns if column.concepts & members and _fits(column, value)]
        elif value.unit:
            found = [place for place, column in columns if column.unit and _fits(column, value)]
        else:
            found = []
        if len(found) != 1 or not _fits(self._table.columns[found[0]], value):
            raise NotUnderstood
        return found[0]

    def _made(self, columns: list[int]) -> list[int]:
        """Of columns of dates and years those that say since when something is there."""
        table = self._table.columns
        return [c for c in columns if table[c].is_year or table[c].concepts & {"birth", "founded"}]

    def _bare_numbers(self) -> None:
        """Numbers and dates with no comparison: "in 2024", "with 3 seats", "rating 5"."""
        for place, item in enumerate(self._items):
            if place in self._used or item.kind not in _BOUNDS:
                continue
            if self._acts(place - 1, "top") or self._acts(place + 1, "superlative"):
                continue
            following = self._at(place + 1)
            if following is not None and (following.acts("comparison") or following.acts("until")):
                raise NotUnderstood
            column = self._column_of(place, place, item, "")
            self._used.add(place)
            self._found.conditions.append(_equal(column, self._table.columns[column], item))

    # --- cells --------------------------------------------------------------------------

    def _runs(self) -> None:
        place = 0
        while place < len(self._items):
            item = self._items[place]
            if item.kind is not QuestionItemKind.VALUE:
                place += 1
                continue
            end, values = self._run(place)
            named = any(self._qualifies(at, item.column) for at in (place - 1, end))
            negated = self._negated(place - 1)
            column = self._table.columns[item.column]
            if negated and len(column.known) < len(column.values):
                raise NotUnderstood
            if not named and not column.is_unique:
                for each in values if column.kind is ColumnKind.TEXT else ():
                    if self._words.contained(item.column, each):
                        raise NotUnderstood
            self._used.update(range(place, end))
            endless = column.kind is ColumnKind.NUMBER
            either = any(each.acts("or") for each in self._items[place:end])
            self._found.runs.append(ValueRun(item.at, item.column, tuple(values), negated, endless, either))
            place = end

    def _run(self, place: int) -> tuple[int, list[tuple[str, ...]]]:
        """Where the cells of one column end that are joined by "and" or "or", and what they are."""
        item = self._items[place]
        values = [item.values]
        end = place + 1
        while self._acts(end, "or") or self._acts(end, "and"):
            other = self._at(end + 1)
            if other is None or other.kind is not QuestionItemKind.VALUE or other.column != item.column:
                break
            values.append(other.values)
            end += 2
        return end, values

    def _qualifies(self, place: int, column: int) -> bool:
        """Whether the name of the column stands beside its cell: "department Legal". It is taken then."""
        item = self._at(place)
        if item is None or item.kind is not QuestionItemKind.COLUMN or item.column != column:
            return False
        before = self._at(place - 1)
        if (
            before is not None
            and (before.acts("head") or before.acts("per"))
            and before.lexeme.value != "who"
        ):
            return False
        self._used.add(place)
        return True

    def _unknown(self) -> None:
        """A name that its column does not hold, nor any cell of the table a part of."""
        for place, item in enumerate(self._items):
            if item.kind is not QuestionItemKind.UNKNOWN:
                continue
            word = item.values[0].casefold()
            if any(word in cell.casefold() for row in self._table.rows for cell in row.cells):
                raise NotUnderstood
            self._used.add(place)
            self._found.conditions.append(RowCondition(item.column, "says", item.values))

    def _truths(self) -> None:
        for place, item in enumerate(self._items):
            if place in self._used or item.kind is not QuestionItemKind.COLUMN:
                continue
            column = self._table.columns[item.column]
            if column.kind is not ColumnKind.BOOLEAN:
                continue
            negated = self._negated(place - 1)
            if negated and len(column.known) < len(column.values):
                raise NotUnderstood
            self._used.add(place)
            self._found.conditions.append(RowCondition(item.column, "is", (not negated,)))


def _fits(column: TableColumn, value: QuestionItem) -> bool:
    """Whether a number or date can be compared with the cells of a column."""
    if column.kind is ColumnKind.DATE:
        return value.period_in(column) is not None
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


def _condition(place: int, column: TableColumn, item: QuestionItem, value: QuestionItem) -> RowCondition:
    """A comparison of a column with a number or a date."""
    op, concept = item.lexeme.value, item.lexeme.concept
    if column.kind is ColumnKind.NUMBER and not column.is_year:
        # "after 40" is no comparison of numbers, but "bis 40" is one.
        if concept == "date" and (op not in _OPEN_ENDED or value.period is not None):
            raise NotUnderstood
        return RowCondition(place, op, (_amount(column, value),))
    if concept == "age":
        op = _FLIPPED[op]
    elif concept != "date" and column.kind is ColumnKind.DATE:
        raise NotUnderstood
    if column.is_year:
        return RowCondition(place, op, (_amount(column, value),))
    period = value.period_in(column)
    assert period is not None
    return RowCondition(place, *_dated(op, period))


def _amount(column: TableColumn, value: QuestionItem) -> Decimal:
    """A number in the unit of a column that it fits."""
    if not column.unit or not value.unit:
        return value.amount
    return lexicon().scaled(value.amount, value.unit, column.unit) or value.amount


def _dated(op: str, period: DayRange) -> tuple[str, tuple[Bound, ...]]:
    if op == "=":
        return "between", (period.first, period.last)
    return op, (period.last if op in (">", "<=") else period.first,)


def _equal(place: int, column: TableColumn, value: QuestionItem) -> RowCondition:
    if column.kind is ColumnKind.DATE:
        period = value.period_in(column)
        assert period is not None
        return RowCondition(place, "between", (period.first, period.last))
    return RowCondition(place, "=", (_amount(column, value),))
