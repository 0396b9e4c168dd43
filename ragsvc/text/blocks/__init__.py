"""Blocks of a text with their spans: the one place that knows what is a heading, a list, a table or code.

What is stored is parsed by its media type, Markdown by markdown-it, all else by its layout:

    >>> text = "## Reset\\n\\n1. Open it.\\n2. Choose **Security**.\\n"
    >>> blocks = parse_blocks(text, MARKDOWN)
    >>> [(block.kind.value, text[block.start : block.end]) for block in blocks]
    [('heading', '## Reset'), ('list', '1. Open it.\\n2. Choose **Security**.')]

Top-level blocks are disjoint, in order, and cover every character that is no white space; children lie inside
their parents (list > item > paragraph, table > row, definitions > definition > term and description, quote >
anything; code > the comments and docstrings in it).

A reading parses once and says any span as its reader sees it, on one line or laid out:

    >>> reading = VisibleText(text, MARKDOWN)
    >>> reading.line(23, len(text))
    'Choose Security.'
    >>> print(layout(reading, reading.blocks[1:]))
    1. Open it.
    2. Choose Security.
    >>> VisibleText("2**8 is __x__ and\\n- 5 of it.", PLAIN).line(0, 28)
    '2**8 is __x__ and - 5 of it.'

What a sentence stands in, and which blocks a passage touches (`overlapping`):

    >>> [block.kind.value for block in path_at(blocks, text.index("Choose"))]
    ['list', 'item', 'paragraph']

The text below a heading:

    >>> [(section.titles(text), len(section.blocks)) for section in sections(blocks)]
    [(('Reset',), 1)]
"""

from ragsvc.text.blocks.block import (
    Block,
    BlockKind,
    Cell,
    Section,
    leaves,
    overlapping,
    path_at,
    sections,
    walk,
)
from ragsvc.text.blocks.block_parser import MARKDOWN, PLAIN, parse_blocks
from ragsvc.text.blocks.layout import layout
from ragsvc.text.blocks.visible_text import VisibleText

__all__ = [
    "MARKDOWN",
    "PLAIN",
    "Block",
    "BlockKind",
    "Cell",
    "VisibleText",
    "Section",
    "layout",
    "leaves",
    "overlapping",
    "parse_blocks",
    "path_at",
    "sections",
    "walk",
]
