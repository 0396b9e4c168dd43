"""Inline Markdown, which a text that is quoted keeps and a person who retells it leaves out."""

from __future__ import annotations

import re

_LINK = re.compile(r"(?<!\w)!?\[([^\[\]\n]*)\](?:\((?:[^()\n]|\([^()\n]*\))*\)|\[[^\[\]\n]*\])")
# Each mark is judged by what stands beside it alone, never by its other half: a phrase may be cut out of
# the middle of what is emphasised. "2 * 3", "*.md" and the wildcard "*" are no emphasis.
_OPENING = re.compile(r"(?<![\w*])(?:\*{1,3}|_{1,3})(?=[^\W_]|\()")
_CLOSING = re.compile(r"(?:(?<=[^\W_])(?:\*{1,3}|_{1,3})|(?<=[.,:;!?)])(?:\*{2,3}|_{2,3}))(?![\w*])")


def plain(text: str) -> str:
    """A text without backticks, marks of emphasis, and all of a link but its words.

    Code loses what looks like emphasis, too: whether backticks stood around it is not known of both sides
    of a comparison.
    """
    if not any(mark in text for mark in "`*_["):
        return text
    return _CLOSING.sub("", _OPENING.sub("", _LINK.sub(r"\1", text.replace("`", ""))))
