"""The clients that people have, unmodified, over real HTTP: openai, LangChain, LlamaIndex, curl."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from real_server import ROOT, Server

pytestmark = pytest.mark.e2e

EXAMPLES = ROOT / "examples"
MODEL = "ragsvc/handbook"
QUESTION = "What is retrieval-augmented generation?"
UNANSWERABLE = "What does a Midjourney subscription cost?"
ASKED = [{"role": "user", "content": QUESTION}]
# Its answer has two sentences, so it comes in pieces.
ASKED_TWICE = [
    {
        "role": "user",
        "content": "What is the difference between an autoencoder and a variational autoencoder?",
    }
]
LLAMAINDEX = os.environ.get("RAGSVC_LLAMAINDEX_PYTHON")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def run_example(server: Server, *words: str | Path, given: str = "") -> str:
    environment = os.environ | {"RAGSVC_URL": f"{server.url}/v1", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        words, env=environment, input=given, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openai_chat_is_the_answer_of_the_service(server: Server, client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=ASKED)
    expected = server.post("/v1/answer", corpus="handbook", question=QUESTION)
    message = completion.choices[0].message
    assert message.role == "assistant"
    assert message.content == expected["answer"]
    assert message.model_extra["ragsvc"]["answered"] is True
    # Where the files of the server are is for those who run it.
    shown = [cited | {"source": cited["document_id"]} for cited in expected["citations"]]
    assert message.model_extra["ragsvc"]["citations"] == shown != expected["citations"]
    assert completion.choices[0].finish_reason == "stop"
    assert completion.object == "chat.completion"
    assert completion.model == MODEL
    usage = completion.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    # As the embedder counts them.
    embedded = [client.embeddings.create(model=MODEL, input=text) for text in (QUESTION, message.content)]
    assert (usage.prompt_tokens, usage.completion_tokens) == tuple(e.usage.prompt_tokens for e in embedded)


def test_openai_stream_gives_the_same_text_in_pieces(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=ASKED_TWICE)
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=ASKED_TWICE, stream=True, stream_options={"include_usage": True}
        )
    )
    texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(texts) == whole.choices[0].message.content
    assert sum(map(bool, texts)) > 1
    assert {c.id for c in chunks} == {chunks[0].id}
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_openai_conversation_is_used_for_retrieval(client: openai.OpenAI) -> None:
    turns = [
        {"role": "user", "content": "What is a VAE?"},
        {"role": "assistant", "content": "A variational autoencoder. [1]"},
        {"role": "user", "content": "How does it differ from a GAN?"},
    ]
    completion = client.chat.completions.create(model=MODEL, messages=turns)
    assert "VAE" in completion.choices[0].message.model_extra["ragsvc"]["searched"]


def test_openai_refusal_is_a_normal_completion(client: openai.OpenAI) -> None:
    asked = [{"role": "user", "content": UNANSWERABLE}]
    choice = client.chat.completions.create(model=MODEL, messages=asked).choices[0]
    assert choice.finish_reason == "stop"
    assert choice.message.content
    assert choice.message.model_extra["ragsvc"]["answered"] is False
    assert choice.message.model_extra["ragsvc"]["citations"] == []


def test_openai_models(client: openai.OpenAI) -> None:
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("ragsvc/nowhere")


def test_openai_embeddings_as_floats_and_base64(client: openai.OpenAI) -> None:
    texts = ["a variational autoencoder", "how API keys are stored"]
    floats = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
    packed = client.embeddings.create(model=MODEL, input=texts, encoding_format="base64")
    default = client.embeddings.create(model=MODEL, input=texts)
    assert [each.index for each in floats.data] == [0, 1]
    assert floats.usage.total_tokens == floats.usage.prompt_tokens > 0
    for number, each in enumerate(floats.data):
        assert np.linalg.norm(each.embedding) == pytest.approx(1.0, abs=1e-5)
        assert isinstance(packed.data[number].embedding, str)
        unpacked = np.frombuffer(base64.b64decode(packed.data[number].embedding), "<f4")
        assert unpacked == pytest.approx(each.embedding, abs=1e-7)
        assert default.data[number].embedding == pytest.approx(each.embedding, abs=1e-7)


@pytest.mark.parametrize(
    ("error", "more"),
    [
        (openai.NotFoundError, {"model": "ragsvc/nowhere"}),
        (openai.BadRequestError, {"n": 2}),
        (openai.BadRequestError, {"response_format": {"type": "json_object"}}),
        (openai.BadRequestError, {"extra_body": {"made_up": 1}}),
        (openai.BadRequestError, {"messages": []}),
    ],
)
def test_openai_errors_are_its_exceptions(
    client: openai.OpenAI, error: type[openai.APIStatusError], more: dict[str, object]
) -> None:
    with pytest.raises(error) as caught:
        client.chat.completions.create(**({"model": MODEL, "messages": ASKED} | more))
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) == {"message", "type", "param", "code"}


def test_openai_key_is_asked_for(keyed_server: Server) -> None:
    url = f"{keyed_server.url}/v1"
    with (
        openai.OpenAI(base_url=url, api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
    key = keyed_server.headers["Authorization"].removeprefix("Bearer ")
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        assert client.models.list().data


def test_openai_harmless_parameters_pass(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(model=MODEL, messages=ASKED)
    more = client.chat.completions.create(
        model=MODEL, messages=ASKED, n=1, seed=7, user="me", frequency_penalty=0, presence_penalty=0,
        top_p=0.9, store=True, metadata={"a": "b"}, verbosity="low", reasoning_effort="low",
        tools=[{"type": "function", "function": {"name": "now"}}], tool_choice="auto",
        parallel_tool_calls=True, service_tier="auto",
    )  # fmt: skip
    assert (more.choices[0].message.tool_calls, more.choices[0].finish_reason) == (None, "stop")
    assert more.choices[0].message.content == plain.choices[0].message.content


def test_langchain(server: Server) -> None:
    url = f"{server.url}/v1"
    expected = server.post("/v1/answer", corpus="handbook", question=QUESTION)["answer"]
    chat = ChatOpenAI(base_url=url, api_key="none", model=MODEL, max_retries=0)
    reply = chat.invoke(QUESTION)
    assert reply.content == expected
    assert reply.usage_metadata is not None
    assert "".join(chunk.content for chunk in chat.stream(QUESTION)) == expected
    embeddings = OpenAIEmbeddings(
        base_url=url, api_key="none", model=MODEL, check_embedding_ctx_length=False, max_retries=0
    )
    both = embeddings.embed_documents(["a cat", "a kitten"])
    assert np.dot(*both) > np.dot(both[0], embeddings.embed_query("a tax return"))


def test_llamaindex(server: Server) -> None:
    if not LLAMAINDEX:
        pytest.skip("RAGSVC_LLAMAINDEX_PYTHON names no Python with examples/requirements-llamaindex.txt")
    printed = run_example(server, LLAMAINDEX, EXAMPLES / "llamaindex_client.py")
    expected = server.post("/v1/answer", corpus="handbook", question=QUESTION)["answer"]
    assert printed == f"answer: {expected}\nstreamed: {expected}\n"


@pytest.mark.parametrize("name", ["openai_client.py", "langchain_client.py"])
def test_examples_run(server: Server, name: str) -> None:
    printed = run_example(server, sys.executable, EXAMPLES / name)
    assert "answer: " in printed
    assert "embeddings: " in printed


def test_the_chatbot_holds_a_conversation(server: Server) -> None:
    given = "What is a VAE?\nHow does it differ from a GAN?\n\n"
    printed = run_example(server, sys.executable, EXAMPLES / "chatbot.py", given=given)
    assert printed.count("> ") >= 3
    assert "[1]" in printed
    assert len((EXAMPLES / "chatbot.py").read_text().splitlines()) <= 30


def test_curl(server: Server) -> None:
    printed = run_example(server, EXAMPLES / "curl.sh")
    assert '"ragsvc/handbook"' in printed
    assert "data: [DONE]" in printed
    assert '"embedding"' in printed


def test_other_routes_keep_problem_json(server: Server) -> None:
    reply = httpx.post(f"{server.url}/v1/search", json={"corpus": "nowhere", "query": "x"}, trust_env=False)
    assert reply.headers["content-type"] == "application/problem+json"
