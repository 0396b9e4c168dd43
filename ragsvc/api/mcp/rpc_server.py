"""The server of the protocol: the official package between its wire and our tools and documents."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types as types
from mcp.server import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage

import ragsvc
from ragsvc.api.errors import Problem
from ragsvc.api.mcp.resources import TEMPLATE, DocumentShelf
from ragsvc.api.mcp.toolbox import TOOLS, Result, Toolbox, ToolSpec, schema_of
from ragsvc.api.responses import rpc_data, rpc_words
from ragsvc.api.security import caller_of
from ragsvc.api.state import AppState
from ragsvc.domain import Caller
from ragsvc.service.json_values import JsonObject

INSTRUCTIONS = (
    "ragsvc searches the user's own documents and answers from them. Call list_corpora first to see what "
    "there is. ask gives a grounded answer, search gives passages, get_text reads around them. Cite what "
    "you use by document_id; a span [start, end) counts code points of the stored text of that version."
)

_NO_MESSAGE = "a line of stdin is no message of JSON-RPC in UTF-8, or holds half a character"

Context = ServerRequestContext[Any]


class RpcServer:
    """Handlers of the protocol over one open service."""

    def __init__(self, state: AppState) -> None:
        self._toolbox = Toolbox(state)
        self._shelf = DocumentShelf(state)
        self._tools = [_tool(spec) for spec in TOOLS.values()]
        schemas = {tool.name: tool.input_schema for tool in self._tools}
        self.server: Server[Any] = Server(
            "ragsvc",
            version=ragsvc.__version__,
            title="ragsvc",
            description="Search and grounded answers over your own documents.",
            instructions=INSTRUCTIONS,
            get_tool_input_schema=schemas.get,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )
        # Nothing of a request is traced.
        self.server.middleware.clear()

    @asynccontextmanager
    async def over_http(self, max_bytes: int) -> AsyncIterator[StreamableHTTPSessionManager]:
        """What answers requests of HTTP, each by itself: any worker may get the next one.

        :param max_bytes: largest body.
        """
        manager = StreamableHTTPSessionManager(
            self.server, json_response=True, stateless=True, max_request_body_size=max_bytes
        )
        async with manager.run():
            yield manager

    async def over_stdio(self) -> None:
        """Answer one client over stdin and stdout until it closes them."""
        async with stdio_server() as (read, write):
            await self.server.run(
                _AnsweredStream(read, write), write, self.server.create_initialization_options()
            )

    async def _list_tools(
        self, _: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=self._tools)

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in TOOLS:
            names = ", ".join(TOOLS)
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name[:100]!a}; there are {names}")
        result = await self._toolbox.call(_caller(context), params.name, params.arguments or {})
        if isinstance(result, Problem):
            # Not as structured content, which some clients hold against the schema of results.
            return types.CallToolResult(
                content=[types.TextContent(text=f"{result.code}: {rpc_words(result)}")],
                is_error=True,
                _meta={"ragsvc": rpc_data(result)},
            )
        text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
        return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=result)

    async def _list_resources(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        caller, cursor = _caller(context), None if params is None else params.cursor
        page = _raised(await self._toolbox.attempt(lambda: self._shelf.page(caller, cursor)))
        resources = [
            types.Resource(
                uri=document["uri"],
                name=document["name"],
                title=document["title"] or None,
                mime_type=document["mime_type"],
                _meta={"ragsvc": {"characters": document["characters"]}},
            )
            for document in page["documents"]
        ]
        return types.ListResourcesResult(resources=resources, next_cursor=page["next_cursor"])

    async def _list_templates(
        self, _: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            uri_template=TEMPLATE,
            name="document",
            title="Document",
            description="The stored text of a document: the name of its corpus, and its id.",
        )
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        caller = _caller(context)
        found = _raised(await self._toolbox.attempt(lambda: self._shelf.read(caller, params.uri)))
        contents = types.TextResourceContents(
            uri=params.uri,
            mime_type=found["mime_type"],
            text=found["text"],
            _meta={"ragsvc": {"version": found["version"]}},
        )
        return types.ReadResourceResult(contents=[contents])


class _AnsweredStream:
    """Messages of stdin; what is none is answered, where the package would drop it without a word."""

    def __init__(self, read: Any, write: Any) -> None:
        self._read = read
        self._write = write

    @property
    def last_context(self) -> Any:
        """Of the message that was received last."""
        return getattr(self._read, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        while isinstance(item := await self._read.receive(), Exception):
            error = types.ErrorData(code=types.PARSE_ERROR, message=_NO_MESSAGE)
            await self._write.send(SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=None, error=error)))
        return item  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        await self._read.aclose()

    def __aiter__(self) -> _AnsweredStream:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> _AnsweredStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _caller(context: Context) -> Caller:
    """On whose behalf a message acts; over stdio, of whoever started the process."""
    return Caller() if context.request is None else caller_of(context.request)


def _raised(result: Result) -> JsonObject:
    """What was read; the errors of resources are errors of the protocol."""
    if isinstance(result, Problem):
        code = types.INTERNAL_ERROR if result.status >= 500 else types.INVALID_PARAMS
        raise MCPError(code, rpc_words(result), rpc_data(result))
    return result


def _tool(spec: ToolSpec) -> types.Tool:
    annotations = types.ToolAnnotations(
        title=spec.title,
        read_only_hint=not spec.writes,
        # What is replaced stays in the history, but no search finds it any more.
        destructive_hint=spec.writes,
        idempotent_hint=True,
        open_world_hint=False,
    )
    return types.Tool(
        name=spec.name,
        title=spec.title,
        description=spec.description,
        input_schema=schema_of(spec.arguments),
        output_schema=schema_of(spec.view),
        annotations=annotations,
    )
