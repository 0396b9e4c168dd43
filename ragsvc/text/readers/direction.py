"""Lines of scripts that are written from right to left, in the order in which they are read.

A PDF holds such a line as it looks. The parser gives its words from left to right, each rightly spelt; the
second reader knows the rules of both directions.
"""

from __future__ import annotations

import re
import unicodedata

_FROM_THE_RIGHT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_WORD = re.compile(r"\w+")


def in_reading_order(page: str, plain: str) -> str:
    """A page of the parser with the lines of the second reader that hold the same words in another order.

    Only lines with right-to-left letters are looked at. A line whose words stand on several lines of the
    second reader, each in its own order, stays.
    """
    if not _FROM_THE_RIGHT.search(page):
        return page
    known: dict[tuple[str, ...], set[str]] = {}
    for line in plain.splitlines():
        if _FROM_THE_RIGHT.search(line):
            known.setdefault(_words(line), set()).add(" ".join(line.split()))
    return "\n".join(_ordered(line, known) for line in page.split("\n"))


def _ordered(line: str, known: dict[tuple[str, ...], set[str]]) -> str:
    if not _FROM_THE_RIGHT.search(line):
        return line
    found = known.get(_words(line), set())
    return next(iter(found)) if len(found) == 1 else line


def _words(line: str) -> tuple[str, ...]:
    """Words in an order that does not depend on that of the line; signs between them may be mirrored."""
    return tuple(sorted(_WORD.findall(unicodedata.normalize("NFKC", line))))
