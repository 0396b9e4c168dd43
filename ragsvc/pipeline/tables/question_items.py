"""What each word of a question can be for a table: a column, a value, a number, a date, or one that acts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice

from ragsvc.pipeline.tables.cell_values import (
    plain,
    unit_of,
)
from ragsvc.pipeline.tables.lexicon import lexicon, same_noun, stems
from ragsvc.pipeline.tables.question_numbers import number_items
from ragsvc.pipeline.tables.question_words import QuestionItem, QuestionItemKind, QuestionText
from ragsvc.pipeline.tables.typed_table import WORD, ColumnKind, TableColumn, TypedTable, words_in

_OF_YEARS = frozenset({"founded", "start"})
MAX_VALUE_WORDS = 8
MAX_PHRASE_WORDS = 4
MAX_READINGS = 64
MAX_CELL_CHARS = 80
# What linking a word costs: a whole name nothing, a part of a name or a word of the same meaning more.
PART, MEANING = 0.5, 1.0


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


def readings(text: QuestionText, words: TableWords) -> Iterator[list[QuestionItem]]:
    """All ways to read a question such that every word is something, neutral words left out; few at most."""
    options = [_options(text, words, at) for at in range(len(text.small))]

    def onward(at: int, items: list[QuestionItem]) -> Iterator[list[QuestionItem]]:
        if at == len(options):
            yield list(items)
            return
        for item in options[at]:
            if item is None:
                yield from onward(at + 1, items)
            else:
                yield from onward(at + item.length, [*items, item])

    yield from islice(onward(0, []), MAX_READINGS)


def _options(text: QuestionText, words: TableWords, at: int) -> list[QuestionItem | None]:
    """What may begin at a word: of several the longest that is linked to the table, and what is as long."""
    found = [*_value_items(text, words, at), *_column_items(text, words.table, at), *number_items(text, at)]
    found += [*_subject_items(text, words.table, at), *_act_items(text, at)]
    if not found and not _says_nothing(text, at):
        found = _unknown_items(text, words.table, at)
    longest = max((item.length for item in found), default=1)
    kept: list[QuestionItem | None] = [item for item in found if item.length == longest]
    exact = [
        item
        for item in kept
        if item is not None and item.cost == 0.0 and item.kind is not QuestionItemKind.ACT
    ]
    if any(item.acts("superlative") or item.acts("comparison") for item in found):
        # "cheapest" is no name of a column, though it is about prices.
        kept = [item for item in kept if item is not None and item.cost < MEANING]
    if exact:
        kept = [
            item
            for item in kept
            if item is not None and (item.cost < MEANING or item.kind is QuestionItemKind.ACT)
        ]
    if longest == 1 and _says_nothing(text, at) and not _written_as_name(kept):
        kept.append(None)
    if longest == 1 and text.small[at] in ("s", "t", "'"):
        kept = [None]
    return kept


def _unknown_items(text: QuestionText, table: TypedTable, at: int) -> list[QuestionItem]:
    """A name that no cell holds, where it can only be a place's: "in Sheffield", with one such column."""
    places = [
        place
        for place, column in enumerate(table.columns)
        if column.kind is ColumnKind.TEXT and column.concepts & lexicon().members["place"]
    ]
    named = at > 0 and text.raw[at].istitle() and text.small[at - 1] in lexicon().places
    if len(places) != 1 or not named:
        return []
    return [QuestionItem(QuestionItemKind.UNKNOWN, at, 1, places[0], (text.raw[at],), cost=2 * MEANING)]


def _says_nothing(text: QuestionText, at: int) -> bool:
    """Whether a word is only there for the sentence; "it" is, after a verb that needs it: "was it windy"."""
    word = text.small[at]
    known = lexicon()
    if word == "was" and text.german:
        return False
    if word in known.expletives:
        return at > 0 and text.small[at - 1] in known.aux
    return word in known.neutral


def _written_as_name(items: Sequence[QuestionItem | None]) -> bool:
    return any(item is not None and item.kind is QuestionItemKind.VALUE for item in items)


def _value_items(text: QuestionText, words: TableWords, at: int) -> Iterator[QuestionItem]:
    for length in range(min(MAX_VALUE_WORDS, len(text.small) - at), 0, -1):
        small = text.small[at : at + length]
        for column, values in words.values(text.raw[at : at + length], small):
            yield QuestionItem(QuestionItemKind.VALUE, at, length, column, values)


def _column_items(text: QuestionText, table: TypedTable, at: int) -> Iterator[QuestionItem]:
    for place, column in enumerate(table.columns):
        name = column.words
        length = len(name)
        if length and _say(text.small[at : at + length], name):
            yield QuestionItem(QuestionItemKind.COLUMN, at, length, place)
            continue
        word = text.small[at]
        if any(_alike(word, part) for part in name if part not in lexicon().neutral):
            run = 1
            while at + run < len(text.small) and any(_alike(text.small[at + run], part) for part in name):
                run += 1
            while run and lexicon().acts((text.small[at + run - 1],)):
                # "price per" is no name, though "price per month" is.
                run -= 1
            if run:
                yield QuestionItem(QuestionItemKind.COLUMN, at, run, place, cost=PART)
        elif _means(word, column):
            yield QuestionItem(QuestionItemKind.COLUMN, at, 1, place, cost=MEANING)


def _means(word: str, column: TableColumn) -> bool:
    """Whether a word says what a column is, in other words than its name."""
    known = lexicon()
    concepts = known.concepts_of(word)
    if column.kind is ColumnKind.DATE and "calendar" in concepts:
        return True
    if column.is_year and concepts & _OF_YEARS:
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


def _subject_items(text: QuestionText, table: TypedTable, at: int) -> Iterator[QuestionItem]:
    word = text.small[at]
    known = lexicon()
    nouns = known.nouns_of(word)
    for place, subject in enumerate(table.subjects):
        if _alike(word, subject):
            yield QuestionItem(QuestionItemKind.SUBJECT, at, 1, is_head=place == 0)
            return
    if word in known.generic:
        yield QuestionItem(QuestionItemKind.SUBJECT, at, 1, cost=MEANING, is_head=True)
    elif table.subjects and nouns & known.nouns_of(table.subjects[0]):
        yield QuestionItem(QuestionItemKind.SUBJECT, at, 1, cost=PART, is_head=True)
    elif any(word in words and _rows_are(table, group) for group, words in known.deeds):
        yield QuestionItem(QuestionItemKind.SUBJECT, at, 1)


def _rows_are(table: TypedTable, group: frozenset[int]) -> bool:
    """Whether rows are of a group of nouns, by the title or by a column that tells rows apart."""
    words = [*table.subjects[:1], *(word for c in table.columns if c.is_unique for word in c.words)]
    return any(group & lexicon().nouns_of(word) for word in words)


def _act_items(text: QuestionText, at: int) -> Iterator[QuestionItem]:
    for length in range(min(MAX_PHRASE_WORDS, len(text.small) - at), 0, -1):
        if found := lexicon().acts(text.small[at : at + length]):
            if text.small[at] == "was" and not text.german:
                # English "was" asks nothing.
                return
            if not (found[0].role == "superlative" and _is_verb(text, at)):
                yield from (QuestionItem(QuestionItemKind.ACT, at, length, lexeme=lexeme) for lexeme in found)
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
