"""Answers of the real model over the real handbook, on the command line and over HTTP, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from real_server import Server, World

pytestmark = pytest.mark.e2e

QUESTION = "What is retrieval-augmented generation?"
QUESTIONS = [
    QUESTION,
    "How does a variational autoencoder differ from a plain one?",
    "Which index types make vector search fast?",
    "How should API keys of a database be stored?",
    "Why are duplicates removed from training data?",
    "what does the discriminator of a GAN do",
]


def assert_cited(server: Server, answer: dict[str, Any]) -> None:
    """Every quote and passage is a slice of what the server has stored."""
    for piece, text in [(c, c["quote"]) for c in answer["citations"]] + [
        (p, p["text"]) for p in answer["passages"]
    ]:
        span = {name: piece[name] for name in ("document_id", "version", "start", "end")}
        stored = server.http.get("/v1/corpora/handbook/text", params=span).json()
        assert stored == span | {"text": text, "places": []}
    for citation in answer["citations"]:
        assert f"[{citation['marker']}]" in answer["answer"]


def test_the_command_line_answers_without_a_network(
    world: World, handbook: Path, server: Server, cut_off: tuple[str, ...]
) -> None:
    done = world.ragsvc("ask", "handbook", QUESTION, "--home", handbook, "--json", prefix=cut_off)
    assert done.code == 0, done.err
    assert done.err == ""
    answer = done.json
    assert answer["answered"]
    assert "handbook/data/retrieval-augmented-generation.md" in {
        c["document_id"] for c in answer["citations"]
    }
    assert_cited(server, answer)
    over_http = server.post("/v1/answer", corpus="handbook", question=QUESTION)
    # The server gives a question one thread, the command line all cores: sums differ in their last bits.
    assert sums_of(over_http) == pytest.approx(sums_of(answer), abs=1e-5)
    # Each of the two is kept as a record of its own.
    assert over_http | {"record": ""} == answer | {"record": ""}


def sums_of(answer: dict[str, Any]) -> list[float]:
    """Take confidence and scores out of an answer, and its timings."""
    del answer["timings_s"]
    return [answer.pop("confidence"), *(passage.pop("score") for passage in answer["passages"])]


def test_nothing_calls_out(world: World, handbook: Path, server: Server, cut_off: tuple[str, ...]) -> None:
    assert server.http.get("/readyz").status_code == 200
    assert not world.calls.exists(), world.calls.read_text()
    if not cut_off:
        pytest.skip("no call was seen, but `unshare --net` is not permitted, so native code was not cut off")


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_citation_is_a_slice_of_the_stored_text(server: Server, question: str) -> None:
    answer = server.post("/v1/answer", corpus="handbook", question=question, k=8)
    assert answer["answered"] == bool(answer["citations"])
    assert len(answer["passages"]) == 8
    assert_cited(server, answer)


def test_a_stream_ends_with_the_whole_answer(server: Server) -> None:
    body = {"corpus": "handbook", "question": QUESTION, "stream": True}
    with server.http.stream("POST", "/v1/answer", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        names = [line[7:] for line in response.iter_lines() if line.startswith("event: ")]
    assert names[0] == "passages"
    assert names[-1] == "done"
    assert set(names) == {"passages", "token", "citation", "done"}


def test_it_says_when_the_handbook_does_not_answer(server: Server) -> None:
    questions = [
        "Who won the 1998 football world cup?",
        "How long does a boiled egg take?",
        "When does the last train to Bergen leave?",
        "What is the capital of Mongolia?",
    ]
    answers = [server.post("/v1/answer", corpus="handbook", question=question) for question in questions]
    refused = [answer for answer in answers if not answer["answered"]]
    assert len(refused) >= 3
    assert all(answer["citations"] == [] and answer["answer"] for answer in refused)


def test_output_for_programs_is_not_padded_and_search_agrees(
    world: World, handbook: Path, server: Server
) -> None:
    done = world.ragsvc("search", "handbook", QUESTION, "-k", "3", "--home", handbook)
    assert done.code == 0
    assert all(line == line.rstrip() for line in done.out.splitlines())
    for hit in server.search("handbook", QUESTION, k=3):
        assert f"{hit['start']}-{hit['end']}" in done.out


def test_a_follow_up_is_answered_from_what_the_conversation_is_about(
    world: World, handbook: Path, server: Server
) -> None:
    history = [
        {"role": "user", "content": "What is a VAE?"},
        {"role": "assistant", "content": "A variational autoencoder. [1]"},
    ]
    question = "How does it differ from a GAN?"
    answer = server.post("/v1/answer", corpus="handbook", question=question, history=history)
    assert answer["searched"] == "How does it differ from a GAN? VAE"
    assert any("autoencoder" in p["document_id"] or "vae" in p["document_id"] for p in answer["passages"])
    assert_cited(server, answer)
    talk = world.folder / "talk.json"
    talk.write_text(json.dumps(history))
    done = world.ragsvc("ask", "handbook", question, "--history", talk, "--home", handbook, "--json")
    assert done.json | {"timings_s": None, "record": ""} == answer | {"timings_s": None, "record": ""}
    # Another subject is searched by its own words.
    found = server.post("/v1/search", corpus="handbook", query=QUESTION, history=history)
    assert found["hits"] == server.search("handbook", QUESTION)
