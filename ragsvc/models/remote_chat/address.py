"""Where a remote model is: a URL that holds no secret, and a key that fits into a header."""

from __future__ import annotations

import ipaddress
import logging

import httpx

from ragsvc.errors import InvalidRequest

log = logging.getLogger(__name__)

EXAMPLE = "such as openai:http://127.0.0.1:11434/v1"
# Names that no public server has.
LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def checked_url(text: str) -> httpx.URL:
    """The base URL of a server, without a slash at its end.

    :raises InvalidRequest: if it is no http or https URL, or holds what belongs elsewhere.
    """
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidRequest("RAGSVC_GENERATOR=openai:URL has no readable URL", hint=EXAMPLE) from error
    if url.userinfo or url.query or url.fragment:
        # Not echoed: it may hold a password.
        raise InvalidRequest(
            "RAGSVC_GENERATOR=openai:URL may have no user, password, query or fragment in its URL",
            hint="put the key into RAGSVC_GENERATOR_API_KEY",
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidRequest(f"RAGSVC_GENERATOR=openai:{text} is no http or https URL", hint=EXAMPLE)
    if url.scheme == "http" and not is_local(url.host):
        log.warning("questions and passages go to %s unencrypted; use https if its network is not yours", url)
    return url


def is_local(host: str) -> bool:
    """Whether a host is by its name this machine or one of a private network; nothing is looked up."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        return "." not in host or host.lower().rstrip(".").endswith(LOCAL_ENDINGS)


def checked_key(key: str | None) -> str | None:
    """The key as it may stand in a header; white space around it, as files leave it, is dropped.

    :raises InvalidRequest: if it holds a space or a character that is not printable ASCII.
    """
    if key is None or not (key := key.strip()):
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidRequest(
            "RAGSVC_GENERATOR_API_KEY holds a character that no key has",
            hint="set it to the key alone, without quotes or line breaks",
        )
    return key
