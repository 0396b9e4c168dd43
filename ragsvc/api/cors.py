"""Web pages of other origins (CORS): which of them may call, and read what comes back."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from ragsvc.api.redaction import LOOPBACK
from ragsvc.api.security import has_key
from ragsvc.errors import InvalidRequest
from ragsvc.settings.settings import Settings

ANY = "*"
NAME = "RAGSVC_ALLOWED_ORIGINS"
MAX_AGE_S = 3600
_HOST = re.compile(r"[a-z0-9._:-]+")


def allowed_origins(settings: Settings) -> tuple[str, ...]:
    """The origins that a setting names; none by default.

    :raises InvalidRequest: if one is no origin, or not of this machine where no key is set: what such a
        page asks would be done for whoever opens it.
    """
    given = (part.strip() for part in (settings.allowed_origins or "").split(","))
    origins = tuple(dict.fromkeys(filter(None, given)))
    for origin in origins:
        host = None if origin == ANY else _host(origin)
        if host not in LOOPBACK and not has_key(settings.api_key):
            raise InvalidRequest(
                f"{NAME} names {origin}, which is not this machine, and RAGSVC_API_KEY is not set",
                hint="set RAGSVC_API_KEY to a long random text, or name origins such as http://localhost:3000",
            )
    return origins


def admit(app: FastAPI, origins: tuple[str, ...]) -> None:
    """Let pages of these origins call; without any, browsers keep all answers from other pages."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=["Retry-After"],
            max_age=MAX_AGE_S,
        )


def _host(origin: str) -> str:
    """Host of an origin, which is compared as text: it must be written as browsers write it."""
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
        port = "" if parts.port is None else f":{parts.port}"
        default = (parts.scheme, parts.port) in (("http", 80), ("https", 443))
    except ValueError:
        host, port, default = "", "", False
    shown = f"[{host}]" if ":" in host else host
    as_written = not default and _HOST.fullmatch(host) and origin == f"{parts.scheme}://{shown}{port}"
    if not as_written or parts.scheme not in ("http", "https"):
        raise InvalidRequest(
            f"{NAME} names {origin}, which is no origin",
            hint="write scheme, host and port as browsers do, in small ASCII letters, without :80 and :443: "
            "http://localhost:3000",
        )
    return host
