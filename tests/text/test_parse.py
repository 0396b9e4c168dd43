"""One file to text: what is stored is what a reader of the file would see."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from ragsvc.domain import ParsedDocument
from ragsvc.errors import (
    BrokenDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    NoText,
    ParserOutOfMemory,
    UnreadableFile,
    UnsupportedType,
)
from ragsvc.text import kreuzberg_reader
from ragsvc.text.file_parser import PARSER_VERSION, parse_file
from ragsvc.text.file_types import PDF
from ragsvc.text.limits import MIB, ParseLimits
from ragsvc.text.ocr import describe_ocr

LIMITS = ParseLimits()


def parse(folder: Path, name: str, data: bytes | str, limits: ParseLimits = LIMITS) -> ParsedDocument:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return parse_file(str(path), limits)


def make_pdf(pages: list[str], title: str = "") -> bytes:
    """A small PDF, written by hand so that its pages are known."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for page in pages:
        stream = b"BT /F1 12 Tf 50 700 Td (" + page.encode("latin-1") + b") Tj ET"
        objects.append(b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream))
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), b" ".join(kids))
    objects.append(b"<</Title(" + title.encode() + b")>>")
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer<</Size %d/Root 1 0 R/Info %d 0 R>>" % (len(objects) + 1, len(objects))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%b%b\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1, table, trailer, len(out),
    )  # fmt: skip


def make_zip(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in parts.items():
            container.writestr(name, data)
    return buffer.getvalue()


def make_docx(body: str) -> bytes:
    types = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    document = f'<?xml version="1.0"?><w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>'
    return make_zip({"[Content_Types].xml": types.encode(), "word/document.xml": document.encode()})


DOCX = make_docx(
    '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Head</w:t></w:r></w:p>'
    "<w:p><w:r><w:t>Is 2*3 = 6! and a_b?</w:t></w:r></w:p>"
)


def test_text_is_stored_as_it_stands_in_the_file(tmp_path: Path) -> None:
    body = "# Größe\r\n\r\n* a_b \\! [l](u)\r\n"
    parsed = parse(tmp_path, "x.md", "\ufeff---\ntitle: T  t\ntags: [a]\n---\n" + body)
    assert parsed == ParsedDocument(
        title="T t",
        text=body.replace("\r\n", "\n"),
        media_type="text/markdown",
        pages=(),
        metadata={"title": "T  t", "tags": ["a"]},
    )
    assert parse(tmp_path, "x.md", body).title == "Größe"
    code = parse(tmp_path, "x.py", "# no title\nx = '''---\n'''\n")
    assert (code.title, code.media_type) == ("", "text/x-python")
    assert parse(tmp_path, "x.yaml", "---\na: 1\n---\nb: 2\n").text == "---\na: 1\n---\nb: 2\n"
    assert parse(tmp_path, "LICENSE", "words\n").media_type == "text/plain"


def test_pdf_pages_start_where_their_text_starts(tmp_path: Path) -> None:
    pages = ["First \xfcber page", "", "Third page", "Same line", "Same line"]
    parsed = parse(tmp_path, "x.pdf", make_pdf(pages, "A title"))
    assert parsed.title == "A title" and len(parsed.pages) == 5 and parsed.pages[0] == 0
    ends = [*parsed.pages[1:], len(parsed.text)]
    assert [parsed.text[a:b].strip() for a, b in zip(parsed.pages, ends, strict=True)] == pages


@pytest.mark.parametrize("title", ["Untitled", "Microsoft Word - x.doc", "report.pdf", "Slide 1"])
def test_titles_that_a_program_made_up_are_no_titles(tmp_path: Path, title: str) -> None:
    assert parse(tmp_path, "named.pdf", make_pdf(["words"], title)).title == ""


def test_office_text_has_headings_and_no_escapes(tmp_path: Path) -> None:
    parsed = parse(tmp_path, "x.docx", DOCX)
    assert (parsed.title, parsed.text.strip("#\n ")) == ("Head", "Head\n\nIs 2*3 = 6! and a_b?")
    assert parsed.text.startswith("#") and parsed.media_type == "text/markdown"
    assert parse(tmp_path, "really-docx.doc", DOCX).text == parsed.text


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_html_is_what_a_browser_shows(tmp_path: Path, encoding: str) -> None:
    page = (
        f'<html lang="de"><head><meta charset="{encoding}">'
        "<title>Caf\xe9 &amp; mehr</title>"
        '<meta name="author" content="A. B."></head>'
        '<body><h1>Gr\xfc\xdfe</h1><p>Ein <a href="u">Link</a>.</p>'
        "<script>alert(1)</script></body></html>"
    )
    parsed = parse(tmp_path, "x.html", page.encode(encoding))
    assert (parsed.title, parsed.text.strip()) == ("Café & mehr", "# Grüße\n\nEin Link.")
    assert parsed.metadata == {"language": "de", "authors": ["A. B."]}


def test_mail_keeps_its_headers(tmp_path: Path) -> None:
    mail = "Subject: Hi there\nFrom: Ann <a@x.org>\nTo: b@x.org\n\nThe body.\n"
    parsed = parse(tmp_path, "x.eml", mail)
    assert parsed.title == "Hi there" and "The body." in parsed.text and "a@x.org" in parsed.text
    assert parsed.metadata["to_emails"] == ["b@x.org"]


BOMB = make_zip({"word/document.xml": b" " * (80 * MIB)})
ODF_ENCRYPTED = make_zip({"mimetype": b"x", "META-INF/manifest.xml": b"<manifest:encryption-data/>"})
OLE_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("bomb.docx", BOMB, DocumentTooLarge),
        ("bomb.epub", BOMB, DocumentTooLarge),
        ("locked.odt", ODF_ENCRYPTED, EncryptedDocument),
        ("locked.docx", OLE_ENCRYPTED, EncryptedDocument),
        ("pgp.eml", b"Subject: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n", EncryptedDocument),
        ("broken.docx", b"PK\x03\x04 torn", BrokenDocument),
        ("broken.pdf", b"%PDF-1.4 torn", BrokenDocument),
        ("noise.txt", bytes(range(256)) * 9, BrokenDocument),
        ("blank.txt", b" \n\t\n", EmptyDocument),
        ("only-front.md", b"---\na: 1\n---\n\n", EmptyDocument),
        ("blank.pdf", make_pdf([""]), NoText),
        ("x.exe", b"MZ", UnsupportedType),
        ("unknown", b"\x00\x01", UnsupportedType),
    ],
)
def test_what_cannot_be_read_says_why(
    tmp_path: Path, name: str, data: bytes, error: type[DocumentError]
) -> None:
    with pytest.raises(error, match=name):
        parse(tmp_path, name, data)


@pytest.mark.skipif(describe_ocr() != "none", reason="something reads pictures here")
def test_pictures_need_a_reader(tmp_path: Path) -> None:
    with pytest.raises(NoText) as caught:
        parse(tmp_path, "x.png", b"\x89PNG")
    assert "Tesseract" in caught.value.hint
    assert "ocr-none" in PARSER_VERSION


def test_limits_and_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(DocumentTooLarge):
        parse(tmp_path, "x.txt", "abcdef", ParseLimits(max_file_bytes=5))
    with pytest.raises(DocumentTooLarge):
        parse(tmp_path, "x.txt", "abcdef", ParseLimits(max_text_chars=5))
    for path in (tmp_path / "gone.txt", tmp_path, Path("/dev/null")):
        with pytest.raises(UnreadableFile):
            parse_file(str(path), LIMITS)


class Panic(BaseException):
    """What pyo3 raises when Rust panics."""


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (Panic("index out of bounds"), BrokenDocument),
        (RuntimeError("Document is encrypted"), EncryptedDocument),
        (RuntimeError("Security limit exceeded: zip bomb"), DocumentTooLarge),
        (MemoryError(), ParserOutOfMemory),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(), SystemExit),
    ],
)
def test_errors_of_the_parser_are_translated(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, seen: type[BaseException]
) -> None:
    def explode(*args: object, **options: object) -> None:
        raise raised

    monkeypatch.setattr(kreuzberg_reader.kreuzberg, "extract_bytes_sync", explode)
    with pytest.raises(seen) as caught:
        kreuzberg_reader.extract(b"%PDF-", PDF, "x.pdf", lambda data, name: parse_file(name, LIMITS), LIMITS)
    assert caught.value is raised or caught.value.__cause__ is raised


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le café du port ouvre à six heures et ferme à midi.", "latin-1"),
        ("À midi, l'élève très doué de Noël", "cp1252"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy. Dnes je hezky a všichni jsou šťastní.", "cp1250"),
        ("Съешь же ещё этих мягких французских булок, да выпей чаю.", "cp1251"),
    ],
)
def test_short_texts_of_old_code_pages_keep_their_letters(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes(text.encode(encoding))
    assert parse_file(str(path), ParseLimits()).text == text
