"""What chat front ends and frameworks send with every message, whatever the model can do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake import FakeService
from starlette.testclient import TestClient

from ragsvc.domain import AnswerRequest, Role, Turn

PATH = "/v1/chat/completions"
ASK = {"role": "user", "content": "How often are backups made?"}
CHAT: dict[str, Any] = {"model": "ragsvc/handbook", "messages": [ASK]}
TOOL = {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "time", "arguments": "{}"}}


@pytest.fixture
def asked(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AnswerRequest]:
    """The last request that reached the service."""
    seen: list[AnswerRequest] = []
    stream = service.stream_answer

    def watch(caller: Any, request: AnswerRequest) -> Any:
        seen.append(request)
        return stream(caller, request)

    monkeypatch.setattr(service, "stream_answer", watch)
    return lambda: seen[-1]


def test_tools_that_need_not_be_called_are_not(client: TestClient) -> None:
    for choice in ({}, {"tool_choice": None}, {"tool_choice": "auto"}, {"tool_choice": "none"}):
        response = client.post(PATH, json=CHAT | {"tools": [TOOL], "parallel_tool_calls": True} | choice)
        assert response.status_code == 200, response.text
        (got,) = response.json()["choices"]
        assert got["finish_reason"] == "stop" and "tool_calls" not in got["message"]
    old = client.post(PATH, json=CHAT | {"functions": [TOOL["function"]], "function_call": "auto"})
    assert old.status_code == 200, old.text


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "time"}}])
def test_tools_that_must_be_called_are_refused(client: TestClient, choice: Any) -> None:
    response = client.post(PATH, json=CHAT | {"tools": [TOOL], "tool_choice": choice})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "unsupported_parameter")
    assert error["param"] == "tool_choice" and "auto" in error["message"]


def test_a_chat_that_another_model_began_with_tools_goes_on(
    client: TestClient, asked: Callable[[], AnswerRequest]
) -> None:
    before = [
        ASK,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "12:00"}]},
        {"role": "assistant", "content": "At night.", "reasoning_content": "Let me see.", "tool_calls": []},
    ]
    response = client.post(PATH, json=CHAT | {"messages": [*before, ASK | {"content": "Why?"}]})
    assert response.status_code == 200, response.text
    assert asked().question == "Why?"
    assert asked().history == (Turn(Role.USER, ASK["content"]), Turn(Role.ASSISTANT, "At night."))
    # An agent that called a tool waits for the answer to what the user said before.
    assert client.post(PATH, json=CHAT | {"messages": before[:3]}).status_code == 200
    assert (asked().question, asked().history) == (ASK["content"], ())


def test_messages_as_gradio_keeps_them_pass(client: TestClient, asked: Callable[[], AnswerRequest]) -> None:
    kept = {"metadata": None, "options": None}
    messages = [
        {"role": role, "content": [{"type": "text", "text": text}]} | kept
        for role, text in (("user", "How?"), ("assistant", "So."), ("user", "Why?"))
    ]
    response = client.post(PATH, json=CHAT | {"messages": messages})
    assert response.status_code == 200, response.text
    assert asked().history == (Turn(Role.USER, "How?"), Turn(Role.ASSISTANT, "So."))


def test_what_is_for_other_servers_passes(client: TestClient, asked: Callable[[], AnswerRequest]) -> None:
    part = {"type": "text", "text": "Why?", "cache_control": {"type": "ephemeral"}}
    extra = {
        "store": True, "verbosity": "low", "reasoning_effort": "minimal", "service_tier": "flex",
        "metadata": {"chat": "7"}, "prompt_cache_key": "k", "top_p": 0.95, "seed": 1,
        "stream_options": {"include_usage": True}, "safety_identifier": "s",
    }  # fmt: skip
    body = CHAT | extra | {"messages": [{"role": "user", "content": [part]}]}
    response = client.post(PATH, json=body)
    assert response.status_code == 200, response.text
    assert asked().question == "Why?"
