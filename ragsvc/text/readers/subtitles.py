"""Subtitles (.srt, .vtt): what is said, and the seconds at which it is shown."""

from __future__ import annotations

import re

from ragsvc.domain import Place, Places, TimeRange

_TIME = r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]\d)[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-{{1,3}}>\s*{_TIME}.*")
_TAG = re.compile(r"<[^<>\n]{0,100}>|\{\\[^{}\n]{0,100}\}")
_HEADER_BLOCKS = ("WEBVTT", "NOTE", "STYLE", "REGION")
_PARTS = 4


def read_subtitles(text: str) -> tuple[str, Places]:
    """What is said in subtitles, a line each, without numbers, times and marks; and when each cue is shown.

    Captions that repeat the line before, as automatic ones do, say it once, when it is shown first.

    :param text: with LF line ends.
    """
    said: list[str] = []
    places: list[Place] = []
    at = 0
    for block in re.split(r"\n[ \t]*\n", text):
        when, lines = _cue(block.strip("\n").split("\n"))
        start = at
        for line in lines:
            if line and (when is None or not said or said[-1] != line):
                said.append(line)
                at += len(line) + 1
        if when is not None and at > start:
            places.append(Place(start, at - 1, when))
    return "".join(f"{line}\n" for line in said), tuple(places)


def _cue(lines: list[str]) -> tuple[TimeRange | None, list[str]]:
    """When a block of lines is shown, None for what has no times, and its lines as text."""
    for number, line in enumerate(lines):
        if found := _TIMES.fullmatch(line):
            cells = found.groups()
            from_s, to_s = _seconds(cells[:_PARTS]), _seconds(cells[_PARTS:])
            words = [" ".join(_TAG.sub("", line).split()) for line in lines[number + 1 :]]
            return TimeRange(from_s, max(from_s, to_s)), words
    if lines[0].startswith(_HEADER_BLOCKS):
        return None, []
    # What has no times that can be read is said all the same; its number is not.
    return None, [line.strip() for line in lines[lines[0].strip().isdecimal() :]]


def _seconds(cells: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (cell or "0" for cell in cells)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction) / 10.0 ** len(fraction)
