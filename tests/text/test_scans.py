"""Scanned pages whose words and their places are known: they are read, and boxes hold their words."""

from __future__ import annotations

import pytest

from benchmarks.scans import LAYOUTS, drawn, edits, find_font, held, turned
from ragsvc.text import ocr
from ragsvc.text.file_parser import parse_bytes
from ragsvc.text.limits import ParseLimits

WORDS = "The ferry leaves the harbour at seven and carries forty cars over to the island every summer day"


@pytest.mark.skipif(not ocr.has_rapidocr(), reason="the extra ragsvc[ocr] is not installed")
@pytest.mark.skipif(ocr.find_tessdata() is not None, reason="Tesseract reads pictures here")
@pytest.mark.skipif(not find_font(), reason="no TrueType font is installed")
@pytest.mark.parametrize(("layout", "degrees"), [("rows", 2.0), ("prose", 177.0)])
def test_a_page_that_lies_askew_or_upside_down_is_read_and_its_boxes_hold_their_words(
    layout: str, degrees: float
) -> None:
    page = drawn(" ".join([WORDS] * 2), find_font(), dpi=120, degrees=degrees, layout=layout)
    read = parse_bytes(page.png, "page.png", ParseLimits(timeout_s=600))
    wanted = "".join(page.words)
    assert edits(wanted, "".join(read.text.split())) <= len(wanted) // 50
    within = held(page, read)
    assert len(within) >= 3 and all(within)


def test_the_measure_itself() -> None:
    assert edits("kitten", "sitting") == 3
    assert (edits("", "abc"), edits("abc", ""), edits("abc", "abc")) == (3, 3, 0)
    assert turned(10, 5, (20, 10), 30) == (0.5, 0.5)
    x, y = turned(20, 5, (20, 10), 90)
    assert (round(x, 9), round(y, 9)) == (0.5, -0.5)
    assert set(LAYOUTS) == {"prose", "columns", "rows"}
