"""Rows of Markdown tables, read with the names of their columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragsvc.text.sentences import sentences
from ragsvc.text.tables import MAX_COLUMNS_CHARS, ColumnNames, columns_of, table_rows

PLANS = """## Plans

| Plan | Price | Seats |
| ---- | ----: | :---- |
| Free | 0 | 1 |
| Enterprise | ask us | unlimited |
"""

CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
LINES = st.lists(
    st.one_of(
        st.lists(CELLS, min_size=1, max_size=4).map(lambda cells: "| " + " | ".join(cells) + " |"),
        st.just("|---|---|"),
        st.text(max_size=20),
        st.just(""),
    ),
    max_size=12,
)


def readings(text: str, *, from_start: bool = True) -> list[str]:
    return [row.reading for row in table_rows(text, from_start=from_start)]


def test_a_row_reads_with_its_columns() -> None:
    assert readings(PLANS) == [
        "Plan: Free; Price: 0; Seats: 1",
        "Plan: Enterprise; Price: ask us; Seats: unlimited",
    ]
    assert [PLANS[row.start : row.end] for row in table_rows(PLANS)] == [
        "| Free | 0 | 1 |",
        "| Enterprise | ask us | unlimited |",
    ]


def test_empty_cells_escapes_breaks_and_further_cells() -> None:
    table = "|  | Uses | |\n|---|---|---|\n| a \\| b | x<br>y |  | more | - |\n|  |  |\n"
    assert readings(table) == ["a | b; Uses: x y; more"]


def test_without_a_rule_the_first_row_names_the_columns() -> None:
    assert readings("| Year | Title |\n| 1981 | Stand Up |\n") == ["Year: 1981; Title: Stand Up"]
    assert readings("| only | this | row |\n") == ["only; this; row"]


def test_a_table_that_goes_on_from_before_has_unnamed_columns() -> None:
    rest = "| 1981 | Stand Up |\n| 1982 | Spanish Blue |\n"
    assert readings(rest, from_start=False) == ["1981: Stand Up", "1982: Spanish Blue"]
    assert readings(f"Singles:\n\n{rest}", from_start=False) == ["1981: Stand Up", "1982: Spanish Blue"]
    assert readings(f"Singles:\n\n{rest}") == ["1981: 1982; Stand Up: Spanish Blue"]
    assert readings("|x| is the absolute value of x\n|y| is another\n| z |\n") == [
        "x: is the absolute value of x",
        "y: is another",
        "z",
    ]


def test_a_rule_further_down_names_nothing() -> None:
    assert readings("| a | b |\n| c | d |\n|---|---|\n| e | f |\n") == ["a: b", "c: d", "e: f"]


def test_pairs_read_as_key_and_value() -> None:
    pairs = "| Floor | 3 |\n|---|---|\n| Telephone: | 0221-555 |\n| Address |  |\n"
    assert readings(pairs) == ["Floor: 3", "Telephone: 0221-555", "Address"]
    assert readings("| Plan | Price |\n|---|---|\n| Team | 20 |\n") == ["Plan: Team; Price: 20"]


def test_a_title_names_nothing_and_neither_do_quantities() -> None:
    sheet = "| Overview 2024 | | |\n|---|---|---|\n| Project | Lead | Budget |\n| Marmot | Novak | 900 |\n"
    assert readings(sheet) == ["Project: Marmot; Lead: Novak; Budget: 900"]
    assert ColumnNames(sheet).over(sheet.index("Marmot")) == "| Project | Lead | Budget |"
    cities = "| Tokyo | Japan | 37400068 |\n|---|---|---|\n| Delhi | India | 28514000 |\n"
    assert readings(cities) == ["Tokyo; Japan; 37400068", "Delhi; India; 28514000"]
    assert ColumnNames(cities).over(cities.index("Delhi")) == ""
    assert readings("| 2019 | 2020 | 2021 |\n|---|---|---|\n| 1,5 | 2 | 3 |\n") == [
        "2019: 1,5; 2020: 2; 2021: 3"
    ]


def test_a_table_of_one_row_is_read() -> None:
    assert readings("| Only row | the aviary closes | in winter |\n|---|---|---|\n") == [
        "Only row; the aviary closes; in winter"
    ]


def test_below_the_first_row_the_columns_have_names() -> None:
    names = ColumnNames(PLANS)
    assert names.over(PLANS.index("| Plan")) == ""
    for inside in ("| ----", "| Free", "Enterprise", "unlimited"):
        assert names.over(PLANS.index(inside)) == "| Plan | Price | Seats |"
    assert names.over(len(PLANS) - 1) == names.over(0) == ""
    assert ColumnNames("| a | b |\n| c | d |\n").over(12) == ""
    assert ColumnNames(f"| {'x' * MAX_COLUMNS_CHARS} |\n|---|\n| y |\n").over(310) == ""


def test_the_rest_of_a_table_takes_the_names_it_is_given() -> None:
    columns = columns_of(ColumnNames("| a \\| b | c |\n|--|--|\n| d | e |").over(25))
    assert columns == ("a | b", "c")
    rest = "| 1981 | Stand Up |\n\n| Year | Title |\n|---|---|\n| 1982 | Spanish Blue |\n"
    assert [row.reading for row in table_rows(rest, columns=columns, from_start=False)] == [
        "a | b: 1981; c: Stand Up",
        "Year: 1982; Title: Spanish Blue",
    ]
    assert columns_of("A | B") == ()


def test_a_row_that_was_cut_takes_no_names_and_gives_none() -> None:
    columns = ("No", "Note", "Owner", "State")
    cut = "end of a note | Ada | open |\n| 2 | short | Bob | closed |\n| 3 | long | Cy | open |"
    assert [row.reading for row in table_rows(cut, columns=columns, from_start=False)] == [
        "No: 2; Note: short; Owner: Bob; State: closed",
        "No: 3; Note: long; Owner: Cy; State: open",
    ]
    rest = "| Ada | open |\n| 2 | short | Bob | closed |"
    assert [row.reading for row in table_rows(rest, columns=columns, from_start=False)] == [
        "Ada: open",
        "No: 2; Note: short; Owner: Bob; State: closed",
    ]


@given(LINES, st.booleans())
def test_rows_are_sentences_and_hold_only_what_the_text_holds(lines: list[str], from_start: bool) -> None:
    text = "\n".join(lines)
    spans = {(span.start, span.end) for span in sentences(text)}
    for row in table_rows(text, from_start=from_start):
        if "```" not in text and "~~~" not in text:
            assert (row.start, row.end) in spans
        assert text[row.start : row.end].startswith("|")
        assert row.reading.strip()
        for cell in row.reading.split("; "):
            assert all(part.strip() in text.replace("\\|", "|") for part in cell.split(": "))
