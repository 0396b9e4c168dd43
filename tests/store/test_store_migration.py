"""A home that an earlier ragsvc made, with data: it opens, and everything is found as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from doubles import CORPUS, ME, open_service, search, upload
from made_records import made_record

from ragsvc.domain import Mode, ParsedDocument, Place, SearchRequest, TimeRange
from ragsvc.service.service import Service

# What the ragsvc that wrote the dump found: schema 0001, at commit 86bd822 of this repository, whose
# default was this fusion.
FUSION_OF_THEN = {"dense_weight": 0.6, "reranker": "none"}
FOUND = {
    ("apple fig", Mode.HYBRID): [("docs/a.md", 1.069383), ("docs/c.md", 0.204324)],
    ("apple fig", Mode.DENSE): [("docs/a.md", 0.557819), ("docs/c.md", 0.091492)],
    ("apple fig", Mode.LEXICAL): [("docs/a.md", 0.4334), ("docs/c.md", 0.102428)],
    ("lemon", Mode.LEXICAL): [],
    ("the plum", Mode.HYBRID): [("docs/c.md", 1.368943), ("docs/a.md", 0.012862)],
    ("the plum", Mode.LEXICAL): [("docs/c.md", 0.389409)],
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.executescript((Path(__file__).parent / "schema_0001.sql").read_text())
    connection.close()
    with open_service(tmp_path, **FUSION_OF_THEN) as opened:
        yield opened


def test_what_was_found_is_found(service: Service) -> None:
    for (query, mode), expected in FOUND.items():
        result = search(service, query, mode)
        assert result.commit == 3
        hits = [(hit.passage.document_id, hit.score) for hit in result.hits]
        assert hits == [(name, pytest.approx(score, abs=2e-6)) for name, score in expected]
    assert search(service, "apple", where={"lang": "de"}).hits[0].passage.document_id == "docs/a.md"
    assert len(search(service, "lemon", Mode.LEXICAL, corpora=("other",)).hits) == 1
    assert service.maintenance.verify(ME, None).problems == ()


def test_its_commits_can_be_gone_back_to_and_collected(service: Service) -> None:
    log = service.maintenance.log(ME, CORPUS)
    assert [(entry.id, entry.kind, entry.embedder, entry.collected) for entry in log] == [
        (number, "ingest", "hash", False) for number in (3, 2, 1)
    ]
    uids = {service._catalog.history.corpus_at(ME, CORPUS, str(entry.id)).commit_uid for entry in log}
    assert len(uids) == 3 and all(uid and len(uid) == 32 for uid in uids)
    first = service.search(ME, SearchRequest(corpora=(CORPUS,), query="lemon", mode=Mode.LEXICAL, at="1"))
    assert [hit.passage.document_id for hit in first.hits] == ["docs/a.md"]
    service.maintenance.rollback(ME, CORPUS, "1")
    assert search(service, "lemon", Mode.LEXICAL).hits[0].passage.text == first.hits[0].passage.text
    report = service.maintenance.collect(ME, None, keep=1)
    assert (report.commits, report.documents, report.versions) == (3, 4, 2)
    upload(service, {"new": "A kiwi."})
    assert search(service, "kiwi", Mode.LEXICAL).commit == 8
    assert service.maintenance.verify(ME, CORPUS).problems == ()


def test_texts_from_before_there_were_places_have_none_and_new_ones_do(service: Service) -> None:
    """From the oldest schema, and from the one before places."""
    assert_places_begin(service, "before")
    path = service._catalog.home.path / "catalog.db"
    service.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE mentions")
        connection.execute("ALTER TABLE document_version DROP COLUMN places")
        connection.execute("UPDATE alembic_version SET version_num = '0007'")
    connection.close()
    with open_service(path.parent, **FUSION_OF_THEN) as opened:
        hits = search(opened, "apple fig").hits
        assert [hit.passage.document_id for hit in hits[:1]] == ["docs/a.md"]
        # What had places lost them with the column that the test took away, and nothing else.
        assert_places_begin(opened, "after")


def assert_places_begin(service: Service, name: str) -> None:
    hits = search(service, "apple fig").hits
    assert hits and not any(hit.passage.placed or hit.places for hit in hits)
    assert service.maintenance.verify(ME, CORPUS).problems == ()
    versions = service._catalog.versions
    places = (Place(0, 4, TimeRange(1.0, 2.5)),)
    made = ParsedDocument(title="", text=f"said {name}", media_type="text/plain", places=places)
    (placed, plain) = versions.put([made, replace(made, places=())])
    assert placed != plain and versions.places([placed, plain]) == {placed: places}


def test_what_is_asked_from_now_on_is_kept(service: Service) -> None:
    catalog = service._catalog
    assert catalog.records.page(ME, None, None, 10) == ([], None)
    session = catalog.sessions.create(ME, "first", {})
    record = made_record(corpora=(CORPUS,), session=session.id)
    assert catalog.records.add([record]) == 1
    assert catalog.sessions.turns(ME, session.id) == ([record], None)
