"""`history` over HTTP: what is taken, what is refused and how, what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from fake import FakeService
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.service.views import answers

SEARCH = {"corpus": "handbook", "query": "How long are they kept?"}
ANSWER = {"corpus": "handbook", "question": "How long are they kept?"}
TURN = {"role": "user", "content": "backups"}
ROUTES = [("/v1/search", SEARCH), ("/v1/answer", ANSWER), ("/v1/answer", ANSWER | {"stream": True})]


def test_a_conversation_reaches_the_service_and_the_response_says_what_was_searched(
    client: TestClient,
) -> None:
    history = [TURN, {"role": "assistant", "content": ""}]
    found = client.post("/v1/search", json=SEARCH | {"history": history})
    assert found.status_code == 200, found.text
    assert found.json().keys() == answers.SearchView.model_fields.keys()
    assert found.json()["query"] == SEARCH["query"]
    assert found.json()["searched"] == "How long are they kept? backups "
    answer = client.post("/v1/answer", json=ANSWER | {"history": history})
    assert answer.json().keys() == answers.AnswerView.model_fields.keys() - {"session", "computation"}


@pytest.mark.parametrize(("route", "body"), ROUTES)
def test_null_is_no_history(client: TestClient, route: str, body: dict[str, Any]) -> None:
    response = client.post(route, json=body | {"history": None})
    assert response.status_code == 200, response.text
    assert "searched" not in response.text


@pytest.mark.parametrize(("route", "body"), ROUTES)
@pytest.mark.parametrize(
    ("history", "named"),
    [
        ("backups", "history"),
        ({"role": "user", "content": "x"}, "history"),
        (["backups"], "history"),
        ([TURN, {"role": "user"}], "content"),
        ([TURN | {"role": "system"}], "role"),
        ([TURN | {"content": 7}], "content"),
        ([TURN | {"content": None}], "content"),
        ([TURN | {"name": "me"}], "name"),
        ([TURN] * 201, "200"),
    ],
)
def test_a_malformed_history_is_named(
    client: TestClient, route: str, body: dict[str, Any], history: Any, named: str
) -> None:
    response = client.post(route, json=body | {"history": history})
    assert_problem(response, 422, "invalid_request")
    assert named in response.text


@pytest.mark.parametrize(("route", "body"), ROUTES)
def test_an_overlong_turn_is_refused_before_anything_is_sent(
    client: TestClient, service: FakeService, route: str, body: dict[str, Any]
) -> None:
    long = TURN | {"content": "x" * (service.settings.max_question_chars + 1)}
    response = client.post(route, json=body | {"history": [TURN, long]})
    assert_problem(response, 413, "too_large")
    assert "history[1].content" in response.json()["detail"]


@pytest.mark.parametrize(("route", "body"), ROUTES)
def test_a_long_answer_before_is_taken(
    client: TestClient, service: FakeService, route: str, body: dict[str, Any]
) -> None:
    long = {"role": "assistant", "content": "x" * (service.settings.max_question_chars + 1)}
    response = client.post(route, json=body | {"history": [TURN, long]})
    assert response.status_code == 200, response.text
