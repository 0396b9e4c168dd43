"""`log`, `tag`, `rollback`, `--at` and `corpora show`, over a service with a catalog of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from doubles import CORPUS, ME, new_home, open_service, upload

from ragsvc.settings import Settings
from ragsvc.store.lock import WriterLock

COMMIT_KEYS = [
    "commit", "created_at", "principal", "kind", "stats", "profile", "embedder", "tags", "collected",
]  # fmt: skip


class RealService:
    """Opens what `main` asks for, with an embedder that needs no model."""

    @staticmethod
    def open(settings: Settings):
        return open_service(settings.home, lock_timeout_s=0.3)


@pytest.fixture
def service() -> RealService:
    return RealService()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three commits: two documents, one of them edited, the other deleted."""
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, {"a": "An apple.", "b": "A fig."})
        upload(service, {"a": "A pear."})
        service.delete_document(ME, CORPUS, "b")
    monkeypatch.setenv("RAGSVC_HOME", str(home))
    return home


def test_the_log_in_pages(run):
    shape = run("log", CORPUS, "--json").json
    assert list(shape) == ["corpus", "commits", "next_before"]
    assert [(entry["commit"], entry["kind"]) for entry in shape["commits"]] == [
        (3, "delete"),
        (2, "ingest"),
        (1, "ingest"),
    ]
    assert list(shape["commits"][0]) == COMMIT_KEYS
    assert shape["next_before"] is None
    first = run("log", CORPUS, "-n", "2", "--json").json
    assert first["next_before"] == 2
    rest = run("log", CORPUS, "-n", "2", "--before", "2", "--json").json
    assert first["commits"] + rest["commits"] == shape["commits"]
    shown = run("log", CORPUS, "-n", "1")
    assert shown.out.splitlines()[1].split() == [
        "3",
        shape["commits"][0]["created_at"],
        "delete",
        "1",
        "removed",
    ]
    assert f"ragsvc log {CORPUS} --before 3" in shown.err
    assert run("log", "nope").code == 1
    assert run("log", CORPUS, "-n", "0").code == 2


def test_tags_are_set_listed_moved_and_deleted(run):
    assert run("tag", CORPUS).out == ""
    made = run("tag", CORPUS, "v1", "1", "--json").json
    assert (made["tag"], made["commit"]) == ("v1", 1)
    assert "names commit 3" in run("tag", CORPUS, "now").out
    assert [(tag["tag"], tag["commit"]) for tag in run("tag", CORPUS, "--json").json["tags"]] == [
        ("now", 3),
        ("v1", 1),
    ]
    assert "v1" in run("tag", CORPUS).out
    refused = run("tag", CORPUS, "v1", "head~1", "--json")
    assert refused.code == 1
    assert refused.json["error"]["code"] == "tag_exists"
    assert run("tag", CORPUS, "v1", "head~1", "--move", "--json").json["commit"] == 2
    assert run("tag", CORPUS, "v1", "--delete", "--json").json["deleted"] is True
    assert run("tag", CORPUS, "v1", "--delete").code == 1
    for words in (["12"], ["--delete"], ["v1", "1", "--delete"], ["--move"], ["v1", "--delete", "--move"]):
        assert run("tag", CORPUS, *words).code == 2


def test_a_rollback_says_how_to_undo_it(run):
    ran = run("rollback", CORPUS, "1")
    assert ran.code == 0
    said, undo = ran.out.splitlines()
    assert said.endswith("at commit 4 is what it was at commit 1: 1 added, 1 changed, 0 removed")
    assert undo == f"undo: ragsvc rollback {CORPUS} 3"
    assert "nothing changed" in run("rollback", CORPUS, "1").out
    assert "to 1, 1 added, 1 changed" in run("log", CORPUS, "-n", "1").out
    undone = run("rollback", CORPUS, "3", "--json").json
    assert undone == {
        "corpus": CORPUS,
        "commit": 5,
        "previous": 4,
        "to": 3,
        "documents": {"added": 0, "changed": 1, "removed": 1},
        "profile_changed": False,
    }
    assert run("rollback", CORPUS, "v9", "--json").json["error"]["code"] == "ref_not_found"


def test_a_rollback_waits_for_another_writer_and_says_so(run, home):
    with WriterLock(home).hold(0):
        done = []
        waiting = threading.Thread(target=lambda: done.append(run("rollback", CORPUS, "1")))
        waiting.start()
        waiting.join()
    assert done[0].code == 1
    assert "waiting for process" in done[0].err
    assert "[writer_busy]" in done[0].err
    assert run("rollback", CORPUS, "1").code == 0


@pytest.mark.parametrize("ref", ["1", "v1", "head~2"])
def test_everything_can_be_read_as_it_was(run, ref):
    run("tag", CORPUS, "v1", "1")
    found = run("search", CORPUS, "apple", "--at", ref, "--json").json
    assert found["commit"] == 1
    assert found["hits"][0]["text"] == "An apple."
    assert run("search", CORPUS, "apple", "--json").json["hits"][0]["text"] == "A pear."
    answer = run("ask", CORPUS, "Which apple?", "--at", ref, "--json").json
    assert answer["commit"] == 1
    assert {hit["text"] for hit in answer["passages"]} == {"An apple.", "A fig."}
    listed = run("documents", "list", CORPUS, "--at", ref, "--json").json["documents"]
    assert [(document["document_id"], document["commit"]) for document in listed] == [("a", 1), ("b", 1)]
    assert run("documents", "show", CORPUS, "a", "--at", ref, "--text", "--json").json["text"] == "An apple."
    assert run("documents", "show", CORPUS, "b", "--at", ref).code == 0
    assert run("documents", "show", CORPUS, "b").code == 1


@pytest.mark.parametrize(
    "words", [["search", CORPUS, "x"], ["ask", CORPUS, "x"], ["documents", "list", CORPUS]]
)
@pytest.mark.parametrize("ref", ["4", "v9", "", "head~3", "\udcff"])
def test_references_to_nothing(run, words, ref):
    ran = run(*words, "--at", ref, "--json")
    assert ran.code == 1
    assert ran.json["error"]["code"] == "ref_not_found"


def test_a_corpus_is_shown_with_profile_history_and_tags(run, home):
    run("tag", CORPUS, "v1", "1")
    shape = run("corpora", "show", CORPUS, "--json").json
    assert (shape["documents"], shape["chunks"], shape["commit"]) == (1, 1, 3)
    assert shape["profile"] | {"fingerprint": ""} == {
        "fingerprint": "",
        "embedder": "hash",
        "dimension": 32,
        "chunk_tokens": 24,
        "chunk_overlap_tokens": 0,
        "analyser": "standard-1",
    }
    assert shape["commits"] == run("log", CORPUS, "--json").json["commits"]
    assert shape["tags"] == run("tag", CORPUS, "--json").json["tags"]
    folder = next(path for path in home.rglob("*") if path.name == shape["profile"]["fingerprint"])
    assert shape["index_bytes"] == sum(path.stat().st_size for path in folder.iterdir()) > 0
    shown = run("corpora", "show", CORPUS).out
    for word in ("embedder", "index_bytes", "Last commits:", "Tags:", shape["profile"]["fingerprint"]):
        assert word in shown
