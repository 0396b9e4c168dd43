"""The cookie by which the page acts with the key: a token that every worker checks and none keeps."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from starlette.types import Scope

PREFIX = "ragsvc_page"
VALID_S = 12 * 3600
HEADER = b"x-ragsvc-page"
SAFE = frozenset({"GET", "HEAD"})
# What browsers say of where a request comes from: our own page, or a person.
OWN = frozenset({b"same-origin"})
TYPED = OWN | {b"none"}
_PURPOSE = b"ragsvc page token 1"
_MAX_TOKEN_CHARS = 200


class PageTokens:
    """Makes and checks tokens `expiry.random.signature`; they are signed by what derives from the key.

    A token says nothing of the key, ends by itself, and is worth nothing once the key is changed. It cannot
    be called back before: no worker keeps a list of them.
    """

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = hmac.digest(key, _PURPOSE, hashlib.sha256)
        self._clock = clock

    def make(self) -> str:
        """Give a new token."""
        body = f"{int(self._clock()) + VALID_S}.{secrets.token_hex(16)}"
        return f"{body}.{self._sign(body)}"

    def accepts(self, token: str) -> bool:
        """Whether a token was made with this key and has not ended."""
        if len(token) > _MAX_TOKEN_CHARS or not token.isascii():
            return False
        body, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._sign(body)):
            return False
        # Signed by us, so it is a number.
        return int(body.partition(".")[0]) > self._clock()

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()


def name_of(scope: Scope) -> str:
    """The name of the cookie, which has the port that the browser sees: servers of one host share a browser's
    cookies, and the login to one would take away that to the other.
    """
    hosts = _headers(scope, b"host")
    port = hosts[0].rpartition(b":")[2] if len(hosts) == 1 else b""
    return f"{PREFIX}_{port.decode()}" if port.isdigit() and len(port) <= 5 else PREFIX


def token_of(scope: Scope) -> str | None:
    """The token that a request carries; None where there is none, or more than one."""
    headers = _headers(scope, b"cookie")
    if len(headers) != 1:
        return None
    # Not by http.cookies, which reads none after one that is not to its taste, such as JSON: browsers send
    # what every server of this host has set, whatever its port.
    pairs = (part.partition("=") for part in headers[0].decode("latin-1").split(";"))
    wanted = name_of(scope)
    found = [value.strip() for name, _, value in pairs if name.strip() == wanted]
    return found[0] if len(found) == 1 else None


def is_of_the_page(scope: Scope) -> bool:
    """Whether our own page asks, and no other: browsers send cookies with what other pages make them send.

    Browsers tell it by Sec-Fetch-Site, and by Origin where they write. Over plain HTTP to another machine
    they send neither with a GET: there, and for all that changes something, a header is wanted that pages
    of other origins cannot set without being asked first.

    What describes the server may be typed into the address bar too: it changes nothing and says nothing of
    what is stored, and another page that makes a browser load it cannot read it.
    """
    sites, origins = _headers(scope, b"sec-fetch-site"), _headers(scope, b"origin")
    typed = scope["method"] in SAFE and _describes(scope["path"])
    wanted = TYPED if typed else OWN
    if not wanted.issuperset(sites) or not all(_is_own(scope, each) for each in origins):
        return False
    vouched = bool(sites or origins) and scope["method"] in SAFE
    return typed or vouched or _headers(scope, HEADER) == [b"1"]


def _describes(path: str) -> bool:
    return path in ("/docs", "/redoc", "/openapi.json") or path.startswith("/docs/")


def set_cookie(scope: Scope, token: str) -> str:
    """The value of Set-Cookie that gives the page a token, or with an empty one takes it away."""
    seconds = VALID_S if token else 0
    words = f"{name_of(scope)}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
    return f"{words}; Secure" if _is_https(scope) else words


def _is_https(scope: Scope) -> bool:
    """Behind a proxy that ends TLS the server sees plain HTTP; the browser's Origin says what it sees."""
    origins = _headers(scope, b"origin")
    return scope.get("scheme") == "https" or any(each.startswith(b"https://") for each in origins)


def _is_own(scope: Scope, origin: bytes) -> bool:
    scheme, _, place = origin.partition(b"://")
    return scheme in (b"http", b"https") and _headers(scope, b"host") == [place]


def _headers(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]
