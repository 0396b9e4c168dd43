"""Sentences: cover everything, never overlap, and end where a reader would end them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragsvc.text.sentences import sentences

PIECES = st.sampled_from(
    [
        "Dr. ",
        "e.g. ",
        "U.S. ",
        "3.14",
        "word ",
        "Word",
        ". ",
        "! ",
        "?",
        "。",
        "！",
        "」",
        "\n",
        "\n\n",
        "# ",
        "- ",
        "| a | b |\n",
        "```\n",
        "~~~",
        "1. ",
        "(",
        ')"',
        "…",
        "\x1c",
        "\u2028",
        "😀",
        "\r\n",
        " \t",
    ]
)


def cut(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)]


@given(st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=200)))
@example("```\nnever closed. Not a sentence")
def test_spans_are_disjoint_trimmed_and_cover_all_but_white_space(text: str) -> None:
    covered = [False] * len(text)
    last = 0
    for span in sentences(text):
        assert last <= span.start < span.end <= len(text)
        part = text[span.start : span.end]
        assert part == part.strip()
        covered[span.start : span.end] = [True] * len(part)
        last = span.end
    assert all(seen or text[place].isspace() for place, seen in enumerate(covered))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Dr. Smith saw Fig. 3, e.g. twice. Then he left.",
            ["Dr. Smith saw Fig. 3, e.g. twice.", "Then he left."],
        ),
        (
            "The U.S. Army came. So did the U.S. The end.",
            ["The U.S. Army came.", "So did the U.S.", "The end."],
        ),
        (
            "J. R. Tolkien paid 3.14 for v2.13.0 today. Good!",
            ["J. R. Tolkien paid 3.14 for v2.13.0 today.", "Good!"],
        ),
        ('"Really?" she asked. He said no. Then: yes', ['"Really?" she asked.', "He said no.", "Then: yes"]),
        ("It is so.[2] We agree (mostly.) Yes.", ["It is so.[2]", "We agree (mostly.)", "Yes."]),
        ("今日は世界。元気ですか？「はい。」", ["今日は世界。", "元気ですか？", "「はい。」"]),
        ("A line that\nwraps. Next one.", ["A line that\nwraps.", "Next one."]),
        ("# Setup. First\nDo it. Now.", ["# Setup. First", "Do it.", "Now."]),
        (
            "- one item\n- another. With more\n  and more",
            ["- one item", "- another.", "With more\n  and more"],
        ),
        ("1. first\n2. second", ["1. first", "2. second"]),
        ("| a. B | c |\n| d | e |", ["| a. B | c |", "| d | e |"]),
        ("Run:\n```sh\nmake. \n\nrun\n```\nDone.", ["Run:", "```sh\nmake. \n\nrun\n```", "Done."]),
    ],
)
def test_ends_where_a_reader_would(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Unser Büro ist in der Lindenstr. 44 in Köln.",
        "Die Frist endet am 31. Dezember 2027.",
        "Bldg. 4 is closed.",
    ],
)
def test_german_streets_and_days_do_not_end_a_sentence(text: str) -> None:
    assert cut(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Hi David\nYour card was charged for $105.29\nReply to this mail if you have any question",
            ["Hi David", "Your card was charged for $105.29", "Reply to this mail if you have any question"],
        ),
        # As full as it can be: the next word would not have fitted.
        ("The service answers in\nGerman and in other\nlanguages too.", None),
        # Nothing begins anew.
        ("A short line\nand the sentence that it is a part of, which goes on for longer.", None),
        # What cannot be an end.
        ("It was built in the\nNetherlands by people who had never built anything like it.", None),
        ("First the red one,\nThen the other, which is longer than all that came before it.", None),
        # No one wraps at so many characters.
        ("word " * 40 + "end\nUnsubscribe", [("word " * 40 + "end"), "Unsubscribe"]),
    ],
)
def test_lines_are_joined_when_they_were_wrapped_and_only_then(text: str, expected: list[str] | None) -> None:
    assert cut(text) == (expected or [text])
