"""`ragsvc export` and `ragsvc import` over a service with a catalog of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles import CORPUS, new_home, open_service, upload

from ragsvc.settings import Settings

KEYS = ["corpus", "commit", "folder", "documents", "chunks", "vectors", "size_bytes", "seconds"]


class RealService:
    """Opens what `main` asks for, with an embedder that needs no model."""

    @staticmethod
    def open(settings: Settings):
        return open_service(settings.home)


@pytest.fixture
def service() -> RealService:
    return RealService()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = new_home(tmp_path)
    with open_service(home) as service:
        upload(service, {"a": "An apple.", "b": "A lemon."})
        upload(service, {"b": "A fig."})
    monkeypatch.setenv("RAGSVC_HOME", str(home))
    return home


def test_out_and_in_again(run, tmp_path):
    out, there = str(tmp_path / "out"), str(tmp_path / "there")
    ran = run("export", CORPUS, out, "--json")
    assert ran.code == 0 and list(ran.json) == KEYS
    assert (ran.json["commit"], ran.json["documents"], ran.json["vectors"]) == (2, 2, 2)
    ran = run("import", out, "--home", there, "--json")
    assert ran.code == 0 and list(ran.json) == KEYS
    assert (ran.json["corpus"], ran.json["commit"]) == (CORPUS, 1)
    here, there_too = (
        run("search", CORPUS, "fig", "--home", home, "--json").json
        for home in (str(tmp_path / "home"), there)
    )
    assert [hit["chunk_id"] for hit in here["hits"]] == [hit["chunk_id"] for hit in there_too["hits"]]


def test_an_earlier_commit_under_another_name(run, tmp_path):
    ran = run("export", CORPUS, str(tmp_path / "out"), "--at", "head~1")
    assert ran.code == 0
    assert ran.out.startswith(f"exported {CORPUS} at commit 1: 2 documents, 2 chunks, 2 vectors; ")
    ran = run("import", str(tmp_path / "out"), "--as", "old")
    assert ran.code == 0
    assert ran.out.startswith("imported old at commit 3: 2 documents")
    assert "lemon" in run("search", "old", "lemon").out


def test_what_is_refused(run, tmp_path):
    out = str(tmp_path / "out")
    assert run("export", CORPUS, out).code == 0
    taken = run("export", CORPUS, out, "--json")
    assert (taken.code, taken.json["error"]["code"]) == (1, "target_exists")
    exists = run("import", out, "--json")
    assert (exists.code, exists.json["error"]["code"]) == (1, "corpus_exists")
    assert "--as" in exists.json["error"]["hint"]
    assert run("export", CORPUS, str(tmp_path / "b"), "--at", "v9").code == 1
    assert run("import", out, "--as", "Not A Name").code == 2
    assert run("export", CORPUS).code == 2
    assert run("import", str(tmp_path / "nowhere"), "--json").json["error"]["code"] == "export_damaged"
    (tmp_path / "out" / "vectors.parquet").write_bytes(b"PAR1")
    damaged = run("import", out, "--as", "new")
    assert damaged.code == 1
    assert "vectors.parquet" in damaged.err and "hint:" in damaged.err
