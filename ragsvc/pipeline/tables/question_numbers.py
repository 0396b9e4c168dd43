"""Numbers, dates and periods in a question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from ragsvc.pipeline.tables.cell_values import DecimalMark, dates, may_be_either, number, unit_of
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import (
    DayRange,
    QuestionItem,
    QuestionItemKind,
    QuestionText,
    months,
)

_YEAR = re.compile(r"(?:1\d|20)\d\d")
_DECADE = re.compile(r"((?:1\d|20)\d0)(?:s|ern?)")
_CENTURY = re.compile(r"(\d\d)(?:st|nd|rd|th)?")
_LONGEST_MONTH = 31
_DECADE_YEARS, _CENTURY_YEARS, _LAST_CENTURY = 10, 100, 21


def number_items(text: QuestionText, at: int) -> Iterator[QuestionItem]:
    if (dated := _dated(text, at)) is not None:
        yield dated
        return
    small = text.small
    place, unit = at, ""
    if small[at] in ("€", "$", "£") and at + 1 < len(small):
        unit, place = unit_of(small[at]) or "", at + 1
    amount = _amount(text, place)
    if amount is None:
        return
    end = place + 1
    if end < len(small) and small[end] in lexicon().multipliers:
        amount *= lexicon().multipliers[small[end]]
        end += 1
    if not unit and end < len(small) and (said := _unit_said(text, end)):
        unit, end = said, end + 1
    is_year = not unit and end == at + 1 and _YEAR.fullmatch(small[at])
    period = DayRange(date(int(small[at]), 1, 1), date(int(small[at]), 12, 31)) if is_year else None
    yield QuestionItem(QuestionItemKind.NUMBER, at, end - at, amount=amount, unit=unit, period=period)


def _unit_said(text: QuestionText, at: int) -> str:
    """A unit after a number, unless it is a word that says more: "5 in Berlin" are no inches."""
    return "" if text.small[at] in lexicon().neutral else unit_of(text.raw[at]) or ""


def _amount(text: QuestionText, at: int) -> Decimal | None:
    word = text.small[at]
    if not word[0].isdigit():
        small = lexicon().numbers.get(word)
        # "ein" is an article, too.
        return None if small is None or word in lexicon().neutral else Decimal(small)
    mark = DecimalMark.COMMA if text.german else DecimalMark.POINT
    if may_be_either(word) and mark.value in word:
        # 1.234 in an English question, 1,234 in a German one.
        return None
    return number(word, mark)


def _dated(text: QuestionText, at: int) -> QuestionItem | None:
    """A day, a month or a quarter: 1 March 2024, March 1, 2024, 01.03.2024, March 2024, March, Q1 2024."""
    for length in (3, 1):
        raw = text.raw[at : at + length]
        joint = "-" if raw[0].isdigit() and raw[-1].isdigit() and raw[len(raw) // 2].isdigit() else " "
        if len(raw) == length and (found := dates([joint.join(raw)])):
            return QuestionItem(QuestionItemKind.PERIOD, at, length, period=DayRange(found[0], found[0]))
    if (day := _day_of_a_year(text, at)) is not None:
        return day
    if (years := _decade_or_century(text, at)) is not None:
        return years
    month = lexicon().months.get(text.small[at])
    year = text.small[at + 1] if at + 1 < len(text.small) else ""
    if not _YEAR.fullmatch(year):
        named = month is not None and text.raw[at][0].isupper() and len(text.small[at]) > 2
        return (
            QuestionItem(QuestionItemKind.PERIOD, at, 1, month=month) if named and month is not None else None
        )
    if month is not None:
        return QuestionItem(QuestionItemKind.PERIOD, at, 2, period=months(int(year), month, month))
    if re.fullmatch(r"q[1-4]", text.small[at]):
        quarter = int(text.small[at][1])
        return QuestionItem(
            QuestionItemKind.PERIOD, at, 2, period=months(int(year), 3 * quarter - 2, 3 * quarter)
        )
    return None


def _decade_or_century(text: QuestionText, at: int) -> QuestionItem | None:
    """The 1990s, the 18th century, the eighteenth century."""
    word = text.small[at]
    if match := _DECADE.fullmatch(word):
        return _years(at, 1, int(match.group(1)), _DECADE_YEARS)
    following = text.small[at + 1] if at + 1 < len(text.small) else ""
    match = _CENTURY.fullmatch(word)
    number = int(match.group(1)) if match else lexicon().ordinals.get(word)
    if number is None or not 1 < number <= _LAST_CENTURY or following not in lexicon().centuries:
        return None
    return _years(at, 2, (number - 1) * _CENTURY_YEARS, _CENTURY_YEARS)


def _years(at: int, length: int, first: int, count: int) -> QuestionItem:
    period = DayRange(date(first, 1, 1), date(first + count - 1, 12, 31))
    return QuestionItem(QuestionItemKind.PERIOD, at, length, period=period)


def _day_of_a_year(text: QuestionText, at: int) -> QuestionItem | None:
    """5 April, or April 5, of a year that is not said."""
    if at + 1 >= len(text.small) or (at + 2 < len(text.small) and _YEAR.fullmatch(text.small[at + 2])):
        return None
    pair = text.small[at : at + 2]
    for day, name in (pair, pair[::-1]):
        month = lexicon().months.get(name)
        if month is not None and day.isdigit() and 1 <= int(day) <= _LONGEST_MONTH:
            return QuestionItem(QuestionItemKind.PERIOD, at, 2, month=month, day=int(day))
    return None
