"""Who may call: an API key, the login of our page, or without a key only this machine; no other web page."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ragsvc.api.errors import problem_of
from ragsvc.api.page import is_public
from ragsvc.api.page_cookie import PageTokens, is_of_the_page, token_of
from ragsvc.api.redaction import LOOPBACK
from ragsvc.api.responses import render
from ragsvc.domain import Caller
from ragsvc.errors import AccessDenied, HostRefused, Unauthenticated

PUBLIC = frozenset({"/healthz"})
ANY = b"*"


def has_key(api_key: SecretStr | None) -> bool:
    """Whether a key is set; an empty one, as an unset variable of a compose file gives, is none."""
    return api_key is not None and bool(api_key.get_secret_value())


def caller_of(_request: Request) -> Caller:
    """On whose behalf a request acts: whoever holds the key, or sits at this machine."""
    return Caller()


class AccessControl:
    """ASGI middleware that refuses before anything of the request is parsed."""

    def __init__(self, app: ASGIApp, api_key: SecretStr | None, origins: Sequence[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)
        self._key = api_key.get_secret_value().encode() if has_key(api_key) and api_key else None
        self._tokens = None if self._key is None else PageTokens(self._key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except AccessDenied as error:
                await render(problem_of(error, scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if self._key is None or self._tokens is None:
            _check_local(scope, self._origins)
        elif not (scope["path"] in PUBLIC or is_public(scope["path"]) or _has_token(scope, self._tokens)):
            _check_key(scope, self._key)


def _headers(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _has_token(scope: Scope, tokens: PageTokens) -> bool:
    """Whether our page asks, after somebody logged in. A key that is sent too is looked at instead.

    :raises HostRefused: if it is another page that makes a browser ask which is logged in here.
    """
    token = None if _headers(scope, b"authorization") else token_of(scope)
    if token is None or not tokens.accepts(token):
        return False
    if not is_of_the_page(scope):
        raise HostRefused(
            "the login counts for the page of this server alone",
            hint="programs send Authorization: Bearer <key> instead",
        )
    return True


def _check_key(scope: Scope, key: bytes) -> None:
    """Check `Authorization: Bearer <key>`, in a time that does not depend on the key.

    :raises Unauthenticated: if it is missing, given twice or wrong.
    """
    values = _headers(scope, b"authorization")
    scheme, _, given = values[0].partition(b" ") if len(values) == 1 else (b"", b"", b"")
    if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), key):
        raise Unauthenticated(
            # The words by which clients tell a wrong key from a wrong request.
            "Incorrect API key provided" if values else "this server needs an API key",
            hint="send the header Authorization: Bearer <key>, with the server's RAGSVC_API_KEY",
        )


def _check_local(scope: Scope, origins: Collection[bytes]) -> None:
    """Check that a person on this machine asked, not a web page that this machine's browser shows.

    A page of another site carries its Origin; one that had its name point to this machine, its Host.
    Another server of this machine, on whatever port, is another site too.

    :param origins: whose pages may call.
    :raises HostRefused: if Host or Origin is not this server.
    """
    hosts = _headers(scope, b"host")
    asked, port = _place(b"//" + hosts[0]) if len(hosts) == 1 else ("", None)
    if asked not in LOOPBACK:
        raise HostRefused(
            "the Host header does not name this machine",
            hint="use http://127.0.0.1 or http://localhost; to serve other names, set RAGSVC_API_KEY",
        )
    for origin in _headers(scope, b"origin"):
        host, own_port = _place(origin)
        if (host not in LOOPBACK or own_port != port) and origin not in origins and ANY not in origins:
            raise HostRefused(
                "web pages of other origins may not call a server without an API key",
                hint="name the page's origin in RAGSVC_ALLOWED_ORIGINS, or set RAGSVC_API_KEY and send it as "
                "Authorization: Bearer <key>",
            )


def _place(value: bytes) -> tuple[str, int | None]:
    """Host and port of a URL; None for the port of the scheme, and "" for what is no URL."""
    try:
        parts = urlsplit(value.decode("ascii"))
        # Reading the port checks it. User info has no place in either header.
        if parts.username is not None or (parts.port is not None and parts.port > 65535):
            return "", None
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
