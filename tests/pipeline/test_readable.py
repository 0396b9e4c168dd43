"""What is quoted reads without marks, and says what its source says."""

from __future__ import annotations

import pytest

from ragsvc.pipeline.grounding.readable_text import readable


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("- **Press** *Reset* [here](http://e.org).", "Press Reset here."),
        ("It says 2**10 = 1024 and 5**2 = 25", "It says 2**10 = 1024 and 5**2 = 25."),
        (
            "The hook is __set_name__ for src/**/*.js files.",
            "The hook is __set_name__ for src/**/*.js files.",
        ),
        ("So it is [3].", "So it is (3)."),
    ],
)
def test_only_marks_that_are_marks_go(sentence: str, said: str) -> None:
    assert readable(sentence) == said
