"""Trained models over HTTP: what they make, and errors that say where a request is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from doubles import ME, open_service, upload
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from ragsvc.api.app import create_app
from ragsvc.domain import NetworkKind, TrainingRequest
from ragsvc.service.service import Service

SENTENCES = {f"d{number}": f"apple word{number} and fig{number % 5} are here" for number in range(30)}
TINY = {
    "vae": {"hidden": 8, "code": 3},
    "gan": {"hidden": 8},
    "transformer": {"width": 8, "heads": 2, "layers": 1, "context": 16, "tokens": "byte"},
    "autoencoder": {"hidden": 8, "code": 3},
}
DATA = {"vae": "digits", "gan": "digits", "transformer": "c", "autoencoder": "c"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SECONDS = 6
FEW = settings(
    max_examples=12, deadline=None, database=None, derandomize=True,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip


class Held:
    """A service that apps neither start nor close: several of them share it, one after the other."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def start(self) -> None:
        """There are no jobs."""

    def close(self) -> None:
        """Whoever opened it does."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    service = open_service(tmp_path_factory.mktemp("api") / "home")
    upload(service, SENTENCES)
    for name, values in TINY.items():
        request = TrainingRequest(
            kind=NetworkKind(name), data=DATA[name], name=name,
            values={**values, "epochs": 1, "batch_size": 512},
        )  # fmt: skip
        service.models.train(ME, request)
    with service, TestClient(create_app(Held(service)), base_url="http://localhost") as made:  # type: ignore[arg-type]
        yield made


def post(client: TestClient, path: str, **body: Any) -> Any:
    response = client.post(f"/v1/models/{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def problem(client: TestClient, path: str, status: int, **body: Any) -> Any:
    response = client.post(f"/v1/models/{path}", json=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


def test_models_are_listed_beside_those_of_openai(client: TestClient) -> None:
    listed = client.get("/v1/trained-models").json()["models"]
    assert [model["name"] for model in listed] == sorted(TINY)
    shown = client.get("/v1/trained-models/vae").json()
    assert shown in listed and shown["metrics"]["elbo"] < 1e6
    assert client.get("/v1/trained-models/none").json()["code"] == "trained_model_not_found"
    names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert "ragsvc/c" in names and not set(TINY) & set(names)
    assert client.get("/v1/models/ragsvc/c").status_code == 200
    wrong = client.get("/v1/models/ragsvc/generate").json()
    assert wrong["error"]["code"], "a corpus of that name is a model of OpenAI's clients"


def test_each_kind_makes_what_it_makes(client: TestClient) -> None:
    made = post(client, "vae/generate", count=3, label=4)
    assert (made["model"], made["version"], made["kind"]) == ("vae", 1, "vae")
    assert [(sample["label"], len(sample["row"]), sample["text"]) for sample in made["samples"]] == [
        (4, 64, None)
    ] * 3
    assert made == post(client, "vae/generate", count=3, label=4)
    assert len(post(client, "gan/generate")["samples"][0]["row"]) == 64
    text = post(client, "transformer/generate", max_tokens=5, temperature=0, prompt="apple")["samples"][0]
    assert isinstance(text["text"], str) and text["row"] is None
    sample = post(client, "autoencoder/generate", nearest=2)["samples"][0]
    assert [sorted(near) for near in sample["nearest"]] == [
        ["document_id", "end", "similarity", "start", "text", "title", "version"]
    ] * 2


def test_codes_scores_and_ways(client: TestClient) -> None:
    rows = [sample["row"] for sample in post(client, "vae/generate", count=2)["samples"]]
    codes = post(client, "vae/encode", rows=rows, labels=[0, 1])["codes"]
    assert [len(code) for code in codes] == [3, 3]
    assert post(client, "vae/score", rows=rows)["unit"] == "nats"
    assert post(client, "gan/score", rows=rows)["unit"] == "verdict"
    scored = post(client, "transformer/score", texts=["apple word1", "zzz"])
    assert all(each["perplexity"] >= 1 and each["score"] < 0 for each in scored["scores"])
    way = post(client, "vae/generate", between=rows, steps=4, label=1)["samples"]
    assert len(way) == 4
    way = post(client, "autoencoder/generate", between=["d1", "d2"], steps=3)["samples"]
    assert [len(step["nearest"]) for step in way] == [1, 1, 1]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("vae/generate", {"count": 0}, "greater than or equal to 1"),
        ("vae/generate", {"count": 1001}, "less than or equal to 1000"),
        ("vae/generate", {"label": 10}, "there are 0 to 9"),
        ("vae/generate", {"prompt": "x"}, "takes no prompt"),
        ("vae/generate", {"colour": 1}, "Extra inputs"),
        ("vae/generate", {"between": ["d1"]}, "two document ids, or two rows"),
        ("vae/generate", {"between": [[0.0], [1.0]]}, "row 0 has 1 numbers"),
        ("gan/generate", {"between": [[0.0] * 64, [1.0] * 64]}, "cannot interpolate"),
        ("transformer/generate", {"max_tokens": 2049}, "less than or equal to 2048"),
        ("transformer/generate", {"count": 1000, "max_tokens": 2000}, "are more than 65536"),
        ("transformer/generate", {"temperature": -0.1}, "greater than or equal to 0"),
        ("transformer/generate", {"top_p": 0}, "greater than 0"),
        ("vae/encode", {"rows": [[0.0] * 63]}, "row 0 has 63 numbers"),
        ("vae/encode", {"rows": [[0.0] * 64]}, "trained with classes"),
        ("vae/encode", {"rows": []}, "at least 1 item"),
        ("vae/encode", {"rows": [[0.0]] * 1001}, "at most 1000 items"),
        ("vae/encode", {"rows": [["0"]]}, "valid number"),
        ("vae/encode", {"rows": [[1e39] * 64]}, "finite in single precision"),
        ("gan/encode", {"rows": [[0.0] * 64]}, "cannot encode"),
        ("vae/score", {}, "needs either rows or texts"),
        ("vae/score", {"texts": ["a"]}, "cannot score texts"),
        ("transformer/score", {"rows": [[0.0] * 64]}, "scores texts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(client: TestClient, path: str, body: dict[str, Any], words: str) -> None:
    found = problem(client, path, 422, **body)
    assert words in found["detail"], found


def test_numbers_that_json_lacks_are_refused(client: TestClient) -> None:
    for text in ('{"rows": [[NaN]]}', '{"rows": [[Infinity]]}', '{"rows": [[1e999]]}'):
        headers = {"content-type": "application/json"}
        response = client.post("/v1/models/vae/encode", content=text, headers=headers)
        assert response.status_code == 422


def test_names_that_lead_nowhere(client: TestClient) -> None:
    assert problem(client, "none/generate", 404)["code"] == "trained_model_not_found"
    assert problem(client, "vae/generate", 404, version=2)["code"] == "trained_model_not_found"
    assert problem(client, "V%C3%84/generate", 422)["detail"]


def fuzz(operation: Any, name: str, end: float) -> None:
    """Send what schemathesis thinks of, to a model that is there wherever the request can name one."""

    @FEW
    @given(operation.as_strategy())
    def send(case: Any) -> None:
        if case.path_parameters:
            case.path_parameters["name"] = name
        if time.monotonic() < end:
            case.call_and_validate(checks=CHECKS, headers={"Host": "localhost"})

    send()


def test_whatever_is_sent_gets_a_documented_answer(client: TestClient) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app, headers={"Host": "localhost"})
    end, seen = time.monotonic() + SECONDS, 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if "generative" in (operation.definition.raw.get("tags") or ()) and operation.method != "delete":
            seen += 1
            for name in ("vae", "transformer", "autoencoder"):
                fuzz(operation, name, end)
    assert seen == 5


def test_a_model_is_deleted(client: TestClient) -> None:
    assert client.delete("/v1/trained-models/gan").status_code == 204
    assert client.delete("/v1/trained-models/gan").status_code == 404
    assert problem(client, "gan/generate", 404)["code"] == "trained_model_not_found"


def test_damaged_files_are_no_secret(client: TestClient) -> None:
    service = client.app.state.ragsvc.service  # type: ignore[attr-defined]
    model = service.models.get(ME, "transformer")
    folder: Path = service._catalog.home.model(model.name, model.version)
    (folder / "model.safetensors").write_bytes(b"\x80\x04N.")
    service.models._loaded.clear()
    found = problem(client, "transformer/generate", 500)
    assert found["code"] == "model_damaged" and str(folder) not in str(found)
