"""Cuts `{"documents": [...]}` into documents as the bytes come in: memory holds one of them at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ragsvc.errors import InvalidRequest, TooLarge

# What stands around the documents is short, in what means to be such a body.
MAX_FRAME_BYTES = 64 << 10
_QUOTE, _COMMA = 0x22, 0x2C
_OPEN, _CLOSE = frozenset(b"[{"), frozenset(b"]}")
# Possessive, so that a pattern never goes back: linear, whatever is sent.
_OUTSIDE = re.compile(rb"[^\"\[\]{},]*+")
_INSIDE = re.compile(rb"(?:[^\"\\]++|\\.)*+", re.DOTALL)
_BEGIN = re.compile(rb"[ \t\r\n]*+\{[ \t\r\n]*+\"documents\"[ \t\r\n]*+:[ \t\r\n]*+")


class Elements:
    """Follows strings and brackets, and nothing else: what is cut out is still to be parsed.

    A body of another shape comes out as the frame alone.
    """

    def __init__(self, max_values: int, max_depth: int, on_growth: Callable[[int], None]) -> None:
        """Begin.

        max_values: of one document. max_depth: of the whole. on_growth: is told how many bytes are held,
        and may refuse.

        values: how many the document in hand holds, or the one that was just given.
        """
        self._max_values, self._max_depth = max_values, max_depth
        self._on_growth = on_growth
        self._frame = bytearray()
        self._element = bytearray()
        self._depth = 0
        self._in_string = self._escaped = self._in_list = self._had_list = False
        self._found = 0
        self.values = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take in some bytes; gives the documents that end in them.

        :raises TooLarge: if a document holds too many values.
        :raises InvalidRequest: if it is nested too deeply, or is no such body and long.
        """
        place = start = 0
        while place < len(piece):
            place = self._skip(piece, place)
            if place >= len(piece):
                break
            sign = piece[place]
            place += 1
            if self._in_string or sign == _QUOTE:
                self._in_string = not self._in_string
                self._count()
            elif sign in _OPEN:
                self._descend()
                if self._begins_list(piece[start:place]):
                    self._keep(piece[start:place])
                    self._in_list = self._had_list = True
                    start = place
            else:
                ends = self._in_list and self._depth == 2
                if sign in _CLOSE:
                    self._depth -= 1
                elif not ends:
                    self._count()
                if ends:
                    self._keep(piece[start : place - 1])
                    yield from self._cut(last=sign != _COMMA)
                    start = place - (sign != _COMMA)
        self._keep(piece[start:])

    def frame(self) -> bytes:
        """All but the documents, at the end; a document that was cut short is part of it."""
        return bytes(self._frame + self._element)

    def _skip(self, piece: bytes, place: int) -> int:
        """The place of the next sign that counts."""
        if self._escaped:
            self._escaped = False
            place += 1
        found = (_INSIDE if self._in_string else _OUTSIDE).match(piece, place)
        assert found is not None
        place = found.end()
        if self._in_string and place < len(piece) and piece[place] != _QUOTE:
            self._escaped = True  # a backslash is the last byte
            return len(piece)
        return place

    def _descend(self) -> None:
        self._depth += 1
        self._count()
        if self._depth > self._max_depth:
            raise InvalidRequest(f"the body is nested deeper than {self._max_depth} levels", hint="nest less")

    def _count(self) -> None:
        self.values += self._in_list
        if self.values > self._max_values:
            raise TooLarge(
                f"document {self._found + 1} of the body holds more than {self._max_values} values",
                hint="send it as a file, or with fewer fields of metadata",
            )

    def _begins_list(self, rest: bytes) -> bool:
        if self._depth != 2 or self._had_list or len(self._frame) > MAX_FRAME_BYTES or rest[-1:] != b"[":
            return False
        return _BEGIN.fullmatch(bytes(self._frame + rest[:-1])) is not None

    def _keep(self, some: bytes) -> None:
        if self._in_list:
            self._element += some
            self._on_growth(len(self._element))
            return
        self._frame += some
        if len(self._frame) > MAX_FRAME_BYTES:
            raise InvalidRequest(
                'the body is not of the form {"documents": [...]}',
                hint="/docs describes every field; GET /openapi.json is the same for programs",
            )

    def _cut(self, *, last: bool) -> Iterator[bytes]:
        element = bytes(self._element)
        self._element = bytearray()
        if last:
            self._in_list = False
            if not self._found and not element.strip():
                return  # an empty list
        self._found += 1
        yield element
        self.values = 0
