"""Small things about Markdown: its first heading, and what a parser's Markdown looks like to a reader."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r"^ {0,3}=+[ \t]*$")
_IMAGE = re.compile(r"\\?!\[([^\]\n]*)\]\((?:[^()\n]|\([^()\n]*\))*\)")
_LINK = re.compile(r"(?<!\\)\[((?:[^\[\]\n]|\\.)*)\]\((?:[^()\n]|\([^()\n]*\))*\)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ESCAPED_START = re.compile(r"^\\([#>+~|-])")
_MARKS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
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
        heading = _HEADING.match(line)
        if heading and heading.group(2) and (len(heading.group(1)) == 1 or not seen):
            return _plain(heading.group(2))
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
    heading_lines = sum(_HEADING.match(line) is not None for line in lines)
    filled_lines = sum(bool(line.strip()) for line in lines)
    all_headings = heading_lines >= 5 and heading_lines * 5 >= filled_lines * 4
    fence = ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence or mark:
            fence = _next_fence(fence, mark)
            continue
        heading = _HEADING.match(line)
        if heading and (all_headings or len(heading.group(2)) > _MAX_HEADING_CHARS):
            line = heading.group(2)
        lines[number] = _visible_line(line)
    return "\n".join(lines)


def _visible_line(line: str) -> str:
    if "](" in line:
        line = _LINK.sub(r"\1", _IMAGE.sub(_describe_image, line))
    if "\\" not in line:
        return line
    # An escaped mark at the start stays escaped where it would turn the line into something else.
    kept = _ESCAPED_START.match(line)
    if kept and kept.group(1) in "#>":
        return line[:2] + _ESCAPE.sub(r"\1", line[2:])
    return _ESCAPE.sub(r"\1", line)


def _describe_image(image: re.Match[str]) -> str:
    # Programs put the picture's file name where its description belongs.
    description = image.group(1)
    return "" if _FILE_NAME.fullmatch(description.strip()) else description


def _next_fence(fence: str, mark: re.Match[str] | None) -> str:
    if mark is None:
        return fence
    ticks = mark.group(1)
    if not fence:
        return ticks
    return "" if ticks[0] == fence[0] and len(ticks) >= len(fence) else fence


def _plain(heading: str) -> str:
    text = _LINK.sub(r"\1", _IMAGE.sub(_describe_image, heading))
    text = _MARKS.sub("", text) if not re.search(r"\w_\w", text) else text.replace("`", "").replace("*", "")
    return " ".join(_ESCAPE.sub(r"\1", text).split())[:_MAX_TITLE_CHARS]
