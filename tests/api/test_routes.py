from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from fake import FakeService
from starlette.testclient import TestClient
from test_errors import assert_problem

from ragsvc.api.docs import ASSETS
from ragsvc.api.state import REPORTS_WAITING
from ragsvc.domain import DuplicateGroup
from ragsvc.errors import WriterBusy
from ragsvc.service.views import answers


def test_the_service_starts_with_the_app_and_closes_with_it(client: TestClient, service: FakeService) -> None:
    assert service.started and not service.closed
    client.__exit__(None, None, None)
    assert service.closed
    client.__enter__()


def test_ready_says_why_not(client: TestClient, service: FakeService) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    for path in ("/healthz", "/readyz"):
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
    assert client.get("/readyz").json()["ready"] is True
    service.is_ready = False
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "reason": "loading the model",
        "embedder": "fake",
        "commit": 1,
    }


def test_search_and_answer_have_exactly_the_members_of_the_contract(client: TestClient) -> None:
    found = client.post("/v1/search", json={"corpus": ["handbook"], "query": "backups", "mode": "lexical"})
    assert found.json().keys() == answers.SearchView.model_fields.keys() - {"searched"}
    assert found.json()["mode"] == "lexical"
    assert found.json()["hits"][0].keys() == answers.HitView.model_fields.keys()
    answer = client.post("/v1/answer", json={"corpus": "handbook", "question": "How often?"})
    absent = {"searched", "session", "computation"}
    assert answer.json().keys() == answers.AnswerView.model_fields.keys() - absent
    assert answer.json()["citations"][0].keys() == answers.CitationView.model_fields.keys() - {"hidden"}


def test_a_stream_sends_passages_tokens_citations_and_the_whole_answer(client: TestClient) -> None:
    asked = {"corpus": "handbook", "question": "How often?"}
    response = client.post("/v1/answer", json=asked | {"stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = parse_events(response.text)
    assert [name for name, _ in events] == ["passages", *["token"] * 3, "citation", "done"]
    done = events[-1][1]
    again = client.post("/v1/answer", json=asked).json()
    assert done.pop("record") != again.pop("record"), "each answer has a record of its own"
    assert done == again
    assert "".join(data["text"] for name, data in events if name == "token") == done["answer"]
    assert events[0][1]["passages"] == done["passages"]
    assert [data for name, data in events if name == "citation"] == done["citations"]


def test_a_stream_that_cannot_begin_has_a_proper_status(client: TestClient, service: FakeService) -> None:
    response = client.post("/v1/answer", json={"corpus": "nope", "question": "x", "stream": True})
    assert_problem(response, 404, "corpus_not_found")


@pytest.mark.parametrize("failure", [ValueError("secret"), None])
def test_a_stream_that_breaks_ends_with_an_error_event(
    client: TestClient, service: FakeService, failure: Exception | None
) -> None:
    from ragsvc.errors import ModelError

    service.failure = failure or ModelError("the generator went away", hint="try again")
    service.tokens = 1
    response = client.post("/v1/answer", json={"corpus": "handbook", "question": "x", "stream": True})
    name, data = parse_events(response.text)[-1]
    assert name == "error"
    assert data["code"] == ("internal" if failure else "model_error")
    assert "secret" not in response.text
    assert service.stream_closed.wait(1)


def test_documents_come_in_pages(client: TestClient, service: FakeService) -> None:
    service.corpora_texts["many"] = {f"d{i:02}": "text" for i in range(7)}
    seen, cursor = [], {}
    while True:
        page = client.get("/v1/corpora/many/documents", params={"limit": 3, **cursor}).json()
        seen += [document["document_id"] for document in page["documents"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == sorted(service.corpora_texts["many"])


def test_ids_with_slashes_and_any_script_are_query_parameters(
    client: TestClient, service: FakeService
) -> None:
    name = "handbook/日本 & ?=#/../a.md"
    service.corpora_texts["handbook"][name] = "0123456789"
    shown = client.get("/v1/corpora/handbook/document", params={"id": name}).json()
    assert shown["document_id"] == name
    piece = client.get("/v1/corpora/handbook/text", params={"document_id": name, "start": 2, "end": 5}).json()
    place = {"document_id": name, "version": "ab12", "start": 2, "end": 5}
    assert piece == {**place, "text": "234", "places": []}
    assert client.delete("/v1/corpora/handbook/document", params={"id": name}).json()["commit"] == 2
    response = client.get("/v1/corpora/handbook/document", params={"id": name})
    assert_problem(response, 404, "document_not_found")


def test_documents_as_json_make_a_job_that_can_be_seen_and_cancelled(
    client: TestClient, service: FakeService
) -> None:
    body = {"documents": [{"id": "faq/1", "text": "Text.", "metadata": {"lang": "en"}}]}
    response = client.post("/v1/corpora/new/documents", json=body)
    assert response.status_code == 202
    assert service.corpora_texts["new"] == {"faq/1": "Text."}
    location = response.headers["location"]
    assert client.get(location).json() == response.json()
    assert client.get("/v1/jobs").json() == {"jobs": [response.json()], "next_cursor": None}
    for query, jobs in (("corpus=new&state=queued&kind=ingest", 1), ("corpus=old", 0), ("state=done", 0)):
        assert len(client.get(f"/v1/jobs?{query}").json()["jobs"]) == jobs
    for query in ("state=lost", "kind=x", "limit=0", "cursor=x", "owner=me"):
        assert_problem(client.get(f"/v1/jobs?{query}"), 422, "invalid_request")
    assert client.delete(location).json()["state"] == "cancelled"
    assert_problem(client.get("/v1/jobs/nope"), 404, "job_not_found")


def test_a_corpus_can_be_shown_and_deleted(client: TestClient) -> None:
    listed = client.get("/v1/corpora").json()["corpora"]
    assert len(listed) == 1
    assert listed[0].items() <= client.get("/v1/corpora/handbook").json().items()
    assert client.delete("/v1/corpora/handbook").status_code == 204
    assert_problem(client.get("/v1/corpora/handbook"), 404, "corpus_not_found")


def test_duplicates_are_listed(client: TestClient, service: FakeService) -> None:
    assert client.get("/v1/corpora/handbook/duplicates").json() == {"corpus": "handbook", "duplicates": []}
    service.corpora_texts["handbook"]["b"] = "Backups are nightly!"
    group = {"kind": "near", "similarity": 0.844, "documents": ["b", "handbook/a.md"]}
    assert client.get("/v1/corpora/handbook/duplicates").json()["duplicates"] == [group]
    assert_problem(client.get("/v1/corpora/nope/duplicates"), 404, "corpus_not_found")


def test_outliers_are_listed(client: TestClient, service: FakeService) -> None:
    assert client.get("/v1/corpora/handbook/outliers").json() == {"corpus": "handbook", "outliers": []}
    service.corpora_texts["handbook"]["b"] = "Lunch is at noon."
    found = {"document_id": "handbook/a.md", "distance": 0.912, "nearest": "b"}
    assert client.get("/v1/corpora/handbook/outliers?limit=1").json()["outliers"] == [found]
    assert_problem(client.get("/v1/corpora/handbook/outliers?limit=0"), 422, "invalid_request")
    assert_problem(client.get("/v1/corpora/nope/outliers"), 404, "corpus_not_found")


def test_relations_are_shown(client: TestClient) -> None:
    whole = client.get("/v1/corpora/handbook/graph?limit=1").json()
    ann = {"key": "ann", "name": "Ann", "kinds": ["person"], "documents": 1}
    assert whole == {
        "corpus": "handbook", "commit": 3, "entity": None, "entities": [ann], "total": 2, "edges": [],
        "documents": [], "unread": 0,
    }  # fmt: skip
    near = client.get("/v1/corpora/handbook/graph", params={"entity": "Ann"}).json()
    assert near["entity"] == ann and near["edges"] == [{"first": "ann", "second": "fees", "documents": 1}]
    assert [each["document_id"] for each in near["documents"]] == ["handbook/a.md"]
    assert_problem(client.get("/v1/corpora/handbook/graph?entity=Bob"), 404, "entity_not_found")
    assert_problem(client.get("/v1/corpora/nope/graph"), 404, "corpus_not_found")
    assert client.get("/v1/corpora/handbook/graph?limit=201").status_code == 422


def test_documents_are_listed_by_a_filter(client: TestClient) -> None:
    assert client.get("/v1/corpora/handbook/documents", params={"filter": '{"a": 1}'}).status_code == 200
    for wrong in ("[1]", "{a}", '{"$no": 1}', "{} {}"):
        found = client.get("/v1/corpora/handbook/documents", params={"filter": wrong})
        assert_problem(found, 422, "invalid_filter")


def test_one_report_of_duplicates_is_made_at_a_time_and_few_wait(
    client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, lock = threading.Event(), threading.Lock()
    begun, at_work, most = threading.Event(), 0, 0

    def slow(*_: object) -> list[DuplicateGroup]:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        begun.set()
        release.wait(10)
        with lock:
            at_work -= 1
        return []

    monkeypatch.setattr(service.maintenance, "duplicates", slow)
    path, places = "/v1/corpora/handbook/duplicates", 1 + REPORTS_WAITING
    with ThreadPoolExecutor(places) as pool:
        waiting = [pool.submit(client.get, path) for _ in range(places)]
        deadline = time.monotonic() + 5
        while client.app.state.ragsvc.reports._held < places and time.monotonic() < deadline:  # type: ignore[attr-defined]
            time.sleep(0.01)
        begun.wait(5)
        response = client.get(path)
        listed = client.get("/v1/corpora")
        release.set()
        assert [future.result().status_code for future in waiting] == [200] * places
    assert_problem(response, 503, "overloaded")
    assert response.headers["retry-after"] == "1"
    assert "QUERIES" not in response.text
    assert listed.status_code == 200
    assert most == 1


def test_writes_that_wait_for_the_writer_lock_keep_no_others_waiting(
    client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def wait(*_: object, **__: object) -> None:
        release.wait(10)
        raise WriterBusy("another process is writing")

    for owner, names in (
        (service, ("delete_corpus", "delete_document")),
        (service.maintenance, ("set_tag", "delete_tag", "rollback")),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, wait)
    root = "/v1/corpora/handbook"
    writes = [
        partial(client.delete, root),
        partial(client.delete, f"{root}/document", params={"id": "x"}),
        partial(client.put, f"{root}/tags/v1", json={}),
        partial(client.delete, f"{root}/tags/v1"),
        partial(client.post, f"{root}/rollback", json={"to": "head~1"}),
    ] * 3
    with ThreadPoolExecutor(len(writes)) as pool:
        waiting = [pool.submit(write) for write in writes]
        deadline = time.monotonic() + 5
        while client.app.state.ragsvc.writers._held < len(writes) and time.monotonic() < deadline:  # type: ignore[attr-defined]
            time.sleep(0.01)
        assert client.app.state.ragsvc.writers._held == len(writes)  # type: ignore[attr-defined]
        assert client.get("/v1/corpora").status_code == 200
        release.set()
        for future in waiting:
            assert_problem(future.result(), 503, "writer_busy")


def test_queries_beyond_the_limit_are_turned_away_and_listings_still_answer(
    client: TestClient, service: FakeService
) -> None:
    service.block = threading.Event()
    ask = {"corpus": "handbook", "query": "x"}
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(client.post, "/v1/search", json=ask) for _ in range(4)]
        deadline = time.monotonic() + 5
        while client.app.state.ragsvc.queries._held < 4 and time.monotonic() < deadline:  # type: ignore[attr-defined]
            time.sleep(0.01)
        response = client.post("/v1/search", json=ask)
        stream = client.post("/v1/answer", json={"corpus": "handbook", "question": "x", "stream": True})
        listed = client.get("/v1/corpora")
        service.block.set()
        assert [future.result().status_code for future in waiting] == [200] * 4
    assert_problem(response, 503, "overloaded")
    assert response.headers["retry-after"] == "1"
    assert_problem(stream, 503, "overloaded")
    assert listed.status_code == 200
    assert client.post("/v1/search", json=ask).status_code == 200


def test_docs_need_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert (
        "http://" not in page.text
        and "https://" not in page.text
        and "//" not in page.text.split("<body>")[1]
    )
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name, media_type in ASSETS.items():
        asset = client.get(f"/docs/{name}")
        assert asset.status_code == 200 and asset.headers["content-type"].startswith(media_type)
        assert f"/docs/{name}" in page.text
        assert b"sourceMappingURL" not in asset.content


def test_openapi_describes_every_parameter_and_field(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [op for path in document["paths"].values() for op in path.values()]
    assert len({op["operationId"] for op in operations}) == len(operations) == 45
    for operation in operations:
        assert operation["summary"] and operation["description"] and operation["tags"]
        assert all(parameter["description"] for parameter in operation.get("parameters", []))
        for status, response in operation["responses"].items():
            if status >= "400" and operation["operationId"] != "readiness":
                problem = "json" if operation["tags"] == ["openai"] else "problem+json"
                assert list(response["content"]) == [f"application/{problem}"]
    for name, schema in document["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            assert shape.get("description") or "$ref" in shape, f"{name}.{field}"
    assert "HTTPValidationError" not in json.dumps(document)


def parse_events(text: str) -> list[tuple[str, dict[str, object]]]:
    events = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events
