"""Another model beside the live one: the same as a fresh corpus made with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from doubles import (
    CORPUS,
    ME,
    HashEmbedder,
    new_home,
    open_service,
    search,
    shown,
    upload,
)
from reindex_building import (
    QUERIES,
    Models,
    Stopped,
    eventually,
    found,
    fresh,
    killed_at,
    reindex,
    same,
    texts,
)

from ragsvc.domain import SearchRequest
from ragsvc.errors import Cancelled, InvalidRequest, ModelMismatch, ModelNotFound
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.service.service import Service


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def service(tmp_path: Path, models: Models) -> Iterator[Service]:
    with open_service(new_home(tmp_path), models) as opened:
        yield opened


def test_it_is_as_if_made_with_the_other_profile(service: Service, models: Models, tmp_path: Path) -> None:
    upload(service, texts())
    before = found(service)
    report = reindex(service, chunk_tokens=40, chunk_overlap_tokens=4)
    new = fresh(tmp_path, "new", texts(), embedder="new", chunk_tokens=40, chunk_overlap_tokens=4)
    assert any(
        [shown(hit) for hit in one.hits] != [shown(hit) for hit in other.hits]
        for one, other in zip(before, new, strict=True)
    )
    assert report.commit == 2 and report.documents == 24 and report.profile != report.previous
    assert report.embedder == "new" and report.embedded == models.embedded() == report.chunks
    entry = service.maintenance.log(ME, CORPUS)[0]
    assert (entry.kind, entry.embedder, entry.stats["from_embedder"]) == ("reindex", "new", "hash")
    assert entry.profile.startswith(entry.stats["to"])
    with open_service(service.settings.home, models) as other:
        for opened in (service, other):
            same(found(opened), new)
    for opened in (service, open_service(service.settings.home, models)):
        past = [
            opened.search(ME, SearchRequest(corpora=(CORPUS,), query=query, at="head~1")) for query in QUERIES
        ]
        same(past, before)
    # What comes later is under the new profile, and the settings no longer count.
    upload(service, texts(30, 3))
    assert models.embedded("hash") > 0 and models.embedded("new") > 0
    same(
        found(service),
        fresh(
            tmp_path,
            "later",
            texts() | texts(30, 3),
            embedder="new",
            chunk_tokens=40,
            chunk_overlap_tokens=4,
        ),
    )


def test_nothing_to_do(service: Service, models: Models) -> None:
    upload(service, texts(0, 3))
    for how in ({"embedder": None}, {"embedder": "hash"}, {"embedder": None, "chunk_tokens": 24}):
        report = reindex(service, **how)
        assert (report.commit, report.embedded, report.profile) == (1, 0, report.previous)
    reindex(service)
    assert reindex(service).commit == 2
    # What is not given stays as the corpus has it, whatever the settings say.
    assert reindex(service, embedder=None, chunk_tokens=30).embedder == "new"


def test_a_rollback_takes_the_old_model_back(service: Service, models: Models) -> None:
    upload(service, texts())
    before = found(service)
    reindex(service)
    upload(service, texts(30, 4))
    after = found(service)
    with open_service(service.settings.home, models) as server:
        server.start()
        eventually(lambda: server.ready().ready)
        same(found(server), after)
        service.maintenance.rollback(ME, CORPUS, "1")
        eventually(lambda: search(server, "apple").commit == 4)
        for opened in (service, server):
            same(found(opened), before)
        service.maintenance.rollback(ME, CORPUS, "3")
        eventually(lambda: search(server, "apple").commit == 5)
        same(found(server), after)
        models.embedded(), models.embedded("hash")
        assert reindex(service, embedder="hash").embedded == models.embedded("hash") > 0
        assert reindex(service, embedder="new").embedded == models.embedded() == 0


def test_an_empty_corpus(service: Service, models: Models, tmp_path: Path) -> None:
    service._writer._new_corpus(ME, CORPUS)
    assert reindex(service).commit == 1
    assert search(service, "apple").hits == ()
    upload(service, texts(0, 5))
    same(found(service), fresh(tmp_path, "new", texts(0, 5), embedder="new"))
    for name in texts(0, 5):
        service.delete_document(ME, CORPUS, name)
    report = reindex(service, embedder="third")
    assert (report.documents, report.chunks, report.embedded) == (0, 0, 0)
    with open_service(service.settings.home, models) as other:
        assert search(other, "apple").hits == ()


def test_what_cannot_be_done_changes_nothing(service: Service, models: Models) -> None:
    upload(service, texts(0, 3))
    before = found(service)
    with pytest.raises(ModelNotFound):
        reindex(service, embedder="missing model")
    for how in ({"chunk_tokens": 5}, {"chunk_tokens": 4000}, {"chunk_overlap_tokens": 100}):
        with pytest.raises(InvalidRequest) as caught:
            reindex(service, **how)
        assert caught.value.hint

    def broken() -> None:
        raise ModelNotFound("the weights cannot be read")

    models("broken").warm_up = broken  # type: ignore[method-assign]
    with pytest.raises(ModelNotFound):
        reindex(service, embedder="broken")
    assert service.maintenance.log(ME, CORPUS)[0].id == 1
    same(found(service), before)


@pytest.mark.parametrize(
    ("point", "times"),
    [
        ("store.profile.after", 1),
        ("store.pin.after", 1),
        ("store.put_vectors.inside", 2),
        ("store.put_vectors.after", 1),
        ("store.put_chunks.inside", 1),
        ("store.put_chunks.after", 1),
        ("index.files.before_rename", 3),
        ("index.files.before_manifest_rename", 1),
        ("index.files.after_manifest_rename", 1),
        ("store.reindex.before", 1),
        ("store.reindex.inside", 1),
        ("store.reindex.after", 1),
    ],
)
def test_what_was_stopped_goes_on(
    service: Service, models: Models, tmp_path: Path, point: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragsvc.pipeline.ingestion.indexer.STEP_CHUNKS", 8)
    upload(service, texts())
    before = found(service)
    with killed_at(point, times), pytest.raises(Stopped):
        reindex(service)
    moved = point == "store.reindex.after"
    done = models.embedded()
    lost = 8 if point == "store.put_vectors.inside" else 0
    with open_service(service.settings.home, models) as other:
        if not moved:
            same(found(other), before)
        report = reindex(other)
        assert report.commit == 2
        assert report.embedded == models.embedded()
        assert report.embedded == (0 if moved else report.chunks - done + lost)
        new = fresh(tmp_path, "new", texts(), embedder="new")
        for opened in (service, other):
            same(found(opened), new)


def test_it_can_be_cancelled(service: Service, models: Models) -> None:
    upload(service, texts())
    before = found(service)
    seen = []
    with pytest.raises(Cancelled):
        reindex(service, progress=seen.append, cancelled=lambda: bool(models.made.get("new")))
    assert service.maintenance.log(ME, CORPUS)[0].id == 1
    same(found(service), before)
    reindex(service, progress=seen.append)
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (24, 24, "documents")


def test_a_folder_is_recorded_so_that_every_process_finds_it(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(service, texts(0, 2))
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert reindex(service, embedder="./model").embedder == str(tmp_path / "model")


def test_weights_that_were_replaced_need_no_restart(tmp_path: Path) -> None:
    seeds = {"hash": "old"}
    home = new_home(tmp_path)
    make = lambda name: HashEmbedder(name, seeds[name])  # noqa: E731
    with open_service(home, make) as server, open_service(home, make) as early:
        upload(server, texts(0, 4))
        found(early)
        seeds["hash"] = "new"
        with open_service(home, make) as operator:
            report = reindex(operator, embedder=None)
            assert report.commit == 2 and report.embedded == report.chunks
            same(found(early), found(operator))


def test_the_real_loader_names_what_is_missing(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, texts(0, 1))
    with open_service(home, lambda name: SentenceTransformerEmbedder(name)) as service:
        for name in (str(tmp_path / "nowhere"), "", "~nobody-here/model", "x" * 5000, "a\0b", "bundled:x"):
            with pytest.raises(ModelNotFound) as caught:
                reindex(service, embedder=name)
            assert name.rpartition(":")[2][:20] in caught.value.message.replace("\\x00", "\0")
            assert caught.value.hint


def test_an_older_analyser_is_replaced(tmp_path: Path, models: Models) -> None:
    home = new_home(tmp_path)
    with open_service(home, models) as service:
        upload(service, texts())
    with closing(sqlite3.connect(home / "catalog.db")) as catalog, catalog:
        catalog.execute("UPDATE profile SET spec = json_set(spec, '$.analyser', 'older'), fingerprint = 'o'")
    with open_service(home, models) as service:
        with pytest.raises(ModelMismatch) as caught:
            search(service, "apple")
        assert "ragsvc reindex" in caught.value.hint
        assert reindex(service, embedder=None).embedded == 0
        same(found(service), fresh(tmp_path, "hash", texts()))
