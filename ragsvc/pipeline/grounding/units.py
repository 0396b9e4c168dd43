"""Units: the parts of documents that answers are made of, from a sentence to a whole list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from ragsvc.domain import Span
from ragsvc.pipeline.grounding.documents import DocumentPart
from ragsvc.text.blocks import Block, BlockKind, Section, sections, walk
from ragsvc.text.blocks.block_parser import MARKDOWN
from ragsvc.text.sentences import clauses, prose_sentences

# What is longer is no unit of an answer as a whole; its parts are.
MOST_SECTION_CHARS = 420
MOST_LIST_CHARS = 2_400
MOST_ITEM_CHARS = 700
# Of a longer item the sentences are units too.
WHOLE_ITEM_CHARS = 240
# A longer sentence is a chain of clauses, of which few are about the same.
MOST_SENTENCE_CHARS = 320
MOST_CODE_CHARS = 2_400
MOST_TITLE_CHARS = 160
MOST_TITLE_LINES = 3
# What stands so often in a document, all alone, is the head or foot of its pages.
REPEATED = 3
LOOSE_REPEATED = 2
# Of so many parts of documents the units are kept, as the parts themselves are.
PARTS_KEPT = 64
# Of a unit so much is compared with a question.
COMPARED_CHARS = 600
_PROSE = frozenset({BlockKind.PARAGRAPH, BlockKind.HTML, BlockKind.FOOTNOTE})
_GROUPS = frozenset({BlockKind.LIST, BlockKind.DEFINITIONS})
_LINES = (BlockKind.KEY_VALUE, BlockKind.LINE)
_AROUND_TITLES = "0123456789.#*-+ \t[]()_"
_ASKING = ("?", "？")
_SENTENCE_ENDS = (".", "!", "?", ":", ";", ",", "。", "！", "？", "：")


class UnitKind(StrEnum):
    """What a unit is to its reader.

    SECTION: all that stands under a heading, where that is short. TITLE: the line that a text without a
    title of its own begins with.
    """

    SENTENCE = "sentence"
    ITEM = "item"
    LIST = "list"
    ROW = "row"
    CODE = "code"
    DEFINITION = "definition"
    LINE = "line"
    SECTION = "section"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a document that may answer by itself.

    start, end: code points of the stored text. text: what it says, on one line. path: titles above it,
    outermost first. lead: what announces it, right above; lead_start, lead_end: its place, or -1.
    blocks: those that it is made of. group: the list, table or definitions that it is a part of.
    position: of its block among all of its document's, so that neighbours are known. section: where the
    section that it stands in begins. heading: the last of its titles, where that is a heading of its own and
    not the title of the document.
    """

    kind: UnitKind
    start: int
    end: int
    text: str
    path: tuple[str, ...]
    blocks: tuple[Block, ...]
    position: int
    section: int
    lead: str = ""
    lead_start: int = -1
    lead_end: int = -1
    group: Block | None = None
    heading: Span | None = None

    @property
    def whole(self) -> str:
        """What it says with what announces it."""
        return f"{self.lead} {self.text}" if self.lead else self.text


@lru_cache(PARTS_KEPT)
def units_of(part: DocumentPart) -> tuple[Unit, ...]:
    """All units of a part of a document, in its order; a whole comes before its parts."""
    return tuple(_Splitter(part).units())


class _Splitter:
    def __init__(self, part: DocumentPart) -> None:
        self._part = part
        self._reading = part.reading
        self._text = part.reading.text
        self._position = 0
        self._asked = ""
        heads = [each for each in part.reading.blocks if each.kind is BlockKind.HEADING]
        self._headings = frozenset(_bare(self._text[each.start : each.end]) for each in heads)
        said = Counter(_bare(self._text[each.start : each.end]) for each in walk(part.reading.blocks))
        loose = {_bare(line) for each in part.reading.blocks if (line := self._loose(each))}
        # Heads and feet of pages.
        self._repeated = frozenset(
            line
            for line, times in said.items()
            if line and times >= (LOOSE_REPEATED if line in loose else REPEATED)
        )
        self._title = self._first_lines()

    def _loose(self, block: Block) -> str:
        """The text of a short paragraph that ends like no sentence; empty for any other block."""
        said = self._text[block.start : block.end]
        is_loose = block.kind is BlockKind.PARAGRAPH and len(said) <= MOST_TITLE_CHARS
        return said if is_loose and not said.endswith(_SENTENCE_ENDS) else ""

    def _first_lines(self) -> Block | None:
        """The short paragraph that a whole text without headings begins with, as minutes and notes do."""
        blocks = self._reading.blocks
        if self._part.offset or len(blocks) < 2 or blocks[0].kind is not BlockKind.PARAGRAPH:
            return None
        if self._reading.media_type == MARKDOWN:
            return None
        said = self._loose(blocks[0])
        return blocks[0] if said and said.count("\n") < MOST_TITLE_LINES else None

    def units(self) -> Iterator[Unit]:
        over: tuple[str, ...] = ()
        if self._title:
            place = _Place((), self._title.start)
            yield self._unit(UnitKind.TITLE, [self._title], place)
            over = (self._reading.line(self._title.start, self._title.end),)
        for section in sections(self._reading.blocks):
            path = (*over, *section.titles(self._text))
            blocks = [b for b in section.blocks if b.end > self._part.first and b is not self._title]
            if not blocks:
                continue
            last = section.headings[-1] if len(section.headings) > 1 or self._headed(section) else None
            place = _Place(path, blocks[0].start, heading=last)
            is_stored = blocks[0].start >= self._part.first
            if path and is_stored and blocks[-1].end - blocks[0].start <= MOST_SECTION_CHARS:
                yield self._unit(UnitKind.SECTION, blocks, place)
            yield from self._of_blocks(blocks, place)

    def _is_contents(self, block: Block) -> bool:
        """Whether most lines of a block repeat headings of the document: a table of contents."""
        if not self._headings:
            return False
        lines = [bare for line in self._text[block.start : block.end].split("\n") if (bare := _bare(line))]
        return len(lines) > 1 and 2 * sum(line in self._headings for line in lines) > len(lines)

    def _headed(self, section: Section) -> bool:
        """Whether a section's only heading is not the title of the document."""
        return bool(section.headings) and section.headings[-1].level > 1

    def _of_blocks(self, blocks: Sequence[Block], place: _Place) -> Iterator[Unit]:
        above: Block | None = None
        for block in blocks:
            self._position += 1
            if self._is_contents(block) or _bare(self._text[block.start : block.end]) in self._repeated:
                continue
            # A question stands over what follows it, as a heading does, to the end of the next block.
            asked, self._asked = self._asked, ""
            under = replace(place, path=(*place.path, asked), heading=None) if asked else place
            yield from self._of_block(block, under.announced(*self._lead(above)))
            above = block

    def _of_block(self, block: Block, place: _Place) -> Iterator[Unit]:
        kind = block.kind
        if kind in _PROSE:
            yield from self._sentences(block, place.announced("", -1, -1))
        elif kind in _GROUPS:
            if block.end - block.start <= MOST_LIST_CHARS:
                yield self._unit(UnitKind.LIST, [block], place)
            for child in block.children:
                yield from self._of_part(child, block, place)
        elif kind is BlockKind.TABLE:
            # The names of columns may stand before what is stored.
            rows = (
                row
                for row in block.children
                if row.kind is BlockKind.ROW and not row.header and row.start >= self._part.first
            )
            yield from (self._unit(UnitKind.ROW, [row], place, block) for row in rows)
        elif kind is BlockKind.QUOTE:
            yield from self._of_blocks(block.children, place)
        elif kind is BlockKind.CODE:
            if block.end - block.start <= MOST_CODE_CHARS:
                yield self._unit(UnitKind.CODE, [block], place)
            # What documents a function stands below its first line.
            first = self._text[block.content_start : block.content_end].partition("\n")[0].strip()
            named = replace(place, path=(*place.path, first[:MOST_TITLE_CHARS]), heading=None)
            below = named.announced("", -1, -1)
            for child in block.children:
                yield from self._of_block(child, below)
        elif kind in _LINES:
            yield self._unit(UnitKind.LINE, [block], place)
            for child in block.children:
                yield from self._of_block(child, place)

    def _of_part(self, block: Block, group: Block, place: _Place) -> Iterator[Unit]:
        """An item or a definition: as a whole, or what is in it where it is long."""
        kind = UnitKind.DEFINITION if block.kind is BlockKind.DEFINITION else UnitKind.ITEM
        inner = [child for child in block.children if child.kind is not BlockKind.TERM]
        if block.end - block.start <= MOST_ITEM_CHARS:
            yield self._unit(kind, [block], place, group)
        if block.end - block.start <= WHOLE_ITEM_CHARS and not any(c.kind is BlockKind.LIST for c in inner):
            return
        terms = " ".join(
            self._reading.line(c.start, c.end) for c in block.children if c.kind is BlockKind.TERM
        )
        below = _Place((*place.path, terms), place.section) if terms else place
        for child in inner:
            yield from self._of_blocks(child.children or [child], below)

    def _sentences(self, block: Block, place: _Place) -> Iterator[Unit]:
        for span in prose_sentences(self._text, block.content_start, block.content_end):
            said = self._reading.line(span.start, span.end)
            if said.endswith(_ASKING):
                self._asked = said
                place = replace(place, path=(*place.path, said))
                continue
            for piece in clauses(self._text, span) if len(said) > MOST_SENTENCE_CHARS else (span,):
                said = self._reading.line(piece.start, piece.end)
                if any(sign.isalnum() for sign in said):
                    yield self._made(UnitKind.SENTENCE, piece.start, piece.end, said, [block], place, None)

    def _unit(
        self, kind: UnitKind, blocks: Sequence[Block], place: _Place, group: Block | None = None
    ) -> Unit:
        start, end = blocks[0].start, blocks[-1].end
        said = self._reading.line(start, end)
        return self._made(kind, start, end, said, blocks, place, group)

    def _made(
        self,
        kind: UnitKind,
        start: int,
        end: int,
        said: str,
        blocks: Sequence[Block],
        place: _Place,
        group: Block | None,
    ) -> Unit:
        offset = self._part.offset
        return Unit(
            kind=kind,
            start=start + offset,
            end=end + offset,
            text=said,
            path=place.path,
            blocks=tuple(blocks),
            position=self._position,
            section=place.section + offset,
            lead=place.lead,
            lead_start=place.lead_start + offset if place.lead_start >= 0 else -1,
            lead_end=place.lead_end + offset if place.lead_start >= 0 else -1,
            group=group,
            heading=Span(place.heading.start + offset, place.heading.end + offset) if place.heading else None,
        )

    def _lead(self, above: Block | None) -> tuple[str, int, int]:
        """The last sentence of the paragraph right above a block, where it announces what follows."""
        if above is None or above.kind is not BlockKind.PARAGRAPH:
            return "", -1, -1
        spans = prose_sentences(self._text, above.content_start, above.content_end)
        if not spans:
            return "", -1, -1
        last = spans[-1]
        return self._reading.line(last.start, last.end), last.start, last.end


def _bare(line: str) -> str:
    """A line of letters alone: without numbers, dots and marks around them."""
    return line.strip(_AROUND_TITLES).casefold()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where blocks stand: titles above them, where their section begins, and what announces them."""

    path: tuple[str, ...]
    section: int
    lead: str = ""
    lead_start: int = -1
    lead_end: int = -1
    heading: Block | None = None

    def announced(self, lead: str, lead_start: int, lead_end: int) -> _Place:
        return replace(self, lead=lead, lead_start=lead_start, lead_end=lead_end)
