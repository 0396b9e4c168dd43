"""The Model Context Protocol over the fake service: tools, resources, hostile calls, limits of a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import httpx2
import jsonschema
import mcp_types as types
import pytest
from fake import FakeService
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import SecretStr
from starlette.testclient import TestClient

from ragsvc.api import server
from ragsvc.api.app import create_app
from ragsvc.api.mcp import toolbox
from ragsvc.api.mcp.resources import DocumentAddress
from ragsvc.api.mcp.rpc_server import RpcServer
from ragsvc.api.state import AppState
from ragsvc.domain import Job, JobState
from ragsvc.errors import InvalidRequest, ModelError, Overloaded

T = TypeVar("T")
NAMES = ["search", "ask", "get_text", "list_corpora", "list_documents", "add_text"]
HANDBOOK = {"corpus": "handbook"}


def talk(service: FakeService, ask: Callable[[Client], Awaitable[T]]) -> T:
    """Ask the server in this process."""

    async def run() -> T | MCPError:
        async with Client(RpcServer(AppState.of_service(service)).server) as client:
            try:
                return await ask(client)
            except MCPError as error:
                # Outside of its task group, which would put it into a group of errors.
                return error

    result = asyncio.run(run())
    if isinstance(result, MCPError):
        raise result
    return result


def called(service: FakeService, tool: str, **arguments: Any) -> types.CallToolResult:
    return talk(service, lambda client: client.call_tool(tool, arguments))


def failed(service: FakeService, tool: str, **arguments: Any) -> dict[str, Any]:
    """The error of a call: the text says the same as what is for programs."""
    result = called(service, tool, **arguments)
    assert result.is_error and result.structured_content is None and result.meta is not None
    error: dict[str, Any] = result.meta["ragsvc"]
    text = text_of(result)
    assert text.startswith(f"{error['code']}: ") and error["message"] in text and error["hint"] in text
    assert "Traceback" not in text and len(text) < 2000
    return error


def text_of(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


@pytest.fixture
def quick_jobs(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are done when they are looked at."""
    look = service.job
    monkeypatch.setattr(
        service, "job", lambda caller, name: replace(look(caller, name), state=JobState.DONE, done=1)
    )


def test_every_tool_says_what_it_takes_and_gives(service: FakeService):
    tools = talk(service, lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert tool.input_schema["type"] == "object" and tool.input_schema["additionalProperties"] is False
        for name, shape in tool.input_schema["properties"].items():
            assert shape["description"], (tool.name, name)
        assert tool.description and tool.title and tool.annotations is not None
        assert tool.annotations.read_only_hint is (tool.name != "add_text")
        assert tool.annotations.open_world_hint is False
    k = tools[0].input_schema["properties"]["k"]
    assert (k["minimum"], k["maximum"], k["default"]) == (1, 200, 10)


def test_results_are_the_views_of_http(service: FakeService, client: TestClient):
    found = called(service, "search", **HANDBOOK, query="backups", k=3)
    over_http = client.post("/v1/search", json={**HANDBOOK, "query": "backups", "k": 3}).json()
    assert found.structured_content == over_http == json.loads(text_of(found))
    answer = called(service, "ask", **HANDBOOK, question="How?", history=[{"role": "user", "content": "Hi"}])
    assert answer.structured_content["citations"][0]["end"] == 20
    listed = called(service, "list_documents", **HANDBOOK, limit=1)
    assert listed.structured_content == client.get("/v1/corpora/handbook/documents?limit=1").json()
    corpora = called(service, "list_corpora")
    assert corpora.structured_content == client.get("/v1/corpora").json()


def test_a_citation_reads_back_to_its_quote(service: FakeService):
    (citation,) = called(service, "ask", **HANDBOOK, question="How?").structured_content["citations"]
    wanted = {name: citation[name] for name in ("document_id", "version", "start", "end")}
    text = called(service, "get_text", **HANDBOOK, **wanted).structured_content
    assert text["text"] == citation["quote"] and text["more"] is False


def test_a_long_text_comes_in_pieces_that_join(service: FakeService):
    whole = "".join(chr(0x61 + number % 26) for number in range(45_000))
    service.corpora_texts["handbook"]["long"] = whole
    pieces, start, more = [], 0, True
    while more:
        piece = called(service, "get_text", **HANDBOOK, document_id="long", start=start).structured_content
        assert (piece["start"], piece["end"]) == (start, start + len(piece["text"]))
        pieces.append(piece["text"])
        start, more = piece["end"], piece["more"]
    assert "".join(pieces) == whole and len(pieces) == 3


def test_null_is_as_if_it_were_left_out(service: FakeService):
    found = called(service, "search", **HANDBOOK, query="backups", k=None, mode=None, filter=None, at=None)
    assert not found.is_error


def test_a_text_is_added_and_can_be_read(service: FakeService, quick_jobs: None):
    job = called(service, "add_text", corpus="notes", document_id="a/b", text="Tea at four.")
    assert job.structured_content["state"] == "done"
    text = called(service, "get_text", corpus="notes", document_id="a/b").structured_content
    assert text["text"] == "Tea at four."


def test_an_addition_that_takes_long_is_told_as_it_stands(
    service: FakeService, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(toolbox, "ADDITION_WAIT_S", 0.0)
    job = called(service, "add_text", corpus="notes", document_id="a", text="Tea.")
    assert job.structured_content["state"] == "queued"


@pytest.mark.parametrize(
    ("state", "more", "word", "code"),
    [
        (
            JobState.FAILED,
            {"error": {"code": "disk_full", "message": "no room", "hint": "free"}},
            "no room",
            "disk_full",
        ),
        (JobState.CANCELLED, {}, "cancelled", "job_error"),
        (
            JobState.DONE,
            {"result": {"failures": [{"source": "a", "code": "no_text", "error": "holds no text"}]}},
            "no text",
            "no_text",
        ),
    ],
)
def test_an_addition_that_fails_says_why(
    service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
    state: JobState,
    more: dict[str, Any],
    word: str,
    code: str,
):
    def fail(*_: Any) -> Job:
        return replace(service._new_job("1", "notes", 1, state), **more)

    monkeypatch.setattr(service, "submit_ingest", fail)
    error = failed(service, "add_text", corpus="notes", document_id="a", text="Tea.")
    assert word in error["message"] and error["code"] == code


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "word"),
    [
        ("search", {"corpus": "none", "query": "a"}, "corpus_not_found", "none"),
        ("search", {"corpus": "Not A Name", "query": "a"}, "invalid_name", "corpus"),
        ("search", {"corpus": 7, "query": "a"}, "invalid_name", "corpus"),
        ("search", {"query": "a"}, "invalid_name", "corpus"),
        ("search", {**HANDBOOK, "query": "a", "k": 10**12}, "invalid_request", "k"),
        ("search", {**HANDBOOK, "query": "a", "k": 10**40}, "invalid_request", "64 bits"),
        ("search", {**HANDBOOK, "query": "a", "k": "5"}, "invalid_request", "k"),
        ("search", {**HANDBOOK, "query": ["a"]}, "invalid_request", "query"),
        ("search", {**HANDBOOK, "query": " \t"}, "invalid_request", "blank"),
        ("search", {**HANDBOOK, "query": "a\0b"}, "invalid_request", "NUL"),
        ("search", {**HANDBOOK, "query": "\ud800"}, "invalid_request", "surrogate"),
        ("search", {**HANDBOOK, "query": "a" * 30_000}, "too_large", "20000"),
        ("search", {**HANDBOOK, "query": "a", "filter": {"$bad": 1}}, "invalid_filter", "operator"),
        ("search", {**HANDBOOK, "query": "a", "unknown": 1}, "invalid_request", "unknown"),
        ("search", {**HANDBOOK, "query": "a", "mode": "psychic"}, "invalid_request", "mode"),
        ("ask", {**HANDBOOK, "question": ""}, "invalid_request", "question"),
        ("get_text", {**HANDBOOK, "document_id": "gone"}, "document_not_found", "gone"),
        ("get_text", {**HANDBOOK, "document_id": "a\x07"}, "invalid_request", "control"),
        (
            "get_text",
            {**HANDBOOK, "document_id": "handbook/a.md", "start": 5, "end": 4},
            "invalid_request",
            "start",
        ),
        (
            "get_text",
            {**HANDBOOK, "document_id": "handbook/a.md", "version": "XYZ"},
            "invalid_request",
            "ver",
        ),
        ("list_documents", {**HANDBOOK, "limit": 0}, "invalid_request", "limit"),
        ("list_corpora", {"all": True}, "invalid_request", "all"),
        ("add_text", {**HANDBOOK, "document_id": "", "text": "a"}, "invalid_request", "document_id"),
        ("add_text", {**HANDBOOK, "document_id": "a\n", "text": "a"}, "invalid_request", "control"),
    ],
)
def test_hostile_arguments_are_refused_in_words(
    service: FakeService, tool: str, arguments: dict[str, Any], code: str, word: str
):
    error = failed(service, tool, **arguments)
    assert error["code"] == code, error
    assert word in error["message"] and error["hint"]


@pytest.mark.parametrize("levels", [80, 5000])
def test_arguments_that_nest_deeply_are_refused(levels: int):
    deep: Any = 1
    for _ in range(levels):
        deep = [deep]
    with pytest.raises(InvalidRequest, match="nested"):
        toolbox.checked({"filter": deep})


def test_what_json_does_not_have_is_refused():
    """Clients of Python send it as null, others as it is."""
    with pytest.raises(InvalidRequest, match="NaN"):
        toolbox.checked({"filter": {"n": float("nan")}})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KNOWN = st.sampled_from(["corpus", "query", "question", "k", "filter", "document_id", "text", "at", "limit"])


@given(
    tool=st.sampled_from(NAMES), arguments=st.dictionaries(KNOWN | st.text(max_size=6), VALUES, max_size=5)
)
@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_arguments_are_a_bug(service: FakeService, quick_jobs: None, tool: str, arguments: dict[str, Any]):
    async def call() -> Any:
        return await toolbox.Toolbox(AppState.of_service(service)).call(toolbox.Caller(), tool, arguments)

    result = asyncio.run(call())
    assert isinstance(result, dict) or (result.code != "internal" and result.detail and result.hint)


def test_a_bug_is_logged_and_not_shown(service: FakeService, caplog: pytest.LogCaptureFixture):
    service.failure = RuntimeError("secret words of a bug")
    error = failed(service, "search", **HANDBOOK, query="a")
    assert error["code"] == "internal" and "secret" not in error["message"]
    assert error["reference"] in caplog.text and "secret words" in caplog.text


def test_places_of_the_server_are_not_shown(service: FakeService):
    service.failure = ModelError("openai:http://10.0.0.7:9/v1 does not answer", hint="look at /srv/a/b")
    error = failed(service, "ask", **HANDBOOK, question="a")
    assert "10.0.0.7" not in str(error) and "/srv" not in str(error)


def test_too_much_at_once_is_told(service: FakeService):
    service.failure = Overloaded("32 such requests are in work", hint="try again in a second")
    assert failed(service, "search", **HANDBOOK, query="a")["code"] == "overloaded"


def test_an_unknown_tool_is_an_error_of_the_protocol(service: FakeService):
    with pytest.raises(MCPError, match=r"there is no tool '\\U0001f98a.*; there are search, ask"):
        called(service, "\U0001f98a" * 5)


def test_resources_are_all_documents_and_can_be_read(service: FakeService):
    ids = {"handbook/ä b?#%.md", "x" * 300, *(f"n/{number:03}" for number in range(230))}
    service.corpora_texts["handbook"] |= {name: f"text of {name}" for name in ids}
    service.corpora_texts["minutes"] = {"may": "We met."}

    async def read(client: Client) -> dict[str, str]:
        found: dict[str, str] = {}
        cursor = None
        while True:
            page = await client.list_resources(cursor=cursor)
            for resource in page.resources[:3]:
                (contents,) = (await client.read_resource(resource.uri)).contents
                assert isinstance(contents, types.TextResourceContents) and contents.uri == resource.uri
                assert contents.meta == {"ragsvc": {"version": "ab12"}}
                assert str(DocumentAddress.parse(resource.uri)) == resource.uri
                found[resource.name] = contents.text
            assert not {r.name for r in page.resources[3:]} & found.keys()
            found |= {resource.name: "" for resource in page.resources[3:]}
            cursor = page.next_cursor
            if cursor is None:
                return found

    found = talk(service, read)
    assert found.keys() == ids | {"handbook/a.md", "may"}
    assert found["may"] == "We met." and found["handbook/ä b?#%.md"] == "text of handbook/ä b?#%.md"


def test_the_template_leads_to_documents(service: FakeService):
    (template,) = talk(service, lambda client: client.list_resource_templates()).resource_templates
    assert template.uri_template == "ragsvc://{corpus}/{+document_id}"
    for uri in ("ragsvc://handbook/handbook/a.md", "ragsvc://handbook/handbook%2Fa.md"):
        (contents,) = talk(service, lambda client, uri=uri: client.read_resource(uri)).contents
        assert contents.text == "Backups are nightly."


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "file:///etc/passwd",
        "ragsvc://",
        "ragsvc://handbook",
        "ragsvc://handbook/",
        "ragsvc://handbook/gone",
        "ragsvc://none/a",
        "ragsvc://handbook/%00",
        "ragsvc://handbook/%ff",
        "ragsvc://handbook/" + "a" * 20_000,
        "ragsvc://../../etc",
    ],
)
def test_bad_addresses_are_refused(service: FakeService, uri: str):
    with pytest.raises(MCPError) as caught:
        talk(service, lambda client: client.read_resource(uri))
    assert caught.value.error.code == types.INVALID_PARAMS
    assert caught.value.error.data["hint"]


@pytest.mark.parametrize("cursor", ["%", "bm8=", "WzFd", "WzEsMl0=", "é", "W" * 10_000])
def test_bad_cursors_are_refused(service: FakeService, cursor: str):
    with pytest.raises(MCPError, match="cursor"):
        talk(service, lambda client: client.list_resources(cursor=cursor))


@given(corpus=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True), name=st.text(min_size=1))
def test_addresses_of_documents_are_read_back(corpus: str, name: str):
    address = DocumentAddress(corpus, name)
    if "\0" in name:
        with pytest.raises(InvalidRequest):
            DocumentAddress.parse(str(address))
    elif name.encode("utf-8", "replace").decode() == name:
        assert DocumentAddress.parse(str(address)) == address


# over HTTP


def over_http(port: int, ask: Callable[[Client], Awaitable[T]], mode: str = "auto", key: str = "") -> T:
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def run() -> T:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30, trust_env=False) as http,
            Client(
                streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http), mode=mode
            ) as client,
        ):
            return await ask(client)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_both_generations_of_clients_are_served(running: int, mode: str):
    async def ask(client: Client) -> tuple[list[str], types.CallToolResult, types.CallToolResult]:
        names = [tool.name for tool in (await client.list_tools()).tools]
        good = await client.call_tool("search", {**HANDBOOK, "query": "backups"})
        return names, good, await client.call_tool("search", {**HANDBOOK, "query": "a", "k": 9999})

    names, good, bad = over_http(running, ask, mode)
    assert names == NAMES
    assert good.structured_content["hits"][0]["text"] == "Backups are nightly."
    assert bad.is_error and "k: " in text_of(bad)


def message(method: str = "tools/list", **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_a_message_needs_no_session(client: TestClient, path: str):
    response = client.post(path, json=message(), headers=ACCEPT)
    assert response.status_code == 200, response.text
    assert [tool["name"] for tool in response.json()["result"]["tools"]] == NAMES
    assert "mcp-session-id" not in response.headers


def test_what_is_wrong_with_a_request_is_told_as_clients_read_it(client: TestClient, service: FakeService):
    too_large = {**message(), "padding": "a" * service.settings.max_request_bytes}
    cases = [
        (client.post("/mcp", json=too_large, headers=ACCEPT), 413, "too_large"),
        (client.post("/mcp", content=b"{}", headers=ACCEPT | {"content-type": "text/plain"}), 415, None),
        (client.post("/mcp", json=message(), headers={"origin": "http://evil.example"}), 403, "host_refused"),
        (client.post("/mcp", json=message(), headers={"host": "evil.example"}), 403, "host_refused"),
        (client.get("/mcp"), 405, "method_not_allowed"),
        (client.delete("/mcp"), 405, "method_not_allowed"),
        (client.post("/mcp", json=[[]] * 50_000, headers=ACCEPT), 422, "invalid_request"),
        (client.post("/mcp", content=b"{", headers=ACCEPT | {"content-type": "application/json"}), 400, None),
        (
            client.post("/mcp", content=b"[" * 9000, headers=ACCEPT | {"content-type": "application/json"}),
            400,
            None,
        ),
        (client.post("/mcp", json=message(), headers={"accept": "text/html"}), 406, None),
    ]
    for response, status, code in cases:
        assert response.status_code == status, response.text
        error = response.json()["error"]
        assert error["message"] and "Traceback" not in response.text
        assert code is None or error["data"]["code"] == code


METHODS = st.sampled_from(
    [
        "initialize",
        "ping",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/read",
        "prompts/list",
        "a",
    ]
)
MEMBERS = st.sampled_from(["name", "arguments", "uri", "cursor", "_meta", "protocolVersion"])
FINITE = VALUES.filter(lambda value: "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value))


@given(
    method=METHODS,
    number=st.integers() | st.text(max_size=4) | st.none() | st.lists(st.integers(), max_size=1),
    params=st.dictionaries(MEMBERS, FINITE | st.sampled_from(NAMES), max_size=4) | FINITE,
    version=st.sampled_from(["", "2025-03-26", "2026-07-28", "2099-01-01", "x"]),
)
@examples(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_is_a_bug(client: TestClient, method: str, number: Any, params: Any, version: str):
    headers = ACCEPT | {"content-type": "application/json"}
    if version:
        headers |= {"mcp-protocol-version": version, "mcp-method": method}
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    response = client.post("/mcp", content=body.encode(), headers=headers)
    assert response.status_code in (200, 202, 400, 404), response.text
    error = response.json().get("error", {}) if response.content else {}
    assert "Traceback" not in response.text and error.get("code") not in (0, types.INTERNAL_ERROR)


def test_the_key_is_needed_where_one_is_set(service: FakeService):
    service.settings = service.settings.model_copy(update={"api_key": SecretStr("open sesame")})
    with TestClient(create_app(service), base_url="http://elsewhere") as client:
        refused = client.post("/mcp", json=message(), headers=ACCEPT)
        assert refused.status_code == 401 and refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.json()["error"]["data"]["code"] == "unauthenticated"
        key = {"authorization": "Bearer open sesame"}
        assert client.post("/mcp", json=message(), headers=ACCEPT | key).status_code == 200


def test_without_the_package_the_route_says_what_to_install(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ragsvc.api.mcp.endpoint.find_spec", lambda name: None)
    response = client.post("/mcp", json=message(), headers=ACCEPT)
    assert response.status_code == 501
    assert "pip install 'ragsvc[mcp]'" in response.json()["error"]["message"]


def test_as_many_calls_as_queries_are_taken(running: int, service: FakeService):
    """The fourth and the fifth of this server, which takes four."""
    import threading

    service.block = threading.Event()

    async def ask(client: Client) -> list[types.CallToolResult]:
        calls = [client.call_tool("search", {**HANDBOOK, "query": "a"}) for _ in range(5)]
        tasks = [asyncio.create_task(call) for call in calls]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        service.block.set()
        return [await task for task in tasks]

    results = over_http(running, ask)
    assert sorted(result.is_error for result in results) == [False] * 4 + [True]
    (refused,) = [result for result in results if result.is_error]
    assert "RAGSVC_MAX_CONCURRENT_QUERIES" in text_of(refused)


def test_a_server_says_where_it_is(monkeypatch: pytest.MonkeyPatch):
    assert server.places() == "page at /, described at /docs, MCP at /mcp"
    monkeypatch.setattr("ragsvc.api.mcp.endpoint.find_spec", lambda name: None)
    assert "pip install 'ragsvc[mcp]'" in server.places()
