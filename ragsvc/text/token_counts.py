"""Token counts of any part of one text, after tokenising it once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np

from ragsvc.domain import I32Matrix

# No tokeniser has words this long: it is an unbroken run that came back as one unknown token.
# It is charged by its length, so that a chunk stays something a person can read.
LONG_TOKEN_CHARS = 32
CHARS_PER_TOKEN = 4
# White space costs no token; a long gap (a padded table) is charged for the same reason.
LONG_GAP_CHARS = 64
GAP_CHARS_PER_TOKEN = 32


class TokenIndex:
    """Measures slices of a text without tokenising them again."""

    def __init__(self, text: str, spans: I32Matrix) -> None:
        """Index the tokens of a text.

        :param spans: (t, 2) int32 code point offsets of its tokens, ascending.
        """
        self._text = text
        self._cursor = 0
        lengths = spans[:, 1] - spans[:, 0]
        costs = np.where(lengths > LONG_TOKEN_CHARS, lengths // CHARS_PER_TOKEN, 1).astype(np.int64)
        if len(spans) > 1:
            gaps = spans[1:, 0] - spans[:-1, 1]
            costs[1:] += np.where(gaps > LONG_GAP_CHARS, gaps // GAP_CHARS_PER_TOKEN, 0)
        self._starts: list[int] = spans[:, 0].tolist()
        self._ends: list[int] = spans[:, 1].tolist()
        self._total: list[int] = [0, *np.cumsum(costs).tolist()]

    def count(self, start: int, end: int) -> int:
        """Cost in tokens of text[start:end]; a token that is cut counts in full, a long one in part."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        if last <= first:
            return 0
        outside = self._outside(first, self._starts[first], start)
        outside += self._outside(last - 1, end, self._ends[last - 1])
        return max(1, self._total[last] - self._total[first] - outside)

    def _outside(self, token: int, start: int, end: int) -> int:
        """Cost of the part of a long token that lies outside of a slice."""
        is_long = self._ends[token] - self._starts[token] > LONG_TOKEN_CHARS
        return max(0, end - start) // CHARS_PER_TOKEN if is_long else 0

    def measure(self, part: str) -> int:
        """Cost in tokens of a slice of the text, which is looked for near the previous one."""
        if not self._text.startswith(part, self._cursor):
            found = self._text.find(part, self._cursor)
            self._cursor = found if found >= 0 else self._text.find(part)
        return self.count(self._cursor, self._cursor + len(part))

    def cuts_token(self, offset: int) -> bool:
        """Whether an offset falls inside a token, so that its halves may tokenise otherwise."""
        number = bisect_right(self._ends, offset)
        return number < len(self._starts) and self._starts[number] < offset
