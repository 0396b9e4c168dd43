"""Hostile tables: whatever stands in cells and names, it is data, and a query takes no more than it may."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_tables import ask, markdown, stored

from ragsvc.pipeline.tables import table_query
from ragsvc.pipeline.tables.table_query import TableQueryFailure, run
from ragsvc.pipeline.tables.table_question import Intent, RowCondition, TableQuestion

EVIL = [
    'x"; DROP TABLE things; --',
    "'; COPY (SELECT 1) TO '/tmp/x'; --",
    "a | b",
    "\\",
    "?",
    "$1",
    "_row",
    "select",
    "read_csv('/etc/passwd')",
    "‮abc",
    "\u0001",
]


@pytest.mark.parametrize("text", EVIL)
def test_sql_in_names_and_cells_is_text(text: str):
    tables = stored(
        markdown(("Name", text, "x"), ("a", text, "1"), ("b", "other", "1"), ("c", text, "1")), f"{text}.csv"
    )
    (table,) = (each.table for each in tables)
    cell = table.columns[1].values[0]
    assert isinstance(cell, str)
    asked = TableQuestion(intent=Intent.COUNT, conditions=(RowCondition(1, "in", (cell,)),))
    assert run(table, asked).records == ((2,),)


@given(st.text(max_size=12), st.lists(st.text(max_size=12), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_query_that_is_shown_says_what_was_run(name: str, cells: list[str]):
    tables = stored(markdown(("Name", name), *((f"n{place}", cell) for place, cell in enumerate(cells))))
    for each in tables:
        column = each.table.columns[1]
        for cell in [value for value in column.known if isinstance(value, str)]:
            asked = TableQuestion(intent=Intent.COUNT, conditions=(RowCondition(1, "in", (cell,)),))
            result = run(each.table, asked)
            assert result.records == ((column.values.count(cell),),)
            assert len(result.rows) == column.values.count(cell)
            if "\0" not in name:
                assert duckdb.extract_statements(result.query)[1:] == []


def test_a_question_cannot_bring_sql_along():
    tables = stored(markdown(("Name", "Site"), ("a", "Oslo"), ("b", "Oslo")), "people.csv")
    for tail in ("' OR 1=1 --", '"; DROP TABLE people', "; SELECT 2"):
        assert ask(f"How many people are in Oslo{tail}?", tables) is None


def test_files_and_extensions_are_out_of_reach(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    with table_query._connection() as connection:
        for statement in (
            f"SELECT * FROM '{tmp_path}/a.csv'",
            f"COPY (SELECT 1) TO '{tmp_path}/b.csv'",
            "INSTALL sqlite",
            f"ATTACH '{tmp_path}/c.db'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
    assert not (tmp_path / "b.csv").exists()


def test_a_query_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(table_query, "TIMEOUT_S", 0.05)
    with pytest.raises(duckdb.InterruptException), table_query._connection() as connection:
        connection.execute("SELECT count(*) FROM range(10000000) a, range(10000000) b").fetchall()


def test_ten_thousand_rows_are_counted_whole():
    rows = [(f"n{place}", "Oslo" if place % 3 else "Bergen", str(place)) for place in range(10_000)]
    tables = stored(markdown(("Name", "Site", "Points"), *rows), "people.csv")
    answer = ask("How many people are in Oslo?", tables)
    assert answer is not None
    assert "6666" in answer.text
    assert len(answer.spans) == 6
    answer = ask("What is the total of points?", tables)
    assert answer is not None
    assert "49995000" in answer.text


def test_five_hundred_columns_are_no_burden():
    names = ["Name", *(f"c{place}" for place in range(499))]
    tables = stored(markdown(names, *(["a" + str(row), *["1"] * 499] for row in range(20))), "people.csv")
    answer = ask("What is the total of c77?", tables)
    assert answer is not None
    assert " 20," in answer.text


def test_a_name_that_two_columns_have_names_neither():
    tables = stored(markdown(("Plan", "Price", "Price"), ("A", "5", "9"), ("B", "6", "8")), "plans.csv")
    assert ask("What is the total price?", tables) is None
    assert ask("Which plan is cheapest?", tables) is None


def test_a_failure_of_the_database_is_no_answer(monkeypatch):
    def fail(*_):
        raise TableQueryFailure("no")

    monkeypatch.setattr("ragsvc.pipeline.tables.computation.run", fail)
    assert ask("How many plans are there?", stored(markdown(("Plan", "x"), ("A", "1")), "plans.csv")) is None
