"""Clients are not shown where the server's files and models are; the log tells it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake
import pytest
from fake import FakeService
from starlette.testclient import TestClient

from ragsvc.api.app import create_app
from ragsvc.api.openai.views import shown_source
from ragsvc.api.redaction import Redactor
from ragsvc.domain import JobState, Readiness
from ragsvc.errors import ModelError, ModelNotFound, RagsvcError, StorageError
from ragsvc.models.display_name import shown_name
from ragsvc.settings.settings import Settings

URL = "http://gpu-7.lab.example:8000/v1"
EMBEDDER = "/srv/My Models/mini"
SECRETS = ("/srv", "My Models", "gpu-7", "8000", "10.1.2.3", "/home", "alice")
CHAT = {"model": "ragsvc/handbook", "messages": [{"role": "user", "content": "When are backups made?"}]}
ASK = {"corpus": "handbook", "question": "When are backups made?"}
ERRORS = (
    ModelError(f"openai:{URL} cannot be reached: no answer", hint=f"try: curl {URL}/models"),
    ModelError(f"openai:{URL} redirects to https://alice@10.1.2.3/login, which is not followed"),
    ModelError(f"openai:{URL} answered 500: no route to 10.1.2.3:9000; see '/home/alice/big models/x.log'"),
    ModelError(f"openai:{URL} cannot be reached: certificate is not valid for 'gpu-7.lab.example'"),
    ModelNotFound(f"{EMBEDDER}/model.safetensors cannot be read: [Errno 13] '{EMBEDDER}/model.safetensors'"),
    ModelNotFound("the model 'x' in /home/alice/models/llama cannot be loaded: no config.json"),
    StorageError("no space left for /home/alice/rag/indexes/catalog.db", hint="free some of /home/alice/rag"),
)


@pytest.fixture
def service(tmp_path: Path) -> FakeService:
    named = {"generator": f"openai:{URL}", "generator_model": "/srv/llama", "embedder": EMBEDDER}
    return FakeService(Settings(home=tmp_path, api_key=None, **named))


@pytest.fixture
def client(service: FakeService) -> Iterator[TestClient]:
    with TestClient(create_app(service), base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("error", ERRORS, ids=range(len(ERRORS)))
def test_no_error_tells_where_things_are_and_the_log_does(
    client: TestClient, service: FakeService, error: RagsvcError, caplog: pytest.LogCaptureFixture
) -> None:
    service.failure = error
    texts = [
        client.post("/v1/answer", json=ASK).text,
        client.post("/v1/answer", json=ASK | {"stream": True}).text,
        client.post("/v1/chat/completions", json=CHAT).text,
        client.post("/v1/chat/completions", json=CHAT | {"stream": True}).text,
    ]
    for text in texts:
        assert error.code in text
        assert not [secret for secret in SECRETS if secret in text], text
    # What failed remotely is told by the model's own log, without the words of its server.
    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert any(error.message in line for line in logged) is ("openai:" not in error.message)


def test_what_is_left_of_an_error_still_tells_what_is_wrong(client: TestClient, service: FakeService) -> None:
    told = []
    for service.failure in ERRORS:
        problem = client.post("/v1/answer", json=ASK).json()
        told.append((problem["detail"], problem["hint"]))
    log = "the log of the server says more"
    assert told == [
        ("openai:llama cannot be reached: no answer", log),
        ("openai:llama redirects to ***, which is not followed", ""),
        ("openai:llama answered 500: no route to ***; see 'x.log'", ""),
        ("openai:llama cannot be reached: certificate is not valid for '***'", ""),
        ("mini/model.safetensors cannot be read: [Errno 13] 'mini/model.safetensors'", ""),
        ("the model 'x' in llama cannot be loaded: no config.json", ""),
        ("no space left for catalog.db", log),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "GET /openapi.json lists all routes",
        "it often ends in /v1; send 1/2 or a/b/c, and/or ratio 3/4/5",
        "choose a hub model such as Qwen/Qwen2.5-0.5B-Instruct",
        "ragsvc 1.2.3, at 10:30:00, 1.5 of 2.0",
        "send -H 'Content-Type: application/json'",
    ],
)
def test_other_words_stay(words: str) -> None:
    assert Redactor().over(words) == words


@pytest.mark.parametrize(
    "generator", ["openai:", "openai:http://[::1", "openai:x", "transformers:", "nothing"]
)
def test_a_setting_that_cannot_be_used_is_no_trouble_here(tmp_path: Path, generator: str) -> None:
    redactor = Redactor.of_settings(Settings(home=tmp_path, generator=generator))
    assert redactor.over(f"a {tmp_path} b") == f"a {tmp_path.name} b"


@pytest.mark.parametrize(
    ("home", "words"),
    [
        (".", "there is no document docs/a.md at v1.2"),
        ("/", "k is 300, see /v1/jobs/7 and reports/x.md"),
        ("/data", "there is no document reports/data/x.md in /data"),
    ],
)
def test_words_that_are_no_places_stay(home: str, words: str) -> None:
    redactor = Redactor.of_settings(Settings(home=Path(home), generator="openai:http://127.0.0.1:11434/v1"))
    assert redactor.known(words) == words
    assert (
        redactor.known("use http://127.0.0.1 or http://localhost")
        == "use http://127.0.0.1 or http://localhost"
    )


def test_places_are_whole_words_and_long_words_take_no_time() -> None:
    redactor = Redactor.of_settings(Settings(home=Path("/srv/rag/home")))
    assert redactor.known("no room in /srv/rag/home.") == "no room in home."
    assert redactor.known("/srv/rag/home2 and a/srv/rag/home") == "/srv/rag/home2 and a/srv/rag/home"
    assert (
        redactor.over("curl http://[2001:db8::5]:8000/v1 or [2001:db8::5]:8000 now") == "curl *** or *** now"
    )
    assert redactor.over("GET /v1/jobs/7 of [1]") == "GET /v1/jobs/7 of [1]"
    long = "a." * 25_000
    assert redactor.over(long) == long


def test_readiness_and_corpora_name_a_folder_by_its_own_name(
    client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Readiness(False, f"the folder {EMBEDDER} holds no weights", EMBEDDER, service.ready().commit)
    monkeypatch.setattr(service, "ready", lambda: found)
    shown = client.get("/readyz").json()
    assert (shown["reason"], shown["embedder"]) == ("the folder mini holds no weights", "mini")
    corpora = service.corpora
    monkeypatch.setattr(
        service, "corpora", lambda caller: [replace(each, embedder=EMBEDDER) for each in corpora(caller)]
    )
    assert [each["embedder"] for each in client.get("/v1/corpora").json()["corpora"]] == ["mini"]
    assert "srv" not in client.get("/v1/models").text


def test_the_error_of_a_job_names_no_folder(client: TestClient, service: FakeService) -> None:
    said = {"code": "disk_full", "message": "no space left for '/srv/My Models/x.db'", "hint": "free some"}
    sent = {"documents": [{"id": "a", "text": "b"}]}
    number = client.post("/v1/corpora/handbook/documents", json=sent).json()["id"]
    job = service.jobs_by_id[number] = replace(service.jobs_by_id[number], error=said, state=JobState.FAILED)
    shown = said | {"message": "no space left for 'x.db'"}
    assert client.get(f"/v1/jobs/{job.id}").json()["error"] == shown
    assert client.get("/v1/jobs").json()["jobs"][0]["error"] == shown


def test_a_chat_names_files_of_the_server_by_their_document(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    passage = fake._passage
    monkeypatch.setattr(
        fake, "_passage", lambda name, text: replace(passage(name, text), source=f"/srv/{name}")
    )

    def sources(told: Any) -> list[tuple[str, str]]:
        return [(each["source"], each["document_id"]) for each in (*told["citations"], *told["passages"])]

    whole = client.post("/v1/chat/completions", json=CHAT).json()["choices"][0]["message"]["ragsvc"]
    assert sources(whole) and all(source == document for source, document in sources(whole))
    stream = client.post("/v1/chat/completions", json=CHAT | {"stream": True}).text.split("\n\n")
    last = json.loads(stream[-3].removeprefix("data: "))["choices"][0]["delta"]["ragsvc"]
    assert last.pop("record") != whole.pop("record")
    assert last == whole
    # Who asks the service itself gets what a person may open, as ever.
    plain = client.post("/v1/answer", json=ASK).json()
    assert all(source != document for source, document in sources(plain))
    for open_to_all in ("https://example.org/a b", "upload", "s3://bucket/key"):
        assert shown_source(open_to_all, "d") == open_to_all
    for file in ("/srv/a.md", "C:\\docs\\a.md", "\\\\nas\\a.md", "file:///srv/a.md", "~/a.md"):
        assert shown_source(file, "d") == "d"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bundled:all-MiniLM-L6-v2", "bundled:all-MiniLM-L6-v2"),
        ("Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct"),
        ("/srv/models/llama/", "llama"),
        ("~/models/llama", "llama"),
        ("../llama", "llama"),
        ("D:\\models\\llama", "llama"),
        ("/", "model"),
        ("", ""),
    ],
)
def test_a_model_is_called_by_its_own_name(name: str, shown: str) -> None:
    assert shown_name(name) == shown
