"""Markers: none leaves that names no passage, however an answer is cut into pieces."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st
from made_hits import hit_of

from ragsvc.domain import Citation, Hit
from ragsvc.pipeline.grounding.citations import MarkerCheck, distinct, placed
from ragsvc.pipeline.grounding.passage_ground import CitedSpans
from ragsvc.text.analyser import StandardAnalyser

answers = st.one_of(
    st.text(alphabet="[]0123 aé.\n", max_size=40),
    st.lists(st.sampled_from(["[1]", "[2]", "[99]", "[", "]", " ", "7", "a ", "[0]", "\n"]), max_size=12).map(
        "".join
    ),
)


def passed(pieces: list[str], passages: int = 3) -> str:
    check = MarkerCheck(passages)
    return "".join([*map(check.feed, pieces), check.end()])


def cite(answer: str, passages: Sequence[Hit]) -> tuple[Citation, ...]:
    """As an answer's markers are resolved, each span once."""
    choose = CitedSpans(passages, StandardAnalyser()).choose
    return distinct(citation for _, citation in placed(answer, passages, choose))


@given(answers, st.data())
@example("a  [8][9]", None)
@example("see [[99]98] and [1[7]2]", None)
def test_the_pieces_do_not_matter_and_no_unknown_marker_leaves(
    answer: str, data: st.DataObject | None
) -> None:
    whole = passed([answer])
    assert passed(list(answer)) == whole
    if data is not None:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(answer)))))
        bounds = [0, *cuts, len(answer)]
        assert passed([answer[a:b] for a, b in itertools.pairwise(bounds)]) == whole
    assert all(1 <= int(n) <= 3 for n in re.findall(r"\[(\d{1,4})\]", whole))
    assert passed([whole]) == whole


@given(st.text(alphabet="abc .,[1]2 3", max_size=40))
def test_what_holds_only_known_markers_passes_unchanged(answer: str) -> None:
    kept = re.sub(r"\[\d+\]", "[2]", answer)
    if not re.search(r"\[(?![123]\])\d{1,4}\]", kept):
        assert passed([kept]) == kept


def test_known_markers_stay_and_unknown_ones_go_with_their_space() -> None:
    assert passed(["It is so [1][4", "]. And [0] so [2] [1000]."]) == "It is so [1]. And so [2]."
    assert passed(["in [2020] and [12345], a[i], [x]"], 3) == "in and [12345], a[i], [x]"


def hit(text: str, number: int, start: int = 100) -> Hit:
    return hit_of(number, text, title="t", start=start)


def test_a_citation_is_a_slice_of_the_passage_that_supports_the_sentence() -> None:
    text = "Cats sleep all day. Dogs bark at night. Birds sing."
    found = cite(
        "Birds sing in spring. Dogs bark at night [2][1]. Cats sleep [2].", [hit("Fish.", 1), hit(text, 2)]
    )
    assert [(c.marker, c.quote) for c in found] == [
        (2, "Dogs bark at night."),
        (1, "Fish."),
        (2, "Cats sleep all day."),
    ]
    for citation in found:
        if citation.marker == 2:
            assert text[citation.start - 100 : citation.end - 100] == citation.quote


sentences = st.lists(st.sampled_from(["Cats sleep.", "Dogs bark", "été 🐈!", "\n\n", "x " * 30]), max_size=6)


@given(
    sentences.map(" ".join), st.lists(sentences.map(" ".join).filter(bool), min_size=1, max_size=3), st.data()
)
def test_quotes_slice_again_for_any_text(answer: str, texts: list[str], data: st.DataObject) -> None:
    marks = data.draw(st.lists(st.integers(1, len(texts)), max_size=4))
    hits = [hit(text, number) for number, text in enumerate(texts, start=1)]
    found = cite(answer + "".join(f" {answer} [{n}]" for n in marks), hits)
    assert {c.marker for c in found} == set(marks)
    for citation in found:
        passage = hits[citation.marker - 1].passage
        assert passage.start <= citation.start <= citation.end <= passage.end
        assert passage.text[citation.start - 100 : citation.end - 100] == citation.quote


def test_the_page_is_that_of_the_quote_not_of_its_chunk() -> None:
    text = "Page one is about boats. Page two is about the captain."
    plain = hit(text, 1)
    paged = replace(plain, passage=replace(plain.passage, page=4, page_breaks=(125,)))
    found = cite("Page two is about the captain [1]. Page one is about boats [1].", [paged])
    assert [(c.quote, c.page, c.corpus) for c in found] == [(text[25:], 5, "c"), (text[:24], 4, "c")]
