"""Another model beside the live one: the same as a fresh corpus made with it, and never a mixture."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    settings_of,
    shown,
    upload,
)

from ragsvc.crashpoints import install
from ragsvc.domain import F32Matrix, ReindexReport, SearchRequest, SearchResult
from ragsvc.errors import Cancelled, InvalidRequest, ModelNotFound
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline import reindex as module
from ragsvc.service.service import Service

QUERIES = ("apple", "lemon fig", "the pear of the plum", "word7 word9")
WORDS = ("apple", "lemon", "fig", "pear", "plum", "kiwi")


class Model(HashEmbedder):
    """Another name is another model. embedding: called before every batch of documents."""

    embedding: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, name: str) -> None:
        super().__init__(name, "" if name == "hash" else name)

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        self.embedding()
        return super().embed_documents(texts)


class Models:
    """Gives one embedder a name, and remembers them."""

    def __init__(self) -> None:
        self.made: dict[str, Model] = {}

    def __call__(self, name: str) -> Model:
        if name.startswith("missing"):
            raise ModelNotFound(f"no model {name}", hint="name one that is here")
        return self.made.setdefault(name, Model(name))

    def embedded(self, name: str = "new") -> int:
        """Texts embedded since the last call."""
        count = len(self.made[name].texts) if name in self.made else 0
        if count:
            self.made[name].texts.clear()
        return count


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def service(tmp_path: Path, models: Models) -> Iterator[Service]:
    with open_service(new_home(tmp_path), models) as opened:
        yield opened


def texts(first: int = 0, count: int = 24) -> dict[str, str]:
    return {
        f"doc{n}": f"{WORDS[n % 6]} {WORDS[n % 5]} word{n} "
        + f"{WORDS[n % 4]} of the word{n % 7}. " * (n % 9)
        for n in range(first, first + count)
    }


def reindex(service: Service, **how: Any) -> ReindexReport:
    return service.lifecycle.reindex(ME, CORPUS, **({"embedder": "new"} | how))


def found(service: Service) -> list[SearchResult]:
    return [search(service, query) for query in QUERIES]


_fresh: dict[str, list[SearchResult]] = {}


def fresh(parent: Path, name: str, documents: dict[str, str], **changes: Any) -> list[SearchResult]:
    """What a new corpus made with other settings finds; each is made once."""
    asked = repr((sorted(documents.items()), sorted(changes.items())))
    if asked not in _fresh:
        home = new_home(parent, f"fresh-{name}")
        with Service.open(settings_of(home, **changes), embedders=Model) as other:
            upload(other, documents)
            _fresh[asked] = found(other)
    return _fresh[asked]


def same(ones: Sequence[SearchResult], others: Sequence[SearchResult]) -> None:
    for one, other in zip(ones, others, strict=True):
        same_hits(one, other)


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
    entry = service.lifecycle.log(ME, CORPUS)[0]
    assert (entry.kind, entry.embedder, entry.stats["from_embedder"]) == ("reindex", "new", "hash")
    assert entry.profile.startswith(entry.stats["to"])
    with open_service(service.settings.home, models) as other:
        for opened in (service, other):
            same(found(opened), new)
    for opened in (service, open_service(service.settings.home, models)):
        past = [opened.search(ME, SearchRequest((CORPUS,), query, at="head~1")) for query in QUERIES]
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
        service.lifecycle.rollback(ME, CORPUS, "1")
        eventually(lambda: search(server, "apple").commit == 4)
        for opened in (service, server):
            same(found(opened), before)
        service.lifecycle.rollback(ME, CORPUS, "3")
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
    assert service.lifecycle.log(ME, CORPUS)[0].id == 1
    same(found(service), before)


class Stopped(Exception):
    """The process was killed here."""


@contextmanager
def killed_at(point: str, times: int) -> Iterator[None]:
    left = [times]

    def handler(name: str) -> None:
        if name == point:
            left[0] -= 1
            if left[0] == 0:
                raise Stopped

    install(handler)
    try:
        yield
    finally:
        install(None)


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
    monkeypatch.setattr("ragsvc.pipeline.indexing.STEP_CHUNKS", 8)
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
    assert service.lifecycle.log(ME, CORPUS)[0].id == 1
    same(found(service), before)
    reindex(service, progress=seen.append)
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (24, 24, "documents")


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


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


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
        service.lifecycle.rollback(ME, CORPUS, "1")
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


def test_gc_leaves_a_running_reindex_alone_and_clears_up_after_a_stopped_one(
    service: Service, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragsvc.pipeline.indexing.STEP_CHUNKS", 8)
    monkeypatch.setattr("ragsvc.pipeline.indexing.WINDOW_CHUNKS", 16)
    upload(service, texts())
    other = open_service(service.settings.home, models)
    models("new").embedding = lambda: other.lifecycle.collect(ME, CORPUS, keep=1)
    report = reindex(service)
    assert report.embedded == report.chunks
    new = fresh(tmp_path, "new", texts(), embedder="new")
    same(found(service), new)
    gone = service.lifecycle.collect(ME, CORPUS, keep=1)
    assert (gone.commits, gone.chunks > 0, gone.vectors > 0, gone.indexes) == (1, True, True, 1)
    assert len(list(service.settings.home.glob("*/*/manifest.json"))) == 1
    with killed_at("store.reindex.before", 1), pytest.raises(Stopped):
        reindex(service, embedder="third")
    gone = service.lifecycle.collect(ME, CORPUS, keep=1)
    assert (gone.chunks, gone.vectors, gone.indexes) == (report.chunks, report.chunks, 1)
    same(found(service), new)
    assert reindex(service, embedder="third").embedded == report.chunks
