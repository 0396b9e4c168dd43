"""A model behind a server of the OpenAI kind: streamed, in all the ways in which the server may fail."""

from __future__ import annotations

import gc
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import openai_server as servers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import KEY, WORDS, State, dead_url, serving

from ragsvc.domain import Delta, FinishReason, Message, Speaker
from ragsvc.errors import InvalidRequest, ModelError, ModelRefused, Overloaded, RagsvcError
from ragsvc.models.remote_chat import http_session
from ragsvc.models.remote_chat.address import is_local
from ragsvc.models.remote_chat.chat import RemoteChat, TokenLimit
from ragsvc.models.remote_chat.reply import Reply, ReplyLines
from ragsvc.models.remote_chat.server_words import ServerName

ASKED = (Message(Speaker.SYSTEM, "Answer."), Message(Speaker.USER, "Where does the pear grow? \ud83c"))
TEXT = "".join(WORDS)
IT = ServerName("it", KEY)


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> Iterator[None]:
    """Libraries are left out of what is collected after every test, which takes half a second with them."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """And nothing is left open, which asyncio would tell its log."""
    monkeypatch.setattr(http_session, "BACKOFF_S", 0.01)
    yield
    gc.collect()
    records = caplog.get_records("call")
    assert [r.getMessage() for r in records if r.name == "asyncio" and r.levelno > logging.DEBUG] == []


def chat(url: str, timeout_s: float = 5.0, model: str | None = "tiny", key: str | None = KEY) -> RemoteChat:
    return RemoteChat(url, model, key, timeout_s)


def write(asked: RemoteChat, max_tokens: int = 64, stop: tuple[str, ...] = ()) -> list[Delta]:
    return [p for p in asked.stream(ASKED, max_tokens, 0.5, stop) if p.text or p.finish]


def text_of(pieces: list[Delta]) -> str:
    return "".join(piece.text for piece in pieces)


def failing(answers: Callable[..., None], timeout_s: float = 5.0) -> tuple[RagsvcError, State]:
    with serving(answers) as server, pytest.raises(RagsvcError) as caught:
        write(chat(server.url, timeout_s))
    assert server.url in caught.value.message
    assert KEY not in caught.value.message + caught.value.hint
    return caught.value, server


def test_streams_word_by_word_with_counts_and_sends_what_was_asked():
    with serving(servers.good) as server:
        pieces = write(chat(server.url), stop=("###",))
    assert [piece.text for piece in pieces] == [*WORDS, ""]
    assert pieces[-1] == Delta("", FinishReason.STOP, 7, 4)
    assert all(piece.finish is None for piece in pieces[:-1])
    (seen,) = server.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    assert seen.body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Answer."},
            {"role": "user", "content": "Where does the pear grow? \ufffd"},
        ],
        "max_tokens": 64,
        "temperature": 0.5,
        "stop": ["###"],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_limit_ends_an_answer_and_says_so():
    with serving(servers.good) as server:
        pieces = write(chat(server.url), max_tokens=2)
    assert (text_of(pieces), pieces[-1].finish) == ("".join(WORDS[:2]), FinishReason.LENGTH)


def test_a_server_that_knows_no_limit_is_stopped():
    with serving(servers.endless) as server:
        pieces = write(chat(server.url), max_tokens=100)
        assert pieces[-1].finish is FinishReason.LENGTH
        assert 400 < len(text_of(pieces)) < 100 * 1.6 * 4
        assert server.gone.wait(2), "it hears that nobody listens"
    with serving(servers.whole, words=["and on " * 2000]) as server:
        pieces = write(chat(server.url), max_tokens=100)
        assert (len(text_of(pieces)) < 700, pieces[-1].finish) == (True, FinishReason.LENGTH)


@given(st.text(max_size=200), st.integers(1, 40), st.lists(st.integers(0, 200)))
def test_a_limit_is_the_same_however_the_text_is_cut(text: str, max_tokens: int, cuts: list[int]):
    at_once, in_parts = TokenLimit(max_tokens), TokenLimit(max_tokens)
    ends = [0, *sorted(cuts), len(text)]
    whole = at_once.feed(text)
    assert "".join(in_parts.feed(text[a:b]) for a, b in pairwise(ends) if a < b) == whole
    assert text.startswith(whole) and at_once.reached == in_parts.reached == (whole != text)
    assert len(whole) >= min(len(text), max_tokens)


def test_a_stop_text_never_comes_out_though_the_server_knows_of_none():
    for answers in (servers.good, servers.whole):
        with serving(answers) as server:
            pieces = write(chat(server.url), stop=("on a tr", "never"))
        assert (text_of(pieces), pieces[-1].finish) == ("The pear grows ", FinishReason.STOP)
    with serving(servers.endless) as server:
        assert text_of(write(chat(server.url), stop=("on and",))) == "and "


def test_made_up_citations_come_through_for_those_who_check_them():
    with serving(servers.lying) as server:
        assert text_of(write(chat(server.url))) == "".join(servers.LIES)


def test_asks_the_server_for_a_model_once_and_again_when_it_is_gone():
    with serving(servers.good) as server:
        asked = chat(server.url, model=None, key=None)
        write(asked), write(asked)
        assert [seen.path for seen in server.seen] == ["/v1/models", *["/v1/chat/completions"] * 2]
        assert all(seen.body["model"] == "tiny" for seen in server.asked())
        assert all("Authorization" not in seen.headers for seen in server.seen)
    with serving(servers.unknown_model) as server:
        asked = chat(server.url, model=None)
        for _ in range(2):
            with pytest.raises(ModelRefused, match="'tiny' not found"):
                write(asked)
        assert len(server.seen) == 4


def test_a_server_that_does_not_stream_answers_as_well():
    with serving(servers.whole) as server:
        pieces = write(chat(server.url))
    assert pieces == [Delta(TEXT), Delta("", FinishReason.LENGTH, 7, 4)]


def test_a_server_is_asked_in_the_form_that_it_takes_and_that_is_remembered():
    with serving(servers.strict) as server:
        asked = chat(server.url)
        assert text_of(write(asked)) == text_of(write(asked)) == TEXT
        assert len(server.seen) == 4
        assert server.seen[-1].body["max_completion_tokens"] == 64


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_tries_again_before_the_first_piece(status: int):
    with serving(servers.passing(status, 2)) as server:
        assert text_of(write(chat(server.url))) == TEXT
        assert len(server.seen) == 3


def test_gives_up_after_two_more_tries_and_says_who_is_overloaded():
    error, server = failing(servers.passing(429, 99))
    assert isinstance(error, Overloaded) and "try later" in error.message
    assert len(server.seen) == 3
    error, _ = failing(servers.passing(503, 99))
    assert type(error) is ModelError and "503" in error.message


def test_waits_as_long_as_the_server_asks_but_not_longer_than_ten_seconds():
    started = time.monotonic()
    with serving(servers.passing(429, 1, "0.4")) as server:
        assert text_of(write(chat(server.url))) == TEXT
    assert 0.4 <= time.monotonic() - started < 3
    for much in ("60", "Fri, 01 Jan 2100 00:00:00 GMT"):
        _, server = failing(servers.passing(429, 1, much))
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        (servers.broken, ModelError, "broke off"),
        (servers.cut, ModelError, "connection"),
        (servers.failing_inside, ModelError, "out of memory"),
        (servers.brooding, ModelError, "4 MiB"),
        (servers.huge_line, ModelError, "1 MiB"),
        (servers.wrong_json, ModelError, "no OpenAI-compatible"),
        (servers.page, ModelError, "sent no answer"),
        (servers.unauthorised, ModelRefused, r"401: Incorrect API key provided: Bearer \*\*\*"),
        (servers.unknown_model, ModelRefused, "'tiny' not found"),
        (servers.refusing, ModelRefused, "maximum context length"),
    ],
)
def test_what_goes_wrong_is_told_in_words(
    answers: Callable[..., None], kind: type[RagsvcError], words: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    error, _ = failing(answers)
    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error
    assert KEY not in caplog.text


def test_a_failure_has_one_line_in_the_log_without_the_servers_words(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    error, server = failing(servers.telling(401, {"message": f"{KEY} may not ask: {ASKED[1].content}"}))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"openai:{server.url} failed after status 401: model_refused; {error.hint}"
    )
    caplog.clear()
    with serving(servers.good) as server:
        write(chat(server.url))
    assert caplog.records == []


def test_no_way_of_telling_the_key_brings_it_out():
    bearer = {"Authorization": f"Bearer {KEY}"}
    for answers, words in (
        (servers.telling(200, {"error": {"message": f"boom {KEY}"}}), "boom ***"),
        (servers.telling(200, {"error": bearer}), "Bearer ***"),
        (servers.telling(200, {"echo": bearer}), "no OpenAI-compatible"),
        (servers.telling(200, ["x" * 170, KEY]), "no OpenAI-compatible"),
        (servers.telling(200, f"not an object {KEY}"), "no OpenAI-compatible"),
        (servers.telling(400, {"detail": [bearer]}), "Bearer ***"),
        (servers.telling(418, {"message": "x" * 185 + KEY}), "418"),
        (servers.telling(500, {"message": "at http://me:pass@host"}), "//***@host"),
        (servers.redirecting(f"http://other/{KEY}?key={KEY}"), "***?key=***"),
        (servers.telling_inside(f"boom Bearer {KEY}"), "boom Bearer ***"),
    ):
        error, _ = failing(answers)
        assert words in error.message
        assert KEY[:8] not in error.message + error.hint


def test_a_list_of_models_that_is_refused_is_told_as_well():
    for status, value in ((400, {"message": f"no {KEY}"}), (401, f"no {KEY}"), (200, [KEY])):
        with serving(servers.good, listing=(status, value)) as server, pytest.raises(ModelError) as caught:
            write(chat(server.url, model=None))
        assert KEY not in caught.value.message and "***" in caught.value.message


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40))
def test_any_key_is_cut_out_however_it_is_noted(key: str):
    told = {"told": f"<{key}>"}
    for text in (f"<{key}>", json.dumps(told), str(told), f"http://x/?k={quote(key, safe='')}&"):
        shown = ServerName("it", key).quoted(text)
        assert key not in shown and "***" in shown


def test_a_refusal_that_repeating_does_not_change_is_told_apart():
    for status in (400, 401, 402, 403, 413, 422):
        error, server = failing(servers.telling(status, {"error": {"message": "no"}}))
        assert type(error) is ModelRefused and len(server.seen) == 1
    error, server = failing(servers.telling(400, {"message": "context length is 512; stream_options"}))
    assert type(error) is ModelRefused and "RAGSVC_PROMPT_TOKENS" in error.hint
    assert len(server.seen) == 1, "the form of the request is not what is wrong"
    error, _ = failing(servers.telling(408, {}))
    assert type(error) is ModelError


def test_what_was_written_before_the_server_broke_comes_out():
    with serving(servers.broken) as server:
        pieces: list[Delta] = []
        with pytest.raises(ModelError):
            for piece in chat(server.url).stream(ASKED, 64, 0.0, ()):
                pieces.append(piece)
        assert text_of(pieces) == "".join(WORDS[:2])
        assert len(server.seen) == 1, "after the first piece nothing is tried again"


def test_a_redirect_is_not_followed_and_the_key_stays(caplog: pytest.LogCaptureFixture):
    with serving(servers.good) as other:
        error, _ = failing(servers.redirecting(other.url))
        assert other.url in error.message and other.seen == []
        assert f"redirects to {other.url}" in caplog.text


def test_a_dead_server_is_told_with_what_to_type():
    url = dead_url()
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        write(chat(url))
    assert f"curl {url}/models" in caught.value.hint


@pytest.mark.parametrize("answers", [servers.slow, servers.silent, servers.commenting])
def test_a_silent_server_is_waited_for_only_so_long(answers: Callable[..., None]):
    started = time.monotonic()
    error, server = failing(answers, timeout_s=0.5)
    assert "silent for too long" in error.message
    assert time.monotonic() - started < 2.5
    assert len(server.seen) == 1, "a question that is being answered is not asked again"


@pytest.mark.parametrize("answers", [servers.slow, servers.silent, servers.endless])
def test_closing_closes_the_connection_within_a_second(answers: Callable[..., None]):
    """Whatever the server does: it is given back the reader after a moment, and hears that nobody listens."""
    with serving(answers) as server:
        before = {thread.name for thread in threading.enumerate()}
        pieces = chat(server.url, timeout_s=30).stream(ASKED, 10**6, 0.0, ())
        with closing(pieces):
            while not server.seen:
                next(pieces)
            started = time.monotonic()
            next(pieces)
            assert time.monotonic() - started < 1
        assert server.gone.wait(1)
        assert "ragsvc-relay" not in {thread.name for thread in threading.enumerate()} - before


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(servers.good) as server:
        assert text_of(write(chat(server.url))) == TEXT


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://one", "http://", "http://me:secret@one/v1", "http://one?key=secret"]
)
def test_a_url_that_cannot_be_used_is_refused_at_once_and_no_secret_shown(url: str):
    with pytest.raises(InvalidRequest) as caught:
        chat(url)
    assert "secret" not in caught.value.message


def test_a_key_that_fits_no_header_is_refused_and_not_shown():
    assert chat("http://one/v1", key=f" {KEY}\n").name == "openai:tiny"
    with pytest.raises(InvalidRequest) as caught:
        chat("http://one/v1", key=f"{KEY}\nHost: two")
    assert KEY not in caught.value.message + caught.value.hint


def test_going_out_unencrypted_is_warned_of(caplog: pytest.LogCaptureFixture):
    for near in ("http://127.0.0.1/v1", "http://[::1]:1/v1", "http://10.1.2.3/v1", "http://vllm:8000/v1"):
        chat(near)
    chat("https://models.example.com/v1")
    assert caplog.text == ""
    chat("http://models.example.com/v1/")
    assert "unencrypted" in caplog.text
    assert not is_local("8.8.8.8") and is_local("fd00::1")


def test_a_guess_of_tokens_is_on_the_safe_side():
    asked = chat("http://one")
    assert [asked.count(text) for text in ("", "a", "abcd", "梨", "\ud800")] == [0, 1, 2, 1, 1]


@given(
    st.text(st.characters(), max_size=30).map(lambda s: s.encode("utf-8", "replace").decode()),
    st.lists(st.integers(1, 40), min_size=1),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_a_stream_may_be_cut_anywhere(text: str, cuts: list[int], end: bytes, halves: bool):
    """Also an emoji that the server cut into its halves of UTF-16 comes out whole."""
    units = text.encode("utf-16-le")
    parts: list[str] = [
        units[n : n + 2].decode("utf-16-le", "surrogatepass") for n in range(0, len(units), 2)
    ]
    events = [delta(part) for part in (parts if halves else [text])]
    events.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    stream = b"".join(b"data: " + json.dumps(event).encode() + end + end for event in events)
    lines, reply, pieces = ReplyLines(IT), Reply(IT), []
    at = 0
    for n in range(len(stream)):
        size = cuts[n % len(cuts)]
        for line in lines.feed(stream[at : at + size]):
            pieces.extend(reply.line(line))
        at += size
        if at >= len(stream):
            break
    pieces.append(reply.last())
    assert text_of(pieces) == text
    assert all(piece.text.isascii() or piece.text.encode() for piece in pieces)


def delta(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda s: (
            st.lists(s)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "delta", "content", "finish_reason", "usage", "error", "prompt_tokens"]
                ),
                s,
            )
        ),
    )
)
def test_whatever_json_comes_only_our_errors_go_out(value: Any):
    for read in (lambda r: r.line(f"data: {json.dumps(value)}"), lambda r: r.body(json.dumps(value))):
        reply = Reply(IT)
        try:
            pieces = [*read(reply), reply.last()]
        except ModelError:
            continue
        assert all(isinstance(piece.text, str) for piece in pieces)


def test_json_that_is_nested_too_deep_is_an_error_of_the_server():
    with pytest.raises(ModelError):
        list(Reply(IT).line("data: " + "[" * 200_000))
