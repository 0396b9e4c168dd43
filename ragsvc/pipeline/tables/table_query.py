"""Runs what is asked of a table in DuckDB: values are bound, names quoted, nothing outside is reachable."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from ragsvc.pipeline.tables.sql import Sql, among, quoted, texts_of, type_of
from ragsvc.pipeline.tables.table_question import Intent, Order, RowCondition, TableQuestion
from ragsvc.pipeline.tables.typed_table import Cell, TypedTable

TIMEOUT_S = 2.0
MEMORY = "256MB"
ROW = "_row"
_MAX_NAME_CHARS = 60
_AGGREGATES = {
    Intent.SUM: "sum",
    Intent.MEAN: "avg",
    Intent.MEDIAN: "median",
    Intent.MIN: "min",
    Intent.MAX: "max",
}
_SPANS = {"month": "%Y-%m", "year": "%Y"}
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": MEMORY,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "temp_directory": "",
    "lock_configuration": True,
}


class TableQueryFailure(Exception):
    """What DuckDB did not do, or not in time."""


@dataclass(frozen=True, slots=True)
class TableResult:
    """What a query gave.

    records: its rows, numbers as they are exact. rows: places of the rows of the table that it rests on, in
    order. query: the statement with its values, as it could be typed. over: how many rows it looked at, which
    the conditions hold for. gaps: how many of those say nothing in the column that is measured.
    """

    records: tuple[tuple[Any, ...], ...]
    rows: tuple[int, ...]
    query: str
    over: int
    gaps: int


def run(table: TypedTable, asked: TableQuestion) -> TableResult:
    """Answer a question that was understood.

    :raises TableQueryFailure: if it takes too long, or too much memory, or is no query after all.
    """
    try:
        with _connection() as connection:
            return _Run(connection, table, asked).result()
    except duckdb.Error as error:
        raise TableQueryFailure(str(error)) from error


@contextmanager
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that can reach nothing else, interrupted when it takes too long."""
    connection = duckdb.connect(":memory:", config=_SETTINGS)
    timer = threading.Timer(TIMEOUT_S, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield connection
    finally:
        timer.cancel()
        connection.close()


class _Run:
    def __init__(
        self, connection: duckdb.DuckDBPyConnection, table: TypedTable, asked: TableQuestion
    ) -> None:
        self._connection = connection
        self._table = table
        self._asked = asked
        self._from = quoted(table.name[:_MAX_NAME_CHARS] or "table")
        self._load()

    # --- the table ----------------------------------------------------------------------

    def _load(self) -> None:
        """Make a table of the columns that are asked for, and no others."""
        used = _own_columns(self._table, _columns_of(self._asked))
        definitions = [
            f"{ROW} INTEGER",
            *(f"{self._name(c)} {type_of(self._table.columns[c])}" for c in used),
        ]
        self._connection.execute(f"CREATE TABLE {self._from} ({', '.join(definitions)})")
        casts = ["unnest(?::INTEGER[])"]
        casts += [f"unnest(?::VARCHAR[])::{type_of(self._table.columns[column])}" for column in used]
        values = [list(range(len(self._table.rows)))]
        lists: list[Any] = [*values, *(texts_of(self._table.columns[column].values) for column in used)]
        statement = f"INSERT INTO {self._from} SELECT {', '.join(casts)}"
        self._connection.execute(statement, lists)

    def _name(self, column: int) -> str:
        if (formula := self._table.columns[column].formula) is not None:
            return f"({self._name(formula.left)} {formula.sign} {self._name(formula.right)})"
        name = self._table.columns[column].name
        # It must not be the name of the column of rows, whatever the case.
        return quoted(f"{name} " if name.casefold() == ROW else name)

    def _all(self, statement: Sql) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement.bound, list(statement.values)).fetchall()

    def _rows(self, where: Sql) -> tuple[int, ...]:
        found = self._all(Sql(f"SELECT {ROW} FROM {self._from}") + where + Sql(f" ORDER BY {ROW}"))  # noqa: S608
        return tuple(row for (row,) in found)

    # --- conditions ---------------------------------------------------------------------

    def _where(self, *more: Sql) -> Sql:
        parts = [*map(self._condition, self._asked.conditions), *more]
        if not parts:
            return Sql("")
        made = Sql(" WHERE ") + parts[0]
        for part in parts[1:]:
            made += Sql(" AND ") + part
        return made

    def _condition(self, condition: RowCondition) -> Sql:
        name, op, values = self._name(condition.column), condition.op, condition.values
        if condition.than is not None:
            label, cells = condition.than
            other = Sql(f"{name} {op} (SELECT any_value({name}) FROM {self._from} WHERE ")  # noqa: S608
            return other + among(self._name(label), "in", cells) + Sql(")")
        if condition.other is not None:
            return Sql(f"{name} {op} {self._name(condition.other)}")
        if op in ("in", "not in"):
            return among(name, op, values)
        if op in ("between", "not between"):
            return Sql(f"{name} {op.upper()} \0 AND \0", values)
        if op == "says":
            return Sql(f"contains(lower({name}), lower(\0))", values)
        if op == "null":
            return Sql(f"{name} IS NULL")
        return Sql(f"{name} {'=' if op == 'is' else op} \0", values)

    # --- what is asked ------------------------------------------------------------------

    def result(self) -> TableResult:
        asked = self._asked
        where = self._where()
        rows = self._rows(where)
        if asked.intent is Intent.EXISTS and asked.measure is not None:
            return self._first_of(where, rows)
        if asked.intent in (Intent.COMPARE, Intent.DIFFERENCE):
            return self._pair(where)
        if asked.intent is Intent.WHICH:
            return self._first_of(where, rows)
        if asked.intent in (Intent.GROUP, Intent.GROUP_WHICH):
            return self._groups(rows)
        statement = self._statement(where)
        return TableResult(
            tuple(self._all(statement)), rows, statement.shown, len(rows), self._gaps(asked.measure, rows)
        )

    def _statement(self, where: Sql) -> Sql:
        asked, source = self._asked, f" FROM {self._from}"
        if asked.intent in (Intent.COUNT, Intent.EXISTS):
            return Sql(f"SELECT count(*){source}") + where
        if asked.intent is Intent.SHARE:
            counted = self._condition(asked.part[0])
            head = Sql("SELECT 100.0 * count(*) FILTER (WHERE ") + counted
            return head + Sql(f") / count(*){source}") + where
        if asked.intent is Intent.RANGE:
            assert asked.measure is not None
            name = self._name(asked.measure)
            return Sql(f"SELECT max({name}) - min({name}){source}") + where
        if asked.intent is Intent.DISTINCT:
            assert asked.shown is not None
            return Sql(f"SELECT count(DISTINCT {self._name(asked.shown)}){source}") + where
        if asked.intent is Intent.LIST:
            columns = ", ".join(self._name(c) for c in self._shown())
            return Sql(f"SELECT {columns}{source}") + where + Sql(f" ORDER BY {ROW}")
        assert asked.measure is not None
        return Sql(f"SELECT {_AGGREGATES[asked.intent]}({self._name(asked.measure)}){source}") + where

    def _shown(self) -> Sequence[int]:
        asked = self._asked
        return [*(() if asked.shown is None else (asked.shown,)), *asked.targets]

    def _gaps(self, measure: int | None, rows: Iterable[int]) -> int:
        if measure is None:
            return 0
        values = self._table.columns[measure].values
        return sum(values[row] is None for row in rows)

    def _first_of(self, where: Sql, over: Sequence[int]) -> TableResult:
        """The rows with the highest or lowest value, or the first few of them."""
        asked = self._asked
        assert asked.measure is not None and asked.shown is not None and asked.order is not None
        measure = self._name(asked.measure)
        shown = dict.fromkeys((asked.shown, asked.measure, *asked.targets))
        head = Sql(f"SELECT {', '.join(map(self._name, shown))} FROM {self._from}")  # noqa: S608
        end = Sql(f" ORDER BY {measure}{' DESC' if asked.order is Order.MAX else ''}, {ROW}")
        if asked.top or asked.nth:
            known = Sql(f"{measure} IS NOT NULL")
            body = self._where(known) + end + Sql(f" LIMIT {asked.top or asked.nth}")
        else:
            best = Sql(f"{measure} = (SELECT {asked.order.value}({measure}) FROM {self._from}")  # noqa: S608
            body = self._where(best + where + Sql(")")) + Sql(f" ORDER BY {ROW}")
        statement = head + body
        rows = tuple(row for (row,) in self._all(Sql(f"SELECT {ROW} FROM {self._from}") + body))  # noqa: S608
        records = tuple(self._all(statement))
        if (asked.top or asked.nth) and self._is_tied(rows, over):
            raise TableQueryFailure("the last of those that are asked for is as good as another")
        if asked.nth:
            _only_one_each([self._table.columns[asked.measure].values[row] for row in rows], asked.nth)
            records, rows = records[-1:], rows[-1:]
        return TableResult(records, rows, statement.shown, len(over), self._gaps(asked.measure, over))

    def _is_tied(self, rows: Sequence[int], over: Sequence[int]) -> bool:
        assert self._asked.measure is not None
        values = self._table.columns[self._asked.measure].values
        return bool(rows) and any(row not in rows and values[row] == values[rows[-1]] for row in over)

    def _groups(self, rows: tuple[int, ...]) -> TableResult:
        asked = self._asked
        assert asked.group is not None and asked.aggregate is not None
        group, known = self._name(asked.group), self._name(asked.group)
        if asked.span:
            group = f"strftime({group}, '{_SPANS[asked.span]}')"
        value = "count(*)"
        if asked.measure is not None:
            value = f"{_AGGREGATES[asked.aggregate]}({self._name(asked.measure)})"
        over = len(rows)
        where = self._where(Sql(f"{known} IS NOT NULL"))
        having = (
            Sql("") if asked.having is None else Sql(f" HAVING count(*) {asked.having[0]} {asked.having[1]}")
        )
        best = asked.order is None or asked.order is Order.MAX
        statement = (
            Sql(f"SELECT {group}, {value} FROM {self._from}")  # noqa: S608
            + where
            + Sql(f" GROUP BY {group}")
            + having
            + Sql(f" ORDER BY 2{' DESC' if best else ''}, 1")
        )
        records = [record for record in self._all(statement) if record[1] is not None]
        if asked.intent is Intent.GROUP_WHICH or asked.having is not None:
            records = self._best_of(records)
            groups = {record[0] for record in records}
            values = [_spanned(value, asked.span) for value in self._table.columns[asked.group].values]
            rows = tuple(row for row in rows if values[row] in groups)
        return TableResult(tuple(records), rows, statement.shown, over, self._gaps(asked.measure, rows))

    def _best_of(self, records: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """The groups that are asked for, of all in their order."""
        asked = self._asked
        last = asked.top or asked.nth
        if asked.having is not None:
            return records
        if not last:
            return [record for record in records if record[1] == records[0][1]]
        if len(records) > last and records[last][1] == records[last - 1][1]:
            raise TableQueryFailure("the last of those that are asked for is as good as another")
        if asked.nth:
            _only_one_each([record[1] for record in records[:last]], last)
            return records[last - 1 : last]
        return records[:last]

    def _pair(self, where: Sql) -> TableResult:
        """Both rows that are compared, in the order in which they are named."""
        asked = self._asked
        label = asked.group if asked.shown is None else asked.shown
        assert label is not None
        name = self._name(label)
        value = "count(*)" if asked.measure is None else self._name(asked.measure)
        end = Sql("")
        if asked.group is not None and asked.aggregate is not None:
            end = Sql(f" GROUP BY {name}")
            if asked.measure is not None:
                value = f"{_AGGREGATES[asked.aggregate]}({value})"
        columns = f"{name}, {value}"
        records: list[tuple[Any, ...]] = []
        rows: list[int] = []
        for cells in asked.pair:
            one = where + (Sql(" AND ") if where.text else Sql(" WHERE "))
            one += among(name, "in", cells)
            records += self._all(Sql(f"SELECT {columns} FROM {self._from}") + one + end)  # noqa: S608
            rows += self._rows(one)
        both = among(name, "in", [cell for cells in asked.pair for cell in cells])
        statement = Sql(f"SELECT {columns} FROM {self._from}") + self._where(both) + end  # noqa: S608
        return TableResult(
            tuple(records), tuple(rows), statement.shown, len(rows), self._gaps(asked.measure, rows)
        )


def _only_one_each(values: Sequence[Any], nth: int) -> None:
    """Make sure that "the second" is one: that there are so many, and none of them is as good as another."""
    if len(values) != nth or len(set(values)) != nth:
        raise TableQueryFailure("which one is the second nobody can tell")


def _spanned(value: Cell, span: str) -> Cell:
    return value.strftime(_SPANS[span]) if span and isinstance(value, date) else value


def _columns_of(asked: TableQuestion) -> list[int]:
    """All columns that a question needs, each once."""
    found: list[int | None] = [asked.measure, asked.shown, asked.group, *asked.targets]
    for condition in (*asked.conditions, *asked.part):
        found.append(condition.column)
        if condition.than is not None:
            found.append(condition.than[0])
        found.append(condition.other)
    return [column for column in dict.fromkeys(found) if column is not None]


def _own_columns(table: TypedTable, columns: Sequence[int]) -> list[int]:
    """Columns of the table itself that some columns rest on, each once."""
    found: list[int] = []
    for column in columns:
        formula = table.columns[column].formula
        found += [column] if formula is None else [formula.left, formula.right]
    return list(dict.fromkeys(found))
