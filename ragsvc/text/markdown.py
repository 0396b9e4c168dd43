"""Small things about Markdown: its first heading, and what a parser's Markdown looks like to a reader."""

from __future__ import annotations

import re

from ragsvc.text.blocks.inline import inline_line
from ragsvc.text.headings import split_heading

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_SETEXT = re.compile(r"^ {0,3}=+[ \t]*$")
_BRACKET = re.compile(r"\\.|[\[\]]")
_PAREN = re.compile(r"[()]")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ESCAPED_START = re.compile(r"^\\([#>+~|-])")
_FILE_NAME = re.compile(r"\S+\.\w{2,5}")
_MAX_HEADING_CHARS = 200
_MAX_TITLE_CHARS = 300


def first_heading(text: str) -> str:
    """Title that a Markdown text gives itself: its first level 1 heading, or a heading that opens it.

    :return: without Markdown's marks; "" when there is none.
    """
    fence = ""
    previous = ""
    seen = False
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence or mark:
            fence = _next_fence(fence, mark)
            seen = True
            continue
        heading = split_heading(line)
        if heading and heading[1] and (heading[0] == 1 or not seen):
            return _plain(heading[1])
        if previous.strip() and _SETEXT.match(line):
            return _plain(previous)
        seen = seen or bool(line.strip())
        previous = line
    return ""


def visible(text: str) -> str:
    """Parser-made Markdown as a reader sees it, headings, lists and tables kept.

    Escapes go (they would stand in every quote), images become their description, links their
    text, and a paragraph that only has a heading's style is a paragraph again.
    """
    lines = text.split("\n")
    heading_lines = sum(split_heading(line) is not None for line in lines)
    filled_lines = sum(bool(line.strip()) for line in lines)
    all_headings = heading_lines >= 5 and heading_lines * 5 >= filled_lines * 4
    fence = ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence or mark:
            fence = _next_fence(fence, mark)
            continue
        heading = split_heading(line)
        if heading and (all_headings or len(heading[1]) > _MAX_HEADING_CHARS):
            line = heading[1]
        lines[number] = _visible_line(line)
    return "\n".join(lines)


def _visible_line(line: str) -> str:
    if "](" in line:
        line = _unlinked(_unlinked(line, images=True), images=False)
    if "\\" not in line:
        return line
    # An escaped mark at the start stays escaped where it would turn the line into something else.
    kept = _ESCAPED_START.match(line)
    if kept and kept.group(1) in "#>":
        return line[:2] + _ESCAPE.sub(r"\1", line[2:])
    return _ESCAPE.sub(r"\1", line)


def _unlinked(line: str, *, images: bool) -> str:
    """Put what images, or links, are called in their place, in one pass."""
    parts: list[str] = []
    done, opened = 0, -1
    for bracket in _BRACKET.finditer(line):
        at, sign = bracket.start(), bracket.group()
        if at < done or len(sign) > 1:
            continue
        if sign == "[":
            if not images or (opened < 0 and line.startswith("!", max(done, at - 1))):
                opened = at
            continue
        end = _target_end(line, at + 1) if opened >= 0 and line.startswith("(", at + 1) else 0
        if end:
            begin = opened - images
            parts.append(line[done : begin - (images and line.startswith("\\", max(done, begin - 1)))])
            called = line[opened + 1 : at]
            parts.append(_described(called) if images else called)
            done = end
        opened = -1
    return "".join([*parts, line[done:]])


def _target_end(line: str, opening: int) -> int:
    """Offset behind the address that begins with a round bracket; 0 when it does not end.

    One pair of round brackets inside may be part of it.
    """
    depth = 0
    for paren in _PAREN.finditer(line, opening):
        depth += 1 if paren.group() == "(" else -1
        if depth in (0, 3):
            return 0 if depth else paren.end()
    return 0


def _described(description: str) -> str:
    return "" if is_file_name(description) else description


def is_file_name(description: str) -> bool:
    """Whether it describes no picture: programs put its file name where the description belongs."""
    return _FILE_NAME.fullmatch(description.strip()) is not None


def _next_fence(fence: str, mark: re.Match[str] | None) -> str:
    if mark is None:
        return fence
    ticks = mark.group(1)
    if not fence:
        return ticks
    return "" if ticks[0] == fence[0] and len(ticks) >= len(fence) else fence


def _plain(heading: str) -> str:
    return inline_line(_unlinked(heading, images=True))[:_MAX_TITLE_CHARS]
