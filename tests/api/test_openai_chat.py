"""Chat completions over the fake service: what is taken, what is sent, what is refused and how."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake import FakeService
from fake_history import HEAD
from starlette.testclient import TestClient

from ragsvc.domain import AnswerRequest, Role, Turn
from ragsvc.errors import CommitCollected, InvalidSetting, ModelError, Overloaded

PATH = "/v1/chat/completions"
ASK = {"role": "user", "content": "How often are backups made?"}
SYSTEM = {"role": "system", "content": "Be brief."}
CHAT: dict[str, Any] = {"model": "ragsvc/handbook", "messages": [ASK]}


@pytest.fixture
def asked(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> list[AnswerRequest]:
    """Every request that reaches the service."""
    seen: list[AnswerRequest] = []
    stream = service.stream_answer

    def watch(caller: Any, request: AnswerRequest) -> Any:
        seen.append(request)
        return stream(caller, request)

    monkeypatch.setattr(service, "stream_answer", watch)
    return seen


def assert_error(response: Any, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param), error
    assert error["message"]
    return error


def chunks_of(text: str) -> list[dict[str, Any]]:
    *frames, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def test_a_completion_has_the_answer_and_what_it_rests_on(client: TestClient) -> None:
    whole = client.post(PATH, json=CHAT).json()
    assert whole["id"].startswith("chatcmpl-") and whole["object"] == "chat.completion"
    assert (whole["model"], whole["system_fingerprint"]) == ("ragsvc/handbook", f"commit-{HEAD}")
    assert whole["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    (choice,) = whole["choices"]
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
    message = choice["message"]
    assert (message["role"], message["content"], message["refusal"]) == ("assistant", "word word word ", None)
    answer = client.post("/v1/answer", json={"corpus": "handbook", "question": ASK["content"]}).json()
    told = message["ragsvc"]
    assert {name: told[name] for name in ("answered", "confidence", "citations", "passages", "commit")} == {
        name: answer[name] for name in ("answered", "confidence", "citations", "passages", "commit")
    }
    assert (told["searched"], told["unsupported"]) == (None, [])


def test_the_chunks_of_a_stream_make_up_the_completion(client: TestClient) -> None:
    whole = client.post(PATH, json=CHAT).json()["choices"][0]["message"]
    response = client.post(PATH, json=CHAT | {"stream": True, "stream_options": {"include_usage": True}})
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, last = chunks_of(response.text)
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in [*chunks, last]}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" and chunk["usage"] is None for chunk in chunks)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert [delta.get("role") for delta in deltas] == ["assistant", None, None, None]
    assert "".join(delta.get("content", "") for delta in deltas) == whole["content"]
    assert deltas[-1]["ragsvc"].pop("record") != whole["ragsvc"].pop("record")
    assert deltas[-1] == {"annotations": whole["annotations"], "ragsvc": whole["ragsvc"]}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
    assert last["choices"] == [] and last["usage"]["total_tokens"] == 8
    without = chunks_of(client.post(PATH, json=CHAT | {"stream": True}).text)
    assert len(without) == len(chunks) and all("usage" not in chunk for chunk in without)


def test_all_of_a_conversation_reaches_the_service(client: TestClient, asked: list[AnswerRequest]) -> None:
    said = client.post(PATH, json=CHAT).json()["choices"][0]["message"]
    messages = [
        {"role": "system", "content": " Be brief. "},
        ASK | {"name": "anna"},
        said,
        {"role": "developer", "content": [{"type": "text", "text": "In French."}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "And how"}, {"type": "text", "text": "long?"}],
        },
    ]
    body = {
        "model": "handbook,handbook",
        "messages": messages,
        "max_tokens": 5,
        "temperature": 1,
        "stop": "\n",
        "ragsvc": {"k": 3, "filter": {"lang": "en"}, "at": "head"},
    }
    assert client.post(PATH, json=body).status_code == 200
    history = (Turn(Role.USER, ASK["content"]), Turn(Role.ASSISTANT, "word word word "))
    assert asked[-1] == AnswerRequest(
        corpora=("handbook",),
        question="And how\nlong?",
        k=3,
        where={"lang": "en"},
        at="head",
        history=history,
        max_tokens=5,
        temperature=1.0,
        stop=("\n",),
        instructions="Be brief.\n\nIn French.",
    )


def test_of_a_long_conversation_the_last_turns_are_kept(
    client: TestClient, asked: list[AnswerRequest]
) -> None:
    turns = [{"role": "user", "content": str(number)} for number in range(301)]
    assert client.post(PATH, json=CHAT | {"messages": turns}).status_code == 200
    assert [turn.content for turn in asked[-1].history] == [str(number) for number in range(100, 300)]


HARMLESS: dict[str, Any] = {
    "n": 1, "seed": 7, "user": "u", "frequency_penalty": 0, "presence_penalty": 0.0, "top_p": 1.0,
    "tools": [],    "logprobs": False, "top_logprobs": 0, "logit_bias": {}, "tool_choice": "none",
    "parallel_tool_calls": True,    "response_format": {"type": "text"},
    "modalities": ["text"],
    "store": False, "metadata": {"a": "b"},
    "service_tier": "auto", "stream_options": None, "stop": [], "max_tokens": None, "temperature": None,
    "audio": None, "functions": [], "function_call": None, "reasoning_effort": "low",
}  # fmt: skip


def test_parameters_that_change_nothing_pass(client: TestClient) -> None:
    response = client.post(PATH, json=CHAT | HARMLESS)
    assert response.status_code == 200, response.text
    nothing = client.post(PATH, json=CHAT | dict.fromkeys(HARMLESS))
    assert nothing.status_code == 200, nothing.text


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"n": 2}, "unsupported_parameter", "n"),
        ({"top_p": 1.5}, "invalid_value", "top_p"),
        ({"frequency_penalty": 1}, "unsupported_parameter", "frequency_penalty"),
        ({"tool_choice": "required"}, "unsupported_parameter", "tool_choice"),
        ({"function_call": {"name": "f"}}, "unsupported_parameter", "function_call"),
        ({"response_format": {"type": "json_object"}}, "unsupported_parameter", "response_format"),
        ({"logprobs": True}, "unsupported_parameter", "logprobs"),
        ({"logit_bias": {"1": 1}}, "unsupported_parameter", "logit_bias"),
        ({"audio": {}}, "unsupported_parameter", "audio"),
        ({"modalities": ["text", "audio"]}, "unsupported_parameter", "modalities"),
        ({"messages": [{"role": "critic", "content": "x"}]}, "unsupported_parameter", "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "unsupported_parameter",
            "messages[0].content",
        ),
        ({"tempreature": 1}, "unknown_parameter", "tempreature"),
        ({"ragsvc": {"depth": 1}}, "unknown_parameter", "ragsvc.depth"),
        ({"temperature": 3}, "invalid_value", "temperature"),
        ({"temperature": "0"}, "invalid_value", "temperature"),
        ({"max_tokens": 0}, "invalid_value", "max_tokens"),
        ({"messages": []}, "invalid_value", "messages"),
        ({"model": 1}, "invalid_value", "model"),
    ],
)
def test_parameters_that_would_change_the_answer_are_refused(
    client: TestClient, change: dict[str, Any], code: str, param: str
) -> None:
    assert_error(client.post(PATH, json=CHAT | change), 400, code, param)


def test_what_is_no_question_is_refused(client: TestClient, service: FakeService) -> None:
    assert_error(client.post(PATH, json={"model": "handbook"}), 400, "missing_required_parameter", "messages")
    answered = [ASK, {"role": "assistant", "content": "x"}]
    for messages, param in (
        (answered[1:], "messages"),
        (answered, "messages"),
        ([SYSTEM], "messages"),
        ([ASK | {"content": " "}], "messages[0].content"),
        ([*answered, {"role": "user"}, SYSTEM], "messages[2].content"),
    ):
        assert_error(client.post(PATH, json=CHAT | {"messages": messages}), 400, "invalid_request", param)
    long = "x" * (service.settings.max_question_chars + 1)
    error = assert_error(
        client.post(PATH, json=CHAT | {"messages": [ASK | {"content": long}]}),
        413,
        "too_large",
        "messages[0].content",
    )
    assert "messages[0].content" in error["message"]
    messages = [SYSTEM | {"content": long}, ASK]
    assert_error(client.post(PATH, json=CHAT | {"messages": messages}), 413, "too_large", "messages")
    wrong = {"ragsvc": {"filter": {"$no": 1}}}
    assert_error(client.post(PATH, json=CHAT | wrong), 400, "invalid_filter", "ragsvc.filter")
    assert_error(
        client.post(PATH, json=CHAT | {"max_tokens": 1, "max_completion_tokens": 2}),
        400,
        "invalid_value",
        "body",
    )


@pytest.mark.parametrize("stop", [["a"] * 5, "", [""], 1, ["x" * 257]])
def test_the_limits_of_stop_are_told(client: TestClient, stop: Any) -> None:
    error = assert_error(client.post(PATH, json=CHAT | {"stop": stop}), 400, "invalid_value", "stop")
    assert "up to 4 texts" in error["message"]


@pytest.mark.parametrize("model", ["nope", "ragsvc/nope", "gpt/4", "Handbook", "", "ragsvc/"])
@pytest.mark.parametrize("stream", [True, False])
def test_an_unknown_model_is_not_found(client: TestClient, model: str, stream: bool) -> None:
    response = client.post(PATH, json=CHAT | {"model": model, "stream": stream})
    if model:
        error = assert_error(response, 404, "model_not_found", "model")
        assert "GET /v1/models" in error["message"] and "ragsvc/<corpus>" in error["message"]
    else:
        assert_error(response, 400, "invalid_value", "model")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("failure", "status", "code", "kind"),
    [
        (Overloaded("full", hint="wait"), 429, "rate_limit_exceeded", "rate_limit_error"),
        (ModelError("down", hint="start it"), 503, "model_error", "server_error"),
        (InvalidSetting("RAGSVC_GENERATOR=x names no generator"), 500, "invalid_setting", "server_error"),
        (CommitCollected("gone", hint="read the head"), 410, "commit_collected", "invalid_request_error"),
        (ValueError("secret"), 500, "internal", "server_error"),
    ],
)
def test_what_fails_before_the_first_word_has_a_status(
    client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch,
    failure: Exception, status: int, code: str, kind: str, stream: bool,
) -> None:  # fmt: skip
    def fail(caller: Any, request: AnswerRequest) -> Any:
        raise failure
        yield

    monkeypatch.setattr(service, "stream_answer", fail)
    response = client.post(PATH, json=CHAT | {"stream": stream})
    error = assert_error(response, status, code)
    assert error["type"] == kind and "secret" not in error["message"]
    assert ("retry-after" in response.headers) == (status in (429, 503))


def test_a_stream_that_breaks_ends_with_an_error(client: TestClient, service: FakeService) -> None:
    service.failure = ModelError("the generator went away", hint="try again")
    response = client.post(PATH, json=CHAT | {"stream": True})
    assert response.status_code == 200
    first, last, end = response.text.split("\n\n")
    assert "content" in first and end == ""
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "model_error"
    assert_error(client.post(PATH, json=CHAT), 503, "model_error")


def test_errors_of_the_frame_have_the_shape_too(client: TestClient) -> None:
    assert_error(client.get(PATH), 405, "method_not_allowed")
    assert_error(client.options(PATH), 405, "method_not_allowed")
    assert "POST" in assert_error(client.delete("/v1/embeddings"), 405, "method_not_allowed")["message"]
    assert client.head(PATH).status_code == 405
    assert_error(client.post(PATH, content=b"{"), 415, "unsupported_media_type")
    assert_error(client.post(PATH + "?a=b", json=CHAT), 400, "invalid_request")
    compressed = {"content-encoding": "gzip", "content-type": "application/json"}
    error = assert_error(client.post(PATH, content=b"\x1f\x8b", headers=compressed), 400, "invalid_request")
    assert "Content-Encoding is 'gzip'" in error["message"]
    odd = assert_error(client.get("/v1/models/%C3%A4%09b"), 404, "model_not_found", "model")
    assert r"no model '\xe4\tb'" in odd["message"]
    assert_error(client.get("/v1/models", headers={"Host": "evil.example"}), 403, "host_refused")
    assert "application/problem+json" in client.get("/v1/modelsx").headers["content-type"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/completions", "use POST /v1/chat/completions"),
        ("/v1/responses", "use POST /v1/chat/completions"),
        ("/v1/responses/resp_1", "use POST /v1/chat/completions"),
        ("/v1/threads/t/runs", "use POST /v1/chat/completions"),
        ("/v1/engines", "use POST /v1/chat/completions"),
        ("/v1/images/generations", "POST /v1/embeddings"),
        ("/v1/audio/speech", "POST /v1/embeddings"),
        ("/v1/files", "POST /v1/embeddings"),
        ("/v1/moderations", "POST /v1/embeddings"),
        ("/v1/chat/completions/chatcmpl-1", "POST /v1/embeddings"),
        ("/v1/chat/completions//", "leave out the slashes"),
        ("/v1/embeddings//", "leave out the slashes"),
        ("/chat/completions", "/v1 at its end"),
        ("/models", "/v1 at its end"),
        ("/v1/v1/chat/completions", "/v1 at its end"),
        ("/api/v1/embeddings", "/v1 at its end"),
        ("/openai/deployments/gpt-4o/chat/completions", "/v1 at its end"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_routes_of_openai_that_are_not_here_tell_what_to_use(
    client: TestClient, method: str, path: str, words: str
) -> None:
    error = assert_error(client.request(method, path, json=CHAT), 404, "not_found")
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(f"there is no {path} here (") and words in error["message"]


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1", "/chat", "/v1/search/x", "/v1/corpora/a/x/models"])
def test_other_paths_that_are_not_here_stay_problems(client: TestClient, path: str) -> None:
    response = client.post(path, json=CHAT)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert client.get("/v1/corpora/models").json()["code"] == "corpus_not_found"
