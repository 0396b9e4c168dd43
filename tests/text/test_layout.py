"""Notebooks, one-line JSON and subtitles as a person would read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_parse import parse

from ragsvc.domain import TimeRange, places_of
from ragsvc.errors import BrokenDocument
from ragsvc.text.readers.layout import spread_json
from ragsvc.text.readers.subtitles import read_subtitles

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_spread_json_says_the_same(value: object) -> None:
    text = json.dumps([value, "x" * 600])
    spread = spread_json(text)
    assert json.loads(spread) == json.loads(text)
    assert spread.count("\n") > text.count("\n")
    assert spread_json(spread.replace("x" * 600, "x")) == spread.replace("x" * 600, "x")


def test_json_on_one_line_is_read_by_its_values(tmp_path: Path) -> None:
    rows = [{"name": f"f\u00fcr {n}", "price": 1.10, "tags": [], "of": {}} for n in range(20)]
    text = parse(tmp_path, "x.json", json.dumps(rows).replace("1.1,", "1.10,")).text
    assert '    "name": "für 3",\n    "price": 1.10,\n    "tags": [],\n    "of": {}\n' in text
    short = '{"a": "\\u00fc",\n "b": 1}\n'
    assert parse(tmp_path, "y.json", short).text == short
    torn = "{" * 5000
    assert parse(tmp_path, "z.json", torn).text == torn


def test_subtitles_are_what_is_said(tmp_path: Path) -> None:
    first = "1\n00:00:01,000 --> 00:00:02,500\n<i>Good</i> morning.\nHow are you?\n"
    srt = f"{first}\n2\n00:00:03,000 --> 00:00:04,000\nFine.\n"
    assert parse(tmp_path, "x.srt", srt).text == "Good morning.\nHow are you?\nFine.\n"
    head = "WEBVTT\n\nNOTE a note\n\nintro\n00:01.000 --> 00:02.000 align:start\nHello\n"
    vtt = f"{head}\n00:02.000 --> 00:03.000\nHello\nthere.\n"
    assert parse(tmp_path, "x.vtt", vtt).text == "Hello\nthere.\n"
    assert read_subtitles("Just words.\n") == ("Just words.\n", ())
    # What has no times that are any is said all the same.
    slip = "1\n00:00:01,000 -> 00:00:04,000\nThe pump runs.\n\n2\n99:99:99.000 --> x\nIt stops.\n"
    text, places = read_subtitles(slip)
    assert text == "The pump runs.\n99:99:99.000 --> x\nIt stops.\n"
    assert [place.where for place in places] == [TimeRange(1.0, 4.0)]


def test_each_cue_has_its_times(tmp_path: Path) -> None:
    srt = "1\n00:00:01,000 --> 00:00:02,500\n<i>Good</i> morning.\nHow are you?\n\n"
    srt += "2\n01:02:03,25 --> 01:02:04,000\nHow are you?\n\n3\n01:03:00,5 --> 01:02:00,000\nFine.\n"
    for text in (srt, srt.replace("\n", "\r\n"), "\ufeff" + srt):
        parsed = parse(tmp_path, "x.srt", text)
        assert parsed.text == "Good morning.\nHow are you?\nFine.\n"
        # What the next cue repeats is said when it is shown first; no cue ends before it begins.
        assert [(parsed.text[p.start : p.end], p.where) for p in parsed.places] == [
            ("Good morning.\nHow are you?", TimeRange(1.0, 2.5)),
            ("Fine.", TimeRange(3780.5, 3780.5)),
        ]


PIECES = st.one_of(
    st.sampled_from(
        ("00:01.0 --> 00:02.5\n", "1:00:01,5 --> 00:00:02,50 line:1\n", "Hi\n", "\n", "NOTE x\n")
    ),
    st.text(alphabet="ab \n<>1", max_size=5),
)


@given(st.lists(PIECES, max_size=12))
def test_times_of_cues_stand_on_what_is_said(pieces: list[str]) -> None:
    text, places = read_subtitles("".join(pieces))
    assert places == places_of([place.row for place in places], len(text))
    for place in places:
        assert text[place.start : place.end].strip("\n") and text[place.end] == "\n"


def test_a_notebook_is_its_cells_and_what_they_printed(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Rain\n", "It rained."]},
        {
            "cell_type": "code",
            "source": "print(4)",
            "outputs": [
                {"output_type": "stream", "text": ["4\n"]},
                {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}},
            ],
        },
    ]
    book = {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4}
    parsed = parse(tmp_path, "x.ipynb", json.dumps(book))
    assert (parsed.title, parsed.media_type) == ("Rain", "text/markdown")
    assert (
        parsed.text == "# Rain\nIt rained.\n\n```python\nprint(4)\n```\n\n```\n4\n```\n\n```\n<Figure>\n```\n"
    )
    for broken in ("[]", "{", '{"cells": 3}'):
        with pytest.raises(BrokenDocument):
            parse(tmp_path, "x.ipynb", broken)
