from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fake import FakeService
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.api.strict_route import parse_json
from ragsvc.errors import InvalidRequest

JSON = {"content-type": "application/json"}
ASK = {"corpus": "handbook", "query": "x"}


def post(client: TestClient, body: Any, headers: dict[str, str] | None = None) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/v1/search", content=content, headers=JSON if headers is None else headers)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut short"),
        pytest.param(b"[" * 100_000, id="very deep"),
        pytest.param(b'{"a":' * 40_000, id="very deep objects"),
        pytest.param(
            json.dumps(ASK | {"filter": {"a": json.loads("[" * 90 + "]" * 90)}}).encode(), id="deep"
        ),
        pytest.param(b'{"corpus":"handbook","query":"x","k":NaN}', id="NaN"),
        pytest.param(b'{"corpus":"handbook","query":"x","filter":{"a":-Infinity}}', id="infinity"),
        pytest.param(b'{"corpus":"handbook","query":"x","filter":{"a":1e999}}', id="huge float"),
        pytest.param(b'{"corpus":"handbook","query":"x","k":' + b"9" * 5000 + b"}", id="huge integer"),
        pytest.param(b'{"corpus":"handbook","query":"x","filter":{"a":9223372036854775808}}', id="65 bits"),
        pytest.param(b'{"corpus":"handbook","query":"a\\u0000b"}', id="NUL"),
        pytest.param(b'{"corpus":"handbook","query":"\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"corpus":"handbook","query":"x","filter":{"\\udfff":1}}', id="surrogate in a name"),
        pytest.param(b'{"corpus":"handbook","query":"x","query":"y"}', id="member twice"),
        pytest.param(b'{"corpus":"handbook","query":"\xff"}', id="not UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"corpus":"handbook","query":"x"}', id="BOM"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'"text"', id="string"),
        pytest.param(ASK | {"k": 0}, id="k 0"),
        pytest.param(ASK | {"k": 201}, id="k 201"),
        pytest.param(ASK | {"k": "10"}, id="k string"),
        pytest.param(ASK | {"k": True}, id="k bool"),
        pytest.param(ASK | {"k": 1.5}, id="k float"),
        pytest.param(ASK | {"query": 5}, id="query number"),
        pytest.param(ASK | {"query": ""}, id="query empty"),
        pytest.param(ASK | {"query": " \n"}, id="query blank"),
        pytest.param(ASK | {"mode": "fuzzy"}, id="mode"),
        pytest.param(ASK | {"top_k": 5}, id="unknown field"),
        pytest.param(ASK | {"filter": []}, id="filter list"),
        pytest.param(ASK | {"filter": {"$near": 1}}, id="filter operator"),
        pytest.param(ASK | {"corpus": []}, id="no corpus"),
        pytest.param(ASK | {"corpus": ["handbook", "handbook"]}, id="corpus twice"),
    ],
)
def test_bodies_that_are_refused(client: TestClient, body: Any) -> None:
    response = post(client, body)
    code = response.json()["code"]
    assert_problem(response, 422, code if code in ("invalid_name", "invalid_filter") else "invalid_request")


@pytest.mark.parametrize("name", ["../etc", "a/b", "Ä", "-a", "A", "", "a" * 65, ".", "a\n"])
def test_corpus_names_that_are_refused(client: TestClient, name: str) -> None:
    assert_problem(post(client, ASK | {"corpus": name}), 422, "invalid_name")


@pytest.mark.parametrize("path", ["A", "%00", "%2e%2e", "a%0a", "%ff", "%ed%a0%80", "..%2f..%2fetc"])
def test_corpus_names_in_paths_that_are_refused(client: TestClient, path: str) -> None:
    response = client.get(f"/v1/corpora/{path}")
    assert response.status_code in (404, 422)
    assert_problem(response, response.status_code, response.json()["code"])


def test_a_question_of_ten_megabytes_is_too_large(client: TestClient, service: FakeService) -> None:
    assert_problem(post(client, ASK | {"query": "x" * 25_000}), 413, "too_large")
    huge = json.dumps(ASK | {"query": "x" * 10_000_000}).encode()
    assert_problem(post(client, huge), 413, "too_large")


def test_a_body_without_length_is_counted_while_it_streams(client: TestClient) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 4096

    response = client.post("/v1/search", content=pieces(), headers=JSON)
    assert_problem(response, 413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])
def test_other_media_types_are_refused(client: TestClient, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    assert_problem(post(client, ASK, headers), 415, "unsupported_media_type")
    response = client.post("/v1/corpora/handbook/documents", content=b"x", headers=headers)
    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "limit=" + "9" * 5000, "limit=1&limit=2", "offset=3", "cursor=%00",
     "cursor=%ff", "cursor=not-ours", "%ed%a0%80=1", "cursor="],
)  # fmt: skip
def test_query_parameters_that_are_refused(client: TestClient, query: str) -> None:
    response = client.get(f"/v1/corpora/handbook/documents?{query}")
    assert_problem(response, 422, "invalid_request")


@pytest.mark.parametrize(
    "query",
    ["start=-1", "end=99999999999999999999", "version=../x", "version=AB", "start=5&end=2", "start=1.5"],
)
def test_spans_that_are_refused(client: TestClient, query: str) -> None:
    response = client.get(f"/v1/corpora/handbook/text?document_id=handbook/a.md&{query}")
    assert_problem(response, 422, "invalid_request")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\x", "a" * 4000, "\ud83d\ude00"])
def test_ids_are_never_paths(client: TestClient, name: str) -> None:
    response = client.get(
        "/v1/corpora/handbook/document",
        params={"id": name.encode("utf-16", "surrogatepass").decode("utf-16")},
    )
    assert_problem(response, 404, "document_not_found")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_is_read_exactly_or_refused(value: Any) -> None:
    try:
        read = parse_json(json.dumps(value).encode("utf-8", "surrogatepass"))
    except InvalidRequest:
        return
    assert read == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        json.dumps(parse_json(body), allow_nan=False, ensure_ascii=False).encode()
    except InvalidRequest:
        return
