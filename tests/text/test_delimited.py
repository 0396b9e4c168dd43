"""Separated values become tables whose rows say what the file says."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.text.delimited_text import SEPARATORS, as_table
from ragsvc.text.file_parser import parse_file
from ragsvc.text.limits import ParseLimits
from ragsvc.text.tables import table_rows

CSV = SEPARATORS["text/csv"]
CELL = st.text('ab1é|;,<"', max_size=8).map(lambda text: f"x{text}")


@pytest.mark.parametrize("separator", list(CSV))
def test_any_usual_separator(separator: str) -> None:
    text = "Plan,Price,Seats\nFree,0,1\nTeam,20 euros,10\n".replace(",", separator)
    assert as_table(text, CSV) == (
        "| Plan | Price | Seats |\n| --- | --- | --- |\n| Free | 0 | 1 |\n| Team | 20 euros | 10 |\n"
    )


def test_quotes_line_breaks_bars_and_notes_above() -> None:
    text = 'Export of May\n\nName,Note\n"Lovelace, Ada","first\nline | ""second"""\nHopper,\n'
    assert as_table(text, CSV) == (
        "Export of May\n\n"
        '| Name | Note |\n| --- | --- |\n| Lovelace, Ada | first<br>line \\| "second" |\n| Hopper |  |\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n \n",
        "one\ncolumn\n",
        "Dear Ada,\nthis is prose, really, it is.\nBye\n",
        'a,b\n"never closed,1\n',
    ],
)
def test_what_is_no_table_stays_as_it_is(text: str) -> None:
    assert as_table(text, CSV) is None


@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=2, max_size=9)
    ),
    st.sampled_from(list(CSV)),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_every_cell_is_read_under_its_column(rows: list[list[str]], separator: str, quoting: int) -> None:
    names = [f"Column {letter}" for letter, _ in zip("abcde", rows[0], strict=False)]
    written = StringIO()
    csv.writer(written, lineterminator="\n", delimiter=separator, quoting=quoting).writerows([names, *rows])
    table = as_table(written.getvalue(), separator)
    assert table is not None
    found = table_rows(table)
    assert [row.cells for row in found] == [tuple(row) for row in rows]
    for row in found:
        told = [f"{name}: {cell}" for name, cell in zip(names, row.cells, strict=True)]
        assert row.reading == "; ".join(told)


def test_a_file_is_read_as_a_table(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "staff.csv"
    path.write_bytes("name;office\r\nAda Lovelace;London\r\nGrace Hopper;Arlington\r\n".encode("utf-16"))
    parsed = parse_file(str(path), ParseLimits())
    assert parsed.media_type == "text/markdown"
    assert [row.reading for row in table_rows(parsed.text)] == [
        "name: Ada Lovelace; office: London",
        "name: Grace Hopper; office: Arlington",
    ]
    path.write_text("no table at all")
    assert parse_file(str(path), ParseLimits()).media_type == "text/csv"
