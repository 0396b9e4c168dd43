"""`--history FILE`: read, passed on, shown; what is wrong with it is told with the file and the entry."""

from __future__ import annotations

import json

import pytest

from ragsvc.domain import AnswerRequest, Role, SearchRequest, Turn

TURNS = [{"role": "user", "content": "What is a VAE?"}, {"role": "assistant", "content": "A model. [1]"}]
READ = (Turn(Role.USER, "What is a VAE?"), Turn(Role.ASSISTANT, "A model. [1]"))


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes) -> str:
        path = tmp_path / "talk.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def test_ask_and_search_pass_a_conversation_on(run, service, write):
    path = write("\ufeff" + json.dumps(TURNS))
    assert run("ask", "handbook", "and GANs?", "--history", path).code == 0
    assert service.asked[-1] == AnswerRequest(corpora=("handbook",), question="and GANs?", history=READ)
    assert run("search", "handbook", "and GANs?", "--history", path).code == 0
    assert service.asked[-1] == SearchRequest(corpora=("handbook",), query="and GANs?", history=READ)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        (b"\xff\xfe\xff", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("{}", "is not a JSON list"),
        (json.dumps([*TURNS, "hello"]), "entry 2"),
        (json.dumps([{"role": "system", "content": "x"}]), "role"),
        (json.dumps([{"role": [], "content": "x"}]), "role"),
        (json.dumps([{"role": "user", "content": 1}]), "content"),
        (json.dumps([{"role": "user"}]), "role and content"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(run, service, write, content, told):
    path = write(content)
    ran = run("ask", "handbook", "x", "--history", path, "--json")
    assert ran.code == 2
    assert ran.json["error"]["code"] == "invalid_request"
    assert told in ran.json["error"]["message"]
    assert "talk.json" in ran.json["error"]["message"]
    assert '"role"' in ran.json["error"]["hint"]
    assert service.asked == []


def test_a_missing_file_is_told(run, tmp_path):
    ran = run("ask", "handbook", "x", "--history", str(tmp_path / "none.json"), "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "source_not_found")
