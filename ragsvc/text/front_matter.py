"""YAML front matter: read only when its cost is known beforehand.

PyYAML recurses once a level, its C loader on the C stack, and merges (`<<`) copy pairs before anybody can
look. So the events are counted first: they come one by one, without recursion, whatever the depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

from ragsvc.domain import Metadata
from ragsvc.text.normalisation import MAX_DEPTH, MAX_NODES, to_json

MAX_CHARS = 65_536
MAX_ALIASES = 256
_OPENING = re.compile(r"---[ \t]*\n")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A number this long is none; PyYAML would add up `1:1:1:...` in base 60, by the square of its length.
_MAX_NUMBER_CHARS = 1000
_OPENERS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSERS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class FrontMatterFault(StrEnum):
    """Why what looks like front matter stayed in the text."""

    NONE = ""
    INVALID = "front_matter_invalid"
    TOO_COMPLEX = "front_matter_too_complex"


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A text without its front matter, and what that says; the whole text when it cannot be read."""

    text: str
    metadata: Metadata
    fault: FrontMatterFault = FrontMatterFault.NONE


class _TooComplex(ValueError):
    """Deeper, longer or more entangled than anybody writes by hand."""


def take_front_matter(text: str) -> FrontMatter:
    """Split YAML front matter off a normalised text.

    :return: the text after it and its values as JSON. The text unchanged and {} when there is none, or when
        what stands there is not a mapping, not valid YAML, or would cost too much; then with a fault, unless
        it is a text between two rules.
    """
    opening = _OPENING.match(text)
    closing = _CLOSING.search(text, opening.end(), MAX_CHARS) if opening else None
    if opening is None or closing is None:
        return FrontMatter(text, {})
    source = text[opening.end() : closing.start()]
    try:
        _weigh(source)
        values = yaml.load(source, Loader=_Loader)  # noqa: S506 - a safe loader
        if not isinstance(values, dict):
            return FrontMatter(text, {})
        return FrontMatter(text[closing.end() :], to_json(values))
    except _TooComplex:
        return FrontMatter(text, {}, FrontMatterFault.TOO_COMPLEX)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError):
        return FrontMatter(text, {}, FrontMatterFault.INVALID)


def _weigh(source: str) -> None:
    """Count nodes with every alias as large as what it stands for.

    :raises YAMLError: if it is not YAML.
    :raises _TooComplex: if it has too many, too deep, too many aliases, or one that holds itself.
    """
    sizes: dict[str, int] = {}
    # Of each open node its name and its size so far; the outermost stands for all of it.
    opened: list[tuple[str | None, int]] = [(None, 0)]
    aliases = 0
    for event in yaml.parse(source, Loader=_Loader):
        if isinstance(event, _OPENERS):
            opened.append((event.anchor, 1))
        elif isinstance(event, _CLOSERS):
            name, size = opened.pop()
            _note(sizes, name, size)
            _grow(opened, size)
        elif isinstance(event, yaml.ScalarEvent):
            if len(event.value) > _MAX_NUMBER_CHARS and event.value.lstrip("+-")[:1].isdigit():
                raise _TooComplex("a number in it has too many digits")
            _note(sizes, event.anchor, 1)
            _grow(opened, 1)
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
            if event.anchor not in sizes or aliases > MAX_ALIASES:
                raise _TooComplex("it has too many aliases, or one inside of what it names")
            _grow(opened, sizes[event.anchor])
        if len(opened) > MAX_DEPTH + 1 or opened[-1][1] > MAX_NODES:
            raise _TooComplex("it is nested too deeply or too large")


def _note(sizes: dict[str, int], name: str | None, size: int) -> None:
    if name is not None:
        sizes[name] = size


def _grow(opened: list[tuple[str | None, int]], size: int) -> None:
    name, so_far = opened[-1]
    opened[-1] = (name, so_far + size)
