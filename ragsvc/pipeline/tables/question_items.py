"""What each word of a question can be for a table: a column, a value, a number, a date, or one that acts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import islice

from ragsvc.pipeline.tables.cell_values import (
    DecimalMark,
    dates,
    day_of,
    may_be_either,
    number,
    plain,
    unit_of,
)
from ragsvc.pipeline.tables.lexicon import Lexeme, lexicon, same_noun, stems
from ragsvc.pipeline.tables.typed_table import WORD, Column, ColumnKind, TypedTable, words_in

MAX_QUESTION_WORDS = 40
MAX_VALUE_WORDS = 8
MAX_PHRASE_WORDS = 4
MAX_READINGS = 64
MAX_CELL_CHARS = 80
_YEAR = re.compile(r"(?:19|20)\d\d")
_LAST_MONTH = 12
_LONGEST_MONTH = 31
# What linking a word costs: a whole name nothing, a part of a name or a word of the same meaning more.
PART, MEANING = 0.5, 1.0


NO_LEXEME = Lexeme("")


class ItemKind(StrEnum):
    """What a stretch of a question is."""

    COLUMN = "column"
    VALUE = "value"
    NUMBER = "number"
    PERIOD = "period"
    SUBJECT = "subject"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Period:
    """Days from first to last, both in it."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Item:
    """A stretch of a question as it may be meant.

    at: place of its first word. length: its words. column: of the table, for columns and values.
    month, day: of a date without a year; 0 for none.
    values: the cells that read like it. amount, unit: of a number. period: of a date, or of a number that may
    be a year. lexeme: of a word that acts. cost: how far the word is from what it is linked to.
    is_head: of a word that names what a row is.
    """

    kind: ItemKind
    at: int
    length: int
    column: int = -1
    values: tuple[str, ...] = ()
    amount: Decimal = Decimal(0)
    unit: str = ""
    period: Period | None = None
    lexeme: Lexeme = NO_LEXEME
    month: int = 0
    day: int = 0
    cost: float = 0.0
    is_head: bool = False

    def period_in(self, column: Column) -> Period | None:
        """The days that are meant; without a year those of the only year in a column."""
        if not self.month:
            return self.period
        years = {value.year for value in column.known if isinstance(value, date)}
        if len(years) != 1:
            return None
        (year,) = years
        whole = _months(year, self.month, self.month)
        if not self.day:
            return whole
        day = day_of(year, self.month, self.day)
        return None if day is None else Period(day, day)

    def acts(self, role: str) -> bool:
        """Whether it is a word of this role."""
        return self.kind is ItemKind.ACT and self.lexeme.role == role


@dataclass(frozen=True, slots=True)
class QuestionText:
    """The words of a question. raw: as written; small: in small letters; german: its language."""

    raw: tuple[str, ...]
    small: tuple[str, ...]
    german: bool


def question_text(question: str) -> QuestionText | None:
    """Cut a question into words and numbers; None for one that is too long to be read here."""
    raw = WORD.findall(question)
    small = tuple(word.casefold() for word in raw)
    german, english = (sum(w in known for w in small) for known in (lexicon().german, lexicon().english))
    if not raw or len(raw) > MAX_QUESTION_WORDS:
        return None
    return QuestionText(tuple(raw), small, german=german > english)


class TableWords:
    """What the words of a table are, looked up by the words of questions; made once a table."""

    def __init__(self, table: TypedTable) -> None:
        self.table = table
        self._values: dict[tuple[str, ...], dict[int, set[str]]] = {}
        for place, column in enumerate(table.columns):
            if column.kind is ColumnKind.NUMBER:
                self._add_endless(place)
            if column.kind is not ColumnKind.TEXT:
                continue
            for value in set(column.known):
                if isinstance(value, str) and len(value) <= MAX_CELL_CHARS:
                    self._add(place, value)

    def _add_endless(self, column: int) -> None:
        """Cells such as "unlimited", which are larger than all numbers."""
        for row, value in enumerate(self.table.columns[column].values):
            if isinstance(value, Decimal) and not value.is_finite():
                self._add(column, plain(self.table.rows[row].cells[column]))

    def _add(self, column: int, value: str) -> None:
        words = words_in(value)
        if 0 < len(words) <= MAX_VALUE_WORDS:
            for key in _keys(words):
                self._values.setdefault(key, {}).setdefault(column, set()).add(value)

    def values(self, raw: Sequence[str], small: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Columns with the cells that say these words, but for number and case."""
        found: dict[int, set[str]] = {}
        for key in _keys(small):
            for column, values in self._values.get(key, {}).items():
                found.setdefault(column, set()).update(v for v in values if _reads(v, raw, small))
        for column, values in found.items():
            if values:
                yield column, tuple(sorted(values))

    def contained(self, column: int, values: Sequence[str]) -> bool:
        """Whether other cells of the column hold all words of these: a senior clerk beside the clerks."""
        wanted = set(words_in(values[0]))
        others = {v for v in self.table.columns[column].known if isinstance(v, str)} - set(values)
        return any(
            all(any(same_noun(word, other) for other in words_in(value)) for word in wanted)
            for value in others
        )


def _keys(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {tuple(min(stems(word)) for word in words), tuple(max(stems(word)) for word in words)}


def _reads(value: str, raw: Sequence[str], small: tuple[str, ...]) -> bool:
    words = words_in(value)
    if len(words) != len(small) or not all(map(same_noun, words, small)):
        return False
    # "it" is no "IT", and "us" no "US": a word that says nothing must be written as the cell is.
    is_empty = all(
        word in lexicon().neutral | lexicon().expletives or lexicon().acts((word,)) for word in small
    )
    return not is_empty or tuple(WORD.findall(value)) == tuple(raw)


def readings(text: QuestionText, words: TableWords) -> Iterator[list[Item]]:
    """All ways to read a question such that every word is something, neutral words left out; few at most."""
    options = [_options(text, words, at) for at in range(len(text.small))]

    def onward(at: int, items: list[Item]) -> Iterator[list[Item]]:
        if at == len(options):
            yield list(items)
            return
        for item in options[at]:
            if item is None:
                yield from onward(at + 1, items)
            else:
                yield from onward(at + item.length, [*items, item])

    yield from islice(onward(0, []), MAX_READINGS)


def _options(text: QuestionText, words: TableWords, at: int) -> list[Item | None]:
    """What may begin at a word: of several the longest that is linked to the table, and what is as long."""
    found = [*_value_items(text, words, at), *_column_items(text, words.table, at), *_number_items(text, at)]
    found += [*_subject_items(text, words.table, at), *_act_items(text, at)]
    longest = max((item.length for item in found), default=1)
    kept: list[Item | None] = [item for item in found if item.length == longest]
    exact = [item for item in kept if item is not None and item.cost == 0.0 and item.kind is not ItemKind.ACT]
    if any(item.acts("superlative") or item.acts("comparison") for item in found):
        # "cheapest" is no name of a column, though it is about prices.
        kept = [item for item in kept if item is not None and item.cost < MEANING]
    if exact:
        kept = [
            item for item in kept if item is not None and (item.cost < MEANING or item.kind is ItemKind.ACT)
        ]
    if longest == 1 and _says_nothing(text, at) and not _written_as_name(kept):
        kept.append(None)
    if longest == 1 and text.small[at] in ("s", "t", "'"):
        kept = [None]
    return kept


def _says_nothing(text: QuestionText, at: int) -> bool:
    """Whether a word is only there for the sentence; "it" is, after a verb that needs it: "was it windy"."""
    word = text.small[at]
    known = lexicon()
    if word in known.expletives:
        return at > 0 and text.small[at - 1] in known.aux
    return word in known.neutral


def _written_as_name(items: Sequence[Item | None]) -> bool:
    return any(item is not None and item.kind is ItemKind.VALUE for item in items)


def _value_items(text: QuestionText, words: TableWords, at: int) -> Iterator[Item]:
    for length in range(min(MAX_VALUE_WORDS, len(text.small) - at), 0, -1):
        small = text.small[at : at + length]
        for column, values in words.values(text.raw[at : at + length], small):
            yield Item(ItemKind.VALUE, at, length, column, values)


def _column_items(text: QuestionText, table: TypedTable, at: int) -> Iterator[Item]:
    for place, column in enumerate(table.columns):
        name = column.words
        length = len(name)
        if length and _say(text.small[at : at + length], name):
            yield Item(ItemKind.COLUMN, at, length, place)
            continue
        word = text.small[at]
        if any(_alike(word, part) for part in name if part not in lexicon().neutral):
            run = 1
            while at + run < len(text.small) and any(_alike(text.small[at + run], part) for part in name):
                run += 1
            yield Item(ItemKind.COLUMN, at, run, place, cost=PART)
        elif _means(word, column):
            yield Item(ItemKind.COLUMN, at, 1, place, cost=MEANING)


def _means(word: str, column: Column) -> bool:
    """Whether a word says what a column is, in other words than its name."""
    known = lexicon()
    concepts = known.concepts_of(word)
    if column.kind is ColumnKind.DATE and "calendar" in concepts:
        return True
    if concepts & column.concepts or _means_unit(word, column.unit):
        return True
    return column.kind is ColumnKind.TEXT and any(
        known.nouns_of(word) & known.nouns_of(w) for w in column.words
    )


def _means_unit(word: str, unit: str) -> bool:
    return bool(unit) and len(word) > 1 and unit_of(word) == unit


def _say(small: Sequence[str], name: Sequence[str]) -> bool:
    return len(small) == len(name) and all(map(_alike, small, name))


def _alike(one: str, other: str) -> bool:
    return one == other or (one.isalpha() and other.isalpha() and bool(stems(one) & stems(other)))


def _subject_items(text: QuestionText, table: TypedTable, at: int) -> Iterator[Item]:
    word = text.small[at]
    known = lexicon()
    nouns = known.nouns_of(word)
    for place, subject in enumerate(table.subjects):
        if _alike(word, subject):
            yield Item(ItemKind.SUBJECT, at, 1, is_head=place == 0)
            return
    if word in known.generic:
        yield Item(ItemKind.SUBJECT, at, 1, cost=MEANING, is_head=True)
    elif table.subjects and nouns & known.nouns_of(table.subjects[0]):
        yield Item(ItemKind.SUBJECT, at, 1, cost=PART, is_head=True)
    elif any(word in words and _rows_are(table, group) for group, words in known.deeds):
        yield Item(ItemKind.SUBJECT, at, 1)


def _rows_are(table: TypedTable, group: frozenset[int]) -> bool:
    """Whether rows are of a group of nouns, by the title or by a column that tells rows apart."""
    words = [*table.subjects[:1], *(word for c in table.columns if c.is_unique for word in c.words)]
    return any(group & lexicon().nouns_of(word) for word in words)


def _act_items(text: QuestionText, at: int) -> Iterator[Item]:
    for length in range(min(MAX_PHRASE_WORDS, len(text.small) - at), 0, -1):
        if found := lexicon().acts(text.small[at : at + length]):
            if not (found[0].role == "superlative" and _is_verb(text, at)):
                yield from (Item(ItemKind.ACT, at, length, lexeme=lexeme) for lexeme in found)
            return


def _is_verb(text: QuestionText, at: int) -> bool:
    """Whether "last" is what workshops do: last more than 4 hours, last 3 days."""
    after = text.small[at + 1 :]
    compares = any(
        lexeme.role in ("comparison", "between")
        for length in (1, 2)
        for lexeme in lexicon().acts(after[:length] or ("",))
    )
    return text.small[at] == "last" and bool(after) and (compares or after[0][0].isdigit())


def _number_items(text: QuestionText, at: int) -> Iterator[Item]:
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
    period = Period(date(int(small[at]), 1, 1), date(int(small[at]), 12, 31)) if is_year else None
    yield Item(ItemKind.NUMBER, at, end - at, amount=amount, unit=unit, period=period)


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


def _dated(text: QuestionText, at: int) -> Item | None:
    """A day, a month or a quarter: 1 March 2024, March 1, 2024, 01.03.2024, March 2024, March, Q1 2024."""
    for length in (3, 1):
        raw = text.raw[at : at + length]
        joint = "-" if raw[0].isdigit() and raw[-1].isdigit() and raw[len(raw) // 2].isdigit() else " "
        if len(raw) == length and (found := dates([joint.join(raw)])):
            return Item(ItemKind.PERIOD, at, length, period=Period(found[0], found[0]))
    if (day := _day_of_a_year(text, at)) is not None:
        return day
    month = lexicon().months.get(text.small[at])
    year = text.small[at + 1] if at + 1 < len(text.small) else ""
    if not _YEAR.fullmatch(year):
        named = month is not None and text.raw[at][0].isupper() and len(text.small[at]) > 2
        return Item(ItemKind.PERIOD, at, 1, month=month) if named and month is not None else None
    if month is not None:
        return Item(ItemKind.PERIOD, at, 2, period=_months(int(year), month, month))
    if re.fullmatch(r"q[1-4]", text.small[at]):
        quarter = int(text.small[at][1])
        return Item(ItemKind.PERIOD, at, 2, period=_months(int(year), 3 * quarter - 2, 3 * quarter))
    return None


def _day_of_a_year(text: QuestionText, at: int) -> Item | None:
    """5 April, or April 5, of a year that is not said."""
    if at + 1 >= len(text.small) or (at + 2 < len(text.small) and _YEAR.fullmatch(text.small[at + 2])):
        return None
    pair = text.small[at : at + 2]
    for day, name in (pair, pair[::-1]):
        month = lexicon().months.get(name)
        if month is not None and day.isdigit() and 1 <= int(day) <= _LONGEST_MONTH:
            return Item(ItemKind.PERIOD, at, 2, month=month, day=int(day))
    return None


def _months(year: int, first: int, last: int) -> Period:
    after = day_of(year + last // _LAST_MONTH, last % _LAST_MONTH + 1, 1)
    begin = day_of(year, first, 1)
    assert after is not None and begin is not None
    return Period(begin, after - timedelta(days=1))
