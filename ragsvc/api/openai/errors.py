"""Errors in the shape that clients of the OpenAI API read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ragsvc.api.errors import Problem
from ragsvc.api.openai_paths import advice
from ragsvc.service.json_values import plain

# Those clients repeat what got 429 by themselves and take 400 for a mistake in the request.
_STATUS: Mapping[str, int] = MappingProxyType({"overloaded": 429})
_CODES: Mapping[str, str] = MappingProxyType(
    {
        "corpus_not_found": "model_not_found",
        "unauthenticated": "invalid_api_key",
        "overloaded": "rate_limit_exceeded",
    }
)
MAX_PATH_CHARS = 100
LISTED = "model is ragsvc/<corpus>: GET /v1/models lists them"
_PARAMS: Mapping[str, str] = MappingProxyType(
    {"corpus_not_found": "model", "invalid_filter": "ragsvc.filter", "ref_not_found": "ragsvc.at"}
)
# By the schema's name for the mistake.
_FIELD_CODES: Mapping[str, str] = MappingProxyType(
    {
        "extra_forbidden": "unknown_parameter",
        "missing": "missing_required_parameter",
        "unsupported": "unsupported_parameter",
    }
)


def status_of(problem: Problem) -> int:
    """Status of a problem under these routes."""
    return _STATUS.get(problem.code, 400 if problem.status == 422 else problem.status)


def error_object(problem: Problem) -> Mapping[str, Any]:
    """A problem as `{"error": {"message", "type", "param", "code"}}`."""
    status = status_of(problem)
    fields = problem.extra.get("errors", ())
    code = _CODES.get(problem.code, problem.code)
    if fields:
        code = _FIELD_CODES.get(problem.cause, "invalid_value")
    # A model or corpus that is not there has a code of its own: this is a path that is not.
    detail, hint = problem.detail, problem.hint
    if problem.code == "not_found":
        detail, hint = f"there is no {problem.instance[:MAX_PATH_CHARS]} here", advice(problem.instance)
    if problem.code == "corpus_not_found" and LISTED not in hint:
        hint = f"{hint}; {LISTED}" if hint else LISTED
    error = {
        "message": f"{detail} ({hint})" if hint else detail,
        "type": _type_of(status),
        "param": fields[0]["field"] if fields else _param_of(problem),
        "code": code,
    }
    return {"error": plain(error)}


def _param_of(problem: Problem) -> str | None:
    return _PARAMS.get(problem.code, problem.param) or None


def _type_of(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
