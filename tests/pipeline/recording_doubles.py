"""A parser for workers that takes the lines of a file for what is said in it, a second each."""

from __future__ import annotations

from pathlib import Path

from ragsvc.domain import ParsedDocument, Place, TimeRange
from ragsvc.text.limits import ParseLimits


def read_lines(path: str, limits: ParseLimits) -> ParsedDocument:
    """Each line is said in the second of its number; the last line tells who heard it."""
    text = f"{Path(path).read_text()}Heard by {limits.speech_reading}.\n"
    places: list[Place] = []
    at = 0
    for second, line in enumerate(text.splitlines()):
        places.append(Place(at, at + len(line), TimeRange(second, second + 1.0)))
        at += len(line) + 1
    return ParsedDocument(title="", text=text, media_type="text/plain", places=tuple(places))
