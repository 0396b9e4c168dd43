"""Office files: what stands on the page is read, what nobody sees is not, and the rest is said."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.comments import Comment
from test_parse import make_zip, parse

from ragsvc.domain import ParsedDocument
from ragsvc.text.readers.number_format import shown_value

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (92, "00000", "00092 (92)"),
        (0.075, "0.0%", "7.5 %"),
        (0.2, "0.00%", "20 %"),
        (1234.5, "#,##0.00", "1,234.50"),
        (1234.5, '#,##0.00 "EUR"', "1,234.50 EUR"),
        (1234.5, "[$£-809]#,##0.00", "£1,234.50"),
        (-5, "#,##0;[Red](#,##0)", "(5)"),
        (-5.25, "0.0", "-5.3"),
        (0, '0;-0;"none"', "none"),
        (2_500_000, '0.0,," m"', "2.5 m"),
        (3, "0.##", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (1e21, "General", "1e+21"),
        (7, "# ?/?", "7"),
        (True, "General", "true"),
        ("007", "@", "007"),
        (dt.time(9, 5), "h:mm", "09:05"),
        (dt.time(9, 5, 7), "h:mm:ss", "09:05:07"),
        (dt.timedelta(hours=49, minutes=3), "[h]:mm", "49:03"),
        (dt.timedelta(seconds=-90), "[m]:ss", "-0:01:30"),
        (dt.datetime(2033, 5, 6), "dd.mm.yyyy", "2033-05-06"),
        (dt.datetime(2033, 5, 6, 7, 8), "dd.mm.yyyy hh:mm", "2033-05-06 07:08"),
        (dt.datetime(2033, 5, 6), "mmm yy", "2033-05"),
        (dt.datetime(2033, 5, 6), "yyyy", "2033"),
        (dt.datetime(2033, 5, 6), 'd" of "mmmm', "2033-05-06"),
    ],
)
def test_a_cell_says_what_the_sheet_shows(value: object, code: str, shown: str) -> None:
    assert shown_value(value, code) == shown


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)), st.text(max_size=12))
def test_no_number_format_fails(value: float, code: str) -> None:
    assert isinstance(shown_value(value, code), str)


def sheet(folder: Path, fill: object) -> ParsedDocument:
    book = openpyxl.Workbook()
    fill(book)  # type: ignore[operator]
    buffer = io.BytesIO()
    book.save(buffer)
    return parse(folder, "x.xlsx", buffer.getvalue())


def test_rows_of_a_sheet_stand_under_the_names_of_their_columns(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        page = book.active
        page.title = "Trips"
        for row in (
            ["Trips of the spring term"],
            ["Guide", "Trip", None, "Fee"],
            [None, "Day", "Start", None],
            ["Noor", dt.date(2033, 5, 6), dt.time(7, 30), 12],
            [None, dt.date(2033, 5, 7), dt.time(8, 0), 9.5],
            ["Abel", dt.date(2033, 6, 1), dt.time(9, 15), 20],
        ):
            page.append(row)
        for merged in ("A1:D1", "A2:A3", "B2:C2", "D2:D3", "A4:A5"):
            page.merge_cells(merged)
        for row in (4, 5, 6):
            page.cell(row, 3).number_format = "hh:mm"
            page.cell(row, 4).number_format = '0.00 "crowns"'
        page["D6"].comment = Comment("paid by\nthe school", "Noor")
        page["A9"], page["B9"], page["A10"], page["B10"] = "Bus", "Seats", "blue", 50
        book.create_sheet("Kept back").append(["Code", "X9"])
        book["Kept back"].sheet_state = "hidden"

    parsed = sheet(tmp_path, fill)
    assert parsed.text == (
        "## Trips\n\nTrips of the spring term\n\n"
        "| Guide | Trip Day | Trip Start | Fee |\n| --- | --- | --- | --- |\n"
        "| Noor | 2033-05-06 | 07:30 | 12.00 crowns |\n"
        "| Noor | 2033-05-07 | 08:00 | 9.50 crowns |\n"
        "| Abel | 2033-06-01 | 09:15 | 20.00 crowns [comment: paid by the school] |\n\n"
        "| Bus | Seats |\n| --- | --- |\n| blue | 50 |\n\n"
        "## Kept back (hidden sheet)\n\n| Code | X9 |\n| --- | --- |\n"
    )
    assert [(w.code, "Kept back" in w.message) for w in parsed.warnings] == [("hidden_text", True)]


def test_a_formula_without_a_value_is_kept_and_said(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["a", "b", "sum"])
        book.active.append([1, 2, "=A2+B2"])

    parsed = sheet(tmp_path, fill)
    assert "| 1 | 2 | =A2+B2 |" in parsed.text
    assert [w.code for w in parsed.warnings] == ["formula_without_value"]
    assert "Sheet!C2" in parsed.warnings[0].message


def test_a_cell_far_out_costs_nothing(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active["A1"] = "near"
        book.active["SZ100000"] = "far"

    assert "far" in sheet(tmp_path, fill).text


def word(body: str, **parts: str) -> bytes:
    types = f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    types += (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
        '.wordprocessingml.document.main+xml"/></Types>'
    )
    rels = f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
    rels += f'Type="{REL}/officeDocument" Target="word/document.xml"/></Relationships>'
    files = {"[Content_Types].xml": types, "_rels/.rels": rels}
    files["word/document.xml"] = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    files |= {f"word/{name}.xml": text for name, text in parts.items()}
    return make_zip({name: text.encode() for name, text in files.items()})


def run(text: str, properties: str = "") -> str:
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def test_heads_feet_and_comments_of_word_are_kept_and_page_numbers_are_not(tmp_path: Path) -> None:
    number = (
        '<w:p><w:r><w:t>Page </w:t></w:r><w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>'
    )
    comment = f'<w:comment w:author="Ivo">{run("Check the month.")}</w:comment>'
    parsed = parse(
        tmp_path,
        "x.docx",
        word(
            run("The bridge was opened in May."),
            header1=f"<w:hdr {W}>{run('Dossier QT-17')}</w:hdr>",
            header2=f"<w:hdr {W}>{run('Dossier QT-17')}</w:hdr>",
            footer1=f"<w:ftr {W}>{run('Signed by Lena Holt')}{number}</w:p></w:ftr>",
            comments=f"<w:comments {W}>{comment}</w:comments>",
        ),
    )
    assert parsed.text.split("\n\n") == [
        "The bridge was opened in May.", "Page header: Dossier QT-17", "Page footer: Signed by Lena Holt",
        "Comment by Ivo: Check the month.\n",
    ]  # fmt: skip
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("properties", "seen"),
    [
        ("<w:vanish/>", False),
        ('<w:vanish w:val="0"/>', True),
        ('<w:rStyle w:val="Secret"/>', False),
        ('<w:color w:val="FFFFFF"/>', False),
        ('<w:color w:val="FFFFFF"/><w:shd w:fill="1F3864"/>', True),
        ('<w:color w:val="FFFFFF"/><w:highlight w:val="black"/>', True),
        ('<w:color w:val="FF0000"/>', True),
        ('<w:sz w:val="2"/>', False),
    ],
)
def test_text_that_nobody_sees_is_left_out_and_counted(tmp_path: Path, properties: str, seen: bool) -> None:
    styles = (
        f'<w:styles {W}><w:style w:styleId="Base"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="Secret"><w:basedOn w:val="Base"/></w:style></w:styles>'
    )
    body = run("The toll is four crowns.") + run("The toll is ninety crowns.", properties)
    parsed = parse(tmp_path, "x.docx", word(body, styles=styles))
    assert ("ninety" in parsed.text) is seen and "four" in parsed.text
    assert [w.code for w in parsed.warnings] == ([] if seen else ["hidden_text"])


def slide(*shapes: str) -> str:
    return f"<p:sld {A}><p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld></p:sld>"


def box(*lines: str, kind: str = "") -> str:
    holder = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else ""
    body = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)
    return f"<p:sp><p:nvSpPr>{holder}</p:nvSpPr><p:txBody>{body}</p:txBody></p:sp>"


def rels(**targets: str) -> str:
    rows = "".join(
        f'<Relationship Id="{number}" Type="{REL}/{kind}" Target="{target}"/>'
        for number, (kind, _, target) in ((n, t.partition("|")) for n, t in targets.items())
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{rows}</Relationships>'


def test_slides_tell_notes_tables_and_the_data_of_charts(tmp_path: Path) -> None:
    cells = "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{c}</a:t></a:r></a:p></a:txBody></a:tc>" for c in "xy")
    table = f"<p:graphicFrame><a:tbl><a:tr>{cells}</a:tr><a:tr>{cells}</a:tr></a:tbl></p:graphicFrame>"
    chart = '<p:graphicFrame><c:chart r:id="r9"/></p:graphicFrame>'
    points = '<c:pt idx="0"><c:v>{}</c:v></c:pt><c:pt idx="1"><c:v>{}</c:v></c:pt>'
    series = (
        f"<c:chartSpace {A}><c:chart><c:ser><c:tx><c:v>Share</c:v></c:tx>"
        f"<c:cat><c:strCache>{points.format('North', 'South')}</c:strCache></c:cat>"
        f"<c:val><c:numCache><c:formatCode>0%</c:formatCode>{points.format(0.25, 0.75)}</c:numCache></c:val>"
        "</c:ser></c:chart></c:chartSpace>"
    )
    files = {
        "ppt/presentation.xml": f'<p:presentation {A}><p:sldIdLst><p:sldId id="256" r:id="r2"/>'
        '<p:sldId id="257" r:id="r1"/></p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": rels(r1="slide|slides/slide1.xml", r2="slide|slides/slide2.xml"),
        "ppt/slides/slide1.xml": slide(table, chart).replace("<p:sld ", '<p:sld show="0" '),
        "ppt/slides/_rels/slide1.xml.rels": rels(r9="chart|../charts/chart1.xml"),
        "ppt/charts/chart1.xml": series,
        "ppt/slides/slide2.xml": slide(
            box("One", "Two", kind="body"), box("The plan", kind="title"), box("7", kind="sldNum")
        ),
        "ppt/slides/_rels/slide2.xml.rels": rels(r1="notesSlide|../notesSlides/notesSlide1.xml"),
        "ppt/notesSlides/notesSlide1.xml": slide(
            box("Ask Omar first.", kind="body"), box("7", kind="sldNum")
        ),
        "docProps/core.xml": "<x><creator>Mia</creator><created>2033-01-02T03:04:05Z</created></x>",
    }
    parsed = parse(tmp_path, "x.pptx", make_zip({name: text.encode() for name, text in files.items()}))
    pages = [parsed.text[a:b].strip() for a, b in zip(parsed.pages, [*parsed.pages[1:], None], strict=True)]
    assert pages == [
        "## The plan\n\n- One\n- Two\n\nSpeaker note: Ask Omar first.",
        "| x | y |\n| --- | --- |\n| x | y |\n\n"
        "|  | Share |\n| --- | --- |\n| North | 25 % |\n| South | 75 % |",
    ]
    assert parsed.metadata == {"authors": ["Mia"], "created_at": "2033-01-02T03:04:05Z"}
    assert [w.message for w in parsed.warnings] == ["hidden slides read: 2"]


def pic(description: str) -> str:
    return f'<p:pic><p:nvPicPr><p:cNvPr id="4" name="Picture 3" descr="{description}"/></p:nvPicPr></p:pic>'


def test_what_is_said_in_place_of_pictures_on_slides_is_read(tmp_path: Path) -> None:
    frame = '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="5" name="Chart" descr="Sales fall"/>'
    shapes = (
        pic("A red ferry&#10;at the quay"),
        pic("ferry_1.png"),
        pic(""),
        f"{frame}</p:nvGraphicFramePr></p:graphicFrame>",
    )
    grouped = f"<p:grpSp>{pic('A buoy')}</p:grpSp>"
    files = {
        "ppt/presentation.xml": f'<p:presentation {A}><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst>'
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": rels(r1="slide|slides/slide1.xml"),
        "ppt/slides/slide1.xml": slide(box("Harbour", kind="title"), *shapes, grouped),
    }
    parsed = parse(tmp_path, "x.pptx", make_zip({name: text.encode() for name, text in files.items()}))
    assert parsed.text.strip().split("\n\n") == [
        "## Harbour", "A red ferry at the quay", "Sales fall", "A buoy",
    ]  # fmt: skip


def drawing(description: str, blip: str) -> str:
    main = "http://schemas.openxmlformats.org/drawingml/2006"
    return (
        f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{main}/wordprocessingDrawing" xmlns:a="{main}/main" '
        f'xmlns:pic="{main}/picture" xmlns:r="{REL}"><wp:docPr id="1" name="P" descr="{description}"/>'
        f'<a:graphic><a:graphicData uri="{main}/picture"><pic:pic><pic:nvPicPr><pic:cNvPr id="1" name="x"/>'
        f"<pic:cNvPicPr/></pic:nvPicPr><pic:blipFill>{blip}</pic:blipFill><pic:spPr/></pic:pic>"
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )


def test_pictures_in_word_keep_what_is_said_in_their_place_and_their_captions(tmp_path: Path) -> None:
    caption = run("Figure 1: The ferry.").replace("<w:p>", '<w:p><w:pPr><w:pStyle w:val="Caption"/></w:pPr>')
    held = drawing("A red boat at the quay", '<a:blip r:embed="r9"/>')
    linked = drawing("Gulls over its mast", "<a:blip/>") + drawing("mast_2.png", "<a:blip/>")
    packed = io.BytesIO(word(f"{run('Before.')}{held}{caption}{linked}{run('After.')}"))
    with zipfile.ZipFile(packed, "a") as package:
        package.writestr("word/_rels/document.xml.rels", rels(r9="image|media/image1.png"))
        package.writestr("word/media/image1.png", b"\x89PNG\r\n\x1a\n")
    parsed = parse(tmp_path, "x.docx", packed.getvalue())
    lines = [line for line in parsed.text.splitlines() if line]
    # The parser leaves out what it finds no picture for.
    assert lines == [
        "Before.",
        "A red boat at the quay",
        "Figure 1: The ferry.",
        "After.",
        "Gulls over its mast",
    ]
