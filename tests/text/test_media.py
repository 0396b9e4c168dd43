"""Pictures inside Office files: read where something can, and said by name where nothing does."""

from __future__ import annotations

import io
import random
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from test_office import A, box, rels, run, slide, word
from test_parse import parse

from ragsvc.domain import ParsedDocument
from ragsvc.text import ocr, scans
from ragsvc.text.limits import ParseLimits
from ragsvc.text.readers.media import media_of

NOISE = random.Random(1).randbytes(4000)
reading = pytest.mark.skipif(
    ocr.find_tessdata() is not None or not ocr.has_rapidocr(),
    reason="the extra ragsvc[ocr] does not read here",
)


def picture(line: str) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (900, 180), "white")
    ImageDraw.Draw(image).text((40, 60), line, "black", ImageFont.load_default(48))
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()


def with_parts(data: bytes, parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as container:
        for name, part in parts.items():
            container.writestr(name, part)
    return buffer.getvalue()


def deck(**media: bytes) -> bytes:
    """Two slides; the pictures stand on the second one, but for the one that is the master's."""
    files = {
        "ppt/presentation.xml": f'<p:presentation {A}><p:sldIdLst><p:sldId id="256" r:id="r1"/>'
        '<p:sldId id="257" r:id="r2"/></p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": rels(r1="slide|slides/slide1.xml", r2="slide|slides/slide2.xml"),
        "ppt/slides/slide1.xml": slide(box("One")),
        "ppt/slides/slide2.xml": slide(box("Two")),
        "ppt/slides/_rels/slide2.xml.rels": rels(
            r9="image|https://example.org/far.png",
            **{name: f"image|../media/{name}.bmp" for name in media if name != "master"},
        ),
    }
    made = with_parts(word(""), {name: text.encode() for name, text in files.items()})
    return with_parts(made, {f"ppt/media/{name}.bmp": data for name, data in media.items()})


def told(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(caveat.code, caveat.message) for caveat in parsed.warnings]


def test_each_picture_of_slides_counts_once_and_none_of_the_master() -> None:
    found = list(media_of(deck(a=NOISE, b=NOISE, c=NOISE[::-1], master=NOISE[1:], tiny=b"x")))
    assert [(medium.name, medium.slide) for medium in found] == [("a.bmp", 1), ("c.bmp", 1)]
    assert list(media_of(b"no package")) == list(media_of(word(""))) == []


@pytest.mark.parametrize("reads", [True, False])
def test_pictures_that_nothing_reads_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: bool
) -> None:
    monkeypatch.setattr(scans, "has_rapidocr", lambda: False)
    monkeypatch.setattr(scans, "find_tessdata", lambda: None)
    made = with_parts(word(run("Words.")), {"word/media/a.png": NOISE, "word/media/b.emf": NOISE[1:]})
    parsed = parse(tmp_path, "x.docx", made, ParseLimits(reads_pictures=reads))
    reason = ocr.HINT.rstrip(".") if reads else "RAGSVC_OCR is off"
    assert parsed.text.strip() == "Words."
    assert told(parsed) == [("pictures_unread", f"2 pictures inside not read: a.png, b.emf ({reason})")]


@reading
def test_pictures_of_text_in_word_files_are_read(tmp_path: Path) -> None:
    files = {"a.bmp": picture("The ferry"), "b.png": NOISE, "logo.bmp": picture("TM")}
    made = with_parts(word(run("Words.")), {f"word/media/{name}": data for name, data in files.items()})
    parsed = parse(tmp_path, "x.docx", made)
    assert parsed.text.split("\n\n")[-1].strip() == "Picture: The ferry"
    (read, unread) = told(parsed)
    assert read[0] == "read_from_picture" and read[1].startswith("text of 1 picture inside read")
    assert unread == ("pictures_unread", "1 picture inside not read: b.png")


@reading
def test_pictures_of_text_on_slides_stand_on_their_slide(tmp_path: Path) -> None:
    parsed = parse(tmp_path, "x.pptx", deck(a=picture("Platform nine")))
    pages = [parsed.text[a:b].strip() for a, b in zip(parsed.pages, [*parsed.pages[1:], None], strict=True)]
    assert pages == ["One", "Two\n\nPicture: Platform nine"]


@reading
def test_pictures_of_text_in_sheets_are_read(tmp_path: Path) -> None:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"] = "near"
    book.save(buffer)
    parsed = parse(
        tmp_path, "x.xlsx", with_parts(buffer.getvalue(), {"xl/media/a.bmp": picture("Gate five")})
    )
    assert "near" in parsed.text and parsed.text.rstrip().endswith("Picture: Gate five")


@reading
def test_pictures_for_which_no_time_is_left_are_said() -> None:
    late = scans.Sight(ParseLimits(), 0, time.monotonic() - 1000)
    made = with_parts(word(""), {"word/media/a.bmp": picture("words")})
    pages, (caveat,) = scans.read_media(made, ["text"], late, lambda data, name: "")
    assert pages == ["text"]
    assert caveat.message.startswith("1 picture inside not read: a.bmp (no time was left")
