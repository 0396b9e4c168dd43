"""Nothing that sees the text of a document takes the square of its length.

Pumps double, and processor time must not quadruple. RAGSVC_TORTURE: all pumps; otherwise a sample that is
spread over all kinds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from doubles import WordTokeniser
from pumping import SIGNS, Found, Pump, TooSlow, growth, patterns, slow_pumps

from ragsvc.domain import ChunkerSpec
from ragsvc.errors import BrokenDocument
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.chunker import LONG_LINE_CHARS, MARKDOWN, Chunker
from ragsvc.text.delimited_text import as_table
from ragsvc.text.encodings import decode_text
from ragsvc.text.escapes import escaped, unescaped
from ragsvc.text.front_matter import take_front_matter
from ragsvc.text.headings import outline
from ragsvc.text.html import prepare_html
from ragsvc.text.invisibles import spelt
from ragsvc.text.jsonl import read_line
from ragsvc.text.limits import ParseLimits
from ragsvc.text.markdown import first_heading, visible
from ragsvc.text.minhash import signature
from ragsvc.text.normalisation import normalise
from ragsvc.text.readers.sql_dump import read_dump
from ragsvc.text.sentences import sentences
from ragsvc.text.tables import ColumnNames, table_rows

ALL = bool(os.environ.get("RAGSVC_TORTURE"))
PUMPS = 100_000 if ALL else 12
CHUNKER = Chunker(ChunkerSpec("2", 24, 0, 8), WordTokeniser(), 256)


@pytest.mark.parametrize("found", patterns(), ids=str)
def test_patterns_take_linear_time(found: Found) -> None:
    slow = list(slow_pumps(found, PUMPS))
    assert not slow, f"{found.pattern.pattern!r}: {slow}"


def _bytes(act: Callable[[bytes], object], text: str) -> object:
    return act(text.encode("utf-8", "surrogatepass"))


def _decode(data: bytes) -> None:
    with suppress(BrokenDocument):
        decode_text(data, "x")


def _read_json(text: str) -> object:
    return read_line(json.dumps({"id": "1", "text": text, "metadata": {"a": text}}).encode())


def _cut(media_type: str, text: str) -> object:
    return CHUNKER.split("A title", text, media_type, (0,))


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "decode_text": lambda text: _decode(text.encode()),
    "decode_text_latin": lambda text: _decode(text.encode("latin-1", "replace") + b"\xe9 \xff"),
    "normalise": lambda text: normalise(text, (0, len(text) // 2)),
    "take_front_matter": lambda text: take_front_matter("---\na: " + text + "\n---\nb"),
    "as_table": lambda text: as_table("a,b\n" + text, ",;\t|"),
    "prepare_html": partial(_bytes, lambda data: prepare_html(data, "x")),
    "prepare_html_head": partial(_bytes, lambda data: prepare_html(b"<html><head><title>" + data, "x")),
    "read_line": partial(_bytes, read_line),
    "read_line_of_text": _read_json,
    "terms": lambda text: StandardAnalyser().terms(text),
    "signature": signature,
    "plain_chunks": partial(_cut, "text/plain"),
    "first_heading": first_heading,
    "first_heading_in_one": lambda text: first_heading("# a" + text),
    "visible": visible,
    "outline": outline,
    "outline_of_a_heading": lambda text: outline("# a" + text + "\n===="),
    "sentences": sentences,
    "escaped": lambda text: escaped(["<a" + text, text]),
    "unescaped": lambda text: unescaped("\\<a" + text),
    "spelt": lambda text: spelt("\u200b" + text),
    "table_rows": table_rows,
    "table_rows_under_names": lambda text: table_rows("| a | b |\n|---|---|\n| " + text),
    "column_names": lambda text: ColumnNames("| a | b |\n|---|---|\n| " + text),
    "markdown_chunks": partial(_cut, MARKDOWN),
    "read_dump": lambda text: read_dump("INSERT INTO a VALUES (1);" + text, "x", ParseLimits()),
    "read_dump_row": lambda text: read_dump("INSERT INTO a VALUES (1,\n" + text, "x", ParseLimits()),
    "read_dump_of_mysql": lambda text: read_dump(
        "-- MySQL\nINSERT INTO a VALUES ('" + text, "x", ParseLimits()
    ),
    "read_dump_columns": lambda text: read_dump("CREATE TABLE a (" + text, "x", ParseLimits()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_linear_time(name: str) -> None:
    run = FUNCTIONS[name]
    parts = list(dict.fromkeys([*SIGNS, *(a + b for a in SIGNS for b in SIGNS[::7])]))
    pumps = [Pump("", part, suffix) for part in parts for suffix in ("", "x", "\nx")]
    plain = [Pump("", part, "x") for part in SIGNS]
    chunks = name.endswith("chunks")
    step = 1 if ALL else max(1, len(pumps) // 20)
    for pump in dict.fromkeys([*(plain[::4] if chunks and not ALL else plain), *pumps[::step]]):
        try:
            slow = growth(run, pump.text, 2 * LONG_LINE_CHARS if chunks else 512)
        except TooSlow:
            slow = (512, float("inf"))
        assert slow is None, f"{pump}: {slow}"
