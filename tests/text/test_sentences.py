"""Sentences: cover everything, never overlap, and end where a reader would end them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
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


MEDIA_TYPES = st.sampled_from(
    [None, "text/markdown", "text/plain", "text/x-python", "text/x-yaml", "text/csv"]
)


@settings(deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=200)), MEDIA_TYPES)
@example("```\nnever closed. Not a sentence", None)
def test_spans_are_disjoint_trimmed_and_cover_all_but_white_space(text: str, media_type: str | None) -> None:
    covered = [False] * len(text)
    last = 0
    for span in sentences(text, media_type):
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


WRAPPED = [
    "The Delft bridge opened in the year\n12. It was the first of its kind there.",
    "The grade of the second sample is\nC. Nobody asked for the third.",
    "Close the valve at temperatures\n> 40 degrees and call the desk.",
    "The lowest value of that week was\n- 7 at the northern station.",
    "He chose the colour of\n# 5 on the chart.",
]


@pytest.mark.parametrize("text", WRAPPED)
def test_a_wrapped_line_of_plain_text_that_begins_like_an_item_goes_on(text: str) -> None:
    first, _, rest = text.partition("\n")
    spans = [text[span.start : span.end] for span in sentences(text, "text/plain")]
    assert spans[0].startswith(first) and len(spans[0]) > len(first) + 1
    assert " ".join(spans).split() == text.split() and rest


@pytest.mark.parametrize(
    ("text", "media_type", "expected"),
    [
        ("Do this:\n- one. Then\n- two", "text/plain", ["Do this:", "- one.", "Then", "- two"]),
        ("It has\n- one\n- two", "text/plain", ["It has", "- one", "- two"]),
        ("Open.\n\n1. A\n2. So. Yes", "text/markdown", ["Open.", "1. A", "2. So.", "Yes"]),
        ("-v\n    Say more. Much.\n", "text/plain", ["-v\n    Say more.", "Much."]),
        ("Run:\n\n    make. x\n    make y = 1\n\nA. B.", "text/plain", None),
        ("Run. It\n=======\n\nText. More.", "text/plain", ["Run. It\n=======", "Text.", "More."]),
        (
            'def f():\n    """One. Two."""\n    return 1. + 2\n',
            "text/x-python",
            ["def f():", '"""One.', 'Two."""', "return 1. + 2"],
        ),
        ("a: One. Two.\nb:\n  c: 3. x\n", "text/x-yaml", ["a: One.", "Two.", "b:", "c: 3. x"]),
        ("a. b,c\nd. e,f", "text/csv", ["a. b,c", "d. e,f"]),
    ],
)
def test_units_come_from_the_blocks_of_the_media_type(
    text: str, media_type: str, expected: list[str] | None
) -> None:
    spans = [text[span.start : span.end] for span in sentences(text, media_type)]
    assert spans == (expected or ["Run:", "make. x\n    make y = 1", "A. B."])


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
