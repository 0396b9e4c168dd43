"""The words of a table, looked up by the words of questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from ragsvc.pipeline.tables.cell_values import plain
from ragsvc.pipeline.tables.lexicon import ROOT_CHARS, lexicon, same_noun, stems
from ragsvc.pipeline.tables.typed_table import WORD, ColumnKind, TypedTable, words_in

MAX_VALUE_WORDS = 8
MAX_CELL_CHARS = 80


class TableWords:
    """What the words of a table are, looked up by the words of questions; made once a table."""

    def __init__(self, table: TypedTable) -> None:
        self.table = table
        self._values: dict[tuple[str, ...], dict[int, set[str]]] = {}
        self._parts: dict[str, dict[int, set[str]]] = {}
        self._starts: dict[str, set[str]] = {}
        for place, column in enumerate(table.columns):
            if column.kind is ColumnKind.NUMBER and column.formula is None:
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
            for word in words:
                self._parts.setdefault(word, {}).setdefault(column, set()).add(value)
                self._starts.setdefault(word[:ROOT_CHARS], set()).add(word)

    def values(self, raw: Sequence[str], small: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Columns with the cells that say these words, but for number and case."""
        found: dict[int, set[str]] = {}
        for key in _keys(small):
            for column, values in self._values.get(key, {}).items():
                found.setdefault(column, set()).update(v for v in values if _reads(v, raw, small))
        for column, values in found.items():
            if values:
                yield column, tuple(sorted(values))

    def alike(self, word: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Columns with their cells of one word that say a word in other words."""
        others = lexicon().same_words(word)
        return self._single(cells for other in others for cells in self._cells_of(other))

    def derived(self, word: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Columns with their cells of one word that is derived from what a word is derived from."""
        parts = (part for part in self._starts.get(word[:ROOT_CHARS], ()) if part != word)
        return self._single(self._parts[part] for part in parts if lexicon().related(word, part))

    def _cells_of(self, word: str) -> Iterator[dict[int, set[str]]]:
        for key in _keys((word,)):
            if key in self._values:
                yield self._values[key]

    def _single(self, found: Iterable[dict[int, set[str]]]) -> Iterator[tuple[int, tuple[str, ...]]]:
        made: dict[int, set[str]] = {}
        for cells in found:
            for column, values in cells.items():
                made.setdefault(column, set()).update(v for v in values if len(words_in(v)) == 1)
        for column, values in made.items():
            if values:
                yield column, tuple(sorted(values))

    def holding(self, word: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Columns with the cells that hold a word: one, where cells name rows."""
        for column, values in self._parts.get(word, {}).items():
            if len(values) == 1 or not self.table.columns[column].is_unique:
                yield column, tuple(sorted(values))

    def numbered(self, column: int, values: Sequence[str]) -> bool:
        """Whether another cell says the same and a number: the first of two, or the second time."""
        wanted = [word for word in words_in(values[0]) if word.isalpha()]
        others = {v for v in self.table.columns[column].known if isinstance(v, str)} - set(values)
        return any(
            wanted == [word for word in words_in(value) if word.isalpha()] and any(map(str.isdigit, value))
            for value in others
        ) and not any(map(str.isdigit, values[0]))

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
