"""A sentence as it reads without the marks of Markdown."""

from __future__ import annotations

import re

from ragsvc.text.blocks.inline import inline_line

_LEAD = re.compile(r"^\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+|>\s?)+")
_MARKER_LIKE = re.compile(r"\[(\d+)\]")
_SPACE = re.compile(r"\s+")


def readable(sentence: str) -> str:
    """A sentence without the marks of its list, link and emphasis, on one line, with an end."""
    text = _LEAD.sub("", sentence)
    text = inline_line(text)
    # A footnote number of the source must not look like one of our markers.
    text = _MARKER_LIKE.sub(r"(\1)", text)
    text = _SPACE.sub(" ", text).strip()
    return text if text.endswith((".", "!", "?", ":", "。", "！", "？", "”", '"')) else f"{text}."
