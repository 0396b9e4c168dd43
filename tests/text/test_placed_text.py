"""Places move along with their words, whatever is done to a text until it is stored."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.domain import (
    PageArea,
    ParsedDocument,
    ParsedPart,
    Place,
    TimeRange,
    clock,
    places_of,
    places_within,
    time_range,
)
from ragsvc.text.normalisation import normalise, normalise_placed
from ragsvc.text.placed_text import PlacedText
from ragsvc.text.readers.hyphens import MARK, mend, mend_placed
from ragsvc.text.worker_orders import decode_document, encode

# Decomposed and composed letters, signs of two UTF-16 units, what is replaced, and what is taken out.
WORDS = st.text(alphabet="abK1e\u0301é😀ßﬁ\x00", min_size=1, max_size=6)
OTHERS = st.text(alphabet=f"ab \r\n\ufeff{MARK}-😀", max_size=12)


def area(number: int) -> PageArea:
    return PageArea(page=number + 1, left=0.1, top=0.2, right=0.3, bottom=0.4)


@st.composite
def placed_pages(draw: st.DrawFn) -> tuple[list[PlacedText], list[str]]:
    """Pages as a reader of pictures makes them, some without places, and the words of all boxes in order."""
    pages, words = [], []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            pages.append(PlacedText(draw(OTHERS)))
            continue
        boxes = draw(st.lists(st.tuples(WORDS, st.sampled_from(["", MARK, "-"])), min_size=1, max_size=5))
        found = []
        for word, end in boxes:
            found.append(PlacedText.at(word + end, area(len(words))))
            words.append(word + end)
        # A broken word goes on where the next box begins.
        gap = "" if draw(st.booleans()) else draw(st.sampled_from([" ", "\n"]))
        pages.append(PlacedText.joined(found, gap))
    return pages, words


@settings(deadline=None)
@given(placed_pages())
def test_each_place_is_the_words_of_its_box(made: tuple[list[PlacedText], list[str]]) -> None:
    pages, words = made
    placed, _ = normalise_placed(PlacedText.joined(mend_placed(pages), "\n\n"))
    assert placed.text == normalise("\n\n".join(mend([page.text for page in pages])))[0]
    assert places_of([place.row for place in placed.places], len(placed.text)) == placed.places
    kept = {place.where.page - 1: placed.text[place.start : place.end] for place in placed.places}
    for number, word in enumerate(words):
        wanted = normalise(word)[0]
        # The hyphen of a broken line goes or stays.
        bare = [text.replace(MARK, "").replace("-", "") for text in (wanted, kept.get(number, ""))]
        assert bare[0] == bare[1]


@settings(deadline=None)
@given(st.text("abc-", max_size=30), st.data())
def test_edits_leave_all_else_where_it_was(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    places = tuple(
        Place(start, end, TimeRange(start, end))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
        if start < end
    )
    edits = [(at, at + 1, data.draw(st.sampled_from(["", "-", "<>"]))) for at in _dashes(text)]
    edited = PlacedText(text, places).edited(edits)
    assert edited.text.replace("-", "").replace("<>", "") == text.replace("-", "")
    found = {place.where: edited.text[place.start : place.end] for place in edited.places}
    for place in places:
        words = found.get(place.where, "").replace("-", "").replace("<>", "")
        assert words == text[place.start : place.end].replace("-", "")


def _dashes(text: str) -> list[int]:
    return [at for at, sign in enumerate(text) if sign == "-"]


ROWS = [[0, 2, 1, 0.0, 0.1, 0.5, 0.2], [2, 5, 3.25, 4.0], [7, 9, 2, 0.25, 0.25, 0.25, 1.0]]


def test_places_are_stored_read_and_sent_as_they_are() -> None:
    places = places_of(ROWS, 9)
    assert [place.row for place in places] == ROWS
    assert places[0].where == PageArea(page=1, left=0.0, top=0.1, right=0.5, bottom=0.2)
    assert places[1].where == TimeRange(3.25, 4.0)
    inner = ParsedDocument(title="", text="x" * 9, media_type="audio/wav", places=places)
    whole = ParsedDocument(title="", text="y", media_type="a/b", parts=(ParsedPart("#p", "", inner),))
    assert decode_document(encode(whole)) == whole
    torn = encode(inner).replace(b'"where": {', b'"where": 5, "other": {')
    with pytest.raises((ValueError, TypeError)):
        decode_document(torn)


def test_times_are_told_as_players_show_them() -> None:
    assert [clock(at) for at in (0, 9.99, 75, 3599.9, 3600, 36_061)] == [
        "0:00", "0:09", "1:15", "59:59", "1:00:00", "10:01:01",
    ]  # fmt: skip
    places = places_of([[0, 2, 723.4, 730.0], [2, 5, 731.0, 737.9]], 9)
    assert time_range(places) == "12:03-12:17" and time_range(places_of(ROWS[:1], 9)) is None
    assert time_range(places_of([[0, 2, 5.1, 5.9]], 9)) == "0:05" and time_range(()) is None


@pytest.mark.parametrize(
    "row",
    [
        [0, 2, 0, 0.0, 0.1, 0.5, 0.2], [0, 2, 1, 0.6, 0.1, 0.5, 0.2], [0, 2, 1, 0.0, 0.1, 0.5, 1.2],
        [0, 2, 1, 0.0, -0.1, 0.5, 0.2], [0, 2, 1.5, 0.0, 0.1, 0.5, 0.2], [0, 2, 4.0, 3.0], [0, 2, -1.0, 3.0],
        [2, 2, 0.0, 1.0], [0, 99, 0.0, 1.0], [0, True, 0.0, 1.0], [0, 2], [], "ab", None, [0, 2, "0", 1.0],
        [0, 2, float("nan"), 1.0],
    ],
)  # fmt: skip
def test_places_that_cannot_be_are_refused(row: object) -> None:
    with pytest.raises(ValueError, match="place"):
        places_of([row], 9)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="order"):
        places_of([[2, 4, 0.0, 1.0], [3, 5, 0.0, 1.0]], 9)


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(0, 9))
def test_a_span_has_the_places_that_it_overlaps(start: int, length: int) -> None:
    places = places_of(ROWS, 9)
    found = places_within(places, start, start + length)
    span = range(start, start + length)
    assert list(found) == [place for place in places if set(span) & set(range(place.start, place.end))]
    assert json.dumps([place.row for place in found])
