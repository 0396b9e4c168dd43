"""The page at `/`: its files, all from this package, and how a person logs in to it."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from ragsvc.api.page_cookie import PageTokens, is_of_the_page, set_cookie, token_of
from ragsvc.api.responses import JsonResponse
from ragsvc.api.strict_route import check_query, read_json
from ragsvc.domain import RecordPolicy
from ragsvc.errors import HostRefused, InvalidRequest, TooManyLogins, Unauthenticated

# No inline script or style, nothing from elsewhere, in no frame; only DOMPurify makes HTML of text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types dompurify; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Looked at anew each time, by its hash: after an update no old module meets a new one.
    "Cache-Control": "no-cache",
}
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".txt": "text/plain",
    ".svg": "image/svg+xml",
}
ROOT = "/page/"
MAX_WRONG_KEYS = 10
WRONG_KEYS_S = 60.0
# What another version may lack, or RAGSVC_RECORDS=off leaves out: the page shows no control for it then.
FEATURES = {"sessions": "/v1/sessions", "feedback": "/v1/records/any/feedback"}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of the page. etag: names its content."""

    content: bytes
    media_type: str
    etag: str

    @classmethod
    def read(cls, source: Traversable) -> PageFile:
        """Read a file; its name tells what it is."""
        content = source.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:32]
        kind = KINDS["." + source.name.rpartition(".")[2]]
        return cls(content, kind, f'"{digest}"')

    def response(self, request: Request) -> Response:
        """Give the file, or say that the browser has it."""
        check_query(request, frozenset())
        headers = {**HEADERS, "ETag": self.etag}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def install(app: FastAPI, api_key: SecretStr | None) -> None:
    """Add the page, its files and the routes of its login.

    :param api_key: None where none is set.
    """
    found = dict(_files(files("ragsvc.api").joinpath("static", "page"), ""))
    login = Login(None if api_key is None else api_key.get_secret_value().encode(), app)

    async def page(request: Request) -> Response:
        return found["index.html"].response(request)

    async def asset(request: Request) -> Response:
        return _named(found, request.path_params["name"]).response(request)

    add = app.router.routes.append
    add(Route("/", page, methods=["GET"]))
    add(Route(ROOT + "{name:path}", asset, methods=["GET"]))
    add(Route("/login", login.state, methods=["GET"]))
    add(Route("/login", login.enter, methods=["POST"]))
    add(Route("/logout", login.leave, methods=["POST"]))


def is_public(path: str) -> bool:
    """Whether a path is of what anybody may read, for it holds nothing: the page, its files and its door."""
    return path in ("/", "/login", "/logout") or path.startswith(ROOT)


class WrongKeys:
    """When the latest wrong keys were typed, whoever did: so many a minute at most are looked at.

    One list for everybody: a list an address would grow with them, and who guesses has many. Programs, which
    send the key in a header, are not concerned.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=MAX_WRONG_KEYS)

    def add(self) -> None:
        """Count one."""
        self._times.append(self._clock())

    def check(self) -> None:
        """Look at no key, not even at the right one, while there were too many.

        :raises TooManyLogins: if so.
        """
        if len(self._times) == MAX_WRONG_KEYS and self._clock() - self._times[0] < WRONG_KEYS_S:
            raise TooManyLogins(
                f"{MAX_WRONG_KEYS} wrong keys were typed within a minute",
                hint="wait a minute, then log in again; programs with the right key in the header may go on",
            )


class Login:
    """The door of the page."""

    def __init__(self, key: bytes | None, app: FastAPI) -> None:
        self._key, self._app = key, app
        self._wrong = WrongKeys()
        self._tokens = None if key is None else PageTokens(key)

    async def state(self, request: Request) -> Response:
        """Say whether a key is needed, whether the page has one, and what this server can do."""
        check_query(request, frozenset())
        token = token_of(request.scope)
        entered = self._tokens is not None and token is not None and self._tokens.accepts(token)
        kept = self._app.state.ragsvc.settings.records is not RecordPolicy.OFF
        features = {name: kept and self._has(path) for name, path in FEATURES.items()}
        state = {"key_needed": self._tokens is not None, "logged_in": entered, "features": features}
        return JsonResponse(state, headers={"Cache-Control": "no-store"})

    def _has(self, path: str) -> bool:
        """Whether any route answers to a path; routers that were included keep theirs to themselves."""
        scope = {"type": "http", "method": "POST", "path": path, "root_path": "", "headers": []}
        return any(route.matches(scope)[0] is not Match.NONE for route in self._app.router.routes)

    async def enter(self, request: Request) -> Response:
        """Take the key and give a token for it, as a cookie that no script can read.

        :raises HostRefused: if another page asks.
        :raises TooManyLogins: if too many keys were wrong of late.
        :raises Unauthenticated: if the key is wrong.
        """
        _check(request)
        body = await read_json(request)
        key = body.get("key") if isinstance(body, dict) and len(body) == 1 else None
        if not isinstance(key, str):
            raise InvalidRequest('a login is {"key": text}', hint="send RAGSVC_API_KEY as `key`")
        if self._key is None or self._tokens is None:
            raise InvalidRequest("this server has no key", hint="no login is needed")
        self._wrong.check()
        if not hmac.compare_digest(key.encode(), self._key):
            self._wrong.add()
            raise Unauthenticated("this is not the server's key", hint="type the value of RAGSVC_API_KEY")
        return _with_cookie(request, self._tokens.make())

    async def leave(self, request: Request) -> Response:
        """Take the cookie away."""
        _check(request)
        return _with_cookie(request, "")


def _check(request: Request) -> None:
    check_query(request, frozenset())
    if not is_of_the_page(request.scope):
        raise HostRefused(
            "only the page of this server may log in or out",
            hint="programs send Authorization: Bearer <key> instead",
        )


def _with_cookie(request: Request, token: str) -> Response:
    headers = {"Set-Cookie": set_cookie(request.scope, token), "Cache-Control": "no-store"}
    return Response(status_code=204, headers=headers)


def _named(found: Mapping[str, PageFile], name: str) -> PageFile:
    if name not in found:
        raise HTTPException(404, "the page has no such file")
    return found[name]


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, PageFile]]:
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            yield from _files(entry, name + "/")
        elif "." + entry.name.rpartition(".")[2] in KINDS:
            yield name, PageFile.read(entry)
