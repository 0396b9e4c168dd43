"""Whole answers with a remote model: cited from what is stored, whatever the server makes up."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai_server as servers
import pytest
import uvicorn
from doubles import CORPUS, ME, WordTokeniser, new_home, open_service, upload
from openai_server import KEY, State, serving

from ragsvc.api import server as api_server
from ragsvc.api.app import create_app
from ragsvc.domain import Answer, AnswerRequest, FinishReason
from ragsvc.errors import InvalidRequest, ModelError
from ragsvc.models.remote_chat import http_session
from ragsvc.service.service import Service

DOCUMENTS = {
    "pear": "The pear grows on a tree. Its bark is grey. It bears fruit late in the summer.",
    "plum": "The plum grows on a tree as well. A pear is larger than a plum.",
}
QUESTION = "The pear grows on a tree, does it?"


@contextmanager
def asking(parent: Path, answers: Callable[..., None], **changes: Any) -> Iterator[tuple[Service, State]]:
    """A service over a few documents that asks a server which answers in a certain way."""
    with serving(answers) as remote:
        named = {
            "generator": f"openai:{remote.url}",
            "generator_api_key": KEY,
            "generator_timeout_s": 20,
            "max_false_refusals": 0.0001,
        }
        service = open_service(new_home(parent), **(named | changes))
        try:
            upload(service, DOCUMENTS)
            yield service, remote
        finally:
            service.close()


def answer(service: Service, **changes: Any) -> Answer:
    return service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=QUESTION, **changes))


def assert_cited(service: Service, found: Answer) -> None:
    assert found.citations
    for cited in found.citations:
        stored = DOCUMENTS[cited.document_id]
        assert stored[cited.start : cited.end] == cited.quote
        assert found.passages[cited.marker - 1].passage.document_id == cited.document_id


def test_an_answer_of_a_remote_model_is_cited_and_counted(tmp_path: Path):
    with asking(tmp_path, servers.good) as (service, remote):
        found = answer(service, max_tokens=50, temperature=0.7, stop=("END",))
        assert found.answer == "The pear grows on a tree [1]."
        assert (found.prompt_tokens, found.completion_tokens, found.finish) == (7, 4, FinishReason.STOP)
        assert_cited(service, found)
        assert found.generator == "openai:tiny"
        asked = remote.asked()[0].body
        assert (asked["max_tokens"], asked["temperature"], asked["stop"]) == (50, 0.7, ["END"])
        assert asked["model"] == "tiny"
        assert DOCUMENTS["pear"] in asked["messages"][-1]["content"]


def test_what_a_server_does_not_count_is_counted_here(tmp_path: Path):
    with asking(tmp_path, servers.uncounted) as (service, remote):
        found = answer(service)
        count = WordTokeniser().count
        sent = [message["content"] for message in remote.asked()[0].body["messages"]]
        assert found.prompt_tokens == sum(map(count, sent)) > count(DOCUMENTS["pear"])
        assert found.completion_tokens == count(found.answer) > 0


@pytest.mark.parametrize("unsupported", ["flag", "remove"])
def test_made_up_citations_never_come_out(tmp_path: Path, unsupported: str):
    with asking(tmp_path, servers.mixed, unsupported=unsupported) as (service, _):
        found = answer(service)
        assert found.answered
        assert_cited(service, found)
        valid = {str(n) for n in range(1, len(found.passages) + 1)}
        assert set(re.findall(r"\[(\d+)\]", found.answer)) <= valid
        if unsupported == "remove":
            assert "sings" not in found.answer and "moon" not in found.answer
        else:
            flagged = "".join(found.answer[span.start : span.end] for span in found.unsupported)
            assert "sings" in flagged and "moon" in flagged


def test_nothing_but_lies_is_no_answer(tmp_path: Path):
    with asking(tmp_path, servers.lying) as (service, _):
        found = answer(service)
        assert not found.answered and not found.citations
        assert "moon" not in found.answer


def test_a_broken_server_is_an_error_and_no_answer(tmp_path: Path):
    with asking(tmp_path, servers.broken) as (service, _), pytest.raises(ModelError, match="broke off"):
        answer(service)


def test_a_wrong_url_is_told_when_it_is_needed(tmp_path: Path):
    with (
        asking(tmp_path, servers.good, generator="openai:localhost") as (service, _),
        pytest.raises(InvalidRequest, match="openai:localhost is no http or https URL"),
    ):
        answer(service)


def test_a_client_that_hangs_up_ends_the_remote_work_within_a_second(tmp_path: Path):
    with asking(tmp_path, servers.slow) as (service, remote), over_http(service) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        body = json.dumps({"corpus": CORPUS, "question": QUESTION, "stream": True})
        client.request("POST", "/v1/answer", body, {"content-type": "application/json"})
        response = client.getresponse()
        assert response.status == 200
        until = time.monotonic() + 10
        while not remote.asked() and time.monotonic() < until:
            time.sleep(0.01)
        assert remote.asked()
        assert not remote.gone.wait(0.5), "a slow server is waited for"
        response.close()
        client.close()
        assert remote.gone.wait(1.0)


@pytest.mark.parametrize(
    "answers",
    [
        servers.redirecting("http://10.9.8.7:4321/v1"),
        servers.telling(500, {"error": "no 10.9.8.7:4321 for /srv/models/pears/config.json"}),
        servers.telling_inside("see http://10.9.8.7:4321/log"),
        servers.page,
        servers.unknown_model,
    ],
)
def test_clients_are_not_shown_where_the_model_is(
    tmp_path: Path, answers: Callable[..., None], caplog: pytest.LogCaptureFixture, monkeypatch: Any
):
    monkeypatch.setattr(http_session, "BACKOFF_S", 0.01)
    with asking(tmp_path, answers) as (service, remote), over_http(service) as port:
        chat = {"model": CORPUS, "messages": [{"role": "user", "content": QUESTION}]}
        for path, body in (
            ("/v1/chat/completions", chat),
            ("/v1/chat/completions", chat | {"stream": True}),
            ("/v1/answer", {"corpus": CORPUS, "question": QUESTION}),
            ("/v1/answer", {"corpus": CORPUS, "question": QUESTION, "stream": True}),
        ):
            text = httpx.post(f"http://127.0.0.1:{port}{path}", json=body, timeout=20).text
            assert "model_" in text and "error" in text
            for secret in (
                remote.url,
                remote.url.split(":")[2].split("/")[0],
                "10.9.8.7",
                "4321",
                "/srv",
                KEY,
            ):
                assert secret not in text
        assert remote.url in caplog.text


@contextmanager
def over_http(service: Service) -> Iterator[int]:
    """Port of a real server."""
    listener = api_server.bind("127.0.0.1", 0)
    running = uvicorn.Server(api_server.configuration(create_app(service)))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        running.should_exit = True
        thread.join(15)
        listener.close()
