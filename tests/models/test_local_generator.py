"""Whole answers with a local model made by the test: found, written, cited, and ended with their client."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from doubles import CORPUS, ME, new_home, open_service, upload
from made_models import causal, seq2seq

from ragsvc.api import server as api_server
from ragsvc.api.app import create_app
from ragsvc.domain import AnswerRequest, DoneEvent, FinishReason, TokenEvent
from ragsvc.errors import InvalidRequest, ModelNotFound
from ragsvc.models.chat_writer import THREAD
from ragsvc.service.generators import Generators
from ragsvc.service.service import Service
from ragsvc.settings import Settings

SENTENCE = "The pear grows on a tree"
ANSWER = f"{SENTENCE} [1]."
DOCUMENTS = {
    "pear": f"{SENTENCE}. Its bark is grey. It bears fruit late in the summer.",
    "plum": "The plum grows on a tree as well. A pear is larger than a plum.",
}
REQUEST = AnswerRequest(corpora=(CORPUS,), question="The pear grows on a tree, does it?")


@contextmanager
def asking(parent: Path, model: Path, **changes: Any) -> Iterator[Service]:
    named = {"generator": f"transformers:{model}", "max_false_refusals": 0.0001}
    service = open_service(new_home(parent), **(named | changes))
    try:
        upload(service, DOCUMENTS)
        yield service
    finally:
        service.close()


def writing() -> bool:
    return any(thread.name == THREAD for thread in threading.enumerate())


def ended_within(seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while writing() and time.monotonic() < deadline:
        time.sleep(0.005)
    return not writing()


@pytest.mark.parametrize("make", [causal, seq2seq])
def test_an_answer_of_a_local_model_is_streamed_cited_and_counted(tmp_path: Path, make: Any):
    model = make(tmp_path / "model", ANSWER, words=(SENTENCE,))
    with asking(tmp_path, model) as service:
        events = list(service.stream_answer(ME, REQUEST))
        assert isinstance(events[-1], DoneEvent)
        found = events[-1].answer
        pieces = [event.text for event in events if isinstance(event, TokenEvent) and event.text]
        assert "".join(pieces) == found.answer == ANSWER
        assert (found.finish, found.completion_tokens) == (FinishReason.STOP, 6)
        assert found.prompt_tokens > 100
        (cited,) = found.citations
        assert cited.marker == 1
        assert DOCUMENTS[cited.document_id][cited.start : cited.end] == cited.quote
        assert found.generator == "transformers:model"


def test_a_client_that_hangs_up_ends_the_local_work_within_a_second(tmp_path: Path):
    model = causal(tmp_path / "model", f"{ANSWER}\n", words=(SENTENCE,), loop=True, context=10_000_000)
    with (
        asking(tmp_path, model, max_answer_tokens=1_000_000) as service,
        over_http(service) as port,
    ):
        for _ in range(2):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            body = json.dumps({"corpus": CORPUS, "question": REQUEST.question, "stream": True})
            client.request("POST", "/v1/answer", body, {"content-type": "application/json"})
            with client.getresponse() as response:
                assert response.status == 200
                while b"event: token" not in response.readline():
                    pass
                begun = writing()
            client.close()
            assert begun
            assert ended_within(1.0)


def test_a_model_is_loaded_ahead_or_named(tmp_path: Path):
    def generators(name: str) -> Generators:
        return Generators(Settings(home=tmp_path, generator=name))

    made = generators(f"transformers:{causal(tmp_path / 'model', ANSWER, words=(SENTENCE,))}")
    made.warm_up()
    assert made.current() is made.current()
    assert ended_within(1.0)
    generators("extractive").warm_up()
    with pytest.raises(ModelNotFound, match="no-such"):
        generators("transformers:no-such").warm_up()
    with pytest.raises(InvalidRequest, match="names no generator"):
        generators("transformers:").current()


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
