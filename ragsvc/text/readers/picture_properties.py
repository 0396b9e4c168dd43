"""What a picture file says of itself (EXIF, IPTC, XMP, text in PNG). Where it was taken is not looked at."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from lxml import etree

_EXIF_FOLDER = 0x8769
_DESCRIPTION, _MAKE, _MODEL, _DATE, _ARTIST = 0x010E, 0x010F, 0x0110, 0x0132, 0x013B
_TAKEN, _TAKEN_ZONE = 0x9003, 0x9011
# Windows keeps these in UTF-16.
_XP_TITLE, _XP_COMMENT = 0x9C9B, 0x9C9C
_IPTC_TITLE, _IPTC_CAPTION = (2, 5), (2, 120)
_DC = "{http://purl.org/dc/elements/1.1/}"
_MOST_CHARS = 2000
_MOST_XMP_BYTES = 1 << 20


def picture_properties(data: bytes) -> dict[str, Any]:
    """Title, description, authors, camera and when it was taken, as far as the file tells.

    `created_at`: ISO 8601 in UTC where the file tells the zone of its camera's clock, else as that had it.
    """
    try:
        from PIL import Image
    except ImportError:
        # It comes with the extra ragsvc[ocr]; an installed Tesseract reads without it.
        return {}
    found: dict[str, list[str]] = {}
    # Torn tags raise anything; they cost neither the text nor what was told before.
    with suppress(Exception), warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
        warnings.simplefilter("ignore")
        for name, words in _told(image):
            if words := " ".join(words.replace("\0", " ").split())[:_MOST_CHARS]:
                found.setdefault(name, []).append(words)
    return {name: [words[0]] if name == "authors" else words[0] for name, words in found.items()}


def _told(image: Any) -> Iterator[tuple[str, str]]:
    """Names and words, the better source of a name first."""
    yield from _xmp(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b"")
    tags = image.getexif()
    inner = tags.get_ifd(_EXIF_FOLDER)
    yield "title", _utf16(tags.get(_XP_TITLE))
    yield "description", str(tags.get(_DESCRIPTION) or "")
    yield "description", _utf16(tags.get(_XP_COMMENT))
    yield "authors", str(tags.get(_ARTIST) or "")
    make, model = (str(tags.get(tag) or "").strip("\0 ") for tag in (_MAKE, _MODEL))
    yield "camera", model if model.startswith(make) else f"{make} {model}"
    yield "created_at", _moment(str(inner.get(_TAKEN) or tags.get(_DATE) or ""), inner.get(_TAKEN_ZONE))
    yield from _iptc(image)
    for name in ("Title", "Description", "Author"):
        if isinstance(said := image.info.get(name), str):
            yield {"Author": "authors"}.get(name, name.lower()), said


def _utf16(raw: Any) -> str:
    if isinstance(raw, tuple):
        raw = bytes(raw)
    return raw.decode("utf-16-le", errors="ignore") if isinstance(raw, bytes) else ""


def _moment(told: str, zone: Any) -> str:
    try:
        moment = dt.datetime.strptime(told.strip("\0 "), "%Y:%m:%d %H:%M:%S")
        offset = dt.datetime.strptime(str(zone).strip("\0 "), "%z").tzinfo if zone else None
    except ValueError:
        return ""
    if offset is None:
        return moment.isoformat()
    return moment.replace(tzinfo=offset).astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _iptc(image: Any) -> Iterator[tuple[str, str]]:
    from PIL import IptcImagePlugin

    fields: Mapping[Any, Any] = IptcImagePlugin.getiptcinfo(image) or {}
    for name, key in (("title", _IPTC_TITLE), ("description", _IPTC_CAPTION)):
        if isinstance(raw := fields.get(key), bytes):
            yield name, raw.decode("utf-8", errors="replace")


def _xmp(raw: bytes | str) -> Iterator[tuple[str, str]]:
    data = raw.encode() if isinstance(raw, str) else raw
    if not data or len(data) > _MOST_XMP_BYTES:
        return
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    tree = etree.fromstring(data.strip(b"\0 \n"), parser)
    for name, tag in (("title", "title"), ("description", "description"), ("authors", "creator")):
        for element in [] if tree is None else tree.iter(f"{_DC}{tag}"):
            yield name, " ".join("".join(element.itertext()).split())
