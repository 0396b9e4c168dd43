"""Whatever schemathesis and hypothesis think of, a real server with real jobs gives a documented answer."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from real_server import Server
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore")]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SECONDS = 12
QUICK = settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def fuzz(server: Server, operation: Any, end: float, tried: list[str]) -> None:
    @QUICK
    @given(operation.as_strategy())
    def send(case: Any) -> None:
        if time.monotonic() < end or operation.label not in tried:
            tried.append(operation.label)
            case.call_and_validate(base_url=server.url, headers=server.headers, checks=CHECKS, timeout=30)

    send()


def test_every_answer_is_a_documented_one(keyed_server: Server) -> None:
    document = keyed_server.http.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    # What deletes or queues much comes last, so that the others meet a corpus with something in it.
    operations.sort(
        key=lambda operation: (operation.method == "delete", operation.label.endswith("/documents"))
    )
    end = time.monotonic() + SECONDS
    tried: list[str] = []
    for number, operation in enumerate(operations):
        left = len(operations) - number
        fuzz(keyed_server, operation, time.monotonic() + (end - time.monotonic()) / left, tried)
    assert set(tried) == {operation.label for operation in operations}
    assert keyed_server.http.get("/readyz").status_code == 200


metadata = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8),
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(
        st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    max_size=3,
)  # fmt: skip
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)
documents = st.lists(
    st.fixed_dictionaries(
        {"id": st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=30),
         "text": texts},
        optional={"title": texts.filter(lambda text: len(text) < 60), "metadata": metadata},
    ),
    min_size=1, max_size=20, unique_by=lambda document: str(document["id"]),
)  # fmt: skip


def test_jobs_of_any_documents_end_and_store_their_texts(keyed_server: Server) -> None:
    http: httpx.Client = keyed_server.http
    queued: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []

    @settings(QUICK, max_examples=8)
    @given(documents)
    def send(sent: list[dict[str, Any]]) -> None:
        response = http.post("/v1/corpora/any/documents", json={"documents": sent})
        assert response.status_code in (202, 413, 422), response.text
        if response.status_code == 202:
            queued.append((response.json(), sent))

    send()
    assert queued
    latest: dict[str, str] = {}
    for job, sent in queued:
        ended = keyed_server.ended(job, 90)
        assert ended["state"] == "done", ended
        counts = ended["result"]["documents"]
        assert sum(counts[name] for name in counts if name != "removed") == len(sent)
        unread = {item["source"] for item in ended["result"]["failures"] + ended["result"]["skipped"]}
        latest |= {item["id"]: item["text"] for item in sent if item["id"] not in unread}
    for name, text in latest.items():
        stored = http.get("/v1/corpora/any/text", params={"document_id": name}).json()
        assert stored["text"].split() == text.replace("\ufeff", "").split() or stored["text"].strip()
