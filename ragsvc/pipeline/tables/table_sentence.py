"""What a computed result says, as a sentence in English or German, and the rows that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any

from ragsvc.pipeline.tables.cell_values import plain
from ragsvc.pipeline.tables.table_query import TableResult
from ragsvc.pipeline.tables.table_question import Intent, Order, RowCondition, TableQuestion
from ragsvc.pipeline.tables.typed_table import ColumnKind, TableColumn, TypedTable

MAX_SHOWN = 10
CITED_ROWS = 5
_PLACES = 2
_WORDS = {
    "en": {
        "one": "There is 1", "many": "There are {n}", "none": "There are none", "yes": "Yes", "no": "No",
        "over": "over {n} rows", "gaps": "{n} of them without a value", "more": "and {n} more",
        "sum": "The total of {name} is {value}", "mean": "The average of {name} is {value}",
        "range": "The highest and the lowest {name} are {value} apart",
        "median": "The median of {name} is {value}", "min": "The lowest value of {name} is {value}",
        "max": "The highest value of {name} is {value}", "min date": "The earliest {name} is {value}",
        "max date": "The latest {name} is {value}", "best max": "highest {name}", "best min": "lowest {name}",
        "best max date": "latest {name}", "best min date": "earliest {name}", "is": "{name}: {value}",
        "difference": "The difference in {name} is {value}", "share": "{value}% of {n} rows",
        "sum of": "total of {name}", "mean of": "average of {name}",
        "median of": "median of {name}", "count of": "number of rows",
        "different": "different values of {name}",
        "same": "the same", "is not": "not", "between": "between {low} and {high}",
        "matches": "{n} rows match", "match": "1 row matches", "matchless": "no row matches",
        "and": "and",
    },
    "de": {
        "one": "Es gibt 1", "many": "Es gibt {n}", "none": "Es gibt keine", "yes": "Ja", "no": "Nein",
        "over": "über {n} Zeilen", "gaps": "{n} davon ohne Wert", "more": "und {n} weitere",
        "sum": "Die Summe von {name} ist {value}", "mean": "Der Durchschnitt von {name} ist {value}",
        "range": "Höchster und niedrigster Wert von {name} liegen {value} auseinander",
        "median": "Der Median von {name} ist {value}", "min": "Der niedrigste Wert von {name} ist {value}",
        "max": "Der höchste Wert von {name} ist {value}", "min date": "Das früheste {name} ist {value}",
        "max date": "Das späteste {name} ist {value}", "best max": "höchster Wert von {name}",
        "best min": "niedrigster Wert von {name}", "best max date": "spätestes {name}",
        "best min date": "frühestes {name}", "is": "{name}: {value}",
        "difference": "Der Unterschied bei {name} ist {value}", "share": "{value} % von {n} Zeilen",
        "sum of": "Summe von {name}",
        "mean of": "Durchschnitt von {name}", "median of": "Median von {name}", "count of": "Zahl der Zeilen",
        "different": "verschiedene Werte von {name}", "same": "gleich", "is not": "nicht",
        "between": "zwischen {low} und {high}", "matches": "{n} Zeilen passen", "match": "1 Zeile passt",
        "matchless": "keine Zeile passt", "and": "und",
    },
}  # fmt: skip


_MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "de": [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
}


@dataclass(frozen=True, slots=True)
class TableSentence:
    """text: the sentence. value: what it says, the same however it is put. rows: those that bear it out."""

    text: str
    value: tuple[str, ...]
    rows: tuple[int, ...]


def sentence_of(
    table: TypedTable, asked: TableQuestion, result: TableResult, *, german: bool
) -> TableSentence | None:
    """Say a result; None for one that is none, such as an average of nothing."""
    return _Sentence(table, asked, result, german=german).made()


class _Sentence:
    def __init__(self, table: TypedTable, asked: TableQuestion, result: TableResult, *, german: bool) -> None:
        self._table = table
        self._asked = asked
        self._result = result
        self._german = german
        self._said = _WORDS["de" if german else "en"]

    def made(self) -> TableSentence | None:
        """The sentence."""
        asked, records = self._asked, self._result.records
        endless = any(isinstance(v, float) and not isfinite(v) for record in records for v in record)
        if endless and asked.intent in (Intent.GROUP, Intent.GROUP_WHICH, Intent.COMPARE, Intent.DIFFERENCE):
            return None
        if not records or any(value is None for record in records for value in record[:1]):
            return None
        if asked.intent in (Intent.COUNT, Intent.DISTINCT):
            return self._count(int(records[0][0]))
        if asked.intent is Intent.SHARE:
            return self._share(records[0][0])
        if asked.intent is Intent.EXISTS:
            return self._whether()
        if asked.intent in (Intent.MIN, Intent.MAX):
            return self._extreme(records[0][0])
        if asked.intent in (Intent.SUM, Intent.MEAN, Intent.MEDIAN, Intent.RANGE):
            return self._aggregate(records[0][0])
        if asked.intent is Intent.WHICH:
            return self._which()
        if asked.intent is Intent.LIST:
            return self._list()
        if asked.intent in (Intent.GROUP, Intent.GROUP_WHICH):
            return self._groups()
        return self._pair()

    # --- pieces -------------------------------------------------------------------------

    def _column(self, place: int | None) -> TableColumn:
        assert place is not None
        return self._table.columns[place]

    def _cell(self, row: int, column: int) -> str:
        """A cell as it is written, with the unit of its column where it has none itself."""
        if self._column(column).formula is not None:
            return self._number(self._column(column).values[row], self._column(column).unit)
        cells = self._table.rows[row].cells
        said = plain(cells[column]) if column < len(cells) else ""
        unit = self._column(column).unit
        bare = said[-1:].isdigit() and said.lstrip("-−+(")[:1].isdigit()
        return f"{said} {unit}" if unit and bare else said or "–"

    def _number(self, value: Any, unit: str = "") -> str:
        if isinstance(value, date):
            return value.isoformat()
        number = Decimal(str(value))
        if not number.is_finite():
            return "∞"
        # Of numbers below 1 two places may be nothing at all.
        places = _PLACES if abs(number) >= 1 or not number else _PLACES - number.adjusted()
        if -int(number.as_tuple().exponent) > places:
            number = round(number, places)
        said = f"{number:f}"
        if "." in said:
            said = said.rstrip("0").rstrip(".")
        if self._german:
            said = said.replace(".", ",")
        return f"${said}" if unit == "$" else f"{said}%" if unit == "%" else f"{said} {unit}".strip()

    def _conditions(self) -> str:
        """The conditions in brackets, " (Role: Clerk; City: Berlin)"; "" for none."""
        said = [self._condition(each) for each in self._asked.conditions]
        return f" ({'; '.join(said)})" if said else ""

    def _condition(self, condition: RowCondition) -> str:
        name, op = self._column(condition.column).name, condition.op
        unit = self._column(condition.column).unit
        if condition.than is not None:
            return f"{name} {op} {'/'.join(condition.than[1])}"
        if condition.other is not None:
            return f"{name} {op} {self._column(condition.other).name}"
        if op == "is":
            return f"{name}: {self._said['yes' if condition.values[0] else 'no'].casefold()}"
        values = [v if isinstance(v, str) else self._number(v, unit) for v in condition.values]
        if op in ("in", "not in"):
            negation = f"{self._said['is not']} " if op == "not in" else ""
            return f"{name}: {negation}{'/'.join(dict.fromkeys(values))}"
        if op == "says":
            return f"{name}: “{condition.values[0]}”"
        if op == "null":
            return f"{name}: –"
        if op in ("between", "not between"):
            if values[0] == values[1]:
                return f"{name}: {values[0]}"
            negation = f"{self._said['is not']} " if op == "not between" else ""
            return f"{name}: {negation}{self._said['between'].format(low=values[0], high=values[1])}"
        return f"{name} {'' if op == '=' else op + ' '}{values[0]}"

    def _basis(self) -> str:
        """How many rows were looked at, and how many of them say nothing."""
        count = self._result.over
        said = self._said["over"].format(n=count)
        gaps = self._result.gaps
        return f", {said}" + (f", {self._said['gaps'].format(n=gaps)}" if gaps else "")

    def _and_more(self, said: Sequence[str], more: int) -> str:
        return "; ".join(said) + (f" {self._said['more'].format(n=more)}" if more > 0 else "")

    def _first(self) -> tuple[int, ...]:
        return self._result.rows[:CITED_ROWS]

    # --- sentences ----------------------------------------------------------------------

    def _count(self, count: int) -> TableSentence:
        asked = self._asked
        noun = asked.noun
        if asked.intent is Intent.DISTINCT:
            noun = self._said["different"].format(name=self._column(asked.shown).name)
        elif count == 1:
            noun = ""
        said = self._said["one" if count == 1 else "many" if count else "none"].format(n=count)
        if not count:
            noun = ""
        text = f"{said} {noun}".rstrip() + self._conditions()
        if not count:
            # A zero must be told by a program, too.
            text += " (0)"
        total = len(self._table.rows)
        return TableSentence(text + f", {self._said['over'].format(n=total)}.", (str(count),), self._first())

    def _share(self, share: Any) -> TableSentence:
        value = self._number(share)
        part = "; ".join(map(self._condition, self._asked.part))
        said = self._said["share"].format(value=value, n=self._result.over)
        return TableSentence(f"{said}{self._conditions()}: {part}.", (value,), self._first())

    def _aggregate(self, value: Any) -> TableSentence | None:
        column = self._column(self._asked.measure)
        if not Decimal(str(value)).is_finite():
            return None
        shown = self._number(value, column.unit)
        said = self._said[self._asked.intent.value].format(name=column.name, value=shown)
        return TableSentence(said + self._conditions() + self._basis() + ".", (shown,), self._first())

    def _extreme(self, value: Any) -> TableSentence | None:
        asked = self._asked
        assert asked.measure is not None
        column = self._column(asked.measure)
        rows = [row for row in self._result.rows if column.values[row] == value]
        if not rows:
            return None
        kind = " date" if column.kind is ColumnKind.DATE else ""
        shown = self._cell(rows[0], asked.measure)
        said = self._said[asked.intent.value + kind].format(name=column.name, value=shown)
        return TableSentence(
            said + self._conditions() + self._basis() + ".", (str(value),), tuple(rows[:CITED_ROWS])
        )

    def _best_words(self) -> str:
        column = self._column(self._asked.measure)
        assert self._asked.order is not None
        kind = " date" if column.kind is ColumnKind.DATE else ""
        return self._ranked(self._said[f"best {self._asked.order.value}{kind}"].format(name=column.name))

    def _ranked(self, best: str) -> str:
        """ "2nd highest price": with the place that is asked for."""
        nth = self._asked.nth
        return f"{nth}{'.' if self._german else {2: 'nd', 3: 'rd'}.get(nth, 'th')} {best}" if nth else best

    def _which(self) -> TableSentence:
        asked, rows = self._asked, self._result.rows
        assert asked.shown is not None and asked.measure is not None
        columns = dict.fromkeys((asked.measure, *asked.targets))
        said: list[str] = []
        for row in rows:
            more = [f"{self._cell(row, column)}" for column in list(columns)[:1]]
            more += [f"{self._column(c).name}: {self._cell(row, c)}" for c in list(columns)[1:]]
            said.append(f"{self._cell(row, asked.shown)} ({', '.join(more)})")
        said = list(dict.fromkeys(said))
        text = f"{self._capital(self._best_words())}{self._conditions()}: "
        text += self._and_more(said[:MAX_SHOWN], len(said) - MAX_SHOWN) + self._basis() + "."
        value = tuple(sorted({self._cell(row, asked.shown) for row in rows}))
        return TableSentence(text, value, rows[:MAX_SHOWN])

    def _capital(self, text: str) -> str:
        return text[:1].upper() + text[1:]

    def _list(self) -> TableSentence | None:
        asked, rows = self._asked, self._result.rows
        if asked.targets and asked.shown is None:
            said = [
                "; ".join(f"{self._column(c).name}: {self._cell(row, c)}" for c in asked.targets)
                for row in rows
            ]
            # Several rows that say the same say one thing; those that say different things answer nothing.
            said = list(dict.fromkeys(said))
            if len(said) != 1:
                return None
            rows = rows[:CITED_ROWS]
            text = f"{said[0]}{self._conditions()}."
            return TableSentence(text, tuple(sorted(said)), rows)
        assert asked.shown is not None
        firsts: dict[str, int] = {}
        for row in rows:
            firsts.setdefault(self._cell(row, asked.shown), row)
        firsts.pop("–", None)
        shown = list(firsts)[:MAX_SHOWN]
        name = self._column(asked.shown).name
        count = len(firsts)
        text = f"{name}{self._conditions()}: {self._and_more(shown, count - MAX_SHOWN)}."
        return TableSentence(text, tuple(sorted(firsts)), tuple(firsts[cell] for cell in shown))

    def _groups(self) -> TableSentence:
        asked, records = self._asked, self._result.records
        assert asked.aggregate is not None
        unit = "" if asked.measure is None else self._column(asked.measure).unit
        said = [f"{self._group_name(record[0])}: {self._number(record[1], unit)}" for record in records]
        name = "" if asked.measure is None else self._column(asked.measure).name
        what = self._said[f"{asked.aggregate.value} of"].format(name=name)
        if asked.order is not None:
            best = self._said[f"best {asked.order.value}"]
            what = self._ranked(best.format(name=what))
        head = self._capital(what) + self._conditions()
        text = f"{head}: {self._and_more(said[:MAX_SHOWN], len(said) - MAX_SHOWN)}{self._basis()}."
        value = tuple(str(record[0]) for record in records) if asked.order else tuple(said)
        return TableSentence(text, value, self._first())

    def _group_name(self, group: str) -> str:
        """A group; of a month its name, too."""
        if self._asked.span != "month":
            return group
        year, month = group.split("-")
        return f"{group} ({_MONTHS['de' if self._german else 'en'][int(month) - 1]} {year})"

    def _whether(self) -> TableSentence | None:
        asked, result = self._asked, self._result
        if asked.measure is not None:
            assert asked.shown is not None and asked.order is not None
            names = [self._cell(row, asked.shown) for row in result.rows]
            is_so = any(name in asked.pair[0] for name in names)
            found = "; ".join(
                f"{self._cell(r, asked.shown)} ({self._cell(r, asked.measure)})"
                for r in result.rows[:MAX_SHOWN]
            )
            text = (
                f"{self._said['yes' if is_so else 'no']}: {self._best_words()}{self._conditions()}: {found}."
            )
            return TableSentence(text, (str(is_so),), result.rows[:MAX_SHOWN])
        count = int(result.records[0][0])
        said = self._said["yes" if count else "no"]
        rows = self._first()
        if not count and asked.shown is not None:
            # What its row says instead is what bears out the "no".
            cells = next(c.values for c in asked.conditions if c.column == asked.shown and c.op == "in")
            rows = tuple(r for r, v in enumerate(self._column(asked.shown).values) if v in cells)[:1]
            others = [c.column for c in asked.conditions if c.column != asked.shown]
            if not rows or any(self._column(column).values[rows[0]] is None for column in others):
                return None
            facts = "; ".join(f"{self._column(c).name}: {self._cell(rows[0], c)}" for c in others)
            return TableSentence(f"{said}: {self._cell(rows[0], asked.shown)}, {facts}.", ("False",), rows)
        matches = "match" if count == 1 else "matches" if count else "matchless"
        text = f"{said}: {self._said[matches].format(n=count)}{self._conditions()}."
        return TableSentence(text, (str(bool(count)),), rows)

    def _pair(self) -> TableSentence | None:
        asked, result = self._asked, self._result
        name, unit = "", ""
        if asked.measure is not None:
            name, unit = self._column(asked.measure).name, self._column(asked.measure).unit
        if len(result.records) != len(asked.pair) or any(record[1] is None for record in result.records):
            return None
        (one, first), (other, second) = result.records
        cited = result.rows
        if asked.group is None and asked.measure is not None:
            shown = [self._cell(row, asked.measure) for row in result.rows]
        else:
            shown, cited = [self._number(record[1], unit) for record in result.records], self._first()
        if asked.group is not None and asked.aggregate is not None:
            name = self._said[f"{asked.aggregate.value} of"].format(name=name)
        facts = "; ".join(f"{r[0]}: {said}" for r, said in zip(result.records, shown, strict=True))
        if asked.intent is Intent.DIFFERENCE:
            apart = self._number(abs(first - second), unit)
            text = f"{self._said['difference'].format(name=name, value=apart)}{self._conditions()} ({facts})."
            return TableSentence(text, (apart,), cited)
        more = first > second if asked.order is Order.MAX else first < second
        if asked.aggregate is Intent.EXISTS or asked.top:
            text = f"{self._said['yes' if more else 'no']}: {name}{self._conditions()}: {facts}."
            return TableSentence(text, (str(more),), cited)
        winner = one if more else other
        if first == second:
            winner = self._said["same"]
        best = self._best_words() if asked.group is None else name
        text = f"{self._capital(best)}{self._conditions()}: {winner} ({facts})."
        return TableSentence(text, (str(winner),), cited)
