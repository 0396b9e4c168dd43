"""Lines that look like code or commands: by their signs, for words say nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragsvc.text.blocks.lines import HEAD_CHARS, Line

_OPENS = re.compile(
    r"(?:[$%] |\./|\$\{|<[/!?]?\w|#include|#!|>>> |//|/\*"
    r"|[A-Za-z_][\w.\[\]\"']*[ \t]*(?:[-+*/|&]?=|:=)[ \t]*\S)"
)
_REMARK = re.compile(r"\s\s(?:#|//) ")
_INSIDE = re.compile(
    r"\w\(|\)\.|->|::|=>|&&|\|\||\w\[|[\"']\s*:|==|!=|\s--?\w[\w-]*|[<>]{2}|\$\w|\w/\w|\w=\S"
)
_CLOSES = ("{", "}", ";", "\\", "(", "[", "|", "&", "},", "],", ");", ")", "->")
_ADDRESSES = ("http://", "https://")
_WORDS = re.compile(r"(?<![\w/.])[A-Za-z]{2,}(?=[\s,.]|$)")


def looks_like_code(text: str, lines: Sequence[Line]) -> bool:
    """Whether most of the lines have the signs of code and not the look of sentences."""
    said = [text[line.first : min(line.end, line.first + HEAD_CHARS)] for line in lines if not line.is_blank]
    return bool(said) and 2 * sum(map(_is_code, said)) > len(said)


def _is_code(said: str) -> bool:
    if "::=" in said or _REMARK.search(said):
        return True
    if said.startswith(_ADDRESSES):
        return False
    words = len(_WORDS.findall(said))
    if _OPENS.match(said):
        return words < 8 or not said.endswith(".")
    if words > 5:
        return said.endswith(("{", ";", "\\")) and words < 10
    return (said.endswith(_CLOSES) and not said.endswith(".)")) or _INSIDE.search(said) is not None
