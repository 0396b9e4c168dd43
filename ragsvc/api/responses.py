"""Responses: JSON, and problem+json (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.errors import Problem, framework_problem, problem_of, short_of_memory, validation_problem
from ragsvc.api.openai.errors import error_object, status_of
from ragsvc.api.openai_paths import is_of_openai
from ragsvc.api.server_views import ProblemView
from ragsvc.errors import RagsvcError
from ragsvc.service.json_values import View

RPC_PATHS = ("/mcp", "/mcp/")
RPC_INVALID_REQUEST = -32600
RPC_INTERNAL_ERROR = -32603


class JsonResponse(Response):
    """UTF-8 JSON of a view, or of values such as `ragsvc.service.json_values` makes: finite and encodable."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode what was not encoded before, on the thread that read it: of much it takes seconds."""
        return content if isinstance(content, bytes) else encode(content)


class ProblemResponse(JsonResponse):
    """An error as `application/problem+json`."""

    media_type = "application/problem+json"


def encode(content: Any) -> bytes:
    """Compact UTF-8 JSON of a view or of plain values, on one line."""
    if isinstance(content, View):
        content = content.json_object()
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def problem_json(problem: Problem) -> Mapping[str, Any]:
    """Members of RFC 9457, and `code`, `hint` and what the problem carries besides."""
    view = ProblemView.model_construct(
        type=f"urn:ragsvc:error:{problem.code}",
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        hint=problem.hint,
        instance=problem.instance,
        **problem.extra,
    )
    return view.json_object()


def rpc_words(problem: Problem) -> str:
    """What went wrong and what to do, in one sentence for whoever reads an error of MCP: a model."""
    return f"{problem.detail}; {problem.hint}" if problem.hint else problem.detail


def rpc_data(problem: Problem) -> Mapping[str, Any]:
    """What an error of MCP says for programs."""
    return {"code": problem.code, "message": problem.detail, "hint": problem.hint, **problem.extra}


def _rpc_error(problem: Problem) -> Mapping[str, Any]:
    """A problem that was noticed before any message was read, as clients of MCP read it."""
    code = RPC_INTERNAL_ERROR if problem.status >= 500 else RPC_INVALID_REQUEST
    error = {"code": code, "message": rpc_words(problem), "data": rpc_data(problem)}
    return {"jsonrpc": "2.0", "id": None, "error": error}


def render(problem: Problem) -> Response:
    """Render a problem, in the format of the route that `instance` names."""
    if problem.instance in RPC_PATHS:
        return JsonResponse(_rpc_error(problem), problem.status, dict(problem.headers))
    if is_of_openai(problem.instance):
        return JsonResponse(error_object(problem), status_of(problem), dict(problem.headers))
    return ProblemResponse(problem_json(problem), problem.status, dict(problem.headers))


def install(app: Starlette) -> None:
    """Make the app answer every raised error with a rendered problem."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, RagsvcError)
        return render(problem_of(error, request.scope))

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return render(framework_problem(error, request))

    async def memory(request: Request, error: Exception) -> Response:
        assert isinstance(error, MemoryError)
        return render(problem_of(short_of_memory(error, request.scope), request.scope))

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return render(validation_problem(error, request.scope))

    app.add_exception_handler(RagsvcError, ours)
    app.add_exception_handler(MemoryError, memory)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, validation)
