"""Marks by the ten thousands: whatever takes time by the square of their number does not end here."""

from __future__ import annotations

import pytest

from ragsvc.text.blocks import MARKDOWN, PLAIN, VisibleText, layout, sections
from ragsvc.text.headings import outline, plain
from ragsvc.text.markdown import first_heading, visible

N = 20_000
HOSTILE = {
    "blanks in a heading": f"# a{' ' * 10 * N}b",
    "blanks after a heading": f"# a{' ' * 10 * N}",
    "number signs": "# " * N,
    "anchors": "# a" + "{#" * N,
    "brackets": "[" * N,
    "images": "![" * N,
    "links": "[a](" * N,
    "escaped brackets": "[" + "\\a" * N,
    "quotes": "> " * N + "a",
    "lists": "- " * N + "a",
    "stars": "*a _b " * (N // 4),
    "ticks": "".join("`" * length + " " for length in range(1, 250)),
    "comments": "<!-- " * N,
    "tags": "<a " * N,
    "fences": "```a\n~~~\n" * (N // 10),
    "blank lines": "a" + "\n" * N + "b",
    "steps": "\n".join(" " * depth + "a:" for depth in range(250)),
    "letters": "B. a\n" * (N // 10),
    "columns": "  ab   cd\n" * (N // 10),
    "options": "  -x\n" * (N // 10),
    "bars": "|" * N,
    "rules": "a | b\n--|--\n" * (N // 4),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_blocks_and_readings_end(name: str) -> None:
    text = HOSTILE[name]
    for media_type in (MARKDOWN, PLAIN, "text/x-python"):
        reading = VisibleText(text, media_type)
        assert "".join(text.split()).startswith("".join(text[: reading.blocks[0].start].split()))
        assert layout(reading, reading.blocks) is not None and sections(reading.blocks)


@pytest.mark.parametrize("name", HOSTILE)
def test_titles_and_outlines_end(name: str) -> None:
    text = HOSTILE[name]
    assert len(first_heading(text)) <= 300 and len(plain(text)) <= 200
    assert all(len(heading.title) <= 200 for heading in outline(text).headings)
    assert len(visible(text)) <= len(text)
