"""The OpenAI routes over real HTTP: hanging up, overload and keys; and the list of sources."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake import FakeService
from pydantic import SecretStr
from starlette.testclient import TestClient
from test_openai_chat import CHAT, PATH, assert_error, chunks_of

from ragsvc.api.app import create_app
from ragsvc.api.openai.footer import footer, without_footer
from ragsvc.domain import Answer, AnswerEvent, AnswerRequest, Caller, Citation, CommitId, TokenEvent
from ragsvc.settings.settings import Settings


def post(port: int, body: dict[str, Any]) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", PATH, json.dumps(body), {"content-type": "application/json"})
    return connection


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_hangs_up_stops_the_work(running: int, service: FakeService, stream: bool) -> None:
    service.tokens, service.stall = 10_000, 0.01
    connection = post(running, CHAT | {"stream": stream})
    while service.sent < 5:
        time.sleep(0.01)
    # The response holds the socket too, once it is read from.
    connection.sock.close()
    connection.close()
    assert service.stream_closed.wait(5)
    assert service.sent < 1000


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_hangs_up_before_the_first_word_leaves_the_queue(
    running: int, service: FakeService, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    waiting = threading.Event()

    def wait(caller: Caller, request: AnswerRequest) -> Iterator[AnswerEvent]:
        try:
            while True:
                yield TokenEvent("")
                waiting.set()
                time.sleep(0.05)
        finally:
            service.stream_closed.set()

    monkeypatch.setattr(service, "stream_answer", wait)
    connection = post(running, CHAT | {"stream": stream})
    assert waiting.wait(5)
    connection.sock.close()
    connection.close()
    assert service.stream_closed.wait(1)


def test_the_first_words_arrive_while_the_answer_is_written(running: int, service: FakeService) -> None:
    service.tokens, service.stall = 3, 0.5
    began = time.monotonic()
    connection = post(running, CHAT | {"stream": True})
    response = connection.getresponse()
    assert b'"content":"word "' in response.readline()
    assert time.monotonic() - began < 1.2
    assert response.read().endswith(b"data: [DONE]\n\n")
    connection.close()


def test_who_comes_when_all_places_are_taken_is_told_to_try_again(
    client: TestClient, service: FakeService
) -> None:
    service.tokens, service.stall = 3, 0.5
    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(client.post, PATH, json=CHAT | {"stream": n % 2 == 0}) for n in range(4)]
        deadline = time.monotonic() + 5
        while client.app.state.ragsvc.queries._held < 4 and time.monotonic() < deadline:  # type: ignore[attr-defined]
            time.sleep(0.01)
        for path, body in ((PATH, CHAT), ("/v1/embeddings", {"model": "handbook", "input": "x"})):
            response = client.post(path, json=body)
            error = assert_error(response, 429, "rate_limit_exceeded")
            assert (error["type"], response.headers["retry-after"]) == ("rate_limit_error", "1")
        assert [future.result().status_code for future in working] == [200] * 4


def test_a_key_is_asked_for_in_the_same_shape(tmp_path: Path) -> None:
    service = FakeService(Settings(home=tmp_path, api_key=SecretStr("secret")))
    with TestClient(create_app(service)) as client:
        for path in ("/v1/models", "/v1/models/ragsvc/handbook"):
            assert_error(client.get(path), 401, "invalid_api_key")
        assert client.get("/v1/models", headers={"Authorization": "Bearer secret"}).status_code == 200
        large = client.post(PATH, content=b"x" * 10, headers={"Authorization": "Bearer wrong"})
        assert_error(large, 401, "invalid_api_key")


def test_a_body_over_the_limit_is_refused_in_the_same_shape(client: TestClient) -> None:
    response = client.post(PATH, content=b"x" * (300 << 10), headers={"content-type": "application/json"})
    assert_error(response, 413, "too_large")


def cited(marker: int, document: str, source: str, title: str, page: int | None = None) -> Citation:
    return Citation(
        marker=marker,
        document_id=document,
        version="ab",
        source=source,
        title=title,
        start=0,
        end=1,
        quote="q",
        page=page,
    )


def test_the_list_of_sources_names_every_document_once() -> None:
    citations = (
        cited(1, "a/b_c.md", "/home/me/a/b_c.md", "On [links](x)\nand *stars*", 3),
        cited(1, "a/b_c.md", "/home/me/a/b_c.md", "again"),
        cited(4, "page", "https://example.org/a (b)?q=1", "Page"),
        cited(5, "notes.txt", "upload", ""),
    )
    answer = Answer(
        corpus="c",
        commit=CommitId(1),
        question="q",
        answered=True,
        answer="text [1]",
        confidence=0.9,
        citations=citations,
        passages=(),
        generator="fake",
        timings_s={},
    )
    assert footer(answer) == (
        "\n\n---\n\n**Sources**\n\n"
        "- [1] On \\[links\\](x) and \\*stars\\* (a/b\\_c.md), page 3\n"
        "- [4] [Page](https://example.org/a%20%28b%29?q=1)\n"
        "- [5] notes.txt"
    )
    assert without_footer(f"text [1]{footer(answer)}") == "text [1]"
    assert footer(replace(answer, citations=())) == ""


def test_by_setting_the_sources_end_the_message_and_only_there(tmp_path: Path) -> None:
    service = FakeService(Settings(home=tmp_path, api_key=None, sources_footer=True))
    with TestClient(create_app(service), base_url="http://localhost") as client:
        content = client.post(PATH, json=CHAT).json()["choices"][0]["message"]["content"]
        assert content == "word word word \n\n---\n\n**Sources**\n\n- [1] handbook/a.md"
        chunks = chunks_of(client.post(PATH, json=CHAT | {"stream": True}).text)
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == content
        asked = {"corpus": "handbook", "question": "x"}
        assert client.post("/v1/answer", json=asked).json()["answer"] == "word word word "
