"""Files that no honest program makes: nests, pumps and bombs, inside of every format that is read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from ragsvc.text import file_types

XML = b'<?xml version="1.0" encoding="UTF-8"?>'
_OFFICE = b"http://schemas.openxmlformats.org/"
_RELATIONS = (
    XML + b'<Relationships xmlns="' + _OFFICE + b'package/2006/relationships"><Relationship Id="r1" Type="'
    b'%s" Target="%s"/></Relationships>'
)


@dataclass(frozen=True)
class Hostile:
    """A file by its name and bytes."""

    name: str
    data: bytes

    def __repr__(self) -> str:
        shown = self.data if len(self.data) <= 120 else self.data[:80] + b"..." + self.data[-40:]
        return f"Hostile({self.name}, {len(self.data)} bytes, {shown!r})"


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in parts.items():
            container.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _types(part: str, kind: str) -> bytes:
    return (
        XML
        + (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
            'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}'
            '.main+xml"/></Types>'
        ).encode()
    )


def _office(part: str, kind: str, main: bytes, more: dict[str, bytes] | None = None) -> bytes:
    relation = _OFFICE + b"officeDocument/2006/relationships/officeDocument"
    parts = {"[Content_Types].xml": _types(part, kind), "_rels/.rels": _RELATIONS % (relation, part.encode())}
    return _zip(parts | {part: main} | (more or {}))


def docx(body: bytes) -> bytes:
    w = b'<w:document xmlns:w="' + _OFFICE + b'wordprocessingml/2006/main"><w:body>'
    return _office(
        "word/document.xml", "wordprocessingml.document", XML + w + body + b"</w:body></w:document>"
    )


def xlsx(rows: bytes) -> bytes:
    main = b'xmlns="' + _OFFICE + b'spreadsheetml/2006/main"'
    r = b'xmlns:r="' + _OFFICE + b'officeDocument/2006/relationships"'
    book = XML + b"<workbook %s %s><sheets><sheet name='S' sheetId='1' r:id='r1'/></sheets></workbook>" % (
        main,
        r,
    )
    sheet = XML + b"<worksheet %s><sheetData>%s</sheetData></worksheet>" % (main, rows)
    relation = _RELATIONS % (
        _OFFICE + b"officeDocument/2006/relationships/worksheet",
        b"worksheets/sheet1.xml",
    )
    more = {"xl/worksheets/sheet1.xml": sheet, "xl/_rels/workbook.xml.rels": relation}
    return _office("xl/workbook.xml", "spreadsheetml.sheet", book, more)


def odt(body: bytes) -> bytes:
    content = (
        b'<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        b'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
        + body
        + b"</office:text></office:body></office:document-content>"
    )
    return _zip({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": XML + content})


def epub(body: bytes) -> bytes:
    container = (
        b'<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        b"<rootfile "
        b'full-path="o.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    package = (
        b'<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><manifest><item id="a" '
        b'href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine>'
        b"</package>"
    )
    page = b'<html xmlns="http://www.w3.org/1999/xhtml"><body>' + body + b"</body></html>"
    return _zip(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": XML + container,
            "o.opf": XML + package,
            "a.xhtml": XML + page,
        }
    )


def pdf(content: bytes) -> bytes:
    """One page whose forms call each other and whose content is `content`."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R"
        b"/Resources<</XObject<</A 5 0 R/B 6 0 R>>>>>>",
    ]
    streams = [content, b"/B Do /B Do", b"/A Do /A Do"]
    for number, stream in enumerate(streams):
        form = (
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 5 0 R/B 6 0 R>>>>"
            if number
            else b""
        )
        objects.append(b"<<%s/Length %d>>stream\n%s\nendstream" % (form, len(stream), stream))
    out = b"%PDF-1.7\n"
    for number, item in enumerate(objects, start=1):
        out += b"%d 0 obj%s\nendobj\n" % (number, item)
    return out + b"trailer<</Root 1 0 R/Size %d>>\n%%%%EOF" % (len(objects) + 1)


def eml(body: bytes) -> bytes:
    return b"From: a@b.c\nSubject: s\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n" + body


def multipart(body: bytes, depth: int = 200) -> bytes:
    head = b"From: a@b.c\nSubject: s\nMIME-Version: 1.0\n"
    for number in range(depth):
        head += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (number, number)
    return head + b"Content-Type: text/plain\n\n" + body


def notebook(body: bytes) -> bytes:
    cell = {"cell_type": "markdown", "metadata": {}, "source": [body.decode("utf-8", "replace")]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def front_matter(body: bytes) -> bytes:
    return b"---\na: " + body + b"\n---\npenguin\n"


def line(body: bytes) -> bytes:
    return b'{"id": "1", "text": "fine"}\n{"id": "2", "text": "x", "metadata": {"a": ' + body + b"}}\n"


def as_is(body: bytes) -> bytes:
    return body


BUILDERS: dict[str, tuple[Callable[[bytes], bytes], ...]] = {
    "docx": (docx, lambda body: docx(b"<w:p><w:r><w:t>" + body + b"</w:t></w:r></w:p>"), as_is),
    "xlsx": (xlsx, lambda body: xlsx(b'<row r="1"><c r="A1" t="str"><v>' + body + b"</v></c></row>")),
    "odt": (odt, lambda body: odt(b"<text:p>" + body + b"</text:p>")),
    "epub": (epub,),
    "pdf": (pdf, lambda body: pdf(b"/A Do " + body)),
    "eml": (eml, multipart, as_is),
    "ipynb": (notebook, as_is),
    "md": (front_matter, as_is, lambda body: b"# " + body + b"x\n", lambda body: b"- a\n\n| " + body),
    "jsonl": (line, as_is, lambda body: b'{"text": "' + body + b'"}'),
    "html": (as_is, lambda body: b"<html><head><title>" + body, lambda body: b"<p>a</p>" + body + b"penguin"),
    "rtf": (lambda body: b"{\\rtf1 " + body + b"}",),
    "csv": (as_is, lambda body: b"a,b\n" + body + b"\nc,d"),
}
EXTENSIONS = sorted({*file_types._BY_EXTENSION, *BUILDERS, "zip", "svg", "xyz", ""})
HEADS = [
    b"",
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    file_types.OLE_MAGIC,
    b"{\\rtf1 ",
    b"<html>",
    b"\xff\xfe",
    b"\x89PNG\r\n\x1a\n",
]
PARTS = [
    *(
        b" ",
        b"\t",
        b"\n",
        b"[",
        b"{",
        b"(",
        b"![",
        b"](",
        b"`",
        b"```",
        b"*",
        b"_",
        b"\\",
        b"|",
        b"| a ",
        b"# ",
        b"=",
        b">",
    ),
    *(
        b"- ",
        b"? ",
        b"&a [",
        b"*a, ",
        b"<div>",
        b"<ul><li>",
        b"<table><tr><td>",
        b"<title>",
        b"<html lang ",
        b"<!--",
        b"<![CDATA[",
    ),
    *(
        b"<a ",
        b'"',
        b"'",
        b"&amp;",
        b"&#x1;",
        b"<w:p/>",
        b"<w:tbl><w:tr><w:tc>",
        b"<text:p>",
        b"<c/>",
        b"{\\b ",
        b"\\u8364?",
    ),
    *(
        b"[[],",
        b"[],",
        b'{"a":',
        b"1,",
        b"1:",
        b"a,",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        "é".encode(),
        "字".encode(),
    ),
    *(
        b"\xe2\x80\x8b",
        b"\xcc\x81",
        b"word ",
        b"Sentence ends. ",
        b"a@b.c ",
        b"--b0\n",
        b"=?utf-8?q?a?= ",
        b"\x0c",
        b"/A Do ",
        b"q ",
    ),
]
TIMES = [1, 2, 40, 1000, 12_000, 60_000]
MOST_BYTES = 240_000

pumps = st.builds(
    lambda part, times: part * min(times, MOST_BYTES // len(part)),
    st.sampled_from(PARTS),
    st.sampled_from(TIMES),
)
bodies = st.lists(st.one_of(pumps, pumps, st.binary(max_size=60)), min_size=1, max_size=4).map(b"".join)


@st.composite
def hostile(draw: st.DrawFn) -> Hostile:
    """Any bytes under any name; half of them inside of a sound shell."""
    body = draw(bodies)
    if draw(st.booleans()):
        extension = draw(st.sampled_from(sorted(BUILDERS)))
        data = draw(st.sampled_from(BUILDERS[extension]))(body)
        cut = draw(st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.98]))
        data = data[: int(len(data) * cut)]
    else:
        extension = draw(st.sampled_from(EXTENSIONS))
        data = draw(st.sampled_from(HEADS)) + body
    return Hostile(f"bad.{extension}" if extension else "bad", data)


def _merges(levels: int) -> bytes:
    lines = ["---", "a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, levels + 1)]
    return "\n".join([*lines, "---", "penguin"]).encode()


# Each once cost the whole ingest, or all the time that a file is given.
KNOWN = {
    "nested_front_matter": Hostile("bad.md", front_matter(b"[" * 30_000)),
    "nested_front_matter_rows": Hostile("bad.md", b"---\na:\n " + b"- " * 30_000 + b"\n---\npenguin"),
    "nested_front_matter_keys": Hostile("bad.md", b"---\na:\n " + b"? " * 30_000 + b"\n---\npenguin"),
    "merged_front_matter": Hostile("bad.md", _merges(11)),
    "blanks_in_a_heading": Hostile("bad.md", b"# a" + b" " * 200_000 + b"x"),
    "images_in_a_heading": Hostile("bad.md", b"# " + b"![" * 100_000),
    "links_in_a_heading": Hostile("bad.md", b"# " + b"[" * 200_000),
    "quotes_in_a_list": Hostile("bad.md", b"- " * 50_000 + b"x"),
    "nested_quotes": Hostile("bad.md", b">" * 50_000 + b" x"),
    "backticks": Hostile("bad.md", b"".join(b"`" * n + b" " for n in range(1, 600))),
    "bars": Hostile("bad.md", b"|" * 200_000 + b"\n|---|\n"),
    "objects_in_a_line": Hostile("bad.jsonl", line(b"[" + b"[]," * 3_000_000 + b"[]]")),
    "titles": Hostile("bad.html", b"<title>" * 28_000),
    "languages": Hostile("bad.html", b"<html lang " * 18_000),
    "metas": Hostile("bad.html", b"<meta name=author " * 12_000),
    "divs": Hostile("bad.html", b"<p>first</p>" + b"<div>" * 20_000 + b"penguin"),
    "empty_paragraphs": Hostile("bad.docx", docx(b"<w:p/>" * 700_000)),
    "empty_paragraphs_of_a_book": Hostile("bad.epub", epub(b"<p></p>" * 400_000)),
    "forms_that_call_each_other": Hostile("bad.pdf", pdf(b"/A Do")),
    "a_far_cell": Hostile("bad.xlsx", xlsx(b'<row r="100000"><c r="SZ100000"><v>1</v></c></row>')),
    "a_million_columns": Hostile("bad.csv", b"a," * 1_000_000 + b"\n" + b"b," * 1_000_000),
    "a_million_quotes": Hostile("bad.csv", b'"' * 1_000_001),
    "one_word": Hostile("bad.txt", b"x" * 2_000_000),
    "combining_marks": Hostile("bad.txt", "a\u0301".encode() * 300_000),
}
