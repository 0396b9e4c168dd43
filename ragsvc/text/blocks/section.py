"""Sections: the blocks below each heading, and the headings above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragsvc.text.blocks.block import Block, BlockKind


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
