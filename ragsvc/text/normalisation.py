"""The last step of every reader: text as it is stored, and metadata as JSON."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from ragsvc.text.placed_text import Edit, PlacedText, moved

REPLACEMENT = "\ufffd"
_LINE_END = re.compile("\r\n")
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
MAX_NODES = 5_000
MAX_DEPTH = 16


class _TooComplex(ValueError):
    """Metadata that would not fit: deeper or larger than anybody writes by hand."""


def clean(text: str) -> str:
    """Replace NUL and lone surrogates one for one by U+FFFD."""
    return _FORBIDDEN.sub(REPLACEMENT, text) if _FORBIDDEN.search(text) else text


def normalise(text: str, pages: tuple[int, ...] = ()) -> tuple[str, tuple[int, ...]]:
    """A text alone; see `normalise_placed`."""
    placed, starts = normalise_placed(PlacedText(text), pages)
    return placed.text, starts


def normalise_placed(placed: PlacedText, pages: tuple[int, ...] = ()) -> tuple[PlacedText, tuple[int, ...]]:
    """Text as it is stored: LF line ends, no byte order mark, no NUL, no lone surrogate.

    :param pages: code point offset into the text at which each page starts, ascending; offsets past
        the end are moved to it.
    :return: the text with its places, and the same page starts in it; the first is 0.
    """
    text = placed.text
    if pages or placed.places:
        edits: list[Edit] = [(0, 1, "")] if text.startswith("\ufeff") else []
        # A page that begins between CR and LF begins after the one line end they become.
        edits += ((found.start(), found.end(), "\n") for found in _LINE_END.finditer(text))
        starts = moved([min(max(page, 0), len(text)) for page in accumulate(pages, max)], edits)
        placed = placed.edited(edits)
    else:
        starts = []
        placed = PlacedText(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    body = clean(placed.text.replace("\r", "\n"))
    return PlacedText(body, placed.places), (0, *starts[1:]) if starts else ()


def to_json(value: Any) -> Any:
    """Copy of a value that holds only what JSON can: dates become ISO strings, NaN becomes null.

    :raises ValueError: if it is nested or grown beyond reason (YAML aliases can do both).
    """
    budget = [MAX_NODES]
    return _to_json(value, MAX_DEPTH, budget)


def _to_json(value: Any, depth: int, budget: list[int]) -> Any:
    budget[0] -= 1
    if depth < 0 or budget[0] < 0:
        raise _TooComplex("metadata is nested too deeply or too large")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return clean(str(value))
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {clean(str(key)): _to_json(item, depth - 1, budget) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json(item, depth - 1, budget) for item in value]
    return clean(str(value))
