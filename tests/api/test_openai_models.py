"""Models and embeddings in the language of the OpenAI API, over the fake service."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from doubles import DIMENSION, WORDS, HashEmbedder
from fake import FakeService
from starlette.testclient import TestClient
from test_openai_chat import assert_error

from ragsvc.api.app import create_app
from ragsvc.errors import ModelError
from ragsvc.service import embedding
from ragsvc.settings.settings import Settings

PATH = "/v1/embeddings"
EMBED: dict[str, Any] = {"model": "ragsvc/handbook", "input": "one two"}


def vectors_of(response: Any) -> np.ndarray:
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    assert [item["index"] for item in data] == list(range(len(data)))
    return np.array([item["embedding"] for item in data], dtype=np.float32)


def test_every_corpus_is_a_model(client: TestClient, service: FakeService) -> None:
    service.corpora_texts["minutes"] = {"a": "text"}
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    names = ["ragsvc/handbook", "ragsvc/minutes", "bundled:all-MiniLM-L6-v2"]
    assert [model["id"] for model in listed["data"]] == names
    assert client.get("/v1/models/").json() == listed
    shown = {"id": "ragsvc/handbook", "object": "model", "created": 1738314000, "owned_by": "ragsvc"}
    assert listed["data"][0] == shown
    for name in ("ragsvc/handbook", "ragsvc%2Fhandbook", "handbook"):
        assert client.get(f"/v1/models/{name}").json() == shown
    assert client.get("/v1/models/ragsvc/handbook,minutes").json()["id"] == "ragsvc/handbook,minutes"
    assert client.get("/v1/models/bundled:all-MiniLM-L6-v2").json() == listed["data"][2]
    for name in ("ragsvc/nope", "gpt-4o", "ragsvc/a/b"):
        assert_error(client.get(f"/v1/models/{name}"), 404, "model_not_found", "model")


def test_texts_become_vectors_in_their_order(client: TestClient) -> None:
    texts = [f"text {number}" for number in range(70)]
    response = client.post(PATH, json=EMBED | {"input": texts})
    assert np.array_equal(vectors_of(response), HashEmbedder().embed_documents(texts))
    assert response.json()["object"] == "list" and response.json()["model"] == "ragsvc/handbook"
    assert response.json()["usage"] == {"prompt_tokens": 140, "total_tokens": 140}
    for model in ("handbook", "bundled:all-MiniLM-L6-v2"):
        assert vectors_of(client.post(PATH, json=EMBED | {"model": model})).shape == (1, DIMENSION)


def test_base64_and_token_ids_give_the_same_vectors(client: TestClient) -> None:
    plain = vectors_of(client.post(PATH, json=EMBED | {"input": ["w1 w2", "w3"], "encoding_format": "float"}))
    response = client.post(PATH, json=EMBED | {"input": [[1, 2], [3]], "encoding_format": "base64"})
    rows = [base64.b64decode(item["embedding"]) for item in response.json()["data"]]
    assert np.array_equal(np.array([np.frombuffer(row, "<f4") for row in rows]), plain)
    assert np.array_equal(vectors_of(client.post(PATH, json=EMBED | {"input": [1, 2]})), plain[:1])


def test_questions_and_documents_get_their_own_prefix(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HashEmbedder, "embed_queries", lambda self, texts: -self._embed(texts))
    document = vectors_of(client.post(PATH, json=EMBED | {"input_type": "document"}))
    assert np.array_equal(vectors_of(client.post(PATH, json=EMBED)), document)
    assert np.array_equal(vectors_of(client.post(PATH, json=EMBED | {"input_type": "query"})), -document)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"input": ""}, "invalid_value", "input"),
        ({"input": []}, "invalid_value", "input"),
        ({"input": [[]]}, "invalid_value", "input"),
        ({"input": ["a", 1]}, "invalid_value", "input"),
        ({"input": [1.5]}, "invalid_value", "input"),
        ({"input": ["a"] * 2049}, "invalid_value", "input"),
        ({"encoding_format": "int8"}, "invalid_value", "encoding_format"),
        ({"truncate": True}, "unknown_parameter", "truncate"),
        ({"dimensions": 8}, "invalid_request", "dimensions"),
        ({"input": [[1], [WORDS]]}, "invalid_request", None),
        ({"input": ["short", "word " * 300]}, "invalid_request", "input[1]"),
        ({"input": "word" * 9999}, "invalid_request", "input[0]"),
    ],
)
def test_what_cannot_be_embedded_whole_is_refused(
    client: TestClient, change: dict[str, Any], code: str, param: str | None
) -> None:
    assert_error(client.post(PATH, json=EMBED | change), 400, code, param)
    assert (
        vectors_of(client.post(PATH, json=EMBED | {"dimensions": DIMENSION, "user": "u"})).size == DIMENSION
    )


def test_limits_and_failures_have_a_status(
    client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("nope", "text-embedding-3-small", "ragsvc/handbook,minutes"):
        assert_error(client.post(PATH, json=EMBED | {"model": model}), 404, "model_not_found", "model")
    monkeypatch.setattr(embedding, "MAX_TOKENS", 3)
    assert_error(client.post(PATH, json=EMBED | {"input": ["a b", "c d"]}), 413, "too_large", "input")

    def fail(self: HashEmbedder, texts: list[str]) -> np.ndarray:
        raise ModelError("the model went away", hint="start again")

    monkeypatch.setattr(HashEmbedder, "embed_documents", fail)
    response = client.post(PATH, json=EMBED)
    assert_error(response, 503, "model_error")
    assert response.headers["retry-after"] == "5"


def test_without_a_corpus_the_embedder_is_a_model(client: TestClient, service: FakeService) -> None:
    service.corpora_texts.clear()
    (only,) = client.get("/v1/models").json()["data"]
    assert (only["id"], only["object"], only["created"]) == ("bundled:all-MiniLM-L6-v2", "model", 0)
    assert vectors_of(client.post(f"{PATH}/", json=EMBED | {"model": only["id"]})).shape == (1, DIMENSION)


def test_of_an_embedder_in_a_folder_its_last_part_is_told(settings: Settings) -> None:
    moved = settings.model_copy(update={"embedder": "/srv/models/my-model"})
    with TestClient(create_app(FakeService(moved)), base_url="http://localhost") as client:
        assert client.get("/v1/models").json()["data"][-1]["id"] == "my-model"
        for name in ("my-model", "%2Fsrv%2Fmodels%2Fmy-model", "my-model/"):
            assert client.get(f"/v1/models/{name}").json()["id"] == "my-model"
