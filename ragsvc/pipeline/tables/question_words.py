"""The words of a question, and what a stretch of them may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from ragsvc.pipeline.tables.cell_values import day_of
from ragsvc.pipeline.tables.lexicon import Lexeme, lexicon
from ragsvc.pipeline.tables.typed_table import WORD, TableColumn

MAX_QUESTION_WORDS = 40
_LAST_MONTH = 12
_BREAK = re.compile(r"[.?!:;]\s|\s[-–—]\s|[–—]")
NO_LEXEME = Lexeme("")


class NotUnderstood(Exception):
    """A question that is not one of those that are computed."""


class QuestionItemKind(StrEnum):
    """What a stretch of a question is."""

    COLUMN = "column"
    VALUE = "value"
    UNKNOWN = "unknown"
    NUMBER = "number"
    PERIOD = "period"
    SUBJECT = "subject"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days from first to last, both in it."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class QuestionItem:
    """A stretch of a question as it may be meant.

    at: place of its first word. length: its words. column: of the table, for columns and values.
    month, day: of a date without a year; 0 for none.
    values: the cells that read like it. amount, unit: of a number. period: of a date, or of a number that may
    be a year. lexeme: of a word that acts. cost: how far the word is from what it is linked to.
    is_head: of a word that names what a row is.
    """

    kind: QuestionItemKind
    at: int
    length: int
    column: int = -1
    values: tuple[str, ...] = ()
    amount: Decimal = Decimal(0)
    unit: str = ""
    period: DayRange | None = None
    lexeme: Lexeme = NO_LEXEME
    month: int = 0
    day: int = 0
    cost: float = 0.0
    is_head: bool = False

    def period_in(self, column: TableColumn) -> DayRange | None:
        """The days that are meant; without a year those of the only year in a column."""
        if not self.month:
            return self.period
        years = {value.year for value in column.known if isinstance(value, date)}
        if len(years) != 1:
            return None
        (year,) = years
        return self.in_year(year).period

    def in_year(self, year: int) -> QuestionItem:
        """A month, or a day of it, of a year."""
        whole = months(year, self.month, self.month)
        if not self.day:
            return replace(self, month=0, period=whole)
        day = day_of(year, self.month, self.day)
        return replace(self, month=0, period=None if day is None else DayRange(day, day))

    def years(self) -> tuple[int, int] | None:
        """The first and the last year, if whole years are meant."""
        if self.period is None:
            return None
        first, last = self.period.first, self.period.last
        whole = first == date(first.year, 1, 1) and last == date(last.year, _LAST_MONTH, 31)
        return (first.year, last.year) if whole else None

    def acts(self, role: str) -> bool:
        """Whether it is a word of this role."""
        return self.kind is QuestionItemKind.ACT and self.lexeme.role == role


@dataclass(frozen=True, slots=True)
class QuestionText:
    """The words of a question. raw: as written; small: in small letters; german: its language.

    breaks: places of words that begin a sentence, or a part of one after a colon or a dash.
    """

    raw: tuple[str, ...]
    small: tuple[str, ...]
    german: bool
    breaks: tuple[int, ...] = ()

    def parts(self) -> list[QuestionText]:
        """Its sentences and parts of them."""
        ends = (*self.breaks, len(self.raw))
        return [self._cut(first, last) for first, last in zip((0, *self.breaks), ends, strict=True)]

    def _cut(self, first: int, last: int) -> QuestionText:
        return QuestionText(self.raw[first:last], self.small[first:last], self.german)


def joined(parts: Sequence[QuestionText]) -> QuestionText:
    """One text of several parts, at least one."""
    raw = tuple(word for part in parts for word in part.raw)
    return QuestionText(raw, tuple(map(str.casefold, raw)), parts[0].german)


def question_text(question: str) -> QuestionText | None:
    """Cut a question into words and numbers; None for one that is too long to be read here."""
    found = list(WORD.finditer(question))
    raw = [match.group() for match in found]
    gaps = [question[one.end() : two.start()] for one, two in pairwise(found)]
    small = tuple(word.casefold() for word in raw)
    german, english = (sum(w in known for w in small) for known in (lexicon().german, lexicon().english))
    if not raw or len(raw) > MAX_QUESTION_WORDS:
        return None
    breaks = tuple(place for place, gap in enumerate(gaps, start=1) if _BREAK.search(gap))
    return QuestionText(tuple(raw), small, german > english, breaks)


def months(year: int, first: int, last: int) -> DayRange:
    after = day_of(year + last // _LAST_MONTH, last % _LAST_MONTH + 1, 1)
    begin = day_of(year, first, 1)
    assert after is not None and begin is not None
    return DayRange(begin, after - timedelta(days=1))
