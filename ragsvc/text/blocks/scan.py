"""What the readers of plain text share: the text, facts about the whole of it, the way into nested parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ragsvc.text.blocks.block import Block, BlockKind, trim
from ragsvc.text.blocks.lines import Line, head, lines_of

# Deeper parts are paragraphs of what holds them.
MAX_DEPTH = 8
# As far as a reader looks ahead for the next item of a list or the next pair.
LOOK_AHEAD_LINES = 40


@dataclass(frozen=True, slots=True)
class FoundBlock:
    """A block that begins at a line, and the number of the line after it."""

    block: Block
    stop: int


Region = Callable[[Sequence[Line], int], list[Block]]


@dataclass(slots=True)
class Scan:
    """One text that is read.

    region: reads lines as blocks, given how deep they are nested.
    is_manual: whether it is laid out as a manual page: capitals at the margin, text indented below.
    is_numbered: whether headings like "3.2 Title" stand alone in it.
    styles: signs below (and above) titles in the order in which they came: that is the level.
    """

    text: str
    region: Region
    is_manual: bool = False
    is_numbered: bool = False
    styles: list[str] = field(default_factory=list)

    def said(self, line: Line) -> str:
        """The beginning of what is on a line."""
        return head(self.text, line)

    def span(self, kind: BlockKind, lines: Sequence[Line]) -> Block:
        """A block of whole lines, the first and last of which are not blank."""
        start, end = trim(self.text, lines[0].first, lines[-1].end)
        return Block(kind, start, end, start, end)


def scan_of(text: str, region: Region) -> tuple[Scan, list[Line]]:
    """The lines of a text, and the facts about it that single lines do not tell."""
    lines = lines_of(text)
    manual = 0
    numbered = 0
    for at, line in enumerate(lines):
        if line.is_blank:
            continue
        below = lines[at + 1] if at + 1 < len(lines) else None
        alone = (at == 0 or lines[at - 1].is_blank) and (below is None or below.is_blank)
        if line.indent == 0 and below and below.indent >= 4 and not below.is_blank:
            manual += is_capitals(head(text, line))
        elif alone and line.indent <= 3:
            numbered += section_number(head(text, line))[0] > 1
    return Scan(text, region, is_manual=manual > 1, is_numbered=numbered > 0), lines


def is_capitals(said: str) -> bool:
    """Whether a line is written in capitals, as the names of sections are."""
    letters = sum(map(str.isalpha, said))
    # What is not printable was damaged on its way out of a file.
    return (
        len(said) <= 70
        and letters >= 4
        and 3 * letters >= 2 * len(said)
        and said.isupper()
        and said.isprintable()
        and "=" not in said
    )


def section_number(said: str) -> tuple[int, int]:
    """How many parts the number before a title has, and where the title begins; (0, 0) for none."""
    number = said.split(None, 1)[0] if said.split(None, 1) else ""
    parts = number.removesuffix(".").split(".")
    title = said[len(number) :].lstrip()
    good = title[:1].isalpha() and title[:1] == title[:1].upper() and len(title) <= 100
    if not good or not all(
        part.isdigit() and len(part) <= 3 and (part == "0" or part[0] != "0") for part in parts
    ):
        return 0, 0
    if parts[0] == "0" or (len(parts) == 1 and not number.endswith(".")):
        return 0, 0
    return len(parts), len(said) - len(title)
