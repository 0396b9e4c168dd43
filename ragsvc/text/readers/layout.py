"""JSON on one line, whose lines are no lines."""

from __future__ import annotations

import json
import re

_LONG_LINE_CHARS = 500
_MAX_INDENT = 24
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def spread_json(text: str) -> str:
    """JSON with a line for every value, if it stands on lines too long to be cut; else as it is.

    Every value stays as it is written, but for escaped letters, which become letters.
    """
    lines = text.count("\n") + 1
    if len(text) < _LONG_LINE_CHARS * lines:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    out: list[str] = []
    depth = 0
    previous = ""
    for found in _TOKEN.finditer(text):
        piece = found.group()
        if piece in "}]":
            depth -= 1
        opened, closes = previous in ("{", "["), piece in "}]"
        # Nothing between an opening bracket and its closing one: they stay together.
        if previous == "," or (opened != closes and previous):
            out.append("\n" + "  " * min(depth, _MAX_INDENT))
        out.append(_readable(piece) + (" " if piece == ":" else ""))
        if piece in "{[":
            depth += 1
        previous = piece
    return "".join(out) + "\n"


def _readable(piece: str) -> str:
    if not piece.startswith('"') or "\\u" not in piece:
        return piece
    return json.dumps(json.loads(piece), ensure_ascii=False)
