"""Text files whose lines are no lines: JSON on one line, and subtitles with their times."""

from __future__ import annotations

import json
import re

_LONG_LINE_CHARS = 500
_MAX_INDENT = 24
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_TIMES = re.compile(
    r"\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}.*"
)
_TAG = re.compile(r"<[^<>\n]{0,100}>|\{\\[^{}\n]{0,100}\}")
_HEADER_BLOCKS = ("WEBVTT", "NOTE", "STYLE", "REGION")


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


def plain_subtitles(text: str) -> str:
    """What is said in subtitles (.srt, .vtt), a line each, without numbers, times and marks.

    Captions that repeat the line before, as automatic ones do, say it once.
    """
    said: list[str] = []
    for block in re.split(r"\n[ \t]*\n", text):
        lines = block.strip("\n").split("\n")
        at = next((place for place, line in enumerate(lines) if _TIMES.fullmatch(line)), None)
        if at is None:
            if not lines[0].startswith(_HEADER_BLOCKS) and not lines[0].strip().isdecimal():
                said += (line.strip() for line in lines)
            continue
        for line in lines[at + 1 :]:
            words = " ".join(_TAG.sub("", line).split())
            if words and (not said or said[-1] != words):
                said.append(words)
    kept = "\n".join(line for line in said if line)
    return kept + "\n" if kept else ""
