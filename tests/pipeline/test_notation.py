"""Markers as models write them become [1], however they come in pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.pipeline.generation.output_filters.markers import MarkerNotation
from ragsvc.pipeline.grounding.citations import MarkerCheck


def rewritten(*pieces: str) -> str:
    notation = MarkerNotation({1, 2, 3})
    return "".join(map(notation.feed, pieces)) + notation.end()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("So [1].", "So [1]."),
        ("So [1, 2] and [1,3;2].", "So [1][2] and [1][3][2]."),
        ("So [1-3], [2–9].", "So [1][2][3], [2][3]."),
        ("So [Passage 1], [sources 1 and 2], [Doc. 1], [^2], [#3].", "So [1], [1][2], [Doc. 1], [2], [3]."),
        ("So ［1］, 【２】, [٣], [²].", "So [1], [2], [3], [2]."),
        ("So [ 1 ] [1 , 99].", "So [1] [1]."),
        ("So [99] [0] ［12345］ [184467440737095516160].", "So."),
        ("[a] [] [1x] [1.5] [-1] [see 1]", "[a] [] [1x] [1.5] [-1] [see 1]"),
        ("`x = [1, 2]` but [1, 2]", "`x = [1, 2]` but [1][2]"),
        ("```\n[1, 2]\n```\n[1, 2]", "```\n[1, 2]\n```\n[1][2]"),
        ("an open ` mark [1, 2]\n[1, 2]", "an open ` mark [1, 2]\n[1][2]"),
        ("[[1]] [1, [99]2] [1[7]2]!", "[[1]] [1][2]!"),
        ("[" * 90 + "1]", "[" * 90 + "1]"),
        ("[1", "[1"),
    ],
)
def test_markers_are_read_as_they_are_meant(written: str, read: str) -> None:
    check = MarkerCheck(3)
    assert check.feed(rewritten(written)) + check.end() == read


@given(st.text(alphabet="[]［］0123１ ,-a`\n", max_size=40), st.data())
def test_the_pieces_do_not_matter(answer: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(answer)))))
    bounds = [0, *cuts, len(answer)]
    assert rewritten(*(answer[a:b] for a, b in itertools.pairwise(bounds))) == rewritten(answer)


@given(st.text(alphabet="[]123 ,`ab\n", max_size=40))
def test_what_is_no_marker_passes_unchanged(answer: str) -> None:
    plain = answer.replace("]", ")")
    assert rewritten(plain) == plain
