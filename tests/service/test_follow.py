"""A server takes in what others commit without being asked, and says when it is ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from doubles import CORPUS, ME, HashEmbedder, new_home, open_service, search, settings_of, upload

from ragsvc.errors import CorpusNotFound, ModelMismatch, ModelNotFound
from ragsvc.service.service import Service


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def found(service: Service, query: str = "text") -> set[str]:
    return {hit.passage.document_id for hit in search(service, query).hits}


def test_a_server_follows_the_commits_of_others(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as other, open_service(home) as server:
        upload(other, {"a": "first text"})
        assert not server.ready().ready and server.ready().reason == "not started"
        server.start()
        eventually(lambda: server.ready().ready)
        assert (server.ready().commit, found(server)) == (1, {"a"})
        upload(other, {"b": "second text"})
        eventually(lambda: found(server) == {"a", "b"})
        other.delete_document(ME, CORPUS, "a")
        eventually(lambda: found(server) == {"b"})
        upload(other, {"n": "a new corpus of text"}, corpus="new")
        eventually(lambda: {hit.corpus for hit in search(server, "text", corpora=["new"]).hits} == {"new"})
        other.delete_corpus(ME, CORPUS)
        with pytest.raises(CorpusNotFound):
            search(server, "text")
        upload(other, {"c": "text under an old name"})
        eventually(lambda: found(server) == {"c"})
        eventually(lambda: server.ready().commit == other._catalog.corpora.latest_commit())


def test_a_server_without_its_model_says_so_and_recovers(tmp_path: Path) -> None:
    missing = True

    class Late(HashEmbedder):
        def warm_up(self) -> None:
            if missing:
                raise ModelNotFound("the model is not there", hint="put it there")

    with open_service(new_home(tmp_path), Late) as server:
        server.start()
        eventually(lambda: server.ready().reason == "the model is not there")
        assert not server.ready().ready
        missing = False
        eventually(lambda: server.ready().ready)


def test_a_corpus_is_refused_to_another_model_of_the_same_name(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, {"a": "some text"})
    with open_service(home, lambda name: HashEmbedder(name, seed="other")) as service:
        with pytest.raises(ModelMismatch) as caught:
            search(service, "text")
        assert caught.value.hint
        with pytest.raises(ModelMismatch):
            upload(service, {"b": "more text"})
        assert service.corpus(ME, CORPUS).documents == 1


def test_a_corpus_keeps_its_profile_when_the_settings_change(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    text = " ".join(f"word{n}" for n in range(60))
    with open_service(home) as service:
        first = upload(service, {"a": text})
    with open_service(home, chunk_tokens=48) as service:
        assert upload(service, {"b": text.replace("word0 ", "other ")}).chunks_added == first.chunks_added
        assert upload(service, {"a": text}, corpus="wide").chunks_added < first.chunks_added
        assert found(service, "word59") == {"a", "b"}
    with Service.open(settings_of(home, embedder="elsewhere"), embedders=HashEmbedder) as service:
        assert found(service, "word59") == {"a", "b"}, "the recorded model is used"


def test_text_of_every_version_can_be_read(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path)) as service:
        upload(service, {"a": "the old text"})
        old = service.document(ME, CORPUS, "a").version
        upload(service, {"a": "the new text"})
        hit = search(service, "new").hits[0].passage
        assert service.text(ME, CORPUS, "a", None, hit.start, hit.end).text == hit.text
        assert service.text(ME, CORPUS, "a", old, 4, 7).text == "old"
