"""Codes, versions and names of programs bind exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.grounded import PLAIN, scored

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


NOTES = """Sample book of series Z

Z-11 14/02 ethanol, one hour.
A. cloudy.
B. clear, 0.71 g.

Z-12 15/02 as Z-11 but cold. 0.35 g.
Nothing else was tried.
"""
HELP = """FUNCTIONS
    fold(items, depth=2, strict=False)
        Fold a tree of items.

        If *strict* is true, a missing leaf is an error.

    unfold(items, strict=False)
        Undo what fold did.

        If *strict* is true, the depth must be even.
"""


def held(question: str, text: str) -> dict[str, frozenset[str]]:
    """Of each unit, which identifiers of the question it is bound by."""
    return {each.unit.text: each.held for each in scored(question, [text], PLAIN)}


def test_what_stands_below_a_label_is_about_it_up_to_the_next_one() -> None:
    found = held("yield of Z-11", NOTES)
    assert found["Z-11 14/02 ethanol, one hour."] == found["clear, 0.71 g."] == {"z11"}
    assert found["Z-12 15/02 as Z-11 but cold."] == frozenset()
    assert all(not name for said, name in found.items() if "Nothing else" in said)


def test_a_paragraph_is_about_the_function_that_it_documents() -> None:
    best = scored("what does strict do in unfold_items.unfold", [HELP], PLAIN)
    bound = [each.unit.text for each in best if each.bound]
    assert any("must be even" in said for said in bound)
    assert not any("missing leaf" in said for said in bound)


def test_a_plain_number_is_a_hint_and_does_not_bind() -> None:
    best = scored(
        "which gate opens for trains of 12 cars", ["Gate 12 is shut.\n\nLong trains use gate B."], PLAIN
    )
    assert all(each.bound for each in best)
    assert {each.features["numbers"] for each in best} == {0.0, 1.0}


def test_a_hash_labels_only_what_stands_below_it() -> None:
    done = (
        "b6589fc6ab fixed the gate.",
        "356a192b79 painted the fence.",
        "da4b9237ba cut the hedge.",
        "77de68daec swept.",
    )
    log = "\n\n".join(done)
    found = held("what did 356a192b79 do", log)
    assert [said for said, names in found.items() if names] == ["356a192b79 painted the fence."]
