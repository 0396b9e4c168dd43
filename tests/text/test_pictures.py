"""Scans and pictures: read where something can, said how surely, refused with what to install elsewhere."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_parse import LIMITS, make_pdf, parse

from ragsvc.domain import PageArea
from ragsvc.errors import BrokenDocument, NoText
from ragsvc.text import file_parser as parsing
from ragsvc.text import ocr, scans
from ragsvc.text.limits import ParseLimits
from ragsvc.text.readers.media import media_of

pytest.importorskip("rapidocr", reason="the extra ragsvc[ocr] is not installed")
pytestmark = pytest.mark.skipif(ocr.find_tessdata() is not None, reason="Tesseract reads pictures here")


def picture(*lines: str, kind: str = "PNG") -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (900, 120 * len(lines) + 60), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((40, 40 + 120 * number), line, "black", ImageFont.load_default(48))
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def test_a_picture_of_text_is_read_and_said(tmp_path: Path) -> None:
    parsed = parse(tmp_path, "x.png", picture("The ferry leaves", "at seven o'clock"))
    assert " ".join(parsed.text.split()) == "The ferry leaves at seven o'clock"
    (caveat,) = parsed.warnings
    assert caveat.code == "read_from_picture" and "1 of 1 pages" in caveat.message


def test_pages_that_are_scans_are_read_between_the_others(tmp_path: Path) -> None:
    from PIL import Image

    with Image.open(io.BytesIO(picture("Platform nine"))) as image:
        width, height = image.size
        pixels = image.convert("L").tobytes()
    made = make_pdf(["First page.", "@", "Last page."])
    inline = b"q 500 0 0 100 50 600 cm BI /W %d /H %d /BPC 8 /CS /G ID " % (width, height)
    drawn = inline + pixels + b"\nEI Q"
    parsed = parse(tmp_path, "x.pdf", made.replace(b"BT /F1 12 Tf 50 700 Td (@) Tj ET", drawn))
    pages = [parsed.text[a:b].strip() for a, b in zip(parsed.pages, [*parsed.pages[1:], None], strict=True)]
    assert pages == ["First page.", "Platform nine", "Last page."]
    assert [w.code for w in parsed.warnings] == ["read_from_picture"]
    off = ParseLimits(reads_pictures=False)
    parsed = parse(tmp_path, "x.pdf", made.replace(b"BT /F1 12 Tf 50 700 Td (@) Tj ET", drawn), off)
    assert [w.code for w in parsed.warnings] == ["page_without_text"]


def test_pictures_can_be_left_alone_and_may_not_be_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoText) as caught:
        parse(tmp_path, "x.png", picture("words"), ParseLimits(reads_pictures=False))
    assert "RAGSVC_OCR" in caught.value.hint
    with pytest.raises(BrokenDocument):
        parse(tmp_path, "x.png", b"\x89PNG torn")
    with pytest.raises(NoText):
        parse(tmp_path, "blank.png", picture(""))
    monkeypatch.setattr(scans, "has_rapidocr", lambda: False)
    with pytest.raises(NoText) as caught:
        parse(tmp_path, "x.png", picture("words"))
    assert "ragsvc[ocr]" in caught.value.hint
    assert "rapidocr-" in parsing.PARSER_VERSION


def test_what_there_is_no_time_for_is_said() -> None:
    from ragsvc.text.readers.pictures import read_picture

    texts, (caveat,) = read_picture(picture("words"), "x.png", time.monotonic() - 1)
    assert [page.text for page in texts] == [""] and caveat.code == "scan_partly_read"
    assert LIMITS.reads_pictures


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    from ragsvc.text.readers.pictures import _Box, _ordered

    def box(column: int, row: int, text: str, width: float = 200) -> _Box:
        area = PageArea(page=1, left=0, top=0, right=1, bottom=1)
        return _Box(column * 220, row * 20, column * 220 + width, row * 20 + 15, text, area)

    prose = [box(c, r, f"column {c} line {r} of some prose") for r in range(1, 6) for c in (0, 1)]
    head = box(0, 0, "A headline across both", 400)
    lines = _ordered([*prose, head])
    assert lines[0] == [head]
    assert [line[0].text for line in lines[1:6]] == [f"column 0 line {r} of some prose" for r in range(1, 6)]
    cells = [box(c, r, f"{c}{r}") for r in range(6) for c in (0, 1)]
    assert [[box.text for box in line] for line in _ordered(cells)] == [[f"0{r}", f"1{r}"] for r in range(6)]


@pytest.mark.parametrize("degrees", [-4.0, 0.0, 2.0, 9.0])
def test_cells_of_a_sheet_that_lies_askew_stay_in_their_rows(
    degrees: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    from ragsvc.text.readers import pictures

    cells = [(f"name {row} of some length", f"{row} apples") for row in range(8)]
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = []
    for row in range(8):
        for x, width in ((100, 260), (1200, 90)):
            y = 100 + 30 * row
            corners.append(np.array([[x, y], [x + width, y], [x + width, y + 20], [x, y + 20]]) @ turn + 300)
    found = SimpleNamespace(boxes=np.array(corners), txts=list(sum(cells, ())), scores=[0.9] * 16)
    monkeypatch.setattr(pictures, "_engine", lambda: lambda _: found)
    seen = pictures._see(np.zeros((2000, 2000, 3), np.uint8), 3)
    assert seen.placed.text.split("\n") == [" ".join(row) for row in cells]
    for place, points in zip(seen.placed.places, corners, strict=True):
        wanted = np.clip(points / 2000, 0, 1)
        where = place.where
        assert isinstance(where, PageArea) and where.page == 3
        np.testing.assert_allclose(where.bbox, [*wanted.min(axis=0), *wanted.max(axis=0)])


def test_a_damaged_picture_costs_neither_the_others_nor_the_text() -> None:
    noise = bytes(range(256)) * 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", "<w/>")
        package.writestr("word/media/bad.png", noise)
        package.writestr("word/media/good.png", noise[::-1])
    with zipfile.ZipFile(packed) as package:
        at = package.getinfo("word/media/bad.png").header_offset + 30 + len("word/media/bad.png")
    data = bytearray(packed.getvalue())
    data[at : at + 12] = b"\xff" * 12
    found = {medium.name: medium.data for medium in media_of(bytes(data))}
    assert found == {"bad.png": b"", "good.png": noise[::-1]}
