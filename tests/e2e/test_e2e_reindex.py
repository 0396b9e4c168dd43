"""Another model under load, by command line: no request fails, no answer is of two models; then gc."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from real_server import HANDBOOK, Server, World, wait_for

from ragsvc.models.bundled_models import open_model

pytestmark = pytest.mark.e2e

PAGES = ("chat-history", "sql-databases", "training-data", "user-feedback", "vector-databases", "versioning")
QUERIES = ("Can chat history be stored in a database?", "cleaning text", "vector")


@pytest.fixture(scope="module")
def small_model(world: World) -> Path:
    """A BERT of two layers with random weights, saved as sentence-transformers does."""
    import torch
    from transformers import BertConfig, BertModel

    folder = world.folder / "small-model"
    bundled = open_model("bundled:all-MiniLM-L6-v2").path
    shutil.copytree(
        bundled, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "onnx", "openvino")
    )
    torch.manual_seed(3)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(**shape)).save_pretrained(folder)
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps(json.loads(pooling.read_text()) | {"word_embedding_dimension": 32}))
    return folder


class Load:
    """What clients were told, while something else happened."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[tuple[str, str, int, Any]] = []
        self.failed: list[Any] = []
        self._done = threading.Event()

    @contextmanager
    def running(self, clients: int = 2) -> Iterator[Load]:
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def _ask(self, number: int) -> None:
        while not self._done.is_set():
            number += 1
            # Enough to fall into every step of the change, and some of the two cores left for it.
            time.sleep(0.1)
            try:
                self.ask(QUERIES[number % len(QUERIES)], "answer" if number % 5 == 0 else "search")
            except Exception as error:
                self.failed.append(error)

    def ask(self, query: str, route: str) -> tuple[int, Any]:
        """One request on a connection of its own: every worker process gets some. Gives commit and hits."""
        named = {"query": query} if route == "search" else {"question": query}
        response = httpx.post(
            f"{self.url}/v1/{route}", json={"corpus": "data", **named}, timeout=60, trust_env=False
        )
        assert response.status_code == 200, response.text
        value = response.json()
        hits = value["hits" if route == "search" else "passages"]
        shown = [(hit["chunk_id"], round(hit["score"], 5)) for hit in hits]
        self.seen.append((route, query, value["commit"], shown))
        return int(value["commit"]), shown

    def results(self) -> dict[tuple[str, str], Any]:
        """What each question finds now."""
        return {
            (route, query): self.ask(query, route)[1] for query in QUERIES for route in ("search", "answer")
        }

    def settled(self, commit: int) -> bool:
        """Whether every process answers from a commit."""
        return {self.ask(QUERIES[0], "search")[0] for _ in range(12)} == {commit}


def test_another_model_under_load(world: World, small_model: Path) -> None:
    home = world.folder / "reindexed" / "home"

    def run(*words: str | Path) -> dict[str, Any]:
        done = world.ragsvc(*words, "--home", home, "--json")
        assert done.code == 0, done.out + done.err
        return done.json

    run("ingest", "data", *(HANDBOOK / "data" / f"{name}.md" for name in PAGES))
    server = Server(world, home, {"RAGSVC_WORKERS": "2", "RAGSVC_THREADS": "1"})
    try:
        server.wait_until_ready()
        load = Load(server.url)
        old = load.results()
        with load.running():
            done = run("reindex", "data", "--embedder", small_model, "--chunk-tokens", "100")
            assert done["embedded"] == done["chunks"] > 0
            wait_for(lambda: load.settled(2), 20)
            new = load.results()
            assert run("rollback", "data", "1")["profile_changed"] is True
            wait_for(lambda: load.settled(3), 20)
            run("rollback", "data", "2")
            wait_for(lambda: load.settled(4), 20)
            assert [len(found) for found in rows(home)] == [2, 2, 2]
            run("gc", "data", "--keep", "1")
            assert [len(found) for found in rows(home)] == [1, 1, 1]
            assert load.results() == new
    finally:
        server.close()
    assert load.failed == []
    assert all(old[key] != new[key] for key in old)
    assert len(load.seen) > 50
    for route, query, commit, shown in load.seen:
        assert shown == {1: old, 2: new, 3: old, 4: new}[commit][route, query]


def rows(home: Path) -> list[list[Any]]:
    """Profiles that have chunks, embedders that have vectors, folders with index files."""
    with closing(sqlite3.connect(home / "catalog.db")) as connection:
        profiles = connection.execute("SELECT DISTINCT profile_id FROM chunk").fetchall()
        embedders = connection.execute("SELECT DISTINCT embedder FROM vector").fetchall()
    return [profiles, embedders, [path.parent for path in home.glob("*/*/manifest.json")]]
