"""Index files and snapshots of another state of the catalog than the present one are not believed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from doubles import CORPUS, ME, HashEmbedder, new_home, open_service, same_hits, search, upload

from ragsvc import crashpoints
from ragsvc.domain import SearchRequest
from ragsvc.service.service import Service


def embedder(name: str) -> HashEmbedder:
    return HashEmbedder(name, "" if name == "hash" else name)


def test_a_text_that_comes_back_under_an_old_profile_is_found(tmp_path: Path) -> None:
    """A tag keeps the old profile's files, but not the chunks of a text that the tag does not hold."""
    home = new_home(tmp_path)
    with open_service(home, embedder) as service, open_service(home, embedder) as follower:
        upload(service, {"a": "An apple."})
        service.maintenance.set_tag(ME, CORPUS, "v1")
        upload(service, {"b": "A fig of the pear."})
        found = search(service, "fig")
        same_hits(search(follower, "fig"), found)
        service.maintenance.reindex(ME, CORPUS, embedder="other")
        service.maintenance.collect(ME, None, keep=1)
        service.maintenance.reindex(ME, CORPUS, embedder="hash")
        for opened in (service, follower, open_service(home, embedder)):
            same_hits(search(opened, "fig"), found)


def keep(home: Path) -> Path:
    """A backup of the catalog alone, made while nobody has it open."""
    copy = home.parent / "backup.db"
    with sqlite3.connect(home / "catalog.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy


def put_back(home: Path, copy: Path) -> None:
    for name in ("catalog.db-wal", "catalog.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(copy, home / "catalog.db")


def execute(home: Path, statement: str) -> None:
    with sqlite3.connect(home / "catalog.db") as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


TEXTS = {"a": "Alpha apples are red.", "b": "Bravo bananas are yellow.", "z": "Zulu zebra."}


def texts_found(service: Service) -> dict[str, set[str]]:
    return {
        query: {hit.passage.text for hit in search(service, query).hits if query in hit.passage.text.lower()}
        for query in ("apples", "bananas", "zebra")
    }


def test_files_of_a_reindex_that_a_backup_does_not_know(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home, embedder) as service:
        upload(service, TEXTS)
    backup = keep(home)
    with open_service(home, embedder) as service:
        service.maintenance.reindex(ME, CORPUS, embedder="other")
        wanted = texts_found(service)
    put_back(home, backup)
    with open_service(home, embedder) as service:
        # Chunk ids come again, for other chunks.
        upload(service, {"y": "Yankee yaks.", **TEXTS}, corpus="elsewhere")
        upload(service, {"more": "Xray xylophones."}, corpus="elsewhere")
        service.maintenance.reindex(ME, CORPUS, embedder="other")
        assert texts_found(service) == wanted
    with open_service(home, embedder) as service:
        assert texts_found(service) == wanted
        assert service.maintenance.verify(ME, None).problems == ()


def test_files_of_a_rebuild_that_a_backup_does_not_know(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, TEXTS)
        wanted = texts_found(service)
    execute(home, "DELETE FROM chunk WHERE id = 2")
    backup = keep(home)
    with open_service(home) as service:
        service.maintenance.rebuild(ME, CORPUS)
        assert texts_found(service) == wanted
    put_back(home, backup)
    with open_service(home) as service:
        assert "chunks" in {problem.code for problem in service.maintenance.verify(ME, None).problems}
        assert texts_found(service)["apples"] == wanted["apples"]
        service.maintenance.rebuild(ME, CORPUS)
        assert texts_found(service) == wanted


def test_a_catalog_that_is_put_back_under_a_server(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as server:
        upload(server, {"a": TEXTS["a"]})
        backup = keep(home)
        upload(server, {"b": "Bravo bananas, a secret."})
        server.queries.refresh_all(ME)
        server.queries.followed = True
        assert len(search(server, "bravo").hits) == 2
        with sqlite3.connect(home / "catalog.db") as target, sqlite3.connect(backup) as source:
            source.backup(target)
        target.close()
        source.close()
        with open_service(home) as other:
            upload(other, {"c": "Charlie cherries."})
        server.queries.refresh_all(ME)
        found = {hit.passage.document_id: hit.passage.text for hit in search(server, "bravo charlie").hits}
        assert found == {"a": TEXTS["a"], "c": "Charlie cherries."}


def test_a_rebuild_of_what_only_a_tag_needs(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home, embedder) as service:
        upload(service, TEXTS)
        service.maintenance.set_tag(ME, CORPUS, "v1")
        wanted = texts_found(service)
        service.maintenance.reindex(ME, CORPUS, embedder="other")
    execute(home, "DELETE FROM chunk WHERE id = 2")
    with open_service(home, embedder) as server:
        server.search(ME, SearchRequest(corpora=(CORPUS,), query="apples", at="v1"))
        with open_service(home, embedder) as service:
            report = service.maintenance.rebuild(ME, CORPUS)
            assert report.rechunked == 1
        server.queries.refresh_all(ME)
        for opened in (server, open_service(home, embedder)):
            hits = opened.search(ME, SearchRequest(corpora=(CORPUS,), query="bananas", at="v1")).hits
            assert TEXTS["b"] in {hit.passage.text for hit in hits}
        service = open_service(home, embedder)
        service.maintenance.rollback(ME, CORPUS, "v1")
        assert texts_found(service) == wanted


def test_ids_of_mended_chunks_stay(tmp_path: Path) -> None:
    """A server finds what a rebuild mends also while it goes on, and when it was killed after that."""
    home = new_home(tmp_path)
    with open_service(home) as server:
        upload(server, TEXTS)
        wanted = texts_found(server)
        execute(home, "UPDATE chunk SET length = length + 1")
        server.queries.followed = True
        with open_service(home) as service, pytest.raises(KeyboardInterrupt):
            crashpoints.install(stop_at("index.files.before_rename"))
            try:
                service.maintenance.rebuild(ME, CORPUS)
            finally:
                crashpoints.install(None)
        assert texts_found(server) == wanted
        with open_service(home) as other:
            assert texts_found(other) == wanted


def stop_at(point: str) -> Callable[[str], None]:
    def stop(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    return stop


def test_a_change_is_not_called_failed_because_files_could_not_be_written(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, TEXTS)
        search(service, "apples")
        execute(home, "DELETE FROM vector WHERE id = 3")
        service.delete_document(ME, CORPUS, "a")
        report = service.maintenance.rollback(ME, CORPUS, "1")
        assert report.added == 1
