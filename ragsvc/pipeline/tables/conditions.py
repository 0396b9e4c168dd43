"""The conditions of a question: which rows it is about."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

from ragsvc.pipeline.tables.clauses import Clauses, ValueRun
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import NotUnderstood, QuestionItem, QuestionItemKind, QuestionText
from ragsvc.pipeline.tables.sized_conditions import between, compared, equal_to, fits
from ragsvc.pipeline.tables.table_question import RowCondition
from ragsvc.pipeline.tables.table_words import TableWords
from ragsvc.pipeline.tables.typed_table import ColumnKind

_AFTER_NUMBER = frozenset({"or", "and", "oder", "und"})
_BOUNDS = frozenset({QuestionItemKind.NUMBER, QuestionItemKind.PERIOD})


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
        self._edges()
        self._ranges()
        self._comparisons()
        self._runs()
        self._gaps()
        self._truths()
        self._unknown()
        self._bare_numbers()
        self._found.rest = [item for place, item in enumerate(self._items) if place not in self._used]
        if any(
            item.acts(role)
            for item in self._found.rest
            for role in ("not", "nor", "edge", "between", "spans", "until")
        ):
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
        """Whether "not" or "nor" stands there, or before a word such as "work"; it is taken then."""
        item = self._at(place)
        if item is not None and item.kind is QuestionItemKind.SUBJECT and not item.is_head:
            place -= 1
        if self._acts(place, "not") or (self._acts(place, "nor") and self._is_after_not(place)):
            self._used.add(place)
            return True
        return False

    def _is_after_not(self, place: int) -> bool:
        return any(item.acts("not") for item in self._items[:place])

    # --- numbers and dates --------------------------------------------------------------

    def _edges(self) -> None:
        """Leave out "the start of" and "the end of" where the period is taken from there, or up to there."""
        for place, item in enumerate(self._items):
            if not item.acts("edge"):
                continue
            before, after = self._at(place - 1), self._at(place + 1)
            opens = before is not None and (
                before.acts("spans") or before.acts("between") or before.lexeme.value in (">=", "<")
            )
            closes = before is not None and (before.acts("until") or before.lexeme.value in ("<=", ">"))
            is_so = opens if item.lexeme.value == "start" else closes
            if not is_so or after is None or after.kind not in _BOUNDS:
                raise NotUnderstood
        self._items = [item for item in self._items if not item.acts("edge")]

    def _ranges(self) -> None:
        for place, item in enumerate(self._items):
            if not (item.acts("between") or item.acts("spans")):
                continue
            joint = "and" if item.acts("between") else "until"
            if not (self._is_bound(place + 1) and self._acts(place + 2, joint) and self._is_bound(place + 3)):
                raise NotUnderstood
            low, high = self._items[place + 1], self._items[place + 3]
            if low.month and high.period is not None:
                # "Between 1 April and 30 June 2026": the year is said once.
                low = low.in_year(high.period.last.year)
            if not low.unit and high.unit:
                low = replace(low, unit=high.unit)
            column = self._column_of(place, place + 3, low, "")
            bounds = between(self._table.columns[column], low, high)
            self._used.update(range(place, place + 4))
            op = "not between" if self._negated(place - 1) else "between"
            self._found.conditions.append(RowCondition(column, op, bounds, at=item.at))

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
                if self._columns_compared(place, bound, item):
                    continue
                if self._found.comparison is not None:
                    raise NotUnderstood
                self._found.comparison = item
                self._used.add(place)
                if self._acts(place + 1, "than"):
                    self._used.add(place + 1)
                continue
            if not self._counted(place, bound, item):
                self._compared(place, bound, item)

    def _counted(self, place: int, bound: int, item: QuestionItem) -> bool:
        """Take "more than 30 orders" after the name of a column, as of "which customers have more than"."""
        value, after = self._items[bound], self._at(bound + 1)
        named = any(
            each.kind is QuestionItemKind.COLUMN and self._table.columns[each.column].kind is ColumnKind.TEXT
            for each in self._items[:place]
        )
        rows = after is not None and self._is_row(after)
        whole = value.kind is QuestionItemKind.NUMBER and value.amount == int(value.amount)
        if not (named and rows and whole) or value.unit or item.lexeme.concept or self._found.having:
            return False
        self._found.having = (item.lexeme.value, int(value.amount))
        self._used.update({place, bound, bound + 1, *([bound - 1] if self._acts(bound - 1, "than") else [])})
        return True

    def _columns_compared(self, place: int, bound: int, item: QuestionItem) -> bool:
        """Take "quantity below the reorder level": two columns of each row, of one unit."""
        other = self._sized(bound)
        names = [at for at in range(place) if self._sized(at) is not None]
        own = self._sized(names[-1]) if names else None
        table = self._table.columns
        if other is None or own is None or own == other or item.lexeme.concept:
            return False
        if table[own].kind is not table[other].kind or table[own].unit != table[other].unit:
            raise NotUnderstood
        self._used.update({place, bound, names[-1]})
        if self._acts(bound - 1, "than"):
            self._used.add(bound - 1)
        self._found.conditions.append(RowCondition(own, item.lexeme.value, (), other=other, at=item.at))
        return True

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
        self._add(compared(column, found, item, value), value)

    def _add(self, condition: RowCondition, said: QuestionItem) -> None:
        self._found.conditions.append(replace(condition, at=said.at))

    def _column_of(self, first: int, last: int, value: QuestionItem, concept: str) -> int:
        """Which column a number belongs to: the one beside it, or the only one that is meant by its words."""
        skipped = self._at(first - 1)
        before = first - 2 if skipped is not None and skipped.kind is QuestionItemKind.SUBJECT else first - 1
        for place in (last + 1, before):
            column = self._sized(place)
            if column is not None and fits(self._table.columns[column], value):
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
        columns = [(at, each) for at, each in enumerate(self._table.columns) if each.formula is None]
        if (value.period is not None or value.month) and concept in ("", "date", "age"):
            found = [place for place, column in columns if column.kind is ColumnKind.DATE or column.is_year]
            if concept == "age":
                made = self._made(found)
                found = made or found
        elif concept and concept != "date":
            members = lexicon().members[concept]
            found = [place for place, column in columns if column.concepts & members and fits(column, value)]
        elif value.unit:
            found = [place for place, column in columns if column.unit and fits(column, value)]
        elif value.kind is QuestionItemKind.NUMBER and value.amount <= 0:
            # "Below zero" is said of what is below zero at times.
            found = [place for place, column in columns if column.is_signed]
        elif value.kind is QuestionItemKind.NUMBER:
            # "What is 1987.1 made of" names a row by its number.
            found = [at for at, each in columns if each.is_key and value.amount in each.known]
        else:
            found = []
        if len(found) != 1 or not fits(self._table.columns[found[0]], value):
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
            if following is not None and self._is_row(following) and self._is_ranked(place):
                # "Three plans with the lowest price".
                continue
            if following is not None and (following.acts("comparison") or following.acts("until")):
                raise NotUnderstood
            column = self._column_of(place, place, item, "")
            self._used.add(place)
            self._add(equal_to(column, self._table.columns[column], item), item)

    def _is_row(self, item: QuestionItem) -> bool:
        return (item.kind is QuestionItemKind.SUBJECT and item.is_head) or (
            item.kind is QuestionItemKind.COLUMN and self._table.columns[item.column].names_rows
        )

    def _is_ranked(self, place: int) -> bool:
        return any(item.acts("superlative") for item in self._items[place:])

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
            column = self._table.columns[item.column]
            if any(each.acts("nor") for each in self._items[place:end]) and not self._is_after_not(place):
                raise NotUnderstood
            negated = self._negated(place - 1)
            if negated and len(column.known) < len(column.values):
                raise NotUnderstood
            if column.kind is ColumnKind.TEXT and any(
                map(partial(self._words.numbered, item.column), values)
            ):
                # "UCLA" beside "UCLA (2)".
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
        while self._acts(end, "or") or self._acts(end, "and") or self._acts(end, "nor"):
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
        if self._text.small[item.at - 1] == "s":
            # Ann's manager is nobody of whom Ann is the manager.
            raise NotUnderstood
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
            self._found.conditions.append(RowCondition(item.column, "says", item.values, at=item.at))

    def _gaps(self) -> None:
        """Take "without a manager": rows that say nothing in a column."""
        for place, item in enumerate(self._items):
            if place in self._used or item.kind is not QuestionItemKind.COLUMN:
                continue
            column = self._table.columns[item.column]
            after = next((each for each in self._items[place:] if each.column != item.column), None)
            if column.kind is ColumnKind.BOOLEAN or not self._negated(place - 1):
                continue
            follows = after is not None and after.kind in (QuestionItemKind.VALUE, QuestionItemKind.UNKNOWN)
            # Whether no discount is a cell of 0 or one that says nothing, nobody knows where there are both.
            zeros = Decimal(0) in column.known if column.kind is ColumnKind.NUMBER else False
            if follows or len(column.known) == len(column.values) or zeros:
                raise NotUnderstood
            while (same := self._at(place)) is not None and same.column == item.column:
                self._used.add(place)
                place += 1
            self._found.conditions.append(RowCondition(item.column, "null", (), at=item.at))

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
            self._found.conditions.append(RowCondition(item.column, "is", (not negated,), at=item.at))
