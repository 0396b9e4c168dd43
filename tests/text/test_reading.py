"""Readings: what is no mark stays as it is, what is one goes, in every kind of text."""

from __future__ import annotations

import pytest
from block_texts import MEDIA_TYPES, TEXTS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragsvc.text.blocks import MARKDOWN, PLAIN, BlockKind, VisibleText, layout, parse_blocks, sections, walk

# Nothing in these is a mark of Markdown, though much looks like one.
SIGNS = st.sampled_from(
    [
        *("2**8", "3**2", "-1**2", "__init_subclass__", "__main__.py", "_private_name_", "**/*.py", "src/**"),
        *("x_1", "y_2_", "snake_case", "5", "*", "a*b", "<name>", "C:\\dir", "R&D", "[x]"),
        *("$5", "5~10", "12.", "word", "it,"),
    ]
)  # fmt: skip
# In any other text these are none either.
MORE_SIGNS = st.sampled_from(
    [
        *(
            "**bold**",
            "\\-",
            "~~18~~",
            "`code`",
            "[^2]",
            "![a](b)",
            "[a](b)",
            "&amp;",
            "<b>x</b>",
            "__it__",
            "\\*",
        )
    ]
)


@settings(deadline=None)
@given(st.lists(SIGNS, min_size=1, max_size=12))
@example(["2**8", "=", "3**2"])
def test_what_only_looks_like_a_mark_is_read_as_it_stands(words: list[str]) -> None:
    text = f"So {' '.join(words)} end."
    assert VisibleText(text, MARKDOWN).line(0, len(text)) == text


@settings(deadline=None)
@given(
    st.lists(st.lists(st.one_of(SIGNS, MORE_SIGNS), min_size=1, max_size=8), min_size=1, max_size=4),
    st.sampled_from([PLAIN, "text/x-tex"]),
)
def test_paragraphs_of_plain_text_are_read_as_they_stand(lines: list[list[str]], media_type: str) -> None:
    text = "\n".join(f"So {' '.join(words)}" for words in lines)
    assert VisibleText(text, media_type).line(0, len(text)) == " ".join(text.split())


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from([each for each in MEDIA_TYPES if each != MARKDOWN]))
def test_only_marks_of_lists_quotes_and_comments_leave_other_texts(text: str, media_type: str) -> None:
    reading = VisibleText(text, media_type)
    marks = "".join(
        text[block.start : block.content_start] + text[block.content_end : block.end]
        for block in walk(reading.blocks)
    )
    margins = sum(block.margin != "" for block in walk(reading.blocks))
    seen = "".join(text[start:end] for start, end in reading.seen(0, len(text)))
    lost = len("".join(text.split())) - len("".join(seen.split()))
    assert 0 <= lost <= len("".join(marks.split())) + (text.count("\n") * 8 if margins else 0)
    said = reading.line(0, len(text)) if text else ""
    assert "".join(said.split()) == "".join(seen.split()) or not seen


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(MEDIA_TYPES))
def test_what_is_seen_stands_in_the_text_in_order(text: str, media_type: str) -> None:
    reading = VisibleText(text, media_type)
    last = 0
    for start, end in reading.seen(0, len(text)):
        assert last <= start < end <= len(text)
        last = end
    layout(reading, reading.blocks)
    for section in sections(reading.blocks):
        assert section.start < section.end and section.titles(text) is not None


@settings(deadline=None)
@given(st.lists(st.one_of(SIGNS, MORE_SIGNS), min_size=1, max_size=12))
def test_plain_text_that_was_read_reads_the_same_again(words: list[str]) -> None:
    text = f"So {' '.join(words)}"
    once = VisibleText(text, PLAIN).line(0, len(text))
    assert VisibleText(once, PLAIN).line(0, len(once)) == once


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Bold** and *it*, __strong text__ and _it_.", "Bold and it, strong text and it."),
        ("**Bold**text and ***both***", "Boldtext and both"),
        ("See [the *page*](http://e.org/a_(b) 'T') now", "See the page now"),
        ("![A **red** lamp](lamp.png) is on", "A red lamp is on"),
        ("Call 212\\-808\\-8008 or \\*never\\*", "Call 212-808-8008 or *never*"),
        ("Use `rm -rf *` and `` a`b ``", "Use rm -rf * and a`b"),
        ("one  \ntwo\\\nthree\nfour", "one two three four"),
        ("The fee is ~~18~~ 20 EUR.", "The fee is 20 EUR."),
        ("So it is.[^2][^1] Yes", "So it is. Yes"),
        ("R&amp;D &lt;x&gt; &#65;", "R&D <x> A"),
        ("<b>x</b> <https://e.org> <name>", "x https://e.org <name>"),
        ("这是**粗体**文字", "这是粗体文字"),
        ("~~all of it~~", "~~all of it~~"),
    ],
)
def test_marks_that_are_marks_go(written: str, said: str) -> None:
    assert VisibleText(written, MARKDOWN).line(0, len(written)) == said


def test_a_mark_that_is_cut_goes_with_the_sentence_that_holds_it() -> None:
    text = "**One is here. Two** is there."
    reading = VisibleText(text, MARKDOWN)
    assert reading.line(0, 14) == "One is here."
    assert reading.line(15, len(text)) == "Two is there."


def test_links_need_their_target_and_notes_their_note() -> None:
    text = "See [the page][p] and so on[^n].\n\n[p]: http://e.org\n\n[^n]: A note.\n"
    reading = VisibleText(text, MARKDOWN)
    assert reading.line(0, 33) == "See the page and so on."
    assert VisibleText(text[:33], MARKDOWN).line(0, 33) == "See [the page][p] and so on[^n]."


def test_notes_hold_blocks_and_their_marks_go() -> None:
    text = "So.[^a] Or.[^b]\n\n[^a]: One\nline.\n[^b]: Three.\n\n    - four\n"
    reading = VisibleText(text, MARKDOWN)
    assert layout(reading, reading.blocks) == "So. Or.\n\nOne line.\n\nThree.\n\n- four"


LAID_OUT = """# Reset

1. Open *it*.
   - left
   - right
2) no sibling
3. Run

   ```sh
   a `b`
     c
   ```

> said **he**
> and she

| Plan | Price |
| --- | --- |
| Team | `20` |

Term
: What it is

***

    indented
      code
"""


def test_layout_keeps_lists_code_and_rows() -> None:
    reading = VisibleText(LAID_OUT, MARKDOWN)
    assert layout(reading, reading.blocks).split("\n\n") == [
        "Reset",
        "1. Open it.\n   - left\n   - right",
        "2. no sibling",
        "3. Run",
        "   ```sh\n   a `b`\n     c\n   ```",
        "> said he and she",
        "Plan: Team; Price: 20",
        "Term — What it is",
        "```\nindented\n  code\n```",
    ]


def test_code_with_fences_in_it_gets_a_longer_one() -> None:
    text = "````\n```\nx\n```\n````"
    assert layout(VisibleText(text, MARKDOWN), parse_blocks(text, MARKDOWN)) == text


def test_sections_know_the_headings_above_them() -> None:
    text = "Intro.\n\n# A\n\n## B *b*\n\nOne.\n\n- two\n\n# C\n\nThree.\n"
    assert [
        (each.titles(text), text[each.start : each.end]) for each in sections(parse_blocks(text, MARKDOWN))
    ] == [
        ((), "Intro."),
        (("A",), "# A"),
        (("A", "B *b*"), "## B *b*\n\nOne.\n\n- two"),
        (("C",), "# C\n\nThree."),
    ]


def test_comments_and_docstrings_of_code_are_paragraphs() -> None:
    text = '# How it\n# works.\n\ndef f(x):\n    """Give 2**x back.\n\n    More.\n    """\n    return 2**x\n'
    found = [
        block for block in walk(parse_blocks(text, "text/x-python")) if block.kind is BlockKind.PARAGRAPH
    ]
    reading = VisibleText(text, "text/x-python")
    assert [reading.line(each.start, each.end) for each in found] == [
        "How it works.",
        "Give 2**x back.",
        "More.",
    ]
