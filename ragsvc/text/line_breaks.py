"""Line breaks that are meant, in contrast to those of wrapped text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ragsvc.text.stopwords import ENGLISH

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# No text is wrapped by hand at more: a longer line is a paragraph.
_WRAP_CHARS = 160
_CAPITALISED = re.compile(r"[ \t]*((?=[^\W\d_])\S+)")
# What cannot be the end of a line that is meant.
_GOES_ON = re.compile(r"[,;:(\[{/–—&+=-]\s*\Z")
_WORD_BEFORE = re.compile(r"(?<![^\s(\[\"'“‘«])([^\s(\[\"'“‘«]*+)$")


def paragraphs(text: str, start: int, end: int, scan: int) -> Iterator[tuple[int, int]]:
    """Cut running lines where a break is meant: the next word would have fitted, and begins anew.

    Mails and addresses have such lines; the lines of a wrapped paragraph are as full as they can be.

    :param scan: no break before it is meant.
    :return: (start, end) of each stretch without such a break, in order.
    """
    lines = _LINE.findall(text[start:end])
    if len(lines) > 1:
        wrap = min(_WRAP_CHARS, max(len(line.rstrip()) for line in lines))
        offset = start
        for line, following in pairwise(lines):
            offset += len(line)
            if offset > scan and _is_meant(line, following, wrap):
                yield start, offset
                start = offset
    yield start, end


def _is_meant(line: str, following: str, wrap: int) -> bool:
    first = _CAPITALISED.match(following)
    if first is None or not first.group(1)[0].isupper() or _GOES_ON.search(line):
        return False
    width = len(line.rstrip())
    last = _WORD_BEFORE.search(line.rstrip(), max(0, width - 40))
    if last and last.group(1).lower() in ENGLISH:
        return False
    return width > _WRAP_CHARS or width + 1 + len(first.group(1)) <= wrap
