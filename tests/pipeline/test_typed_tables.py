"""Columns of tables: which kind they are, and that what is written comes back as it was meant."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_tables import column, markdown, stored, typed

from ragsvc.pipeline.tables.cell_values import DecimalMark, number, quantity
from ragsvc.pipeline.tables.typed_table import ColumnKind

STYLES = {
    "1234567.5": (",", "."), "1,234,567.5": (",", "."), "1 234 567,5": (" ", ","),
    "1.234.567,5": (".", ","), "1'234'567.5": ("'", "."), "1’234’567,5": ("’", ","),
}  # fmt: skip


@given(
    st.integers(0, 10**12),
    st.integers(0, 99),
    st.sampled_from(["", ",", ".", " ", "'", "’", "\u00a0", "\u202f"]),
    st.sampled_from(list(DecimalMark)),
    st.sampled_from(["", "-", "−", "("]),
    st.sampled_from([("", ""), ("€", "EUR"), ("$", "$"), (" kg", "kg"), ("%", "%"), (" Stunden", "h")]),
)
def test_numbers_come_back_in_every_style(
    whole: int, cents: int, group: str, mark: DecimalMark, sign: str, unit: tuple[str, str]
):
    if group == mark.value:
        return
    said = f"{whole:,}".replace(",", group) + f"{mark.value}{cents:02d}"
    cell = f"({said}{unit[0]})" if sign == "(" else f"{sign}{said}{unit[0]}"
    wanted = Decimal(f"{whole}.{cents:02d}") * (-1 if sign else 1)
    read = quantity(cell, mark)
    assert read is not None
    assert (read.value, read.unit) == (wanted, unit[1])


@given(st.text(max_size=40))
def test_any_cell_can_be_looked_at(cell: str):
    for mark in DecimalMark:
        quantity(cell, mark)
    column(cell, cell)


@pytest.mark.parametrize(
    "cell",
    [
        "007",
        "1.2.3",
        "10-20",
        "3 of 5",
        "+49 30 1234",
        "1e5",
        "A12",
        "1,23,456",
        "€1.2M",
        "2 h 30",
        "1st x 2",
    ],
)
def test_what_only_looks_like_a_number_is_none(cell: str):
    assert all(quantity(cell, mark) is None for mark in DecimalMark)


def test_a_number_keeps_to_its_decimal_mark():
    assert number("1.234", DecimalMark.POINT) == Decimal("1.234")
    assert number("1.234", DecimalMark.COMMA) == 1234


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1,234", "950", "12,500"), (1234, 950, 12500)),
        (("1.234,50", "950", "12.500"), (Decimal("1234.5"), 950, 12500)),
        (("48.200 EUR", "52.500 EUR"), (48200, 52500)),
        (("12,500", "48,000"), (12500, 48000)),
        (("0.5", "1.25"), (Decimal("0.5"), Decimal("1.25"))),
        (("$5", "7.50 $", "-"), (5, Decimal("7.5"), None)),
        (("10 GB", "1 TB"), (10, 1000)),
        (("30 min", "90 min", "2 h"), (30, 90, 120)),
        (("5", "n/a", "on request"), (5, None, None)),
        (("free", "10 EUR"), (0, 10)),
    ],
)
def test_columns_of_numbers(cells: tuple[str, ...], values: tuple[object, ...]):
    found = column(*cells)
    assert found.kind is ColumnKind.NUMBER
    assert found.values == values


@pytest.mark.parametrize(
    "cells",
    [
        ("1.234", "2.345"),
        ("1,234 kg", "2,345 kg"),
        ("10 EUR", "10 USD"),
        ("10 kg", "10 km"),
        ("5 EUR", "7"),
        ("01/02/2024", "03/04/2024"),
        ("13/01/2024", "01/13/2024"),
        ("5", "a few"),
        ("A1", "B2"),
    ],
)
def test_columns_that_may_mean_two_things_are_text(cells: tuple[str, ...]):
    assert column(*cells).kind is ColumnKind.TEXT


@pytest.mark.parametrize(
    "cells",
    [
        ("2024-02-01", "2024-03-15"),
        ("01.02.2024", "15.3.2024"),
        ("1 February 2024", "15 Mar 2024"),
        ("February 1, 2024", "Mar 15, 2024"),
        ("1. Februar 2024", "15. März 2024"),
        ("01/02/2024", "15/03/2024"),
        ("02/01/2024", "03/15/2024"),
        ("2024-02-01 10:30", "2024-03-15T00:00:00Z"),
    ],
)
def test_columns_of_dates(cells: tuple[str, ...]):
    found = column(*cells)
    assert found.kind is ColumnKind.DATE
    assert found.values == (date(2024, 2, 1), date(2024, 3, 15))


def test_columns_of_truths_and_words():
    assert column("yes", "No", "–").values == (True, False, None)
    assert column("ja", "nein").kind is ColumnKind.BOOLEAN
    assert column("van", "Van", "van", "VAN ").values == ("van",) * 4
    assert column("Full-time", "full time", "Full-time").values == ("Full-time",) * 3
    assert column("C", "C++", "C-").values == ("C", "C++", "C-")
    assert column("Namibia", "NA").values == ("Namibia", "NA")


def test_units_of_names_are_units():
    found = typed(("Plan", "Price (EUR)"), ("A", "5"), ("B", "6"))
    assert (found.columns[1].unit, found.columns[1].words) == ("EUR", ("price",))
    assert typed(("Plan", "Wind (km/h)"), ("A", "5"), ("B", "6")).columns[1].unit == "km/h"
    assert typed(("Plan", "Price per month"), ("A", "5"), ("B", "6")).columns[1].unit == ""


@pytest.mark.parametrize("total", ["Total", "TOTAL:", "Summe", "Grand total", ""])
def test_totals_are_no_rows(total: str):
    found = typed(("Thing", "Cost"), ("a", "5"), ("b", "6"), (total, "11"))
    assert [row.cells[0] for row in found.rows] == ["a", "b"]
    assert len(found.totals) == 1


def test_a_row_with_a_name_is_kept_though_it_sums_up():
    found = typed(("Thing", "Cost"), ("a", "5"), ("b", "6"), ("c", "11"))
    assert len(found.rows) == 3


def test_names_that_come_twice_are_told_apart():
    found = typed(("Cost", "cost", ""), ("1", "2", "3"), ("4", "5", "6"))
    assert [each.name for each in found.columns] == ["Cost", "cost (2)", "column 3"]


def test_ragged_and_empty_tables_are_none():
    assert stored(markdown(("a", "b"), ("1", "2", "3"))) == []
    assert stored(markdown(("a", "b"))) == []
    assert stored("| a | b |\n| 1 | 2 |\n") == []


def test_a_few_cells_that_are_written_otherwise_change_no_column():
    priced = ["£360", "£410", "£95", "£1,270", "£620"]
    assert column(*priced, "1880").values[-1] == 1880
    assert column(*priced, "not valued").values[-1] is None
    assert column("1", "2", "3", "4", "5", "0 pcs", "7 pcs").values[-2:] == (0, 7)
    assert column("c. 1770", "1682", "ca. 1500").values == (1770, 1682, 1500)
    assert column("13-Jan-2026", "25-Oct-2025").values == (date(2026, 1, 13), date(2025, 10, 25))
    # A number without a unit beside grams and kilograms, or beside few others, says nothing certain.
    assert column("1 kg", "300 g", "2 kg", "4 kg", "5 kg", "5").kind is ColumnKind.TEXT
    assert column("1", "2", "3", "4", "few", "some", "most").kind is ColumnKind.TEXT
