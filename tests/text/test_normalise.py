"""What is stored never holds what cannot be stored, and page starts stay where they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.errors import BrokenDocument
from ragsvc.text.encodings import decode_text
from ragsvc.text.markdown import first_heading, visible
from ragsvc.text.normalisation import normalise

TEXTS = st.text(alphabet=st.sampled_from("ab\r\n\x00\ud800\udfff\ufeffé😀"), max_size=40)


@given(TEXTS, st.lists(st.integers(0, 60), max_size=6))
def test_normalise_keeps_order_lengths_and_pages(text: str, pages: list[int]) -> None:
    ascending = tuple(sorted(pages))
    stored, starts = normalise(text, ascending)
    assert "\r" not in stored and "\x00" not in stored
    stored.encode("utf-8")
    body = text.removeprefix("\ufeff")
    assert len(stored) == len(body) - body.count("\r\n")
    assert len(starts) == len(pages) and list(starts) == sorted(starts)
    assert all(0 <= start <= len(stored) for start in starts)
    for page, start in zip(ascending[1:], starts[1:], strict=True):
        offset = min(page, len(text))
        if text[offset - 1 : offset + 1] != "\r\n" and offset:
            assert stored[start:] == normalise("x" + text[offset:])[0][1:]


@given(TEXTS)
def test_normalise_twice_is_once(text: str) -> None:
    stored, _ = normalise(text)
    if not stored.startswith("\ufeff"):
        assert normalise(stored)[0] == stored


@pytest.mark.parametrize(
    "data",
    [
        "héllo wörld\n".encode(),
        b"\xef\xbb\xbf" + "héllo wörld\n".encode(),
        "héllo wörld\n".encode("utf-16"),
        "héllo wörld\n".encode("utf-16-le"),
        "héllo wörld\n".encode("utf-16-be"),
        "héllo wörld\n".encode("utf-32"),
        b'<?xml encoding="iso-8859-1"?>' + "héllo wörld\n".encode("latin-1"),
        "Ein schöner Abend für die Größe des Hauses, héllo wörld\n".encode("cp1252"),
    ],
)
def test_decodes_whatever_the_encoding(data: bytes) -> None:
    assert decode_text(data, "f").endswith("héllo wörld\n")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BrokenDocument, match="noise"):
        decode_text(bytes(range(256)) * 20, "noise")


def test_headings_and_what_a_reader_sees() -> None:
    assert first_heading("```\n# no\n```\ntext\n# **Yes** `x_y` #\n") == "Yes x_y"
    assert first_heading("Title\n=====\n") == "Title"
    assert first_heading("text\n## later\n") == ""
    assert visible("a\\! [b\\_c](http://x/(y)) ![pic.png](m/pic.png)![alt](u)") == "a! b_c alt"
    assert visible("\\# not a heading\n```\na\\_b [x](y)\n```") == "\\# not a heading\n```\na\\_b [x](y)\n```"


def test_this_folder_imports_no_model() -> None:
    rooms = Path(__file__).parents[2] / "ragsvc" / "text"
    heavy = ("import torch", "import transformers", "import faiss", "import sqlalchemy")
    for file in rooms.glob("*.py"):
        assert not any(line in file.read_text() for line in heavy), file
