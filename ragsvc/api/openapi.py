"""The OpenAPI document: the framework's, with errors as problem+json."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ragsvc.api.openai_paths import is_of_openai
from ragsvc.api.server_views import ProblemView

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """Search your own documents and get answers whose every citation can be checked.

Offsets count Unicode code points of the stored text of an immutable document version: the slice
`[start, end)` of that text *is* the quote. Errors are `application/problem+json` with a stable `code`
and a `hint`; under the routes of the OpenAI API they have its shape.
"""

WORDS = {
    401: "The API key is missing or wrong.",
    403: "Without an API key only this machine may call.",
    404: "It does not exist.",
    408: "The body came too slowly.",
    409: "The state forbids it.",
    410: "The commit was removed by gc.",
    413: "The body or a field is too large.",
    415: "The media type of the body is not supported.",
    422: "The request is wrong; `detail` says where.",
    500: "A bug, or damaged storage.",
    503: "Too busy, or not possible now; try again after `Retry-After` seconds.",
    507: "The disk is full.",
}
ALWAYS = (401, 403, 422, 500, 503)
BODY = (408, 413, 415)
TAGS = [
    {"name": "ask", "description": "Search and answer."},
    {"name": "openai", "description": "The same for clients of the OpenAI API."},
    {"name": "corpora", "description": "Corpora and their documents."},
    {"name": "history", "description": "Commits, tags and going back."},
    {"name": "records", "description": "Sessions, records of answers, feedback and usage."},
    {"name": "generative", "description": "Models that were trained here make, encode and score."},
    {"name": "jobs", "description": "Long work, done in the background."},
    {"name": "health", "description": "For load balancers and monitors."},
]


def problems(*statuses: int) -> Responses:
    """Document errors of a route: those given, and those that every route has."""
    return {
        status: {"model": ProblemView, "description": WORDS[status]}
        for status in sorted({*ALWAYS, *statuses})
    }


def document(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document once, and keep it."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            routes=app.routes,
            tags=TAGS,
        )
        for name, path in schema["paths"].items():
            for operation in path.values():
                _as_problems(operation["responses"])
                if is_of_openai(name):
                    # Documented, or the framework adds a shape of its own; here it is always 400.
                    del operation["responses"]["422"]
        if app.state.ragsvc_key_needed:
            _require_key(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _as_problems(responses: dict[str, Any]) -> None:
    """Move error bodies to the media type they are sent as."""
    for response in responses.values():
        content = response.get("content", {})
        shape = content.get("application/json", {}).get("schema", {})
        if shape.get("$ref", "").endswith("/ProblemView"):
            content["application/problem+json"] = content.pop("application/json")


def _require_key(schema: dict[str, Any]) -> None:
    schema.setdefault("components", {})["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "The server's RAGSVC_API_KEY."}
    }
    for name, path in schema["paths"].items():
        for operation in path.values():
            operation["security"] = [] if name == "/healthz" else [{"key": []}]
