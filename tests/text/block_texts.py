"""Texts for properties of blocks: what could be marks, in any order."""

from __future__ import annotations

from hypothesis import strategies as st

from ragsvc.text.blocks import MARKDOWN, PLAIN

MEDIA_TYPES = [
    MARKDOWN,
    PLAIN,
    "text/x-python",
    "text/x-c",
    "text/x-yaml",
    "text/x-ini",
    "text/x-json",
    "text/csv",
]
PIECES = st.sampled_from(
    [
        *(
            "# ",
            "## Title\n",
            "Title\n=====\n",
            "---\n",
            "- ",
            "* ",
            "1. ",
            "2. ",
            "12. ",
            "B. ",
            "> ",
            ">>> ",
        ),
        *("```\n", "~~~py\n", "    ", "\t", "| a | b |\n", "|---|---|\n", "a | b\n", "[r]: http://x\n"),
        *("[^1]: note\n", ": what\n", "<div>\n", "</div>\n", "<!-- ", "NAME\n", "-x, --long   text\n"),
        *("Key: value\n", "key = value\n", "[section]\n", "2031-01-02 10:00:00 up\n", "def f():\n", '"""'),
        *("# comment\n", "// note\n", "/* ", "*/", "{", "}\n", '"k": 1,\n', "word ", "Word", ". ", ":\n"),
        *("::\n", "\n", "\n\n", "\r\n", "\x1c", "\u2028", "\x00", "😀", "\\", "**", "__"),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=200))
