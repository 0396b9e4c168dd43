"""Sessions, records, feedback and usage over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake import FakeService
from pydantic import SecretStr
from starlette.testclient import TestClient
from test_errors import assert_problem
from test_routes import parse_events

from ragsvc.api.app import create_app
from ragsvc.api.responses import encode
from ragsvc.api.routes import records, sessions
from ragsvc.service.views.records import FeedbackView, RecordView, UsageRowView
from ragsvc.settings.settings import Settings

ASKED = {"corpus": "handbook", "question": "How often?"}


def ask(client: TestClient, **more: Any) -> dict[str, Any]:
    response = client.post("/v1/answer", json=ASKED | more)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def new_session(client: TestClient, **body: Any) -> str:
    response = client.post("/v1/sessions", json=body)
    assert response.status_code == 201
    return str(response.json()["id"])


def test_a_session_from_its_beginning_to_its_end(client: TestClient) -> None:
    made = client.post("/v1/sessions", json={"title": "Backups", "metadata": {"client": "page"}}).json()
    assert (made["title"], made["metadata"], made["turn_count"], made["owner"]) == (
        "Backups",
        {"client": "page"},
        0,
        "local",
    )
    answers = [ask(client, session=made["id"]) for _ in range(2)]
    assert {answer["session"] for answer in answers} == {made["id"]}
    # The fake says what it searched for where it was given a history.
    assert "searched" not in answers[0] and "searched" in answers[1]
    shown = client.get(f"/v1/sessions/{made['id']}").json()
    assert [turn["id"] for turn in shown["turns"]] == [answer["record"] for answer in answers]
    assert shown["turns"][1]["parent"] == answers[0]["record"]
    assert shown["turn_count"] == 2
    renamed = client.patch(f"/v1/sessions/{made['id']}", json={"title": "Copies"})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Copies")
    assert [each["title"] for each in client.get("/v1/sessions").json()["sessions"]] == ["Copies"]
    assert client.delete(f"/v1/sessions/{made['id']}").status_code == 204
    for response in (
        client.get(f"/v1/sessions/{made['id']}"),
        client.patch(f"/v1/sessions/{made['id']}", json={"title": ""}),
        client.delete(f"/v1/sessions/{made['id']}"),
        client.post("/v1/answer", json=ASKED | {"session": made["id"]}),
        client.post("/v1/answer", json=ASKED | {"session": made["id"], "stream": True}),
    ):
        assert_problem(response, 404, "session_not_found")
    assert client.get("/v1/records").json() == {"records": [], "next_cursor": None}


def test_turns_of_a_session_come_in_pages(client: TestClient) -> None:
    session = new_session(client)
    asked = [ask(client, session=session)["record"] for _ in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(f"/v1/sessions/{session}", params={"limit": 2, **cursor}).json()
        assert page["turn_count"] == 5
        found = [turn["id"] for turn in page["turns"]] + found
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == asked
    assert_problem(client.get(f"/v1/sessions/{session}?cursor=x"), 422, "invalid_request")
    assert_problem(client.get(f"/v1/sessions/{session}?limit=0"), 422, "invalid_request")


def test_long_lists_are_written_beside_the_event_loop(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def noted(content: Any) -> bytes:
        threads.append(threading.current_thread().name)
        return encode(content)

    session = new_session(client)
    ask(client, session=session)
    for module in (records, sessions):
        monkeypatch.setattr(module, "encode", noted)
    assert len(client.get("/v1/records").json()["records"]) == 1
    assert len(client.get(f"/v1/sessions/{session}").json()["turns"]) == 1
    assert len(threads) == 2 and all("worker" in name for name in threads)


def test_a_stream_ends_with_its_record(client: TestClient) -> None:
    session = new_session(client)
    events = parse_events(client.post("/v1/answer", json=ASKED | {"session": session, "stream": True}).text)
    done = events[-1][1]
    assert done["session"] == session
    assert client.get(f"/v1/records/{done['record']}").json()["answer"] == done["answer"]


@pytest.mark.parametrize("stream", [False, True])
def test_chat_completions_go_on_with_a_session(client: TestClient, stream: bool) -> None:
    session = new_session(client)
    body = {
        "model": "ragsvc/handbook",
        "messages": [{"role": "user", "content": "How often?"}],
        "ragsvc": {"session": session, "metadata": {"a": 1}, "origin": "synthetic"},
        "stream": stream,
    }
    found = []
    for _ in range(2):
        response = client.post("/v1/chat/completions", json=body)
        assert response.status_code == 200
        if stream:
            chunks = [
                json.loads(line.removeprefix("data: "))
                for line in response.text.splitlines()
                if line.startswith("data: {")
            ]
            found.append(chunks[-1]["choices"][0]["delta"]["ragsvc"])
        else:
            found.append(response.json()["choices"][0]["message"]["ragsvc"])
    assert [each["session"] for each in found] == [session] * 2
    assert [each["searched"] is None for each in found] == [True, False]
    turns = client.get(f"/v1/sessions/{session}").json()["turns"]
    assert [turn["id"] for turn in turns] == [each["record"] for each in found]
    assert {(turn["origin"], turn["metadata"]["a"]) for turn in turns} == {("synthetic", 1)}
    missing = client.post("/v1/chat/completions", json=body | {"ragsvc": {"session": "0" * 32}})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "session_not_found")


def test_records_are_filtered_and_come_in_pages(client: TestClient) -> None:
    made = [ask(client, metadata={"n": n})["record"] for n in range(5)]
    ask(client, origin="synthetic")
    where = json.dumps({"origin": "real", "metadata.n": {"$gte": 1}})
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/v1/records", params={"filter": where, "limit": 3, **cursor}).json()
        seen += [record["id"] for record in page["records"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == made[:0:-1]
    for wrong in ('{"title": 1}', '{"corpus": {"$like": 1}}', "[]", '{"metadata.a": {"$in": 1}}'):
        assert_problem(client.get("/v1/records", params={"filter": wrong}), 422, "invalid_filter")
    for wrong in ("{", '{"a": NaN}', '{"corpus": 1, "corpus": 2}'):
        assert_problem(client.get("/v1/records", params={"filter": wrong}), 422, "invalid_request")
    assert_problem(client.get("/v1/records", params={"cursor": "x"}), 422, "invalid_request")


def test_a_record_has_exactly_the_members_that_are_documented(client: TestClient) -> None:
    record = ask(client)["record"]
    said = {"score": -0.5, "label": "wrong", "comment": "no", "corrected_answer": "Weekly.", "tags": ["ui"]}
    response = client.post(f"/v1/records/{record}/feedback", json=said)
    assert response.status_code == 201
    assert response.json().keys() == FeedbackView.model_fields.keys()
    assert said.items() <= response.json().items()
    shown = client.get(f"/v1/records/{record}").json()
    assert shown.keys() == RecordView.model_fields.keys()
    assert shown["feedback"] == [response.json()]
    assert "text" not in shown["passages"][0] and "quote" in shown["citations"][0]


def test_who_owns_a_record_is_never_told_by_the_client(client: TestClient) -> None:
    for member in ("owner", "created_at", "id", "tenant"):
        assert_problem(client.post("/v1/answer", json=ASKED | {member: "x"}), 422, "invalid_request")
        assert_problem(client.post("/v1/sessions", json={member: "x"}), 422, "invalid_request")
    record = ask(client)["record"]
    body = {"score": 1, "owner": "x"}
    assert_problem(client.post(f"/v1/records/{record}/feedback", json=body), 422, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [{}, {"score": 2}, {"score": "1"}, {"score": 1, "tags": [""]}, {"score": 1, "comment": "x" * 20_001}],
)
def test_feedback_that_is_none(client: TestClient, body: dict[str, Any]) -> None:
    record = ask(client)["record"]
    assert_problem(client.post(f"/v1/records/{record}/feedback", json=body), 422, "invalid_request")


def test_metadata_has_a_limit(client: TestClient) -> None:
    body = {"metadata": {"a": "x" * 20_000}}
    assert_problem(client.post("/v1/sessions", json=body), 422, "invalid_request")
    assert_problem(client.post("/v1/answer", json=ASKED | body), 422, "invalid_request")


def test_deleting_a_record_and_all_of_the_caller(client: TestClient) -> None:
    records = [ask(client)["record"] for _ in range(3)]
    new_session(client)
    assert client.delete(f"/v1/records/{records[0]}").status_code == 204
    assert_problem(client.get(f"/v1/records/{records[0]}"), 404, "record_not_found")
    assert_problem(client.delete(f"/v1/records/{records[0]}"), 404, "record_not_found")
    for params in ({}, {"owner": "local"}, {"owner": "me", "corpus": "handbook"}):
        assert_problem(client.delete("/v1/records", params=params), 422, "invalid_request")
    assert client.delete("/v1/records", params={"owner": "me"}).json() == {"deleted": 2}
    assert client.get("/v1/sessions").json()["sessions"] == []


def test_usage_and_metrics_agree(client: TestClient) -> None:
    records = [ask(client)["record"] for _ in range(2)]
    client.post("/v1/answer", json=ASKED | {"stream": True})
    client.post(f"/v1/records/{records[0]}/feedback", json={"score": 1})
    usage = client.get("/v1/usage", params={"days": 1}).json()
    assert usage["days"] == 1 and usage["usage"][0].keys() == UsageRowView.model_fields.keys()
    assert (usage["usage"][0]["questions"], usage["usage"][0]["score"]) == (3, 1.0)
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    # Of the fake, streams alone are counted here.
    assert 'ragsvc_questions_total{corpus="handbook"' in response.text
    assert 'ragsvc_feedback_total{corpus="handbook"' in response.text
    assert_problem(client.get("/v1/usage", params={"days": 0}), 422, "invalid_request")


@pytest.fixture
def off(tmp_path: Path) -> Iterator[TestClient]:
    service = FakeService(Settings(home=tmp_path, api_key=None, records="off"))
    with TestClient(create_app(service), base_url="http://localhost") as client:
        yield client


def test_where_nothing_is_kept_answers_say_nothing_of_it(off: TestClient) -> None:
    assert not {"session", "record"} & ask(off).keys()
    assert_problem(off.post("/v1/sessions", json={}), 409, "records_off")
    assert_problem(off.post("/v1/answer", json=ASKED | {"session": "0" * 32}), 409, "records_off")
    assert off.get("/v1/records").json()["records"] == []


def test_metrics_need_the_key(tmp_path: Path) -> None:
    service = FakeService(Settings(home=tmp_path, api_key=SecretStr("secret")))
    with TestClient(create_app(service), base_url="http://localhost") as client:
        assert_problem(client.get("/metrics"), 401, "unauthenticated")
        shown = client.get("/metrics", headers={"Authorization": "Bearer secret"})
        assert shown.status_code == 200
