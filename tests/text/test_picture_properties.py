"""What picture files say of themselves becomes metadata; where they were taken does not."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.text import kreuzberg_reader, ocr
from ragsvc.text.limits import ParseLimits
from ragsvc.text.placed_text import PlacedText
from ragsvc.text.readers.picture_properties import picture_properties

Image = pytest.importorskip("PIL.Image", reason="the extra ragsvc[ocr] is not installed")

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 exif:GPSLatitude="52,31.2N">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">The quay</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>Mia Kern</rdf:li></rdf:Seq></dc:creator>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def photograph(*, zone: str = "", title: str = "", xmp: str = "") -> bytes:
    image = Image.new("RGB", (64, 48), "white")
    tags = Image.Exif()
    tags[0x010E] = "Boats at\nthe quay"
    tags[0x010F], tags[0x0110] = "Leica", "Leica M6"
    if title:
        tags[0x9C9B] = title.encode("utf-16-le") + b"\0\0"
    inner = tags.get_ifd(0x8769)
    inner[0x9003] = "2021:06:05 14:30:00"
    if zone:
        inner[0x9011] = zone
    place = tags.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (52.0, 31.0, 12.5), "E", (13.0, 24.0, 17.25)
    out = io.BytesIO()
    image.save(out, "JPEG", exif=tags, **({"xmp": xmp.encode()} if xmp else {}))
    return out.getvalue()


def test_date_camera_title_and_description_are_told_and_no_position() -> None:
    found = picture_properties(photograph(zone="+02:00", title="Hafen – früh"))
    assert found == {
        "title": "Hafen – früh",
        "description": "Boats at the quay",
        "camera": "Leica M6",
        "created_at": "2021-06-05T12:30:00Z",
    }
    assert picture_properties(photograph())["created_at"] == "2021-06-05T14:30:00"
    said = picture_properties(photograph(xmp=XMP))
    assert (said["title"], said["authors"]) == ("The quay", ["Mia Kern"])
    assert "52" not in json.dumps(said) and "GPS" not in json.dumps(said)


def test_words_in_a_png_are_told() -> None:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A map")
    info.add_itxt("Description", "Of the Größe")
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "PNG", pnginfo=info)
    assert picture_properties(out.getvalue()) == {"title": "A map", "description": "Of the Größe"}
    assert picture_properties(b"no picture") == {}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12))
def test_torn_tags_cost_nothing(changes: list[tuple[int, int]]) -> None:
    data = bytearray(photograph(zone="+02:00", title="x", xmp=XMP))
    for at, value in changes:
        data[at % len(data)] = value
    assert all(isinstance(name, str) for name in picture_properties(bytes(data)))


def test_a_photograph_with_text_is_a_document_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "find_tessdata", lambda: None)
    monkeypatch.setattr(kreuzberg_reader, "read_picture", lambda *_: ([PlacedText("Pier 7")], ()))
    kind = kreuzberg_reader.kind_of("IMG_1.jpg", photograph()[:16])
    assert kind is not None
    made = kreuzberg_reader.extract(
        photograph(title="The pier"), kind, "IMG_1.jpg", lambda *_: pytest.fail(), ParseLimits()
    )
    assert (made.title, made.text) == ("The pier", "Pier 7")
    assert made.metadata == {
        "created_at": "2021-06-05T14:30:00",
        "description": "Boats at the quay",
        "camera": "Leica M6",
    }


def test_the_documentation_says_so() -> None:
    assert "position" in (Path(__file__).parents[2] / "docs" / "reading.md").read_text("utf-8")
