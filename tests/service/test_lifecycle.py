"""History through the service: references, tags, rollback, and searching an earlier commit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import (
    CORPUS,
    ME,
    HashEmbedder,
    ingest,
    new_home,
    open_service,
    same_hits,
    search,
    shown,
    upload,
)

from ragsvc.domain import Mode, Prune, SearchRequest, SearchResult
from ragsvc.errors import InvalidName, ModelNotFound, RefNotFound, TagExists
from ragsvc.service.service import Service

QUERIES = ("apple", "lemon fig", "the pear of the plum")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with open_service(new_home(tmp_path)) as opened:
        yield opened


def at(
    service: Service, ref: str, query: str = "apple", where: dict[str, object] | None = None
) -> SearchResult:
    return service.search(
        ME, SearchRequest(corpora=(CORPUS,), query=query, k=10, mode=Mode.HYBRID, where=where, at=ref)
    )


def history(service: Service, docs: Path) -> list[list[SearchResult]]:
    """Five commits; what every query found at each."""
    docs.mkdir()
    found = []
    for step in (
        {"a.md": "---\nlang: en\n---\nAn apple and a lemon.", "b.md": "A fig of the pear."},
        {"a.md": "---\nlang: de\n---\nAn apple and a lemon.", "c.md": "The plum and the apple."},
        {"b.md": None, "a.md": "Only a pear now, and a fig."},
        {"d.md": "lemon " * 60, "c.md": None},
        {"b.md": "A fig of the pear.", "e.md": "apple fig apple"},
    ):
        for name, text in step.items():
            (docs / name).unlink(missing_ok=True)
            if text is not None:
                (docs / name).write_text(text)
        ingest(service, docs)
        found.append([search(service, query) for query in QUERIES])
    return found


def test_every_commit_can_be_searched_as_it_was(service: Service, tmp_path: Path) -> None:
    found = history(service, tmp_path / "docs")
    for opened in (service, open_service(service.settings.home)):
        for number, results in enumerate(found, 1):
            for query, result in zip(QUERIES, results, strict=True):
                again = at(opened, str(number), query)
                assert again.commit == number
                same_hits(again, result)
    assert [hit.passage.document_id for hit in at(service, "1", "apple", {"lang": "en"}).hits] == [
        "docs/a.md"
    ]
    assert at(service, "2", "apple", {"lang": "en"}).hits == ()


def test_a_rollback_brings_back_what_was_found(service: Service, tmp_path: Path) -> None:
    found = history(service, tmp_path / "docs")
    other = open_service(service.settings.home)
    search(other, "apple")
    for number in (2, 4, 1, 5):
        report = service.maintenance.rollback(ME, CORPUS, str(number))
        assert report.commit > 5
        for opened in (service, other, open_service(service.settings.home)):
            for query, result in zip(QUERIES, found[number - 1], strict=True):
                same_hits(search(opened, query), result)
    before = service.maintenance.log(ME, CORPUS)
    assert service.maintenance.rollback(ME, CORPUS, "5").commit == before[0].id, "nothing differs"
    # Synchronising again is as after any other commit.
    assert ingest(service, tmp_path / "docs").commit == before[0].id


def test_the_log_tells_what_happened(service: Service) -> None:
    upload(service, {"a": "An apple."})
    upload(service, {"b": "A lemon."})
    service.maintenance.set_tag(ME, CORPUS, "v1", at="head~1")
    service.delete_document(ME, CORPUS, "b")
    service.maintenance.rollback(ME, CORPUS, "2")
    log = service.maintenance.log(ME, CORPUS)
    assert [(entry.id, entry.kind) for entry in log] == [
        (4, "rollback"),
        (3, "delete"),
        (2, "ingest"),
        (1, "ingest"),
    ]
    assert log[0].stats == {"to": 2, "added": 1, "changed": 0, "removed": 0}
    assert [entry.tags for entry in log] == [(), (), (), ("v1",)]
    assert {entry.embedder for entry in log} == {"hash"}
    assert [entry.id for entry in service.maintenance.log(ME, CORPUS, limit=2, before=log[1].id)] == [2, 1]


def test_tags_name_commits(service: Service) -> None:
    upload(service, {"a": "An apple."})
    upload(service, {"a": "A lemon."})
    tag = service.maintenance.set_tag(ME, CORPUS, "v1", at="1")
    assert (tag.name, tag.commit) == ("v1", 1)
    assert service.maintenance.set_tag(ME, CORPUS, "v1", at="1") == tag
    with pytest.raises(TagExists):
        service.maintenance.set_tag(ME, CORPUS, "v1")
    assert at(service, "v1").hits[0].passage.text == "An apple."
    assert service.maintenance.set_tag(ME, CORPUS, "v1", move=True).commit == 2
    assert at(service, "v1").hits[0].passage.text == "A lemon."
    for name in ("12", "head", "head~1", "", "a b", "é", "-x", "x" * 65):
        with pytest.raises(InvalidName):
            service.maintenance.set_tag(ME, CORPUS, name)
    service.maintenance.delete_tag(ME, CORPUS, "v1")
    assert service.maintenance.tags(ME, CORPUS) == []
    with pytest.raises(RefNotFound):
        service.maintenance.delete_tag(ME, CORPUS, "v1")


def test_references_that_mean_nothing(service: Service) -> None:
    upload(service, {"a": "An apple."}, corpus="other")
    upload(service, {"a": "An apple."})
    for ref in ("v9", "3", "1", "head~1", "0", "", "head~", "9" * 30, "-1"):
        with pytest.raises(RefNotFound) as caught:
            at(service, ref)
        assert "ragsvc log" in caught.value.hint
    upload(service, {"b": "A lemon."}, corpus="other")
    assert at(service, "3").commit == 2, "a number means the newest commit up to it"


def test_a_prune_that_is_undone(service: Service, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(20):
        (docs / f"{number}.md").write_text(f"apple {number} " * (number + 1))
    ingest(service, docs)
    whole = search(service, "apple")
    for path in docs.iterdir():
        path.unlink()
    ingest(service, docs, prune=Prune.REMOVE_ALLOW_EMPTY)
    assert search(service, "apple").hits == ()
    report = service.maintenance.rollback(ME, CORPUS, "head~1")
    assert (report.added, report.removed, report.profile_changed) == (20, 0, False)
    again = search(service, "apple")
    assert [shown(hit) for hit in again.hits] == [shown(hit) for hit in whole.hits]


def test_a_corpus_is_shown_while_its_index_folders_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_service(new_home(tmp_path)) as service:
        upload(service, {"a": "some text"})
        uid = next(path for path in service.settings.home.iterdir() if len(path.name) == 32)
        size = service.maintenance.details(ME, CORPUS).index_bytes
        assert size == sum(path.stat().st_size for path in uid.rglob("*") if path.is_file()) > 0
        folder, scandir = uid / "new", os.scandir

        def late(path: str) -> Any:
            if path == str(folder):
                folder.rmdir()  # it was listed a moment ago
            return scandir(path)

        folder.mkdir()
        monkeypatch.setattr(os, "scandir", late)
        assert service.maintenance.details(ME, CORPUS).index_bytes == size
        assert not folder.exists()


def test_the_hint_for_a_corpus_whose_model_is_gone_is_true(service: Service) -> None:
    upload(service, {"a": "An apple."})

    def missing(name: str) -> HashEmbedder:
        if name == "hash":
            raise ModelNotFound(f"no model {name}", hint="reinstall it")
        return HashEmbedder(name)

    with open_service(service.settings.home, missing) as other:
        with pytest.raises(ModelNotFound) as caught:
            search(other, "apple")
        assert caught.value.hint.endswith("another: ragsvc reindex CORPUS --embedder NAME")
        other.maintenance.reindex(ME, CORPUS, embedder="another")
        assert search(other, "apple").hits
