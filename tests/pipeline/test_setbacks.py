"""What cost a worker its life or its time is remembered, listed each time, and tried again when asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, ingest, new_home, open_service, search, upload

from ragsvc.domain import Failure, InlineDocument, Mode
from ragsvc.service.service import Service
from ragsvc.text.worker_pool import SETBACK_CODES, ParserPool


class Trouble:
    """Makes some work fail as a dying worker does, and notes all that is tried.

    verbs: of orders that fail. words: they fail when they hold these.
    """

    def __init__(self) -> None:
        self.tried: list[bytes] = []
        self.verbs = b""
        self.words = b"penguin"
        self.code = "parser_timeout"

    def fails(self, message: bytes) -> bool:
        body = Path(message[1:].partition(b"\0")[2].decode()).read_bytes() if message[:1] == b"F" else message
        return message[:1] in self.verbs.split(b",") and self.words in body


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Trouble:
    made = Trouble()
    inner = ParserPool.run

    def run(pool: ParserPool, orders: Iterable[tuple[Any, Any]], pulse: Any = None) -> Iterator[Any]:
        good = []
        for key, order in orders:
            made.tried.append(order.message[:1])
            if made.fails(order.message):
                yield key, Failure(order.source, made.code, "it took too long")
            else:
                good.append((key, order))
        yield from inner(pool, good, pulse)

    monkeypatch.setattr(ParserPool, "run", run)
    return made


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with open_service(new_home(tmp_path)) as opened:
        yield opened


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Apples\n\nAn apple a day.\n")
    (folder / "bad.md").write_text("# Penguins\n\nA penguin a day.\n")
    (folder / "c.txt").write_text("Pears are green.")
    return folder


def failed(report: Any) -> list[tuple[str, str, bool]]:
    return [(Path(f.source).name, f.code, "tried before" in f.error) for f in report.failures]


@pytest.mark.parametrize("verb", [b"F", b"T"])
@pytest.mark.parametrize("code", sorted(SETBACK_CODES))
def test_a_file_that_cost_too_much_is_tried_once(
    service: Service, docs: Path, trouble: Trouble, verb: bytes, code: str
) -> None:
    trouble.verbs, trouble.code = verb, code
    first = ingest(service, docs)
    assert (first.documents.added, failed(first)) == (2, [("bad.md", code, False)])
    assert len(search(service, "apple", Mode.LEXICAL).hits) == 1
    trouble.tried.clear()
    for _ in range(2):
        again = ingest(service, docs)
        assert (again.documents.unchanged, failed(again)) == (2, [("bad.md", code, True)])
        assert trouble.tried == []
    assert "--retry" in again.failures[0].error

    still = ingest(service, docs, retry=True)
    assert trouble.tried == [verb] and failed(still) == [("bad.md", code, False)]
    trouble.tried.clear()
    assert failed(ingest(service, docs)) == [("bad.md", code, True)] and trouble.tried == []

    trouble.verbs = b""
    mended = ingest(service, docs, retry=True)
    assert (mended.documents.added, mended.documents.failed) == (1, 0)
    assert failed(ingest(service, docs)) == [] and len(search(service, "penguin", Mode.LEXICAL).hits) == 1
    assert service.maintenance.verify(ME, None).problems == ()


def test_other_bytes_are_tried_and_the_same_bytes_elsewhere_are_not(
    service: Service, docs: Path, trouble: Trouble
) -> None:
    trouble.verbs = b"F"
    ingest(service, docs)
    trouble.tried.clear()
    (docs / "copy.md").write_bytes((docs / "bad.md").read_bytes())
    assert [name for name, _, before in failed(ingest(service, docs)) if before] == ["bad.md", "copy.md"]
    assert trouble.tried == []
    (docs / "bad.md").write_text("# Penguins\n\nNone left.\n")
    assert ingest(service, docs).documents.added == 1


def test_an_earlier_version_stays_when_the_new_one_cannot_be_cut(
    service: Service, docs: Path, trouble: Trouble
) -> None:
    ingest(service, docs)
    trouble.verbs, trouble.words = b"T", b"walrus"
    (docs / "bad.md").write_text("# Penguins\n\nA walrus ate the fish.\n")
    for before in (False, True):
        report = ingest(service, docs)
        assert failed(report) == [("bad.md", "parser_timeout", before)]
        assert (report.documents.unchanged, report.documents.removed) == (2, 0)
        assert len(search(service, "penguin", Mode.LEXICAL).hits) == 1


def test_a_dry_run_lists_it_and_remembers_nothing(service: Service, docs: Path, trouble: Trouble) -> None:
    trouble.verbs = b"F"
    for _ in range(2):
        assert failed(ingest(service, docs, dry_run=True)) == [("bad.md", "parser_timeout", False)]
    ingest(service, docs)
    assert failed(ingest(service, docs, dry_run=True)) == [("bad.md", "parser_timeout", True)]


def test_a_line_and_a_text_that_cost_too_much_cost_themselves(
    service: Service, tmp_path: Path, trouble: Trouble
) -> None:
    file = tmp_path / "l.jsonl"
    rows = [{"id": "1", "text": "an apple"}, {"id": "2", "text": "a penguin"}, {"text": "a pear"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    trouble.verbs = b"L"
    first = ingest(service, file)
    assert (first.documents.added, failed(first)) == (2, [("l.jsonl:2", "parser_timeout", False)])
    trouble.tried.clear()
    again = ingest(service, file)
    assert (again.documents.unchanged, failed(again)) == (2, [("l.jsonl:2", "parser_timeout", True)])
    assert trouble.tried == [], "neither are unchanged lines read"
    trouble.verbs = b"T"
    sent = upload(service, {"good": "a plum", "bad": "a penguin in a text"}, "other")
    assert sent.documents.added == 1 and [f.source for f in sent.failures] == ["bad"]
    trouble.tried.clear()
    bad = [InlineDocument("bad", "a penguin in a text")]
    for retry, tried in ((False, []), (True, [b"T"])):
        report = service.ingest_inline(ME, "other", bad, {}, retry=retry)
        assert (trouble.tried, report.documents.failed) == (tried, 1)


def test_what_only_could_not_be_opened_is_tried_again(service: Service, docs: Path, trouble: Trouble) -> None:
    trouble.verbs, trouble.code = b"F", "unreadable"
    ingest(service, docs)
    trouble.tried.clear()
    assert failed(ingest(service, docs)) == [("bad.md", "unreadable", False)] and trouble.tried == [b"F"]


def test_a_reindex_tells_which_text_stops_it(service: Service, docs: Path, trouble: Trouble) -> None:
    from ragsvc.errors import ParserTimeout

    ingest(service, docs)
    trouble.verbs = b"T"
    with pytest.raises(ParserTimeout, match="Penguins"):
        service.maintenance.reindex(ME, CORPUS, chunk_tokens=40)
    assert len(search(service, "penguin", Mode.LEXICAL).hits) == 1
    rebuilt = service.maintenance.rebuild(ME, CORPUS)
    assert len(rebuilt.unmended) == 1 and "Penguins" in rebuilt.unmended[0]
