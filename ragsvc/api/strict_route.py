"""Requests read strictly: what could mean two things, or cannot be stored or sent back, is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.limits import WorkGate
from ragsvc.api.memory_budget import json_cost, lease_of
from ragsvc.errors import InvalidRequest

Model = TypeVar("Model", bound=BaseModel)

MAX_DEPTH = 64
MAX_MEMBERS = 10_000
MAX_CONTAINERS = 20_000
# Possessive: it never goes back, so it is linear.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
MAX_INTEGER = 2**63 - 1
INLINE_PARSE_BYTES = 64 << 10


class StrictRoute(APIRoute):
    """A route that refuses unknown and repeated query parameters, and JSON that is not quite JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = frozenset(parameter.alias for parameter in self.dependant.query_params)
        takes_json = self.body_field is not None

        async def strict(request: Request) -> Response:
            check_query(request, known)
            for value in request.path_params.values():
                check_text(str(value), "the path")
            if takes_json:
                # The framework takes the body from here, parsed; its bytes are not kept.
                request._json = await read_json(request)
                request._body = b"{}"
            return await handle(request)

        return strict


def check_query(request: Request, known: frozenset[str]) -> None:
    """Check the query string of a request.

    :raises InvalidRequest: for parameters that are unknown, repeated or not UTF-8, and for NUL.
    """
    try:
        unquote_to_bytes(request.scope["query_string"]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest("the query string is not UTF-8", hint="percent-encode UTF-8") from error
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        shown = name[:100].encode("ascii", "backslashreplace").decode()
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise InvalidRequest(f"unknown query parameter {shown!r}", hint=f"known here: {listed}")
        if name in seen:
            raise InvalidRequest(f"query parameter {shown!r} is given twice", hint="give it once")
        seen.add(name)
        check_text(value, f"query parameter {shown!r}")


def check_text(text: str, where: str) -> None:
    """Refuse characters that no text has.

    :raises InvalidRequest: for NUL and for lone surrogates.
    """
    if "\0" in text:
        raise InvalidRequest(f"{where} holds a NUL character", hint="remove it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{where} holds a lone surrogate", hint="send whole characters") from error


def media_type(request: Request) -> str:
    """Media type of the body in lower case, without parameters; "" when there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request) -> Any:
    """Read and parse the body.

    :raises InvalidRequest: if it is not strict JSON, or is compressed.
    :raises Overloaded: if the bodies of all requests together take too much memory.
    :raises HTTPException: if its media type is another.
    """
    raw = await read_body(request)
    if len(raw) <= INLINE_PARSE_BYTES:
        return parse_json(raw)
    parser: WorkGate = request.app.state.ragsvc.parser
    return await parser.thread(_parse_large, raw)


async def read_body(request: Request) -> bytes:
    """Read the body, and hold the memory that it takes to parse it; what is raised is as in `read_json`."""
    if media_type(request) != "application/json":
        raise HTTPException(415, "the body must be application/json")
    check_encoding(request)
    lease = lease_of(request.scope)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        lease.set(2 * len(body))
    raw = bytes(body)
    lease.set(json_cost(raw))
    return raw


def _parse_large(raw: bytes) -> Any:
    """Parse a body that is no upload."""
    check_containers(raw)
    return parse_json(raw)


def check_containers(raw: bytes) -> None:
    """Refuse a body with more lists and objects than any body needs that is no upload.

    They take long to make, check and throw away, and nothing else runs meanwhile.

    :raises InvalidRequest: if it has more.
    """
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS:
        bare = _STRING.sub(b"", raw)
        if bare.count(b"[") + bare.count(b"{") > MAX_CONTAINERS:
            raise InvalidRequest(
                f"the body holds more than {MAX_CONTAINERS} lists and objects", hint="send fewer"
            )


def check_encoding(request: Request) -> None:
    """Refuse a compressed body.

    :raises InvalidRequest: if it says that it is.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        # Not undone: a small body could become a huge one.
        shown = encoding[:40].encode("ascii", "backslashreplace").decode()
        raise InvalidRequest(
            f"the body is compressed: Content-Encoding is {shown!r}",
            hint="send it as it is, without that header",
        )


def parse_json(body: bytes, name: str = "the body") -> Any:
    """Parse strict JSON: UTF-8, no NaN, no repeated member, 64-bit integers, at most 64 levels.

    :param name: what an error calls it.
    :raises InvalidRequest: if it is anything else.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name} is not UTF-8", hint="encode it as UTF-8") from error
    except json.JSONDecodeError as error:
        message = f"{name} is not JSON: {error.msg} at character {error.pos}"
        raise InvalidRequest(message, hint="check the quotes and commas of the body") from error
    except RecursionError as error:
        raise _too_deep() from error
    _check_values(value)
    return value


def validate(model: type[Model], value: Any) -> Model:
    """Validate a parsed body, for routes that choose the model themselves.

    :raises RequestValidationError: as the framework does.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
        raise RequestValidationError(details) from error


def _check_values(value: Any) -> None:
    """Check depth and strings with a stack of our own: the value may be deeper than Python's."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            check_text(item, "a string of the body")
            continue
        if not isinstance(item, dict | list):
            continue
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(item, dict):
            waiting.extend((name, depth) for name in item)
            waiting.extend((member, depth + 1) for member in item.values())
        else:
            waiting.extend((member, depth + 1) for member in item)


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"the body is nested deeper than {MAX_DEPTH} levels", hint="nest less")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:
        raise InvalidRequest(f"an object of the body has more than {MAX_MEMBERS} members", hint="send fewer")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidRequest("an object of the body has a member twice", hint="give each member once")
    return found


def _refuse_constant(name: str) -> Any:
    raise InvalidRequest(f"the body holds {name}, which JSON does not have", hint="use null or a number")


def _integer(digits: str) -> int:
    # The length first: Python refuses to convert thousands of digits, with an error of its own.
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise InvalidRequest("an integer of the body has more than 64 bits", hint="send it as a string")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidRequest("a number of the body is too large", hint="send it as a string")
    return number
