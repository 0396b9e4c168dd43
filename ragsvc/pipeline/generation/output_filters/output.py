"""Text out of which something was left: what stood on both sides of it becomes nothing new together."""

from __future__ import annotations

import re

LEFT_OUT = "…"
NUMBER = re.compile(r"!*\[\d{1,4}")
"""A marker, but for its end."""

# Brackets that stay open for longer are no link's.
_MAX_TEXT_CHARS = 300
_TAIL_CHARS = 64
_MAY_BE_MARKER = re.compile(r"[\[［【][\d\s,;–-]*\Z")
_OF_MARKER = re.compile(r"[\d\s,;–-]")
_APART = frozenset("_]!<:/&.")


class FilteredText:
    """What is certain of a text, after the brackets that are open.

    open: brackets, each with what follows it. gap: something was left out here.
    """

    def __init__(self) -> None:
        self.open: list[str] = []
        self.gap = False
        self._tail = ""
        self._ready: list[str] = []

    def before(self) -> str:
        """The end of the text so far."""
        return self.open[-1] if self.open else self._tail

    def emit(self, text: str) -> None:
        """Take in what stays."""
        if text:
            self.settle(text[0])
            self._write(text)

    def settle(self, following: str) -> None:
        """Keep what follows apart from what stood before a gap."""
        if not self.gap:
            return
        self.gap = False
        before = self.before()
        if _MAY_BE_MARKER.search(before) and _OF_MARKER.match(following):
            self._write(LEFT_OUT)
        elif before and (before[-1].isalnum() or before[-1] in _APART):
            self._write(" " if following.isalnum() or following in "([:/<_" else "")

    def mark_in(self, entry: str) -> str:
        """What keeps a bracket from becoming a marker by a gap before its end."""
        mark = LEFT_OUT if self.gap and _MAY_BE_MARKER.search(entry) else ""
        self.gap = self.gap and not entry
        return mark

    def flush(self) -> None:
        """Give up waiting for the ends of the brackets that are open."""
        held, self.open = "".join(entry.lstrip("!") for entry in self.open), []
        self._ready.append(held)
        self._tail = (self._tail + held)[-_TAIL_CHARS:]

    def given(self) -> str:
        """What became certain since the last time."""
        ready, self._ready = "".join(self._ready), []
        return ready

    def _write(self, text: str) -> None:
        if self.open:
            self.open[-1] += text
            if sum(map(len, self.open)) > _MAX_TEXT_CHARS:
                self.flush()
        else:
            self._ready.append(text)
            self._tail = (self._tail + text)[-_TAIL_CHARS:]


def without_bangs(entry: str) -> str:
    """An image without a target may have one elsewhere: no image; a marker after "!" is none anyway."""
    return entry if NUMBER.fullmatch(entry) else entry.lstrip("!")
