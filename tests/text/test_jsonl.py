"""Lines as documents: what is accepted, what is a listed failure, and memory bounded by the line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import Failure, ParsedDocument
from ragsvc.errors import IdConflict
from ragsvc.text.jsonl import LineIds, read_line, split_lines


@dataclass(frozen=True)
class JsonlDocument:
    document_id: str
    parsed: ParsedDocument
    digest: str
    line: int


def read(path: Path, data: bytes, **options: int) -> list[JsonlDocument | Failure]:
    path.write_bytes(data)
    return list(read_lines(str(path), "root/f.jsonl", **options))


def read_lines(path: str, prefix: str, **options: int) -> Iterator[JsonlDocument | Failure]:
    """What the ingest does with the help of a worker, in one process."""
    ids = LineIds(prefix)
    for raw in split_lines(path, **options):
        if isinstance(raw, Failure):
            yield raw
            continue
        made = read_line(raw.body)
        if isinstance(made, Failure):
            yield replace(made, source=f"{path}:{raw.number}")
            continue
        try:
            yield JsonlDocument(ids.claim(made.document_id, raw.digest), made.parsed, raw.digest, raw.number)
        except IdConflict as error:
            yield Failure(f"{path}:{raw.number}", error.code, error.message)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "f.jsonl"


def test_reads_documents_with_marks_blank_lines_and_any_line_end(file: Path) -> None:
    first = {"id": "a", "title": " T  x ", "text": "one\r\ntwo\u0000", "metadata": {"n": 1, "l": ["x"]}}
    lines = (
        b"\xef\xbb\xbf"
        + json.dumps(first).encode()
        + b'\r\n\r\n  \n{"_id": 7, "text": "seven"}\n{"text":"t"}'
    )
    a, seven, nameless = read(file, lines)
    assert (
        isinstance(a, JsonlDocument)
        and isinstance(seven, JsonlDocument)
        and isinstance(nameless, JsonlDocument)
    )
    assert (a.document_id, a.line, a.parsed.title, a.parsed.text) == ("a", 1, "T x", "one\ntwo\ufffd")
    assert a.parsed.metadata == {"n": 1, "l": ["x"]} and a.parsed.media_type == "text/plain"
    assert (seven.document_id, seven.line) == ("7", 4)
    assert nameless.document_id == f"root/f.jsonl#{nameless.digest[:12]}"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"id": "x"}', '"text" is missing'),
        (b'{"id": "x", "text": 5}', '"text" is not a string'),
        (b'{"id": "x", "text": null}', '"text" is not a string'),
        (b'{"id": "x", "text": "t", "title": []}', '"title" is not a string'),
        (b'{"id": "x", "text": "t", "metadata": []}', '"metadata" is not an object'),
        (b'{"id": "x", "text": "t", "metadata": {"a": NaN}}', "not JSON"),
        (b'{"id": true, "text": "t"}', "neither a string nor an integer"),
        (b'{"id": 1.5, "text": "t"}', "neither a string nor an integer"),
        (b'{"id": " ", "text": "t"}', "empty"),
        (b'{"id": "a\\nb", "text": "t"}', "control characters"),
        (b'{"id": "\\ud800", "text": "t"}', "control characters"),
        (b'{"id": "' + b"x" * 513 + b'", "text": "t"}', "longer than 512"),
        (b'{"id": ' + b"9" * 5000 + b', "text": "t"}', ""),
    ],
)
def test_a_bad_line_is_listed_and_its_neighbours_are_read(file: Path, line: bytes, words: str) -> None:
    before, bad, after = read(file, b'{"id":"1","text":"a"}\n' + line + b'\n{"id":"2","text":"b"}\n')
    assert isinstance(before, JsonlDocument) and isinstance(after, JsonlDocument)
    assert isinstance(bad, Failure)
    assert (bad.source, bad.code) == (f"{file}:2", "invalid_line") and words in bad.error


def test_empty_texts_and_second_claims_are_failures(file: Path) -> None:
    lines = [
        {"id": "a", "text": " \n"},
        {"id": "b", "text": "x"},
        {"id": "b", "text": "y"},
        {"id": 1, "text": "z"},
    ]
    data = "\n".join(map(json.dumps, [*lines, {"id": "1", "text": "w"}])).encode()
    codes = [item.code if isinstance(item, Failure) else "ok" for item in read(file, data)]
    assert codes == ["no_text", "ok", "id_conflict", "ok", "id_conflict"]


def test_a_line_over_the_limit_is_skipped_whole(file: Path) -> None:
    data = b'{"id":"1","text":"a"}\n{"id":"2","text":"' + b"x" * 200_000 + b'"}\n{"id":"3","text":"c"}'
    one, two, three = read(file, data, max_line_bytes=1000)
    assert isinstance(one, JsonlDocument) and isinstance(three, JsonlDocument) and three.line == 3
    assert isinstance(two, Failure) and "1000 bytes" in two.error


def test_a_missing_file_is_a_failure(tmp_path: Path) -> None:
    [only] = read_lines(str(tmp_path / "gone.jsonl"), "x")
    assert isinstance(only, Failure) and only.code == "unreadable"


@given(st.binary(max_size=200))
def test_any_bytes_give_outcomes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "f.jsonl"
    for item in read(path, data):
        assert isinstance(item, Failure | JsonlDocument)


@given(st.lists(st.text(min_size=1).filter(str.strip), max_size=5))
def test_texts_come_back_and_digests_tell_lines_apart(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "f.jsonl"
    data = "\n".join(json.dumps({"id": n, "text": "x" + text}) for n, text in enumerate(texts)).encode()
    items = read(path, data)
    assert [type(item) for item in items] == [JsonlDocument] * len(texts)
    assert len({item.digest for item in items if isinstance(item, JsonlDocument)}) == len(texts)
