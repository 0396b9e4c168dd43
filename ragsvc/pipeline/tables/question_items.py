"""What each word of a question can be for a table: a column, a value, a number, a date, or one that acts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from ragsvc.pipeline.tables.cell_values import unit_of
from ragsvc.pipeline.tables.lexicon import lexicon, stems
from ragsvc.pipeline.tables.question_numbers import number_items
from ragsvc.pipeline.tables.question_words import QuestionItem, QuestionItemKind, QuestionText
from ragsvc.pipeline.tables.table_words import MAX_VALUE_WORDS, TableWords
from ragsvc.pipeline.tables.typed_table import ColumnKind, TableColumn, TypedTable

_OF_YEARS = frozenset({"founded", "start"})
MAX_PHRASE_WORDS = 4
MAX_READINGS = 64
# What linking a word costs: a whole name nothing, a part of a name or a word of the same meaning more.
PART, MEANING, DISTANT = 0.5, 1.0, 1.5
_MIN_PART_CHARS = 4
_FRAME_WORDS = 3
# Of, on, am: shorter words of a name say nothing of their own.
_JOINT_CHARS = 2


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


def items_at(text: QuestionText, words: TableWords, at: int) -> list[QuestionItem]:
    """All that may begin at a word, but for what only comes close."""
    found = [*_value_items(text, words, at), *_column_items(text, words.table, at), *number_items(text, at)]
    return [*found, *_subject_items(text, words.table, at), *_act_items(text, at)]


def _options(text: QuestionText, words: TableWords, at: int) -> list[QuestionItem | None]:
    """What may begin at a word: of several the longest that is linked to the table, and what is as long."""
    found = items_at(text, words, at)
    if not found and not _says_nothing(text, at):
        found = [*_distant_items(text, words, at)]
        if not found and (text.small[at] in lexicon().light or _is_frame(text, at)):
            return [None]
        found = found or _unknown_items(text, words.table, at)
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
    # In Teilzeit is nowhere: in German all nouns are written like names.
    if len(places) != 1 or not named or (text.german and text.small[at].endswith(lexicon().abstracts)):
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
    return word in known.silent


def _is_frame(text: QuestionText, at: int) -> bool:
    """Whether a word stands for all rows together: "in the shop", "of this season"."""
    known, small = lexicon(), text.small
    if small[at] in ("this", "diese", "dieser", "diesem", "dieses"):
        return at + 1 < len(small) and small[at + 1] in known.frames
    first = max(0, at - _FRAME_WORDS)
    return small[at] in known.frames and any(word in known.framing for word in small[first:at])


def _distant_items(text: QuestionText, words: TableWords, at: int) -> Iterator[QuestionItem]:
    """What a word may be that is nothing else: a cell or a column in a derived word, or a part of a name."""
    word, raw = text.small[at], text.raw[at]
    for column, values in words.derived(word):
        yield QuestionItem(QuestionItemKind.VALUE, at, 1, column, values, cost=DISTANT)
    for place, column_of in enumerate(words.table.columns):
        if any(lexicon().related(word, part) for part in column_of.words) and not _is_half_said(
            text, words.table, column_of
        ):
            yield QuestionItem(QuestionItemKind.COLUMN, at, 1, place, cost=DISTANT)
    if (raw[0].isupper() and at > 0) or any(map(str.isdigit, raw)):
        for column, values in words.holding(word):
            yield QuestionItem(QuestionItemKind.VALUE, at, 1, column, values, cost=DISTANT)


def _written_as_name(items: Sequence[QuestionItem | None]) -> bool:
    return any(item is not None and item.kind is QuestionItemKind.VALUE for item in items)


def _value_items(text: QuestionText, words: TableWords, at: int) -> Iterator[QuestionItem]:
    for length in range(min(MAX_VALUE_WORDS, len(text.small) - at), 0, -1):
        small = text.small[at : at + length]
        for column, values in words.values(text.raw[at : at + length], small):
            yield QuestionItem(QuestionItemKind.VALUE, at, length, column, values)
    for column, values in words.alike(text.small[at]):
        yield QuestionItem(QuestionItemKind.VALUE, at, 1, column, values, cost=MEANING)


def _column_items(text: QuestionText, table: TypedTable, at: int) -> Iterator[QuestionItem]:
    for place, column in enumerate(table.columns):
        name = column.words
        length = len(name)
        if length and _say(text.small[at : at + length], name):
            yield QuestionItem(QuestionItemKind.COLUMN, at, length, place)
            continue
        word = text.small[at]
        if run := _spelled_out(text, column, at):
            yield QuestionItem(QuestionItemKind.COLUMN, at, run, place)
            continue
        if text.german and any(_is_part(word, part) for part in name):
            cost = MEANING if _is_shared(word, table, place) else PART
            yield QuestionItem(QuestionItemKind.COLUMN, at, 1, place, cost=cost)
        elif any(_alike(word, part) for part in name if part not in lexicon().neutral):
            run = 1
            while at + run < len(text.small) and any(_alike(text.small[at + run], part) for part in name):
                run += 1
            while run and any(act.role != "span" for act in lexicon().acts((text.small[at + run - 1],))):
                # "price per" is no name, though "price per month" is.
                run -= 1
            if run and not _is_half_said(text, table, column):
                shared = run == 1 and word != name[-1] and _is_shared(word, table, place)
                cost = MEANING if shared else PART
                yield QuestionItem(QuestionItemKind.COLUMN, at, run, place, cost=cost)
        elif _means(word, column):
            yield QuestionItem(QuestionItemKind.COLUMN, at, 1, place, cost=MEANING)


def _is_half_said(text: QuestionText, table: TypedTable, column: TableColumn) -> bool:
    """Whether one of several dates is named in part only: the payment date is when something was paid, and no
    date of a column "payment due"."""
    if column.kind is not ColumnKind.DATE or sum(each.kind is ColumnKind.DATE for each in table.columns) == 1:
        return False
    known = lexicon()
    wanted = [part for part in column.words if part not in known.neutral and len(part) > _JOINT_CHARS]
    return not all(
        any(_alike(word, part) or known.related(word, part) for word in text.small) for part in wanted
    )


def _is_shared(word: str, table: TypedTable, place: int) -> bool:
    """Whether a word of one column's name means other columns as well: "cost" of a cost price and a price."""
    concepts = lexicon().concepts_of(word)
    return any(concepts & column.concepts for at, column in enumerate(table.columns) if at != place)


def _spelled_out(text: QuestionText, column: TableColumn, at: int) -> int:
    """How many words spell out a column that is named by their first letters: HG, "home goals"."""
    name = column.name
    if not (2 <= len(name) <= MAX_PHRASE_WORDS and name.isalpha() and name.isupper()):
        return 0
    said = text.small[at : at + len(name)]
    alike = len(said) == len(name) and all(a[0] == b for a, b in zip(said, name.casefold(), strict=True))
    return len(name) if alike and not lexicon().silent.intersection(said) else 0


def _is_part(word: str, part: str) -> bool:
    """Whether a German word is a part of a compound, Betten or Plan of Planbetten, or counts it."""
    for ending in ("anzahl", "zahl"):
        if word.endswith(ending) and stems(word.removesuffix(ending)) & stems(part):
            return True
    forms = {form for form in (word, *stems(word)) if len(form) >= _MIN_PART_CHARS}
    return word != part and any(part.startswith(form) or part.endswith(form) for form in forms)


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
    numbered = lexicon().numbering
    return (
        one == other
        or (one in numbered and other in numbered)
        or (one.isalpha() and other.isalpha() and bool(stems(one) & stems(other)))
    )


def _subject_items(text: QuestionText, table: TypedTable, at: int) -> Iterator[QuestionItem]:
    word = text.small[at]
    known = lexicon()
    nouns = known.nouns_of(word)
    for place, subject in enumerate(table.subjects):
        if _alike(word, subject) and (place == 0 or not any(_means(word, c) for c in table.columns)):
            yield QuestionItem(QuestionItemKind.SUBJECT, at, 1, is_head=place == 0)
            return
    if any(column.names_rows and _say((word,), column.words) for column in table.columns):
        # What a row is may be called like the column that names it.
        yield QuestionItem(QuestionItemKind.SUBJECT, at, 1, is_head=True)
    elif word in known.generic and not any(_means(word, column) for column in table.columns):
        yield QuestionItem(QuestionItemKind.SUBJECT, at, 1, cost=MEANING, is_head=True)
    elif nouns & table.row_nouns:
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
