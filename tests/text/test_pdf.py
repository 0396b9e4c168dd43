"""PDFs: nothing of a page is lost in silence, and what only the page needs is not in the text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_pdfs import pdf_of_lines
from test_parse import make_pdf, parse

from ragsvc.text.readers.hyphens import MARK, mend
from ragsvc.text.readers.page_lines import without_running_lines
from ragsvc.text.readers.pdf import PdfPage, complete_pages, in_reading_order, read_pages


def turned(degrees: int, heights: tuple[int, ...]) -> bytes:
    lines = "".join(f") Tj ET BT /F1 12 Tf 50 {height} Td (Height {height} of it." for height in heights)
    made = make_pdf([lines.removeprefix(") Tj ET ").replace("BT /F1 12 Tf", ") Tj ET BT /F1 12 Tf", 1)])
    return made.replace(b"[0 0 600 800]", b"[0 0 600 800]/Rotate %d" % degrees)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_page_keeps_every_line(tmp_path: Path, degrees: int) -> None:
    heights = (780, 700, 601, 590, 300)
    parsed = parse(tmp_path, "x.pdf", turned(degrees, heights))
    assert {int(n) for n in re.findall(r"Height (\d+) of it", parsed.text)} == set(heights)
    assert parsed.warnings == ()


def test_text_beside_the_page_is_left_out_and_counted(tmp_path: Path) -> None:
    line = "(seen) Tj ET BT /F1 12 Tf 700 700 Td (" + "unseen " * 12
    made = make_pdf(["@"]).replace(b"(@", line.encode())
    parsed = parse(tmp_path, "x.pdf", made)
    assert parsed.text.strip() == "seen"
    assert [w.code for w in parsed.warnings] == ["hidden_text"]


def test_a_page_with_a_picture_and_no_text_is_said(tmp_path: Path) -> None:
    made = make_pdf(["First page.", "@", "", "Last page."])
    drawn = made.replace(b"BT /F1 12 Tf 50 700 Td (@) Tj ET", b"0 0 300 300 re f 9 9 m 99 99 l S")
    parsed = parse(tmp_path, "x.pdf", drawn)
    assert len(parsed.pages) == 4
    assert [(w.code, w.message) for w in parsed.warnings] == [
        ("page_without_text", "page 2 of 4 has no text that can be read")
    ]


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (f"the code K{MARK}47 and B{MARK}Dur", "the code K-47 and B-Dur"),
        (f"a refriger{MARK}ation plant", "a refrigeration plant"),
        (f"a long{MARK}term loan", "a long-term loan"),
        (f"two frame{MARK}works", "two frameworks"),
        (f"die Haust{MARK}ür", "die Haustür"),
        (f"a zib{MARK}dak and a zib-dak", "a zib-dak and a zib-dak"),
        (f"zib or dak, zib{MARK}dak, zibdak", "zib or dak, zibdak, zibdak"),
        (f"zib or dak, zib{MARK}dak", "zib or dak, zib-dak"),
        (f"a dash {MARK} alone", "a dash \ufffd alone"),
        ("of one\ufffesecond", "of one-second"),
    ],
)
def test_hyphens_at_line_ends_are_joined_or_kept(text: str, mended: str) -> None:
    pages, _ = complete_pages([text], [])
    assert pages == [mended]


@given(st.lists(st.text(alphabet=f"ab1 B-{MARK}\n\ufffe"), max_size=4))
def test_mending_changes_nothing_but_hyphens(pages: list[str]) -> None:
    def bare(some: list[str]) -> list[str]:
        return [re.sub(rf"[-{MARK}\ufffe \t]", "", page) for page in some]

    assert bare(mend(pages)) == bare(pages)
    assert not any(re.search(r"[\x00-\x08\x0b-\x1f]", page) for page in complete_pages(pages, [])[0])


def test_running_heads_and_feet_go_and_the_first_of_a_kind_stays() -> None:
    pages = [
        f"Annual report\nWhat stands on page {n}.\nMore {n * n}.\n{n} Harbour Board\nPage {n} of 5"
        for n in range(1, 6)
    ]
    kept = without_running_lines(pages)
    assert kept[0].split("\n") == ["Annual report", "What stands on page 1.", "More 1.", "1 Harbour Board"]
    assert [page.split("\n") for page in kept[1:]] == [
        [f"What stands on page {n}.", f"More {n * n}."] for n in range(2, 6)
    ]
    assert without_running_lines(["A\n1", "B\n2"]) == ["A", "B"]


def test_lines_that_only_look_alike_stay() -> None:
    pages = [f"Total {n * 37}\nRow {n}" + "\nText that fills the page." * 4 + f"\n{n}{n}" for n in (3, 9, 4)]
    assert without_running_lines(pages)[1].startswith("Total 333")
    assert without_running_lines(["Same", "Same"]) == ["Same", "Same"]


def test_the_second_reader_opens_what_it_can() -> None:
    assert read_pages(b"%PDF-1.4 torn") == []
    assert read_pages(make_pdf(["one", ""])) == [PdfPage("one", True, 0), PdfPage("", False, 0)]


@pytest.mark.parametrize(
    ("read", "seen"),
    [
        ("המחיר הוא 1234 שקלים לחודש", "שדוחל םילקש 1234 אוה ריחמה"),
        ("הסירה RAGSVC נמצאת בנמל", "למנב תאצמנ RAGSVC הריסה"),
        ("السعر هو 1234 دينار في الشهر", "رهشلا يف رانيد 1234 وه رعسلا"),
        ("The price is 1234 a month", "The price is 1234 a month"),
    ],
)
def test_lines_from_right_to_left_are_read_as_they_are_read(tmp_path: Path, read: str, seen: str) -> None:
    parsed = parse(tmp_path, "x.pdf", pdf_of_lines([seen, "and a line of English"]))
    assert parsed.text.split("\n") == [read, "and a line of English"]


def test_the_lines_of_several_columns_are_not_mixed() -> None:
    assert in_reading_order("ב א", "א ב ג ד") == "ב א"
    assert in_reading_order("ב א", "א ב\nב א") == "ב א"
    assert in_reading_order("b a", "a b") == "b a"


def test_a_page_that_inherits_its_size_is_seen_whole(tmp_path: Path) -> None:
    made = pdf_of_lines(["At the top.", "Below it."], (1200, 1600))
    assert read_pages(made)[0].text.split() == ["At", "the", "top.", "Below", "it."]
    assert parse(tmp_path, "x.pdf", made).warnings == ()
