"""Annotations of chat messages: every marker of the text with the documents that it stands for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openai
import pytest
from fake import FakeService
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ragsvc.api.openai.url_citations import annotations_of
from ragsvc.domain import Answer, Citation, CommitId

PATH = "/v1/chat/completions"
CHAT: dict[str, Any] = {
    "model": "ragsvc/handbook",
    "messages": [{"role": "user", "content": "How often are backups made?"}],
}


def citation(marker: int, document_id: str, **more: Any) -> Citation:
    known = {"version": "ab12", "source": "/srv/a.md", "title": "", "start": 3, "end": 9, "quote": "quoted"}
    return Citation(
        marker=marker, document_id=document_id, page=None, **{"corpus": "handbook", **known, **more}
    )


def answer(text: str, *citations: Citation) -> Answer:
    return Answer(
        corpus="handbook",
        commit=CommitId(1),
        question="?",
        answered=True,
        answer=text,
        confidence=1.0,
        citations=citations,
        passages=(),
        generator="fake",
        timings_s={},
    )


def links(text: str, *citations: Citation) -> list[dict[str, Any]]:
    found = annotations_of(answer(text, *citations), "http://localhost:8000")
    assert all(item["type"] == "url_citation" for item in found)
    return [item["url_citation"] for item in found]


def test_a_marker_leads_to_its_documents():
    text = "Backups \U0001f98a run nightly. [1][2] Restores too. [1] None. [3]"
    found = links(
        text,
        citation(1, "a b.md", title="Backups"),
        citation(1, "a b.md", start=50, end=60),
        citation(1, "c.md"),
        citation(2, "web", source="https://example.org/ä?q=1#x"),
    )
    assert [text[link["start_index"] : link["end_index"]] for link in found] == ["[1]"] * 2 + ["[2]"] + [
        "[1]"
    ] * 2
    assert [link["title"] for link in found] == ["Backups", "c.md", "web", "Backups", "c.md"]
    assert found[2]["url"] == "https://example.org/%C3%A4?q=1#x"
    parts = urlsplit(found[0]["url"])
    assert (parts.netloc, parts.path) == ("localhost:8000", "/v1/corpora/handbook/text")
    assert parse_qs(parts.query) == {
        "document_id": ["a b.md"],
        "version": ["ab12"],
        "start": ["3"],
        "end": ["9"],
    }


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("no marker", []),
        ("a[1] is an index", []),
        ("```\nx = [1]\n```\nSaid. [1]", [22]),
        ("~~~\n[1]\n```\n[1]\n~~~\n[1]", [20]),
        ("````\n```\n [1]\n", []),
        ("[1]", [0]),
    ],
)
def test_what_only_looks_like_a_marker_is_none(text: str, starts: list[int]):
    assert [link["start_index"] for link in links(text, citation(1, "a"))] == starts


@given(st.text(alphabet="[]12 `~\na", max_size=60))
def test_every_annotation_stands_on_a_marker(text: str):
    for link in links(text, citation(1, "a"), citation(2, "b")):
        marked = text[link["start_index"] : link["end_index"]]
        assert marked == {"a": "[1]", "b": "[2]"}[link["title"]]


def test_messages_have_them_whole_and_streamed(
    client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
):
    make = service._answer
    monkeypatch.setattr(service, "_answer", lambda *given: replace(make(*given), answer="Nightly. [1]"))
    message = client.post(PATH, json=CHAT).json()["choices"][0]["message"]
    (link,) = [item["url_citation"] for item in message["annotations"]]
    assert message["content"][link["start_index"] : link["end_index"]] == "[1]"
    # It gives the quote, as the citation beside it does.
    given = urlsplit(link["url"])
    assert given.netloc == "localhost"
    text = client.get(f"{given.path}?{given.query}").json()["text"]
    assert text == message["ragsvc"]["citations"][0]["quote"]
    frames = client.post(f"{PATH}/", json=CHAT | {"stream": True}).text.split("\n\n")
    last = json.loads(frames[-3].removeprefix("data: "))
    assert last["choices"][0]["delta"]["annotations"] == message["annotations"]
    assert client.post(PATH, json=CHAT | {"messages": [*CHAT["messages"], message, *CHAT["messages"]]})


def test_a_host_that_is_none_is_not_told(service: FakeService, monkeypatch: pytest.MonkeyPatch):
    from pydantic import SecretStr

    from ragsvc.api.app import create_app

    make = service._answer
    monkeypatch.setattr(service, "_answer", lambda *given: replace(make(*given), answer="Nightly. [1]"))
    service.settings = service.settings.model_copy(update={"api_key": SecretStr("k")})
    with TestClient(create_app(service), base_url="http://localhost") as client:
        headers = {"host": 'a"<b>/x', "authorization": "Bearer k"}
        message = client.post(PATH, json=CHAT, headers=headers).json()["choices"][0]["message"]
    assert message["annotations"][0]["url_citation"]["url"].startswith("/v1/corpora/handbook/text?")


def test_the_openai_client_reads_them(running: int, service: FakeService, monkeypatch: pytest.MonkeyPatch):
    make = service._answer
    monkeypatch.setattr(service, "_answer", lambda *given: replace(make(*given), answer="Nightly. [1]"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with openai.OpenAI(base_url=f"http://127.0.0.1:{running}/v1", api_key="none", max_retries=0) as client:
        message = client.chat.completions.create(**CHAT).choices[0].message
        assert message.annotations is not None
        (found,) = message.annotations
        assert (found.type, found.url_citation.title) == ("url_citation", "handbook/a.md")
        assert (message.content or "")[found.url_citation.start_index :] == "[1]"
        chunks = list(client.chat.completions.create(**CHAT, stream=True))
        assert chunks[-1].choices[0].delta.model_extra["annotations"] == [found.model_dump()]
        model = client.models.list().data[-1].id
        assert client.models.retrieve(model).id == model
        assert client.embeddings.create(model=model, input="one").data[0].embedding
