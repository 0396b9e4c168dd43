"""Web pages of other origins: which of them may call, and read what comes back."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from ragsvc.api.security import LOOPBACK, has_key
from ragsvc.errors import InvalidRequest
from ragsvc.settings.settings import Settings

ANY = "*"
NAME = "RAGSVC_ALLOWED_ORIGINS"
MAX_AGE_S = 3600


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
    except ValueError:
        host = port = ""
    shown = f"[{host}]" if ":" in host else host
    if not host or parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{shown}{port}":
        raise InvalidRequest(
            f"{NAME} names {origin}, which is no origin",
            hint="write scheme, host and port alone, in small letters: http://localhost:3000",
        )
    return host
