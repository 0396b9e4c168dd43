"""What a body may cost: bytes by route, objects before they are parsed, and one document at a time."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fake import FakeService
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.api import json_documents, strict_route
from ragsvc.api.app import create_app
from ragsvc.api.elements import Elements
from ragsvc.api.memory_budget import Lease, MemoryBudget, json_cost
from ragsvc.errors import InvalidRequest, Overloaded, TooLarge
from ragsvc.settings.settings import Settings

URL = "/v1/corpora/new/documents"
JSON = {"content-type": "application/json"}


@pytest.fixture
def wide(tmp_path: Path) -> Iterator[tuple[TestClient, FakeService]]:
    """A server with the limits of every day."""
    service = FakeService(Settings(home=tmp_path, api_key=None))
    with TestClient(create_app(service), base_url="http://localhost") as client:
        yield client, service


def cut(body: bytes, step: int, **limits: int) -> tuple[list[bytes], bytes]:
    found: list[bytes] = []
    cutter = Elements(limits.get("max_values", 10_000), limits.get("max_depth", 64), lambda _: None)
    for start in range(0, len(body), step):
        found += cutter.feed(body[start : start + step])
    return found, cutter.frame()


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(st.sampled_from('a"\\[]{},:\u00e9\u65e5\U0001f600'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(values, max_size=5), st.integers(1, 40), st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_documents_are_cut_as_the_parser_reads_them(
    documents: list[Any], step: int, ascii_only: bool, blank: str
) -> None:
    body = json.dumps({"documents": documents}, ensure_ascii=ascii_only, indent=len(blank) or None)
    found, frame = cut((blank + body + blank).encode(), step)
    assert [json.loads(one) for one in found] == documents
    assert json.loads(frame) == {"documents": []}


@given(
    st.binary(max_size=80) | st.text(st.sampled_from('{}[]",:\\ documents')).map(str.encode),
    st.integers(1, 9),
)
def test_whatever_is_sent_comes_out_once(body: bytes, step: int) -> None:
    """All bytes are in a document or in the frame, but for the commas between documents."""
    try:
        found, frame = cut(body, step)
    except InvalidRequest:
        return
    assert len(body) - len(frame) - sum(map(len, found)) in range(max(1, len(found)))
    assert cut(body, len(body) or 1) == (found, frame), "pieces do not matter"


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_what_costs_too_much_is_refused_before_it_is_parsed(step: int) -> None:
    with pytest.raises(TooLarge, match="document 2 "):
        cut(b'{"documents":[{"id":"a"},{"metadata":[' + b"[]," * 2000, step, max_values=1000)
    with pytest.raises(InvalidRequest, match="deeper"):
        cut(b'{"documents":[' + b"[" * 100, step)
    many = b'{"documents":[' + b",".join([b'{"id":"a"}'] * 2000) + b"]}"
    assert len(cut(many, step, max_values=10)[0]) == 2000, "the limit is of one document"
    with pytest.raises(InvalidRequest, match="form"):
        cut(b"[" + b"1," * 50_000, step)


WRONG = {
    "no object": b"[]",
    "null": b"null",
    "empty": b"",
    "no list": b'{"documents": {}}',
    "no documents": b'{"documents": [ ]}',
    "other field": b'{"documents": [{"id": "a", "text": "b"}], "title": "c"}',
    "twice": b'{"documents": [{"id": "a", "text": "b"}], "documents": []}',
    "same id": b'{"documents": [{"id": "a", "text": "b"}, {"id": "a", "text": "c"}]}',
    "number": b'{"documents": [{"id": "a", "text": "b"}, 5]}',
    "wrong field": b'{"documents": [{"id": "a", "text": "b"}, {"id": "b", "text": 7}]}',
    "comma": b'{"documents": [{"id": "a", "text": "b"},]}',
    "cut short": b'{"documents": [{"id": "a", "text": "b"}, {"id": "b"',
    "crossed": b'{"documents": [{"id": "a", "text": "b"]}}',
    "more behind": b'{"documents": [{"id": "a", "text": "b"}]} x',
    "member twice": b'{"documents": [{"id": "a", "id": "a", "text": "b"}]}',
    "surrogate": b'{"documents": [{"id": "a", "text": "\\ud800"}]}',
    "not UTF-8": b'{"documents": [{"id": "a", "text": "\xff"}]}',
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_bodies_of_documents_that_are_refused(client: TestClient, service: FakeService, name: str) -> None:
    problem = assert_problem(client.post(URL, content=WRONG[name], headers=JSON), 422, "invalid_request")
    if name == "wrong field":
        assert problem["errors"][0]["field"] == "documents[1].text"
    assert "new" not in service.corpora_texts
    assert not [spool for spool in service.spools if spool.folder.exists()]


def test_keys_may_be_written_with_escapes(client: TestClient, service: FakeService) -> None:
    body = b'{"doc\\u0075ments": [{"id": "a", "text": "b"}]}'
    assert client.post(URL, content=body, headers=JSON).status_code == 202
    assert service.corpora_texts["new"] == {"a": "b"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", {"corpus": "handbook", "query": "x", "filter": {"a": [[]] * 400_000}}),
        ("/v1/answer", {"corpus": "handbook", "question": "x" * (1 << 20)}),
        ("/v1/chat/completions", {"model": "x", "messages": [{"role": "user", "content": "x" * (1 << 20)}]}),
        ("/v1/embeddings", {"model": "ragsvc/handbook", "input": [[1] * 400_000]}),
        ("/v1/corpora/handbook/rollback", {"to": "x" * (1 << 20)}),
    ],
)  # fmt: skip
def test_other_routes_take_a_megabyte(wide: tuple[TestClient, FakeService], path: str, body: Any) -> None:
    response = wide[0].post(path, content=json.dumps(body).encode(), headers=JSON)
    assert response.status_code == 413, response.text
    assert "RAGSVC_MAX_QUERY_BYTES" in response.text


@pytest.mark.parametrize(
    ("path", "field"),
    [("/v1/embeddings", "input"), ("/v1/search", "corpus"), ("/v1/search", "history"), ("/v1/search", "at"),
     ("/v1/chat/completions", "messages"), ("/v1/chat/completions", "stop")],
)  # fmt: skip
def test_a_megabyte_of_wrong_values_is_refused_cheaply(
    wide: tuple[TestClient, FakeService], path: str, field: str
) -> None:
    asked = {"corpus": "handbook", "query": "x"} if "search" in path else {"model": "ragsvc/handbook"}
    body = json.dumps(asked | {field: [[]] * 250_000}).encode()
    gc.collect()
    tracemalloc.start()
    try:
        response = wide[0].post(path, content=body, headers=JSON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code in (400, 413, 422)
    assert peak < 100 << 20


def test_large_uploads_take_little_more_than_their_largest_document(
    wide: tuple[TestClient, FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, service = wide
    monkeypatch.setattr("fake.FakeSpool.add", lambda self, document: None)
    text = json.dumps("A sentence, or two. \u65e5 " * 4000)

    def body() -> Iterator[bytes]:
        yield b'{"documents": ['
        for number in range(300):
            yield b'%s{"id": "%d", "text": %s}' % (b"," if number else b"", number, text.encode())
        yield b"]}"

    tracemalloc.start()
    try:
        assert client.post(URL, content=body(), headers=JSON).status_code == 202
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The client of the tests holds the whole body, twice.
    assert peak < 2.5 * 300 * len(text) + (20 << 20)
    assert not [spool for spool in service.spools if spool.folder.exists()]


def test_a_document_that_would_take_too_much_memory_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_documents, "MAX_COST_BYTES", 100_000)
    plain, astral = "x" * 20_000, "x" * 20_000 + "\U0001f600"
    assert client.post(URL, json={"documents": [{"id": "a", "text": plain}]}).status_code == 202
    for ascii_only in (True, False):
        body = json.dumps({"documents": [{"id": "a", "text": astral}]}, ensure_ascii=ascii_only).encode()
        problem = assert_problem(client.post(URL, content=body, headers=JSON), 413, "too_large")
        assert "as a file" in problem["hint"]


def test_over_the_memory_for_bodies_a_request_is_asked_to_come_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, api_key=None, max_body_memory_bytes=1 << 20)
    with TestClient(create_app(FakeService(settings)), base_url="http://localhost") as client:
        dear = {"corpus": "handbook", "query": "x", "filter": {"a": [[]] * 20_000}}
        response = client.post("/v1/search", json=dear)
        assert_problem(response, 503, "overloaded")
        assert response.headers["retry-after"]
        dear = {"documents": [{"id": "a", "text": "b" * 300_000}]}
        assert_problem(client.post(URL, json=dear), 503, "overloaded")
        with ThreadPoolExecutor(8) as pool:
            cheap = {"corpus": "handbook", "query": "x"}
            assert {
                pool.submit(client.post, "/v1/search", json=cheap).result().status_code for _ in range(50)
            } == {200}


def test_memory_that_runs_out_is_no_bug(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(strict_route, "parse_json", fail)
    response = client.post("/v1/search", json={"corpus": "handbook", "query": "x"})
    assert_problem(response, 503, "overloaded")
    assert response.headers["retry-after"]


@given(st.lists(st.integers(0, 100), max_size=20))
def test_leases_give_back_what_they_took(amounts: list[int]) -> None:
    memory = MemoryBudget(150)
    with Lease(memory) as other:
        other.set(60)
        with Lease(memory) as lease:
            for amount in amounts:
                try:
                    lease.set(amount)
                except Overloaded:
                    assert amount > 90
                assert 60 <= memory.held_bytes <= 150
        assert memory.held_bytes == 60
    assert memory.held_bytes == 0


@given(values)
def test_json_costs_at_least_what_its_text_takes(value: Any) -> None:
    raw = json.dumps(value, ensure_ascii=False).encode()
    assert json_cost(raw) >= 2 * len(raw) + raw.decode().__sizeof__() - "".__sizeof__() - 40


def test_an_object_of_very_many_members_is_refused(wide: tuple[TestClient, FakeService]) -> None:
    body = {"corpus": "handbook", "query": "x"} | {f"f{number}": 0 for number in range(50_000)}
    problem = assert_problem(wide[0].post("/v1/search", json=body), 422, "invalid_request")
    assert "members" in problem["detail"]


def test_very_many_lists_are_refused_before_they_are_made(wide: tuple[TestClient, FakeService]) -> None:
    asked: dict[str, Any] = {"corpus": "handbook", "query": "x"}
    for value in ([[]] * 40_000, [{}] * 40_000):
        problem = assert_problem(
            wide[0].post("/v1/search", json=asked | {"filter": {"a": value}}), 422, "invalid_request"
        )
        assert "lists and objects" in problem["detail"]
    # Signs in a text are no lists.
    history = [{"role": "assistant", "content": '[{"\\' * 40_000}]
    assert wide[0].post("/v1/search", json=asked | {"history": history}).status_code != 413
