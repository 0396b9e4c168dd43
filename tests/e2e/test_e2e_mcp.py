"""The official client of MCP over both transports, with real processes and the real model, and an agent."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import mcp_types as types
import psutil
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from openai_server import Handler, serving
from real_server import ROOT, Server, World, wait_for

pytestmark = pytest.mark.e2e
T = TypeVar("T")

QUESTION = "Can chat history be stored in a database?"
TOOLS = {"search", "ask", "get_text", "list_corpora", "list_documents", "add_text"}


@pytest.fixture
def own_home(handbook: Path, tmp_path: Path) -> Path:
    """A home with the handbook that a test may change."""
    return shutil.copytree(handbook, tmp_path / "home")


def over_stdio(world: World, home: Path, ask: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    """Start `ragsvc mcp` as a client does, and ask it."""
    words = ["-m", "ragsvc", "mcp", "--home", str(home)]
    process = StdioServerParameters(command=sys.executable, args=words, env=world.environment())

    async def run() -> T:
        async with Client(process, mode=mode) as client:
            return await ask(client)

    return asyncio.run(run())


def over_http(server: Server, ask: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    async def run() -> T:
        async with (
            httpx2.AsyncClient(headers=server.headers, timeout=60, trust_env=False) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http), mode=mode) as client,
        ):
            return await ask(client)

    return asyncio.run(run())


async def result_of(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool gives; the client holds it against the tool's own schema."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def error_of(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    (content,) = result.content
    assert isinstance(content, types.TextContent) and "Traceback" not in content.text
    return content.text


async def use_everything(client: Client) -> None:
    """Call every tool, read a resource, and be told what is wrong."""
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    corpora = (await result_of(client, "list_corpora"))["corpora"]
    assert "handbook" in [corpus["name"] for corpus in corpora]
    answer = await result_of(client, "ask", corpus="handbook", question=QUESTION)
    assert answer["answered"] and "database" in answer["answer"]
    citation = answer["citations"][0]
    span = {name: citation[name] for name in ("document_id", "version", "start", "end")}
    assert (await result_of(client, "get_text", corpus="handbook", **span))["text"] == citation["quote"]
    hits = (await result_of(client, "search", corpus="handbook", query="chat history", k=3))["hits"]
    assert len(hits) == 3 and citation["document_id"] in [hit["document_id"] for hit in hits]
    page = await result_of(client, "list_documents", corpus="handbook", limit=5)
    assert len(page["documents"]) == 5 and page["next_cursor"]

    text = "The kettle of the second floor is descaled on Fridays."
    job = await result_of(client, "add_text", corpus="notes", document_id="kettle", text=text, title="Kettle")
    assert job["state"] == "done"
    (hit,) = (await result_of(client, "search", corpus="notes", query="descaling of the kettle"))["hits"]
    assert (hit["document_id"], hit["text"], hit["title"]) == ("kettle", text, "Kettle")

    resources = (await client.list_resources()).resources
    (contents,) = (await client.read_resource(resources[0].uri)).contents
    # Of whichever corpus comes first: other tests leave theirs on this server.
    assert isinstance(contents, types.TextResourceContents) and contents.text
    (kettle,) = (await client.read_resource("ragsvc://notes/kettle")).contents
    assert kettle.text == text

    assert "corpus_not_found" in await error_of(client, "search", corpus="handbok", query="a")
    assert "handbook" in await error_of(client, "search", corpus="handbok", query="a")
    assert "200" in await error_of(client, "search", corpus="handbook", query="a", k=10**9)
    assert "20000" in await error_of(client, "ask", corpus="handbook", question="a" * 100_000)
    assert "no text" in await error_of(client, "add_text", corpus="notes", document_id="b", text=" \n")


def test_a_client_over_stdio(world: World, own_home: Path):
    over_stdio(world, own_home, use_everything)

    async def look(client: Client) -> set[str]:
        found = await result_of(client, "list_corpora")
        return {corpus["name"] for corpus in found["corpora"]}

    # A client of an earlier version of the protocol, in a process of its own.
    assert over_stdio(world, own_home, look, "legacy") == {"handbook", "notes"}


def test_a_client_over_http_with_a_key(keyed_server: Server):
    for mode in ("auto", "legacy"):
        over_http(keyed_server, use_everything, mode)
    bare = httpx2.post(f"{keyed_server.url}/mcp", json={}, trust_env=False)
    assert bare.status_code == 401 and "RAGSVC_API_KEY" in bare.json()["error"]["message"]


def test_any_worker_answers(world: World, own_home: Path):
    """Each message goes over a connection of its own, to whichever process takes it."""
    server = Server(world, own_home, {"RAGSVC_WORKERS": "2"})

    async def ask(client: Client) -> list[int]:
        await result_of(client, "add_text", corpus="tea", document_id="a", text="Tea is at four.")
        found = [await result_of(client, "search", corpus="tea", query="tea") for _ in range(12)]
        return [len(view["hits"]) for view in found]

    async def run() -> list[int]:
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with (
            httpx2.AsyncClient(timeout=60, trust_env=False, limits=limits) as http,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
        ):
            return await ask(client)

    try:
        server.wait_until_ready()
        # A worker sees a commit of the other within a fifth of a second.
        assert asyncio.run(run())[-1] == 1
    finally:
        server.close()


def raw_process(world: World, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ragsvc", "mcp", "--home", str(home)],
        env=world.environment(),
        cwd=world.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a", "version": "1"},
    },
}


def test_stdout_has_messages_alone_and_lines_that_are_none_are_answered(world: World, own_home: Path):
    process = raw_process(world, own_home)
    lines = [
        b"no json",
        b"\xff\xfe",
        b'{"jsonrpc":"2.0","id":3,"method":"ping","params":{"a":"\\ud800"}}',
        b"[]",
    ]
    listed = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}).encode()
    sent = [json.dumps(INITIALIZE).encode(), *lines, listed]
    assert process.stdin is not None and process.stdout is not None
    answers = []
    for line in sent:
        process.stdin.write(line + b"\n")
        process.stdin.flush()
        answers.append(json.loads(process.stdout.readline()))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and out == b""
    assert answers[0]["result"]["serverInfo"]["name"] == "ragsvc"
    assert [answer["error"]["code"] for answer in answers[1:-1]] == [-32700] * 4
    assert {tool["name"] for tool in answers[-1]["result"]["tools"]} == TOOLS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_all_of_its_children(world: World, own_home: Path, number: int):
    process = raw_process(world, own_home)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 1
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    wait_for(lambda: not any(child.is_running() for child in family), 10)
    process.communicate()


def test_a_home_that_cannot_be_used_is_told_on_stderr(world: World, tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    ran = world.ragsvc("mcp", "--home", tmp_path / "file")
    assert ran.code == 1 and ran.out == "" and "Traceback" not in ran.err and str(tmp_path) in ran.err


def test_an_agent_finds_its_way(server: Server):
    """A scripted model mistypes a corpus, reads the error, asks again and answers with what it was told."""

    def call(name: str, **arguments: Any) -> dict[str, Any]:
        function = {"name": name, "arguments": json.dumps(arguments)}
        calls = [{"id": f"call_{name}", "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": calls}

    def script(handler: Handler) -> None:
        messages = handler.body["messages"]
        told = [message["content"] for message in messages if message["role"] == "tool"]
        if not told:
            said = call("ask", corpus="handbok", question=messages[0]["content"])
        elif "did you mean handbook" in told[-1]:
            said = call("ask", corpus="handbook", question=messages[0]["content"])
        else:
            answer = json.loads(told[-1])
            said = {"role": "assistant", "content": f"{answer['answer']} ({answer['citations'][0]['quote']})"}
        choice = {"index": 0, "message": said, "finish_reason": "stop"}
        handler.json(
            200, {"id": "a", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        )

    with serving(script) as model:
        environment = os.environ | {
            "RAGSVC_MCP_URL": f"{server.url}/mcp",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "none",
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, ROOT / "examples" / "mcp_agent.py", QUESTION],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        offered = model.asked()[0].body["tools"]
    assert done.returncode == 0, done.stderr
    assert {tool["function"]["name"] for tool in offered} == TOOLS
    expected = server.post("/v1/answer", corpus="handbook", question=QUESTION)
    assert done.stdout.count("called: ask") == 2
    assert f"answer: {expected['answer']} ({expected['citations'][0]['quote']})" in done.stdout
