from __future__ import annotations

import json
from typing import Any

import pytest
from fake import FakeService
from starlette.testclient import TestClient

from ragsvc.api.errors import TABLE, problem_of
from ragsvc.api.responses import render
from ragsvc.errors import RagsvcError

MEMBERS = {"type", "title", "status", "detail", "code", "hint", "instance"}


def tree(root: type[RagsvcError]) -> list[type[RagsvcError]]:
    """All errors that a service can raise; rooms above it may have their own."""
    ours = [child for child in root.__subclasses__() if child.__module__ == RagsvcError.__module__]
    return [root, *(found for child in ours for found in tree(child))]


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = response.json()
    assert problem.keys() >= MEMBERS
    assert (problem["status"], problem["code"]) == (status, code)
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize("error", tree(RagsvcError), ids=lambda error: error.code)
def test_every_error_class_has_its_own_row_and_renders(error: type[RagsvcError]) -> None:
    assert error in TABLE
    scope = {"type": "http", "path": "/v1/search", "raw_path": b"/v1/search"}
    response = render(problem_of(error("what", hint="do this"), scope))
    shown = json.loads(response.body)
    row = TABLE[error]
    assert shown.keys() == MEMBERS
    assert 400 <= row.status <= 599
    assert (response.status_code, shown["status"], shown["title"]) == (row.status, row.status, row.title)
    assert (shown["code"], shown["detail"], shown["hint"]) == (error.code, "what", "do this")
    assert ("retry-after" in response.headers) == (row.retry_after_s is not None)
    assert (response.headers.get("x-should-retry") == "false") == row.final
    assert not (row.final and row.retry_after_s)
    assert ("www-authenticate" in response.headers) == (row.status == 401)


def test_codes_are_stable_names_and_each_belongs_to_one_class() -> None:
    codes = [error.code for error in TABLE]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and code.replace("_", "").isalpha() for code in codes)


@pytest.mark.parametrize("error", tree(RagsvcError), ids=lambda error: error.code)
def test_what_the_service_raises_reaches_the_client(
    client: TestClient, service: FakeService, error: type[RagsvcError]
) -> None:
    service.failure = error("what", hint="do this")
    response = client.post("/v1/search", json={"corpus": "handbook", "query": "x"})
    assert_problem(response, TABLE[error].status, error.code)


def test_an_unexpected_error_is_logged_under_a_reference_and_not_shown(
    client: TestClient, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    service.failure = ZeroDivisionError("secret detail")
    response = client.post("/v1/search", json={"corpus": "handbook", "query": "x"})
    problem = assert_problem(response, 500, "internal")
    assert "secret" not in response.text
    assert problem["reference"] in caplog.text
    assert "secret detail" in caplog.text


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    assert_problem(client.get("/v1/nothing"), 404, "not_found")
    assert_problem(client.get("/v1/corpora/"), 404, "not_found")
    response = client.put("/v1/corpora/handbook/documents")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, POST"


def test_wrong_fields_are_named_and_not_echoed(client: TestClient) -> None:
    body = {"corpus": ["handbook", "handbook"], "query": "x", "k": "10", "extra-field": 1}
    problem = assert_problem(client.post("/v1/search", json=body), 422, "invalid_request")
    assert {item["field"] for item in problem["errors"]} == {"corpus", "k", "extra-field"}
    wrong_id = {"documents": [{"id": "a\u0007b" * 9, "text": "t"}]}
    response = client.post("/v1/corpora/handbook/documents", json=wrong_id)
    problem = assert_problem(response, 422, "invalid_request")
    assert problem["errors"][0]["field"] == "documents[0].id"
    assert "a\\u0007b" not in response.text
