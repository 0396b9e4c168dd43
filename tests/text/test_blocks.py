"""Blocks: exact spans, everything covered, children inside their parents, whatever the text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from block_texts import MEDIA_TYPES, TEXTS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragsvc.text.blocks import MARKDOWN, Block, overlapping, parse_blocks, path_at


def check(text: str, blocks: Sequence[Block], start: int, end: int) -> None:
    for left, right in pairwise(blocks):
        assert left.end <= right.start
    for block in blocks:
        assert start <= block.start < block.end <= end
        assert block.start <= block.content_start <= block.content_end <= block.end
        part = text[block.start : block.end]
        assert part == part.strip()
        assert all(block.start <= cell.start <= cell.end <= block.end for cell in block.cells)
        check(text, block.children, block.start, block.end)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(MEDIA_TYPES))
@example("\x00- \n\n\x1c> a", MARKDOWN)
@example("\x1c\n---\n", MARKDOWN)
@example(": what\n: what\n## Title\n: what\n", MARKDOWN)
def test_blocks_are_exact_and_cover_all_but_white_space(text: str, media_type: str) -> None:
    blocks = parse_blocks(text, media_type)
    check(text, blocks, 0, len(text))
    covered = bytearray(len(text))
    for block in blocks:
        covered[block.start : block.end] = b"\1" * (block.end - block.start)
    assert all(seen or text[place].isspace() for place, seen in enumerate(covered))


def test_an_offset_is_found_in_its_blocks_and_a_span_in_those_it_touches() -> None:
    text = "Intro.\n\n1. One\n   - two\n\nEnd.\n"
    blocks = parse_blocks(text, MARKDOWN)
    assert [each.kind.value for each in path_at(blocks, text.index("two"))] == [
        *("list", "item", "list", "item", "paragraph")
    ]
    assert path_at(blocks, 6) == path_at(blocks, len(text)) == ()
    assert [text[each.start : each.end] for each in overlapping(blocks, 5, 9)] == [
        "Intro.",
        "1. One\n   - two",
    ]
    assert not overlapping(blocks, 6, 8)
