"""An answer cut into sentences and rows of tables while it comes in pieces."""

from __future__ import annotations

import itertools

from ragsvc.pipeline.grounding.citations import bare
from ragsvc.pipeline.grounding.support import BLANK_LINE
from ragsvc.text.sentences import sentences

_WIDE = "。！？｡"
_STOPS = frozenset(".!?…\n" + _WIDE)
# What follows a stop sign decides whether it ends a sentence; after so many words it has decided.
_WORDS_AFTER = 3
# An open text of so many characters is cut again at each word; a longer one, of code or of abbreviations,
# only once it has grown by this share: else the time would grow with the square of its length.
_SHORT_CHARS = 256
_GROWTH = 1 / 8


def is_row(segment: str) -> bool:
    """Whether a segment is a row of a table, or its head."""
    return segment.lstrip().startswith("|")


def is_head(segment: str) -> bool:
    """Whether a segment is what stands over the rows of a table."""
    lines = segment.strip().split("\n")
    return len(lines) == 2 and is_row(segment) and _is_ruler(lines[1])


def _is_ruler(line: str) -> bool:
    """Whether a line is one such as `|---|:-:|`."""
    return is_row(line) and "-" in line and not line.strip("|:- \t\n")


class SentenceStream:
    """Gives each sentence once it is whole, with its markers and the white space after it; and each row of
    a table, the first with the line under it.

    All segments joined are the text. Each character is judged by itself, so the cuts do not depend on how
    the text comes in pieces.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._words_left = 0
        # Cut again once it is so long; _due: there was a word that may have decided since the last time.
        self._next_cut = 0
        self._due = False
        self._line_begins = True
        self._table: _Table | None = None

    def feed(self, text: str) -> list[str]:
        """The segments that are whole after more text."""
        done: list[str] = []
        for char in text:
            begins = self._line_begins and not char.isspace()
            self._line_begins = char == "\n" or (self._line_begins and not begins)
            if begins:
                done += self._begin_line(row=char == "|")
            if self._table is None:
                done += self._take(char)
            else:
                self._table.take(char)
        return done

    def end(self) -> list[str]:
        """The last segments, when nothing more comes."""
        cut = _cut("".join(self._open)) if self._table is None else self._table.end()
        self._open, self._table = [], None
        return cut

    def _begin_line(self, *, row: bool) -> list[str]:
        """What is whole when the next line begins."""
        if self._table is not None:
            if row:
                return self._table.next_row()
            done, self._table = self._table.end(), None
            return done
        if not row:
            return []
        before, self._open = "".join(self._open), []
        self._words_left, self._next_cut, self._due = 0, 0, False
        self._table = _Table("" if before.strip() else before)
        return _cut(before) if before.strip() else []

    def _take(self, char: str) -> list[str]:
        again = char.isspace() and bool(self._open) and self._open[-1].isspace()
        self._open.append(char)
        if char in _STOPS:
            self._words_left = _WORDS_AFTER
        if char in _WIDE or (char.isspace() and self._words_left):
            self._words_left -= 1
            # More white space decides nothing.
            self._due = self._due or not again
        if self._due and (char in _WIDE or char.isspace()) and len(self._open) >= self._next_cut:
            return self._whole()
        return []

    def _whole(self) -> list[str]:
        """All segments but the last: what comes next may still belong to it."""
        self._due = False
        *done, last = _cut("".join(self._open))
        if done:
            self._open = list(last)
        size = len(last)
        self._next_cut = size + int(size * _GROWTH) if size > _SHORT_CHARS else 0
        return done


class _Table:
    """Rows of one table; the first waits for the second, which may be the line under the head."""

    def __init__(self, before: str) -> None:
        self._row = [before]
        self._rows: list[str] = []
        self._headless = False

    def take(self, char: str) -> None:
        self._row.append(char)

    def next_row(self) -> list[str]:
        """The rows that are whole when the next one begins."""
        row = self._close_row()
        if BLANK_LINE.search(row[len(row.rstrip()) :]):
            done, self._headless = self._given(), False
            return done
        return self._given() if self._headless or len(self._rows) > 1 else []

    def end(self) -> list[str]:
        """All that was not given yet."""
        self._close_row()
        return self._given()

    def _close_row(self) -> str:
        row, self._row = "".join(self._row), []
        self._rows.append(row)
        return row

    def _given(self) -> list[str]:
        rows, self._rows = self._rows, []
        if not self._headless and len(rows) > 1 and _is_ruler(rows[1]):
            rows = [rows[0] + rows[1], *rows[2:]]
        self._headless = True
        return rows


def _cut(text: str) -> list[str]:
    starts = [span.start for span in sentences(bare(text))][1:]
    bounds = [0, *starts, len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds) if end > start]
