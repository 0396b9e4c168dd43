"""Which reader finds the blocks of a text: its media type decides, and its size."""

from __future__ import annotations

from ragsvc.text.blocks.block import Block
from ragsvc.text.blocks.data_blocks import DATA_TYPES, data_blocks, line_blocks
from ragsvc.text.blocks.markdown_blocks import markdown_blocks
from ragsvc.text.blocks.plain_blocks import plain_blocks
from ragsvc.text.blocks.source_blocks import source_blocks

MARKDOWN = "text/markdown"
PLAIN = "text/plain"

_PROSE_TYPES = frozenset({PLAIN, "text/x-rst", "text/x-tex", ""})
_LINE_TYPES = frozenset({"text/csv", "text/tab-separated-values"})


def parse_blocks(text: str, media_type: str) -> tuple[Block, ...]:
    """Read a text as blocks.

    :param text: as stored, or a part of it. media_type: as stored with the document; an unknown one is read
        as plain text.
    :return: disjoint and in order; together they cover every character but white space.
    """
    if media_type == MARKDOWN:
        return markdown_blocks(text)
    if media_type in _LINE_TYPES:
        return line_blocks(text)
    if media_type in DATA_TYPES:
        return data_blocks(text, media_type)
    if media_type in _PROSE_TYPES or not media_type.startswith("text/"):
        return plain_blocks(text)
    return source_blocks(text, media_type)
