"""What a cell of a table says: numbers in several ways of writing with their units, dates, yes and no."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from ragsvc.pipeline.tables.lexicon import lexicon

_SIGNS = {"-": -1, "−": -1, "+": 1}
_MAX_UNIT_CHARS = 16
_MAX_NUMBER_CHARS = 28
_GROUPED = re.compile(r"\d{1,3}(?:([.,'’\u00a0\u202f ])\d{3})(?:\1\d{3})*")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th)?[ -]([^\W\d]{3,9})\.?,?[ -](\d{4})")
_MONTH_DAY = re.compile(r"([^\W\d]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_MARKS = "*_` \t"
# A number that is said to be about right is taken for what it says.
_ABOUT = re.compile(r"(?:ca?\.|circa|approx\.|about|around|etwa|ungefähr|~|≈) ?(?=\d)", re.IGNORECASE)
_GAPS = frozenset({"", "-", "–", "—", "n/a"})


class DecimalMark(StrEnum):
    """What stands before the fraction of a number; the other one may group thousands."""

    POINT = "."
    COMMA = ","


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit, "" for none; units of one meaning are written as one."""

    value: Decimal
    unit: str


def plain(cell: str) -> str:
    """A cell without the marks of emphasis and code around it."""
    return cell.strip(_MARKS)


def is_gap(cell: str, *, among_numbers: bool = False) -> bool:
    """Whether a cell says that nothing is known. Among words "NA" may be a name, and is none."""
    small = cell.casefold()
    return small in _GAPS or (among_numbers and small in lexicon().gaps)


def unit_of(text: str) -> str | None:
    """The one way of writing a unit; None for what is no unit that is known.

    A single letter means what it means as it is written: m is no M.
    """
    known = lexicon().units
    text = text.strip().rstrip(".")
    return known.get(text) or (known.get(text.casefold()) if len(text) > 1 else None)


def quantity(cell: str, mark: DecimalMark) -> Quantity | None:
    """Read a cell that is one number with at most one unit; None for any other.

    Ranges, identifiers with zeros before them, versions and telephone numbers are none.
    """
    if (known := lexicon().amounts.get(cell.casefold())) is not None:
        return Quantity(known, "")
    cell = _ABOUT.sub("", cell, count=1) if _ABOUT.match(cell) else cell
    digits = [place for place, char in enumerate(cell) if "0" <= char <= "9"]
    if not digits:
        return None
    first, last = digits[0], digits[-1] + 1
    before, core, after = cell[:first].strip(), cell[first:last], cell[last:].strip()
    if before.endswith((".", ",")) and before[-1] == mark.value:
        before, core = before[:-1].strip(), f"0{mark.value}{core}"
    sign = 1
    if before.startswith("(") and after.endswith(")"):
        before, after, sign = before[1:].strip(), after[:-1].strip(), -1
    for place in (0, -1):
        if before and before[place] in _SIGNS:
            sign *= _SIGNS[before[place]]
            before = (before[1:] if place == 0 else before[:-1]).strip()
    value = number(core, mark)
    if value is None or (before and after):
        return None
    unit = _unit(before, after)
    return None if unit is None else Quantity(sign * value, unit)


def _unit(before: str, after: str) -> str | None:
    if before:
        unit = unit_of(before)
        return unit if unit in lexicon().currencies else None
    if not after:
        return ""
    if len(after) > _MAX_UNIT_CHARS or not all(char.isalpha() or char in "%€$£¥²³°/ ." for char in after):
        return None
    if after.casefold().rstrip(".") in lexicon().counters:
        return ""
    return unit_of(after) or after


def number(core: str, mark: DecimalMark) -> Decimal | None:
    """Read digits with marks between them; None where they do not make a number of this way of writing."""
    whole, _, fraction = core.partition(mark.value)
    if len(core) > _MAX_NUMBER_CHARS or (
        mark.value in core and not (fraction.isascii() and fraction.isdigit())
    ):
        return None
    if not (whole.isascii() and whole.isdigit()):
        grouped = _GROUPED.fullmatch(whole)
        if grouped is None or grouped.group(1) == mark.value:
            return None
        whole = "".join(char for char in whole if char.isdigit())
    if len(whole) > 1 and whole.startswith("0"):
        return None
    return Decimal(f"{whole}.{fraction}" if fraction else whole)


def may_be_either(cell: str) -> bool:
    """Whether it is another number by each decimal mark: 1.234 and 1,234."""
    read = [quantity(cell, mark) for mark in DecimalMark]
    return None not in read and read[0] != read[1]


def dates(cells: Sequence[str]) -> list[date] | None:
    """Read all cells as dates; None where one is none, or where day and month cannot be told apart."""
    slashed = [match for cell in cells if (match := _SLASHED.fullmatch(cell))]
    day_first = any(int(match.group(1)) > 12 for match in slashed)
    month_first = any(int(match.group(2)) > 12 for match in slashed)
    if slashed and day_first == month_first:
        return None
    found = [_date(cell, day_first=day_first) for cell in cells]
    return [each for each in found if each is not None] if None not in found else None


def _date(cell: str, *, day_first: bool) -> date | None:
    if match := _ISO.fullmatch(cell):
        return day_of(*match.groups())
    if match := _DOTTED.fullmatch(cell):
        return day_of(*reversed(match.groups()))
    if match := _SLASHED.fullmatch(cell):
        one, other, year = match.groups()
        return day_of(year, other, one) if day_first else day_of(year, one, other)
    if match := _DAY_MONTH.fullmatch(cell):
        day, name, year = match.groups()
        return day_of(year, lexicon().months.get(name.casefold()), day)
    if match := _MONTH_DAY.fullmatch(cell):
        name, day, year = match.groups()
        return day_of(year, lexicon().months.get(name.casefold()), day)
    return None


def day_of(year: str | int, month: str | int | None, day: str | int) -> date | None:
    """A day of the calendar; None for none."""
    try:
        return None if month is None else date(int(year), int(month), int(day))
    except ValueError:
        return None


def truth(cell: str) -> bool | None:
    """Whether a cell says yes or no; None for anything else."""
    return lexicon().truths.get(cell.casefold())
