"""The one place that talks to kreuzberg. Code and data files never come here: it would fetch grammars."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import kreuzberg

from ragsvc.domain import Caveat, ParsedDocument
from ragsvc.errors import (
    BrokenDocument,
    DocumentError,
    DocumentTooLarge,
    EncryptedDocument,
    NoText,
    ParserOutOfMemory,
    UnsupportedType,
)
from ragsvc.text.file_types import (
    HTML,
    MAIL,
    SHEET_MIMES,
    WORD_MIMES,
    ZIP_MAGIC,
    FileReader,
    FileType,
    kind_of,
)
from ragsvc.text.html import HtmlPage, prepare_html
from ragsvc.text.kept_words import compare, fill_in, lost_caveats
from ragsvc.text.limits import ParseLimits
from ragsvc.text.markdown import first_heading, visible
from ragsvc.text.normalisation import normalise, normalise_placed, to_json
from ragsvc.text.ocr import find_tessdata
from ragsvc.text.placed_text import PlacedText
from ragsvc.text.readers.attachments import Attachments, ReadInner
from ragsvc.text.readers.mail import iso_date, read_mail
from ragsvc.text.readers.pdf import complete_pages, read_pages
from ragsvc.text.readers.picture_properties import picture_properties
from ragsvc.text.readers.slides import read_slides
from ragsvc.text.readers.word import complete_word
from ragsvc.text.readers.word import look_into as look_into_word
from ragsvc.text.scans import Sight, read_media, read_picture, read_scans

if TYPE_CHECKING:
    from ragsvc.text.readers.spreadsheet import Workbook

_PAGE_GAP = "\n\n"
_SLIDE_MARK = "ragsvc7slide{page_num}mark"
_SLIDE_PATTERN = re.compile(r"ragsvc7slide\d+mark")
_RULE = re.compile(r"(?:^|\n)-{3,}[ \t]*(?=\n|$)")
# What is left of a table whose last line was cut apart.
_EMPTY_ROW = re.compile(r"^[|][ |]*$\n?", re.MULTILINE)
_KEPT_PROPERTIES = (
    "authors", "subject", "keywords", "camera", "language", "created_at", "modified_at", "description",
    "from_email", "to_emails", "cc_emails", "message_id", "attachments", "sheet_names",
)  # fmt: skip
# What programs write into the title when nobody did; a file name must never become a title.
_NO_TITLE = re.compile(
    r"(untitled.*|title|document\d*|presentation\d*|(slide|sheet|tabelle|feuil)\s?\d+"
    r"|microsoft word\s*-.*|(powerpoint|slide) .*presentation|.*\.\w{2,5})",
    re.IGNORECASE,
)
_ERRORS: tuple[tuple[str, type[DocumentError], str], ...] = (
    (r"password|encrypt|protected", EncryptedDocument, "Save a copy without a password."),
    (
        r"zip bomb|too large|exceeds? .*(limit|maximum)|limit exceeded|size limit",
        DocumentTooLarge,
        "Split it.",
    ),
    (
        r"memory allocation|out of memory|cannot allocate|failed to map",
        ParserOutOfMemory,
        "Raise the memory limit or split it.",
    ),
    (r"unsupported|could not determine mime|no extractor", UnsupportedType, "Convert it to PDF or text."),
)


def extract(data: bytes, kind: FileType, name: str, read: ReadInner, limits: ParseLimits) -> ParsedDocument:
    """Let kreuzberg read the bytes of a document; what it leaves out, readers of our own fill in.

    :param read: how a document inside it is read.
    :raises DocumentError: whatever goes wrong inside it, with the reason in words.
    """
    caveats: list[Caveat] = []
    sight = Sight(limits, len(data))
    if kind.reader is FileReader.IMAGE and not sight.by_kreuzberg:
        texts, told = read_picture(data, name, sight)
        placed, pages = _join(texts)
        placed, pages = normalise_placed(placed, pages if len(texts) > 1 else ())
        told_of = picture_properties(data)
        return ParsedDocument(
            title=_find_title(told_of, placed.text, kind),
            text=placed.text,
            media_type=kind.media_type,
            pages=pages,
            metadata=_keep_properties(told_of),
            warnings=told,
            places=placed.places,
        )
    if kind == MAIL:
        return read_mail(data, name, read, partial(_html_as_text, name=name))
    page: HtmlPage | None = None
    properties: dict[str, Any] = {}
    if kind.reader is FileReader.HTML:
        page = prepare_html(data, name, limits.encoding)
        data, properties = page.data, page.properties
        caveats += page.warnings
    workbook = _read_workbook(data, caveats) if kind.mime in SHEET_MIMES else None
    placed, pages = PlacedText(""), tuple[int, ...]()
    if workbook is not None:
        properties = workbook.properties
        caveats += workbook.warnings
        (text,) = _with_media(data, [workbook.text], sight, caveats)
        placed = PlacedText(text)
    else:
        placed, pages, found = _read(data, kind, name, caveats, sight)
        properties = {**found, **properties}
        if kind.reader is FileReader.IMAGE:
            properties |= picture_properties(data)
    if page and lost_caveats(compare(placed.text, page.paragraphs)):
        text, more = fill_in(placed.text, page.paragraphs)
        placed = PlacedText(text)
        caveats += more
    placed, pages = normalise_placed(placed, pages)
    attachments = Attachments(read)
    if kind.reader is FileReader.MAIL:
        _add_attachments(data, attachments)
        sent = str(properties.get("created_at") or "")
        properties["created_at"] = iso_date(sent) or sent
    return ParsedDocument(
        title=_find_title(properties, placed.text, kind),
        text=placed.text,
        media_type=kind.media_type,
        pages=pages,
        metadata=_keep_properties(properties),
        warnings=(*caveats, *attachments.caveats()),
        parts=tuple(attachments.parts),
        places=placed.places,
    )


def _read(
    data: bytes, kind: FileType, name: str, caveats: list[Caveat], sight: Sight
) -> tuple[PlacedText, tuple[int, ...], dict[str, Any]]:
    """Text, page starts and properties by kreuzberg, with what second readers fill in.

    :param caveats: gets what could not be read.
    """
    deck = read_slides(data) if kind.reader is FileReader.SLIDES and data.startswith(ZIP_MAGIC) else None
    if deck:
        if deck.hidden:
            numbers = ", ".join(map(str, deck.hidden))
            caveats.append(Caveat("hidden_text", f"hidden slides read: {numbers}"))
        return *_join_slides(_with_media(data, deck.texts, sight, caveats)), deck.properties
    word = look_into_word(data) if kind.mime in WORD_MIMES else None
    result = _run(word.data if word else data, kind, name, ocr=sight.by_kreuzberg)
    content = str(result.content)
    placed, pages = PlacedText(content), tuple[int, ...]()
    if kind.reader is FileReader.PDF:
        plain = read_pages(data)
        read, more = complete_pages(_pages_of(content, result), plain)
        filled = list(map(PlacedText, read))
        if sight.by_rapidocr and len(read) == len(plain):
            filled, more = read_scans(data, read, plain, more, sight)
        caveats += more
        placed, pages = _join(filled)
    elif kind.reader is FileReader.SLIDES:
        placed, pages = _join_slides(_with_media(data, _split_slides(content), sight, caveats))
    elif kind.media_type == "text/markdown":
        placed = PlacedText(visible(content))
    if word:
        text, more = complete_word(placed.text, word)
        caveats += more
        (text,) = _with_media(data, [text], sight, caveats)
        placed = PlacedText(text)
    return placed, pages, dict(result.metadata or {})


def _with_media(data: bytes, pages: Sequence[str], sight: Sight, caveats: list[Caveat]) -> list[str]:
    """Pages of an Office file with the text in its pictures.

    :param caveats: gets what was read how surely, and what was not.
    """

    def by_parser(picture: bytes, name: str) -> str:
        kind = kind_of(name, picture[:16])
        return str(_run(picture, kind, name, ocr=True).content) if kind else ""

    read, more = read_media(data, pages, sight, by_parser)
    caveats += more
    return read


def _read_workbook(data: bytes, caveats: list[Caveat]) -> Workbook | None:
    """What the second reader makes of a workbook; None where it cannot, which is said."""
    from ragsvc.text.readers.spreadsheet import SheetTooLarge, read_workbook

    try:
        return read_workbook(data)
    except SheetTooLarge as error:
        reason = str(error)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - it raises anything for a file it does not understand
        reason = f"{type(error).__name__}: {error}"
    words = f"dates, times and percentages are numbers as they are stored, without comments ({reason})"
    caveats.append(Caveat("cells_as_stored", words))
    return None


def _add_attachments(data: bytes, attachments: Attachments) -> None:
    from ragsvc.text.readers.outlook import add_attachments

    try:
        add_attachments(data, attachments)
    except (OSError, ValueError) as error:
        attachments.unread.append(f"whatever is attached ({error})")


def _html_as_text(data: bytes, name: str) -> str:
    """The body of a mail."""
    try:
        return str(_run(prepare_html(data, name).data, replace(HTML, reader=FileReader.MAIL), name).content)
    except BrokenDocument:
        return ""


def _run(data: bytes, kind: FileType, name: str, *, ocr: bool = False) -> Any:
    config = _configure(kind.reader, ocr)
    try:
        return kreuzberg.extract_bytes_sync(data, kind.mime, config=config)
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except MemoryError as error:
        raise ParserOutOfMemory(f"{name} needs more memory than the limit", hint="Split it.") from error
    except BaseException as error:  # a panic in its Rust core is not an Exception
        raise _translate(error, name) from error


@cache
def _configure(reader: FileReader, ocr: bool) -> Any:
    options: dict[str, Any] = {
        "use_cache": False,
        # It rewrites white space, which would move page boundaries.
        "enable_quality_processing": False,
        "output_format": "plain"
        if reader in (FileReader.PDF, FileReader.MAIL, FileReader.IMAGE)
        else "markdown",
        "concurrency": kreuzberg.ConcurrencyConfig(max_threads=1),
    }
    if reader is FileReader.PDF:
        options["pages"] = kreuzberg.PageConfig(extract_pages=True)
    elif reader is FileReader.SLIDES:
        options["pages"] = kreuzberg.PageConfig(insert_page_markers=True, marker_format=_SLIDE_MARK)
    tessdata = find_tessdata()
    if ocr and tessdata and reader in (FileReader.PDF, FileReader.IMAGE):
        # The bundled Tesseract looks for its languages only where this variable points.
        os.environ.setdefault("TESSDATA_PREFIX", tessdata[0])
        options["ocr"] = kreuzberg.OcrConfig(backend="tesseract", language=tessdata[1])
    config = kreuzberg.ExtractionConfig(**options)
    # Two settings that the constructor does not know: pictures attached to a mail are not read, and
    # what is packed inside a document is not unpacked.
    config.disable_ocr = "ocr" not in options
    config.max_archive_depth = 0
    return config


def _translate(error: BaseException, name: str) -> DocumentError:
    words = " ".join(str(error).split()) or type(error).__name__
    words = re.sub(r"^(\w+Error: )+", "", words)[:300]
    if type(error).__name__ == "OCRError":
        return NoText(f"{name}: reading its pictures failed: {words}")
    for pattern, kind, hint in _ERRORS:
        if re.search(pattern, words, re.IGNORECASE):
            return kind(f"{name}: {words}", hint=hint)
    return BrokenDocument(f"{name} is damaged: {words}", hint="Open it and save it again.")


def _pages_of(content: str, result: Any) -> list[str]:
    # The pages' own texts: `content` leaves out repeated lines, adds every table a second time, and
    # its boundaries are byte offsets that do not follow either.
    pages = [str(page["content"]) for page in result.pages or []]
    return pages if any(page.strip() for page in pages) or not content.strip() else [content]


def _split_slides(content: str) -> list[str]:
    slides = [slide.strip() for slide in _SLIDE_PATTERN.split(content)]
    if len(slides) > 1 and not slides[0]:
        slides = slides[1:]
    return [_EMPTY_ROW.sub("", visible(_RULE.sub("\n", slide))).strip("\n") for slide in slides]


def _join_slides(slides: Sequence[str]) -> tuple[PlacedText, tuple[int, ...]]:
    joined, starts = _join(list(map(PlacedText, slides)))
    return joined, starts if len(slides) > 1 else ()


def _join(pages: Sequence[PlacedText]) -> tuple[PlacedText, tuple[int, ...]]:
    """Pages or slides as one text, and where each begins."""
    if not any(page.text.strip() for page in pages):
        return PlacedText(""), ()
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        at += len(page.text) + len(_PAGE_GAP)
    return PlacedText.joined(pages, _PAGE_GAP), tuple(starts)


def _find_title(properties: dict[str, Any], text: str, kind: FileType) -> str:
    named = properties.get("subject" if kind.reader is FileReader.MAIL else "title")
    if isinstance(named, str) and named.strip():
        title = " ".join(normalise(named)[0].split())[:300]
        if kind.reader in (FileReader.MAIL, FileReader.HTML) or not _NO_TITLE.fullmatch(title):
            return title
    heading = first_heading(text) if kind.media_type == "text/markdown" else ""
    return "" if _NO_TITLE.fullmatch(heading) else heading


def _keep_properties(properties: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key in _KEPT_PROPERTIES:
        value = properties.get(key)
        if value in (None, "", [], {}):
            continue
        try:
            kept[key] = to_json(value)
        except ValueError:
            continue  # thousands of keywords or attachments: not worth a document
    return kept
