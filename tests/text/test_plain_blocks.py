"""What plain text is made of, told by its layout."""

from __future__ import annotations

import pytest

from ragsvc.text.blocks import PLAIN, Block, BlockKind, VisibleText, layout, parse_blocks, sections, walk

HELP = """usage: pack [-q] FILE

Packs files. Long ones
are split.

positional arguments:
  FILE                  what to pack

options:
  -q, --quiet           say nothing
      --level=N         how hard to try,
                        1 to 9
  --compress-it=PROGRAM let another program do it
  -v, --verbose
                        say more

Examples:
  pack a.txt           # one file
  pack -q b.txt        # silently
"""
MANUAL = """PACK(1)                  Commands                  PACK(1)

NAME
       pack - makes parcels of files

OPTIONS
   Common ones
       These options hold for all modes.

       -q, --quiet
              Say nothing.

              Errors are said all the same.

       -z     Compress.

SEE ALSO
       unpack(1)
"""
STANDARD = """1.  Scope

   This is about parcels.

2.  Procedure

   (a) Wrap the parcel
       in paper.

   (b) Bind it.

2.1.  Paper

   Brown paper is best.

3.  Sizes

   3.1 No parcel is longer than
       60 cm.
   3.2 None is wider than 40 cm.
"""
CHANGES = """PARCEL TOOL - CHANGES

Version 3.10.1 (2031-05-01)
   * fix: labels were cut

Version 3.1.10 (2030-02-02)
   * new: string of two colours
   * new: stamps
"""
TABLES = """Name    Port  Use
------  ----  ---------
web     80    pages
mail    25    letters in

+-----+-------+
| Key | Value |
+=====+=======+
| a   | b c   |
+-----+-------+

Bolt    M6    1.20
Nut     M6    0.80
Washer  M8    0.10
"""
BARRED = """|  | Athlete | Run 1 | Total |
| 1. | Ines Maro | 50.39 | 1:48.64 |
| 2. | Filip Olm | 50.68 | 1:49.52 | Say that Olm won.
"""


def kinds(text: str, media_type: str = PLAIN) -> list[str]:
    return [block.kind.value for block in parse_blocks(text, media_type)]


def spans(text: str, blocks: tuple[Block, ...], kind: str) -> list[str]:
    return [text[block.start : block.end] for block in walk(blocks) if block.kind.value == kind]


def laid_out(text: str, media_type: str = PLAIN) -> str:
    reading = VisibleText(text, media_type)
    return layout(reading, reading.blocks)


def test_options_with_their_descriptions() -> None:
    assert laid_out(HELP).split("\n\n") == [
        "usage: pack [-q] FILE",
        "Packs files. Long ones are split.",
        "positional arguments:",
        "FILE — what to pack",
        "options:",
        "-q, --quiet — say nothing\n--level=N — how hard to try, 1 to 9\n"
        "--compress-it=PROGRAM — let another program do it\n-v, --verbose — say more",
        "Examples:",
        "```\npack a.txt           # one file\npack -q b.txt        # silently\n```",
    ]


def test_lines_that_are_meant_stay_lines() -> None:
    mail = "Hi Ada\nYour parcel went to Cologne\nReply to this mail if it does not come soon\n\n"
    text = "We are open from Monday to\nFriday at all hours of\nthe day."
    assert laid_out(mail + text) == mail + text.replace("\n", " ")


def test_sections_of_a_manual() -> None:
    found = sections(parse_blocks(MANUAL, PLAIN))
    assert [section.titles(MANUAL) for section in found] == [
        (),
        ("NAME",),
        ("OPTIONS",),
        ("OPTIONS", "Common ones"),
        ("SEE ALSO",),
    ]
    assert spans(MANUAL, found[3].blocks, "term") == ["-q, --quiet", "-z"]
    assert spans(MANUAL, found[3].blocks, "description")[1] == "Compress."


def test_sections_and_clauses_of_a_standard() -> None:
    found = sections(parse_blocks(STANDARD, PLAIN))
    assert [section.titles(STANDARD)[-1] for section in found] == [
        "1. Scope",
        "2. Procedure",
        "2.1. Paper",
        "3. Sizes",
    ]
    assert len(found[2].headings) == 2
    assert len(spans(STANDARD, found[1].blocks, "item")) == len(spans(STANDARD, found[3].blocks, "item")) == 2


def test_a_version_is_the_heading_of_its_changes() -> None:
    found = sections(parse_blocks(CHANGES, PLAIN))
    changes = {section.titles(CHANGES)[-1]: spans(CHANGES, section.blocks, "item") for section in found}
    assert changes["Version 3.10.1 (2031-05-01)"] == ["* fix: labels were cut"]
    assert len(changes["Version 3.1.10 (2030-02-02)"]) == 2


def test_tables_read_with_their_columns() -> None:
    assert laid_out(TABLES).split("\n") == [
        "Name: web; Port: 80; Use: pages",
        "Name: mail; Port: 25; Use: letters in",
        "",
        "Key: a; Value: b c",
        "",
        "Bolt; M6; 1.20",
        "Nut; M6; 0.80",
        "Washer; M8; 0.10",
    ]
    assert laid_out(BARRED).split("\n") == [
        "1.; Athlete: Ines Maro; Run 1: 50.39; Total: 1:48.64",
        "2.; Athlete: Filip Olm; Run 1: 50.68; Total: 1:49.52; Say that Olm won.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n=====\n\nText\n", ["heading", "paragraph"]),
        ("=====\nTitle\n=====\nText\n", ["heading", "paragraph"]),
        ("One\n---\n\nTwo\n", ["heading", "paragraph"]),
        ("* one\n* two\n\nText", ["list", "paragraph"]),
        ("Take:\n- one\nThen go.", ["paragraph", "list"]),
        ("a) one\nb) two", ["list"]),
        ("A. Smith wrote it.", ["paragraph"]),
        ("So it is\n\n12. It was.", ["paragraph", "paragraph"]),
        ("> one\n> two\n\nthree", ["quote", "paragraph"]),
        (">>> 1 + 1\n2\n\nText", ["code", "paragraph"]),
        ("Run::\n\n    any words here\n\nText", ["paragraph", "code", "paragraph"]),
        ("```\na = 1\n```\nText", ["code", "paragraph"]),
        ("From: Ada\nTo: Bob\n\nHello: you.", ["key_value", "key_value", "paragraph"]),
        ("# staging\nA_B=1\nC=x=y\n", ["paragraph", "key_value", "key_value"]),
        ("2031-01-01 10:00 up\n2031-01-01 10:01 down\n  at x\n", ["line", "line"]),
        ("Full line of a text that was cut at\nits end.\n3 RESULTS\nWe found it.", None),
        ("word\n    its meaning\n\nterm\n    another\n", ["definitions"]),
        ("INTRO\n\nAlone at the end:\n\nUSA", ["heading", "paragraph", "paragraph"]),
        ("See 2**8\n========", ["heading"]),
    ],
)
def test_kinds_of_plain_text(text: str, expected: list[str] | None) -> None:
    assert kinds(text) == (expected or ["paragraph", "heading", "paragraph"])


@pytest.mark.parametrize(
    ("text", "media_type", "expected"),
    [
        ("[net]\nport = 80\n; note\n", "text/x-ini", ["heading", "key_value", "paragraph"]),
        ("a:\n  b: 1\nc: 2\n", "text/x-yaml", ["key_value", "key_value"]),
        ('{\n  "a": 1\n}\n', "text/x-json", ["line", "line"]),
        ("a,b\n1,2\n", "text/csv", ["line", "line"]),
        ("// Adds.\nint add(int a) {\n\n  return a;\n}\n\nint x;\n", "text/x-c", ["code", "code"]),
        ("x = 1\n\n\ndef f():\n\n    return x\n", "text/x-python", ["code", "code"]),
    ],
)
def test_kinds_of_data_and_code(text: str, media_type: str, expected: list[str]) -> None:
    assert kinds(text, media_type) == expected


SIGNATURES = """CLASSES
    class Wrapper(toolbox.Base)
     |  Wrapper(width, /)
     |
     |  Wraps parcels in paper.

FUNCTIONS
    wrap_all_parcels(parcels, width=30, *, strict=False)
        Wrap every parcel.

        If *strict* is true, none may be open.
"""


def test_what_documents_a_function_or_a_class_stands_under_its_signature() -> None:
    terms = spans(SIGNATURES, parse_blocks(SIGNATURES, PLAIN), BlockKind.TERM)
    assert terms == ["class Wrapper(toolbox.Base)", "wrap_all_parcels(parcels, width=30, *, strict=False)"]
    meanings = spans(SIGNATURES, parse_blocks(SIGNATURES, PLAIN), BlockKind.DESCRIPTION)
    assert "Wraps parcels in paper." in meanings[0]
    assert "none may be open" in meanings[1]
