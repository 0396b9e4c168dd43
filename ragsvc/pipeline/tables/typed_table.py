"""A table as typed columns: of each the kind that all of its cells agree on, its unit and its values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from statistics import median

from ragsvc.pipeline.tables.cell_values import (
    DecimalMark,
    Quantity,
    dates,
    is_gap,
    may_be_either,
    plain,
    quantity,
    truth,
    unit_of,
)
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.text.tables import TableRow, WholeTable

WORD = re.compile(r"[^\W\d_][^\W_]*|\d+(?:[.,'’]\d+)*(?:(?:s|st|nd|rd|th|ern?)\b)?|[%€$£&]")
"""A word, a number with marks inside it, or a sign that counts. Databases write hire_date for two words."""
MAX_CELLS = 500_000
MAX_ROWS = 50_000
_UNIT_IN_NAME = re.compile(r"[(\[]([^()\[\]]{1,16})[)\]]\s*\Z")
_HYPHENS = re.compile(r"(?<=\w)[-‐‑](?=\w)")
_SEVERAL = re.compile(r"[,;/&\n]| and | und |<br>")
# One cell of so many may hold a comma that separates nothing.
_LISTS = 5
_PHYSICAL = frozenset({"kg", "g", "t", "km", "m", "cm", "l", "ml", "mi"})
_EVIDENCE = 0.8
# Up to this share of cells may be written otherwise than all others; so many forms of words at most.
_FEW, _MAX_REMARKS = 0.2, 3
# So many columns tell what a row is.
_CUES = 2
_YEARS = (1000, 2100)
# Whole numbers and numbers with a mark are of one size where their medians differ by less.
_ALIKE = 20
_HUNDRED, _THOUSAND = 100, 1000

Cell = Decimal | date | bool | str | None


class ColumnKind(StrEnum):
    """What all cells of a column are, but for those that say nothing."""

    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Formula:
    """How a column follows from two others, by their places; sign: "*" or "-"; concept: what it is about."""

    left: int
    sign: str
    right: int
    concept: str


@dataclass(frozen=True)
class TableColumn:
    """A column; values: row by row, None where a cell says nothing.

    name: as it is written, with the place added where two are alike. words: of its name, small, without the
    unit. unit: "" for none. formula: of a column that is none of the table's own.
    """

    name: str
    words: tuple[str, ...]
    kind: ColumnKind
    unit: str
    values: tuple[Cell, ...]
    formula: Formula | None = None

    @cached_property
    def known(self) -> tuple[Cell, ...]:
        """The values that are there."""
        return tuple(value for value in self.values if value is not None)

    @cached_property
    def is_unique(self) -> bool:
        """Whether every row says something, and each something else."""
        return len(self.known) == len(self.values) == len({_folded(value) for value in self.known})

    @property
    def names_rows(self) -> bool:
        """Whether its cells are words that tell rows apart."""
        return self.kind is ColumnKind.TEXT and self.is_unique

    @property
    def is_key(self) -> bool:
        """Whether it holds the numbers by which rows are called."""
        return self.kind is ColumnKind.NUMBER and self.is_identifier and self.is_unique

    @cached_property
    def is_signed(self) -> bool:
        """Whether it has numbers below zero."""
        return any(isinstance(value, Decimal) and value < 0 for value in self.known)

    @cached_property
    def is_wordless(self) -> bool:
        """Whether it is text only because its numbers could not be read for certain."""
        texts = [value for value in self.known if isinstance(value, str)]
        bare = sum(not any(char.isalpha() for char in text) for text in texts)
        return self.kind is ColumnKind.TEXT and 2 * bare > len(texts)

    @cached_property
    def has_lists(self) -> bool:
        """Whether several of its cells name more than one thing, so that cells are not what is counted."""
        texts = [value for value in self.known if isinstance(value, str)]
        return len(texts) < _LISTS * sum(_SEVERAL.search(text) is not None for text in texts)

    @cached_property
    def is_identifier(self) -> bool:
        """Whether its numbers are names: nothing is added up that has no size."""
        return bool(lexicon().identifiers.intersection(self.words[-1:]))

    @cached_property
    def is_year(self) -> bool:
        """Whether it holds years as plain numbers."""
        return (
            self.kind is ColumnKind.NUMBER
            and not self.unit
            and bool(self.known)
            and bool(
                {"year", "jahr", "baujahr"}.intersection(self.words)
                or lexicon().members["founded"] & self.concepts
            )
            and all(
                isinstance(v, Decimal) and v == int(v) and _YEARS[0] <= v <= _YEARS[1] for v in self.known
            )
        )

    @cached_property
    def concepts(self) -> frozenset[str]:
        """What its name is about."""
        if self.formula is not None:
            return frozenset({self.formula.concept})
        return frozenset().union(*map(lexicon().concepts_in, self.words))


@dataclass(frozen=True)
class TypedTable:
    """columns and rows of a table; rows: those of the source, without totals, aligned with the values.

    name: for people. subjects: small words that name what a row is, the head of its title first.
    totals: the cells of rows that were left out because they sum up others.
    """

    name: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    source: WholeTable
    subjects: tuple[str, ...]
    totals: tuple[tuple[str, ...], ...]

    @cached_property
    def row_nouns(self) -> frozenset[int]:
        """The groups of nouns that rows are called by: as the title says, or as its columns tell."""
        known = lexicon()
        head = self.subjects[0] if self.subjects else ""
        found = known.nouns_of(head) or known.nouns_in(head)
        labels = [word for column in self.columns if column.names_rows for word in column.words]
        found = found.union(*map(known.nouns_of, labels))
        about = {word for column in self.columns for word in (*column.words, *column.concepts)}
        return found.union(*(group for group, cues in known.cues if len(cues & about) >= _CUES))


def typed_table(source: WholeTable, name: str, subjects: Sequence[str]) -> TypedTable | None:
    """Read a table; None for one that is too large, ragged, or empty."""
    width = len(source.names)
    if len(source.rows) > MAX_ROWS or width * len(source.rows) > MAX_CELLS or width < 2:
        return None
    if any(len(row.cells) > width for row in source.rows):
        return None
    cells = [[plain(cell) for cell in row.cells] + [""] * (width - len(row.cells)) for row in source.rows]
    kept = [place for place, row in enumerate(cells) if not _names_total(row)]
    if kept and kept[-1] == len(cells) - 1 and _sums_up(cells, kept):
        kept.pop()
    if not kept:
        return None
    mark = _mark(cells, kept)
    by_column = [[cells[place][column] for place in kept] for column in range(width)]
    names = _names(source.names)
    columns = tuple(
        _column(name, written, texts, mark)
        for name, written, texts in zip(names, source.names, by_column, strict=True)
    )
    rows = tuple(source.rows[place] for place in kept)
    left = tuple(tuple(row) for place, row in enumerate(cells) if place not in set(kept))
    return TypedTable(name, columns, rows, source, tuple(subjects), left)


def words_in(text: str) -> tuple[str, ...]:
    """The small words and signs of a text."""
    return tuple(WORD.findall(text.casefold()))


def _names(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    found: list[str] = []
    for place, name in enumerate(names, start=1):
        made = plain(name) or f"column {place}"
        if made.casefold() in taken:
            made = f"{made} ({place})"
        taken.add(made.casefold())
        found.append(made)
    return found


def _names_total(row: Sequence[str]) -> bool:
    """Whether the first cell that says something calls the row a total."""
    first = next((cell for cell in row if cell), "").casefold().rstrip(": ")
    return first in lexicon().footers


def _sums_up(cells: Sequence[Sequence[str]], kept: Sequence[int]) -> bool:
    """Whether the last row adds up those above it: a cell of numbers that does, and no name of its own.

    A row that has a name, and sums up by chance, is a row.
    """
    *above, last = kept
    if len(above) < 2 or (
        cells[last][0] and not cells[last][0].casefold().startswith(("total", "sum", "gesamt"))
    ):
        return False
    for column in range(len(cells[last])):
        for mark in DecimalMark:
            read = [quantity(cells[place][column], mark) for place in kept]
            values = [each.value for each in read if each is not None]
            if len(values) == len(kept) and values[-1] and sum(values[:-1]) == values[-1]:
                return True
    return False


def _mark(cells: Sequence[Sequence[str]], kept: Sequence[int]) -> DecimalMark | None:
    """The decimal mark that the table uses; None where nothing tells."""
    seen: set[DecimalMark] = set()
    for place in kept:
        for cell in cells[place]:
            read = [mark for mark in DecimalMark if quantity(cell, mark) is not None]
            if len(read) == 1:
                seen.add(read[0])
    return seen.pop() if len(seen) == 1 else None


def _column(name: str, written: str, texts: Sequence[str], mark: DecimalMark | None) -> TableColumn:
    found = _UNIT_IN_NAME.search(written)
    unit = unit_of(found.group(1)) if found else None
    words = words_in(written[: found.start()] if found and unit else written)
    # A price per month is in no months.
    ends_so = not found and len(words) > 1 and words[-2] not in ("per", "pro", "a")
    if ends_so and (last := unit_of(words[-1])):
        unit, words = last, words[:-1]
    if len(words) > 1 and unit and words[-1] == "in":
        words = words[:-1]
    said = [text for text in texts if not is_gap(text, among_numbers=True)]
    if said:
        remarks = _remarks(said, _FEW)
        sized = [text for text in said if text not in remarks]
        if (numbers := _numbers(sized, mark, unit)) is not None:
            values, unit = numbers
            return TableColumn(name, words, ColumnKind.NUMBER, unit, _spread(texts, values, remarks))
        remarks = _remarks(said, 2 * _FEW)
        if (days := dates([text for text in said if text not in remarks] or said)) is not None:
            return TableColumn(name, words, ColumnKind.DATE, "", _spread(texts, days, remarks))
        truths = [truth(text) for text in said]
        if None not in truths:
            return TableColumn(name, words, ColumnKind.BOOLEAN, "", _spread(texts, truths))
    usual = _usual_forms(texts)
    return TableColumn(name, words, ColumnKind.TEXT, "", tuple(usual.get(text) for text in texts))


def _usual_forms(texts: Sequence[str]) -> dict[str, str]:
    """Of each cell that says something the form in which it is written most often: "van" of van and VAN."""
    forms: dict[str, Counter[str]] = {}
    for text in texts:
        if not is_gap(text):
            forms.setdefault(" ".join(_HYPHENS.sub(" ", text.casefold()).split()), Counter())[text] += 1
    return {
        form: max(counts, key=lambda each: (counts[each], each))
        for counts in forms.values()
        for form in counts
    }


def _remarks(said: Sequence[str], share: float) -> frozenset[str]:
    """The few words that stand where all other cells have a number or a date: "not valued", "postponed"; none
    where a word may be a number, "twelve thousand"."""
    worded = [
        text for text in said if not any(map(str.isdigit, text)) and quantity(text, DecimalMark.POINT) is None
    ]
    if any(lexicon().says_number(word) for text in worded for word in words_in(text)):
        return frozenset()
    few = len(worded) <= share * len(said) and len(set(worded)) <= _MAX_REMARKS
    return frozenset(worded if few else ())


def _spread(
    texts: Sequence[str], values: Sequence[Cell], remarks: frozenset[str] = frozenset()
) -> tuple[Cell, ...]:
    """Values of the cells that say something, with None between them for the others."""
    coming = iter(values)
    return tuple(
        None if text in remarks or is_gap(text, among_numbers=True) else next(coming) for text in texts
    )


def _numbers(
    said: Sequence[str], mark: DecimalMark | None, header_unit: str | None
) -> tuple[list[Decimal], str] | None:
    """The numbers of all cells and their one unit; None where they are no numbers, or not of one unit, or may
    be others by the other decimal mark."""
    for each in DecimalMark:
        read = [quantity(cell, each) for cell in said]
        if None in read:
            continue
        units = Counter(found.unit for found in read if found is not None and found.value.is_finite())
        if (unit := _one_unit(units, header_unit, read)) is None:
            return None
        if any(map(may_be_either, said)):
            chosen = mark or _likely(said, unit)
            if chosen is not each:
                continue
        scaled = [
            lexicon().scaled(found.value, found.unit or unit, unit) for found in read if found is not None
        ]
        return [value for value in scaled if value is not None], unit
    return None


def _one_unit(units: Counter[str], header_unit: str | None, read: Sequence[Quantity | None]) -> str | None:
    """The unit of a column; None where cells have different ones, but for those of one scale."""
    if header_unit and set(units) <= {"", header_unit}:
        return header_unit
    bare = [found for found in read if found is not None and not found.unit and found.value.is_finite()]
    named = Counter({unit: count for unit, count in units.items() if unit})
    # A zero needs no unit, and of anything else only what nearly all others have is certain.
    is_certain = len(named) == 1 and units[""] <= _FEW * units.total()
    if named and any(found.value for found in bare) and not is_certain:
        return None
    if not named:
        return header_unit or ""
    unit = named.most_common(1)[0][0]
    alike = all(lexicon().scaled(Decimal(1), other, unit) is not None for other in named)
    return unit if alike else None


def _likely(said: Sequence[str], unit: str) -> DecimalMark | None:
    """The decimal mark of cells that all could be read by either: round thousands are no weights in kilos."""
    grouped = [cell for cell in said if may_be_either(cell)]
    if _fill_up(said, grouped, unit):
        return DecimalMark.POINT if "," in grouped[0] else DecimalMark.COMMA
    signs = {sign for cell in grouped for sign in ".," if sign in cell}
    if len(signs) != 1 or unit in _PHYSICAL:
        return None
    round_share = sum(_digits(cell).endswith("0") for cell in grouped) / len(grouped)
    leading = any(cell.startswith("0") for cell in grouped)
    if leading or round_share < _EVIDENCE:
        return None
    if signs == {","}:
        return DecimalMark.POINT
    return DecimalMark.COMMA if unit in ("EUR", "CHF") else None


def _fill_up(said: Sequence[str], grouped: Sequence[str], unit: str) -> bool:
    """Whether whole numbers beside them are of the same size, were their marks between thousands."""
    bare = [
        int(digits)
        for cell in said
        if cell not in grouped
        and (digits := _digits(cell))
        and int(digits) >= (_THOUSAND if unit in _PHYSICAL else _HUNDRED)
    ]
    if not bare or len({sign for cell in grouped for sign in ".," if sign in cell}) != 1:
        return False
    sizes = [int(_digits(cell)) for cell in grouped]
    return 1 / _ALIKE <= median(bare) / max(1, median(sizes)) <= _ALIKE


def _digits(cell: str) -> str:
    return "".join(char for char in cell if "0" <= char <= "9")


def _folded(value: Cell) -> Cell:
    return value.casefold() if isinstance(value, str) else value
