"""`reindex`, over a service with a catalog of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doubles import HashEmbedder, new_home, open_service, upload

from ragsvc.errors import ModelNotFound
from ragsvc.settings import Settings

KEYS = [
    "corpus", "commit", "profile", "previous", "embedder", "documents", "chunks", "embedded", "seconds",
]  # fmt: skip


class RealService:
    """Opens what `main` asks for, with embedders that need no model."""

    @staticmethod
    def open(settings: Settings):
        return open_service(settings.home, embedder, lock_timeout_s=0.3)


def embedder(name: str) -> HashEmbedder:
    if name == "nowhere":
        raise ModelNotFound("no model 'nowhere'", hint="name another")
    if name == "stopped":
        raise KeyboardInterrupt
    return HashEmbedder(name, name)


@pytest.fixture
def service() -> RealService:
    return RealService()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = new_home(tmp_path)
    with open_service(home, embedder) as service:
        upload(service, {"a": "An apple.", "b": "A fig."}, corpus="docs")
    monkeypatch.setenv("RAGSVC_HOME", str(home))
    return home


def test_another_model(run: Callable[..., Any]) -> None:
    shown = run("reindex", "docs", "--embedder", "new", "--json").json
    assert list(shown) == KEYS
    assert (shown["commit"], shown["embedder"], shown["embedded"]) == (2, "new", 2)
    assert shown["profile"] != shown["previous"]
    again = run("reindex", "docs", "--embedder", "new", "--json").json
    assert (again["commit"], again["embedded"], again["profile"]) == (2, 0, again["previous"])
    assert run("corpora", "show", "docs", "--json").json["embedder"] == "new"
    assert run("log", "docs", "--json").json["commits"][0]["kind"] == "reindex"
    assert "reindex" in run("log", "docs").out


def test_words_for_people(run: Callable[..., Any]) -> None:
    ran = run("reindex", "docs", "--chunk-tokens", "40", "--chunk-overlap-tokens", "4")
    assert ran.code == 0
    assert ran.out.startswith("docs at commit 2: 2 documents in 2 chunks under hash; 0 texts embedded;")
    assert "nothing to do" in run("reindex", "docs").out
    assert run("search", "docs", "apple").code == 0


def test_what_is_refused(run: Callable[..., Any]) -> None:
    assert run("reindex", "docs", "--chunk-tokens", "15").code == 2
    assert run("reindex", "docs", "--chunk-tokens", "40", "--chunk-overlap-tokens", "40").code == 2
    ran = run("reindex", "docs", "--embedder", "nowhere", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "model_not_found")
    assert ran.json["error"]["hint"]
    assert run("reindex", "dosc").err.startswith("error: there is no corpus 'dosc' [corpus_not_found]")
    assert run("reindex", "docs", "--embedder", "stopped").code == 130
    assert run("log", "docs", "--json").json["commits"][0]["commit"] == 1
