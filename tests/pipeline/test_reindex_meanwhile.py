"""A reindex while others read, write, reindex and collect: nothing is lost, and never a mixture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import (
    CORPUS,
    ME,
    ingest,
    new_home,
    open_service,
    search,
    upload,
)
from reindex_building import (
    QUERIES,
    Model,
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

from ragsvc.domain import SearchResult
from ragsvc.errors import ModelNotFound
from ragsvc.pipeline.ingestion import reindex as module
from ragsvc.service.service import Service


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def service(tmp_path: Path, models: Models) -> Iterator[Service]:
    with open_service(new_home(tmp_path), models) as opened:
        yield opened


def test_commits_made_meanwhile_are_caught_up_with(
    service: Service, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCKED_CHARS", 40)
    upload(service, texts())
    other = open_service(service.settings.home, models)
    rounds = iter(range(3))

    def interfere() -> None:
        number = next(rounds, None)
        if number is not None:
            upload(other, texts(100 + 10 * number, 5))
            other.delete_document(ME, CORPUS, f"doc{number}")

    models("new").embedding = interfere
    report = reindex(service)
    documents = {**texts(), **texts(100, 5), **texts(110, 5), **texts(120, 5)}
    for name in ("doc0", "doc1", "doc2"):
        del documents[name]
    assert (report.commit, report.documents) == (8, len(documents))
    new = fresh(tmp_path, "new", documents, embedder="new")
    for opened in (service, other):
        same(found(opened), new)


def test_a_corpus_that_never_rests_is_caught_under_the_lock(
    service: Service, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCKED_CHARS", 0)
    upload(service, texts())
    other = open_service(service.settings.home, models)
    number = [0]

    def interfere() -> None:
        if not service._catalog.lock.held:
            number[0] += 1
            upload(other, {f"more{number[0]}": f"apple number {number[0]}"})

    models("new").embedding = interfere
    assert reindex(service).documents == 24 + number[0] == 24 + module.ROUNDS


def test_an_ingest_that_began_before_is_published_under_the_new_profile(
    service: Service, models: Models, tmp_path: Path
) -> None:
    upload(service, texts())
    other = open_service(service.settings.home, models)
    once = iter([True])
    models("hash").embedding = lambda: next(once, None) and reindex(other)
    report = upload(service, texts(30, 4))
    assert report.commit == 3
    new = fresh(tmp_path, "new", texts() | texts(30, 4), embedder="new")
    for opened in (service, other):
        same(found(opened), new)
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("an apple")
    once = iter([True])
    models("new").embedding = lambda: next(once, None) and reindex(other, embedder="third")
    ingest(service, folder, prune="keep")
    assert service.corpus(ME, CORPUS).embedder == "third"
    assert [hit.passage.document_id for hit in search(service, "an apple").hits][:1] == ["docs/a.md"]


def test_two_at_once(service: Service, models: Models, tmp_path: Path) -> None:
    upload(service, texts())
    other = open_service(service.settings.home, models)
    once = iter([True])
    # The same twice: the second finds the work of the first.
    models("new").embedding = lambda: next(once, None) and reindex(other)
    assert reindex(service).commit == 2
    # Two that change different things: both count.
    again = iter([True])
    models("third").embedding = lambda: next(again, None) and reindex(other, embedder=None, chunk_tokens=40)
    report = reindex(service, embedder="third")
    assert report.commit == 4
    new = fresh(tmp_path, "both", texts(), embedder="third", chunk_tokens=40)
    same(found(service), new)


def test_a_corpus_that_is_deleted_meanwhile(service: Service, models: Models) -> None:
    upload(service, texts())
    other = open_service(service.settings.home, models)
    models("new").embedding = lambda: other.delete_corpus(ME, CORPUS)
    with pytest.raises(Exception, match="there is no corpus"):
        reindex(service)
    assert list((service.settings.home / "readers").iterdir()) == []


def key(result: SearchResult) -> list[tuple[Any, ...]]:
    return [(hit.passage.chunk_id, round(hit.score, 5)) for hit in result.hits]


@pytest.mark.parametrize("followed", [True, False])
def test_no_answer_is_of_two_profiles(
    service: Service, models: Models, tmp_path: Path, followed: bool
) -> None:
    upload(service, texts(0, 60))
    states = [{query: key(search(service, query)) for query in QUERIES}]
    for name in ("new", "third"):
        results = fresh(tmp_path, name, texts(0, 60), embedder=name, chunk_tokens=30 if name == "new" else 24)
        states.append(dict(zip(QUERIES, map(key, results), strict=True)))
    assert all(states[0][query] != states[1][query] != states[2][query] for query in QUERIES)
    seen: list[tuple[str, list[tuple[Any, ...]]]] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def ask(number: int) -> None:
        while not done.is_set():
            try:
                query = QUERIES[number % len(QUERIES)]
                seen.append((query, key(search(server, query))))
            except BaseException as error:
                errors.append(error)
                return
            number += 1

    with open_service(service.settings.home, models) as server:
        if followed:
            server.start()
            eventually(lambda: server.ready().ready)
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for how in ({"chunk_tokens": 30}, {"embedder": "third", "chunk_tokens": 24}):
            report = reindex(service, **how)
            eventually(lambda commit=report.commit: search(server, "apple").commit == commit)
        service.maintenance.rollback(ME, CORPUS, "1")
        eventually(lambda: search(server, "apple").commit == 4)
        done.set()
        for thread in threads:
            thread.join()
        assert errors == []
        if followed:
            eventually(lambda: server._loader._embedders.keys() == {"hash"})
    assert len(seen) > 20
    for query, hits in seen:
        assert any(hits == state[query] for state in states)


def test_gc_leaves_a_running_reindex_alone_and_clears_up_after_a_stopped_one(
    service: Service, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragsvc.pipeline.ingestion.indexer.STEP_CHUNKS", 8)
    monkeypatch.setattr("ragsvc.pipeline.ingestion.indexer.WINDOW_CHUNKS", 16)
    upload(service, texts())
    other = open_service(service.settings.home, models)
    models("new").embedding = lambda: other.maintenance.collect(ME, CORPUS, keep=1)
    report = reindex(service)
    assert report.embedded == report.chunks
    new = fresh(tmp_path, "new", texts(), embedder="new")
    same(found(service), new)
    gone = service.maintenance.collect(ME, CORPUS, keep=1)
    assert (gone.commits, gone.chunks > 0, gone.vectors > 0, gone.indexes) == (1, True, True, 1)
    assert len(list(service.settings.home.glob("*/*/manifest.json"))) == 1
    with killed_at("store.reindex.before", 1), pytest.raises(Stopped):
        reindex(service, embedder="third")
    gone = service.maintenance.collect(ME, CORPUS, keep=1)
    assert (gone.chunks, gone.vectors, gone.indexes) == (report.chunks, report.chunks, 1)
    same(found(service), new)
    assert reindex(service, embedder="third").embedded == report.chunks


def test_a_server_without_the_new_model_goes_on_with_the_old(service: Service, models: Models) -> None:
    upload(service, texts())
    before = found(service)
    missing = True

    def lacking(name: str) -> Model:
        if name == "new" and missing:
            raise ModelNotFound("the model is not here", hint="put it here")
        return models(name)

    with open_service(service.settings.home, lacking) as server:
        server.start()
        eventually(lambda: server.ready().ready)
        reindex(service)
        upload(service, {"fig": "a fig"}, corpus="other")
        eventually(
            lambda: [hit.passage.text for hit in search(server, "fig", corpora=["other"]).hits] == ["a fig"]
        )
        assert server.ready().ready
        same(found(server), before)
        missing = False
        eventually(lambda: search(server, "apple").commit == 2)
        same(found(server), found(service))
