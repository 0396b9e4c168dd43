"""Blocks of a text with their spans: the one place that knows what is a heading, a list, a table or code.

    >>> text = "## Reset\\n\\n1. Open it.\\n2. Choose **Security**.\\n"
    >>> [(block.kind.value, text[block.start : block.end]) for block in parse_blocks(text, "text/markdown")]
    [('heading', '## Reset'), ('list', '1. Open it.\\n2. Choose **Security**.')]

Top-level blocks are disjoint, in order, and cover every character that is no white space; children lie inside
their parents (list > item > paragraph, table > row, definitions > definition > term and description).
"""

from ragsvc.text.blocks.block import Block, BlockKind, Cell, walk
from ragsvc.text.blocks.parse import MARKDOWN, PLAIN, parse_blocks

__all__ = ["MARKDOWN", "PLAIN", "Block", "BlockKind", "Cell", "parse_blocks", "walk"]
