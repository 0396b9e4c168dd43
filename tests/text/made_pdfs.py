"""PDFs in scripts that the standard fonts lack: each character is a glyph with its meaning."""

from __future__ import annotations

from collections.abc import Sequence


def pdf_of_lines(lines: Sequence[str], box: tuple[int, int] = (600, 800)) -> bytes:
    """One page with lines from the top, each as it looks: its first character is the leftmost one.

    The page has no size of its own, it inherits that of all pages.
    """
    signs = sorted(set("".join(lines)))
    code = {sign: number for number, sign in enumerate(signs, start=1)}
    meanings = "".join(f"<{code[sign]:04x}> <{sign.encode('utf-16-be').hex()}>\n" for sign in signs)
    mapping = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(signs)} beginbfchar\n{meanings}endbfchar endcmap end end"
    )
    written = ["".join(f"{code[sign]:04x}" for sign in line) for line in lines]
    shown = "".join(
        f"BT /F1 12 Tf 50 {box[1] - 20 - 18 * row} Td <{line}> Tj ET\n" for row, line in enumerate(written)
    )
    return _file(
        [
            "<</Type/Catalog/Pages 2 0 R>>",
            f"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 {box[0]} {box[1]}]>>",
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
            f"<</Length {len(shown)}>>stream\n{shown}endstream",
            "<</Type/Font/Subtype/Type0/BaseFont/Made/Encoding/Identity-H"
            "/DescendantFonts[6 0 R]/ToUnicode 8 0 R>>",
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/Made/DW 600/FontDescriptor 7 0 R"
            "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>",
            "<</Type/FontDescriptor/FontName/Made/Flags 4/FontBBox[0 0 600 700]/ItalicAngle 0/Ascent 700"
            "/Descent 0/CapHeight 700/StemV 80>>",
            f"<</Length {len(mapping)}>>stream\n{mapping}\nendstream",
        ]
    )


def _file(objects: Sequence[str]) -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj{body}endobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(places) + 1
    end = f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer<</Size {count}/Root 1 0 R>>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF".encode()
