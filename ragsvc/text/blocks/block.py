"""What a text is made of: blocks with spans, nested like the text itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise


class BlockKind(StrEnum):
    """What a block is to its reader."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    ITEM = "item"
    TABLE = "table"
    ROW = "row"
    CODE = "code"
    DEFINITIONS = "definitions"
    DEFINITION = "definition"
    TERM = "term"
    DESCRIPTION = "description"
    QUOTE = "quote"
    KEY_VALUE = "key_value"
    LINE = "line"
    FRONT_MATTER = "front_matter"
    FOOTNOTE = "footnote"
    REFERENCE = "reference"
    HTML = "html"
    RULE = "rule"


# What of these is not in their children is text of their own; of others it is marks.
_WITH_OWN_TEXT = frozenset({BlockKind.CODE, BlockKind.KEY_VALUE, BlockKind.LINE, BlockKind.PARAGRAPH})


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a row, or key or value of a pair, without white space at its ends; it may be empty."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a text; all offsets are code points of the text that was parsed.

    start, end: without white space at the ends. content_start, content_end: what is inside its own marks:
    after "## ", "- " or "3. ", between the lines of a fence; start and end where it has none.
    level: of a heading, 1 is the highest; of a list, how many lists it stands in.
    ordered: whether a list is numbered. info: the language of code, as its fence or its file tells it.
    cells: of a row, or key and value of a pair. header: whether a row stands over a rule and names columns.
    margin: signs at the start of its lines that belong to what it stands in: ">" in a quote, "#" in a
    comment.
    children: in order, disjoint, inside it; () for what is only text.
    """

    kind: BlockKind
    start: int
    end: int
    content_start: int
    content_end: int
    level: int = 0
    ordered: bool = False
    info: str = ""
    cells: tuple[Cell, ...] = ()
    header: bool = False
    margin: str = ""
    children: tuple[Block, ...] = ()


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Take white space off both ends of a span; (start, start) where nothing is left."""
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return start, end


def plain_block(text: str, kind: BlockKind, start: int, end: int) -> Block | None:
    """A block without marks and children; None where there is only white space."""
    start, end = trim(text, start, end)
    return Block(kind, start, end, start, end) if end > start else None


def shifted(block: Block, by: int) -> Block:
    """The same block of a text that has `by` characters before it."""
    return replace(
        block,
        start=block.start + by,
        end=block.end + by,
        content_start=block.content_start + by,
        content_end=block.content_end + by,
        cells=tuple(Cell(cell.start + by, cell.end + by) for cell in block.cells),
        children=tuple(shifted(child, by) for child in block.children),
    )


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """Every block, each before its children."""
    waiting = [*reversed(blocks)]
    while waiting:
        block = waiting.pop()
        yield block
        waiting.extend(reversed(block.children))


def path_at(blocks: Sequence[Block], offset: int) -> tuple[Block, ...]:
    """The blocks that hold an offset, outermost first; () where it is between them."""
    path: list[Block] = []
    while blocks:
        place = bisect_right(blocks, offset, key=lambda block: block.start) - 1
        if place < 0 or offset >= blocks[place].end:
            break
        path.append(blocks[place])
        blocks = blocks[place].children
    return tuple(path)


def overlapping(blocks: Sequence[Block], start: int, end: int) -> Sequence[Block]:
    """Those of a row of blocks that share a character with text[start:end]."""
    first = bisect_right(blocks, start, key=lambda block: block.end)
    return blocks[first : bisect_left(blocks, end, key=lambda block: block.start)]


def leaves(blocks: Sequence[Block]) -> Iterator[Block]:
    """Blocks without children, and the text between children, in order."""
    for block in blocks:
        at = block.start
        for child in block.children:
            if block.kind in _WITH_OWN_TEXT and at < child.start:
                yield Block(block.kind, at, child.start, at, child.start)
            yield from leaves([child])
            at = child.end
        if not block.children:
            yield block
        elif block.kind in _WITH_OWN_TEXT and at < block.end:
            yield Block(block.kind, at, block.end, at, block.end)


def with_gaps(text: str, blocks: Sequence[Block], start: int, end: int, kind: BlockKind) -> tuple[Block, ...]:
    """The same blocks, and one of `kind` wherever other text stands between them."""
    edges = [start, *(edge for block in blocks for edge in (block.start, block.end)), end]
    gaps = [
        gap
        for left, right in zip(edges[::2], edges[1::2], strict=True)
        if right > left and (gap := plain_block(text, kind, left, right))
    ]
    if not gaps:
        return tuple(blocks)
    found = sorted([*blocks, *gaps], key=lambda block: block.start)
    assert all(left.end <= right.start for left, right in pairwise(found))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below one heading, up to the next one.

    headings: above its blocks, outermost first, its own last; () for what comes before the first one.
    blocks: its own, without the headings and without those of the sections inside it.
    """

    headings: tuple[Block, ...]
    blocks: tuple[Block, ...]

    @property
    def start(self) -> int:
        """Offset of its heading, or of its first block."""
        return self.headings[-1].start if self.headings else self.blocks[0].start

    @property
    def end(self) -> int:
        """Offset after its last block."""
        return self.blocks[-1].end if self.blocks else self.headings[-1].end

    def titles(self, text: str) -> tuple[str, ...]:
        """The headings as they are written, without their marks."""
        return tuple(" ".join(text[each.content_start : each.content_end].split()) for each in self.headings)


def sections(blocks: Sequence[Block]) -> tuple[Section, ...]:
    """The sections of a text, in order; a heading below another of its level or a deeper one ends that one.

    :param blocks: of a whole text, or of a part of it.
    """
    found: list[Section] = []
    above: list[Block] = []
    own: list[Block] = []
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            own.append(block)
            continue
        if above or own:
            found.append(Section(tuple(above), tuple(own)))
        above = [each for each in above if each.level < block.level] + [block]
        own = []
    if above or own:
        found.append(Section(tuple(above), tuple(own)))
    return tuple(found)
