"""What clients are not shown: where the server's files and its models are."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.types import Scope

from ragsvc.errors import RagsvcError
from ragsvc.models.display_name import shown_name
from ragsvc.settings import Settings

log = logging.getLogger("ragsvc.api")

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""What this machine is called by itself; no secret to anybody."""
HIDDEN = "***"
ASK_LOG = "the log of the server says more"
_URL = re.compile(
    r"(?:\bopenai:)?(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,20}://(?:\[[0-9a-f:.%]{2,60}\])?[^\s'\"<>)\]},;]*",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d++)?(?!(?:[^\W\d]|\.)*+\d)"
    r"|\[(?=[0-9a-fA-F.%]{0,60}+:[0-9a-fA-F.%]{0,60}+:)[0-9a-fA-F:.%]{3,60}\](?::\d+)?"
)
_QUOTED_PATH = re.compile(r"(['\"])(?:~|\.{1,2})?/[^'\"\n]*/([^'\"/\n]+)/?\1")
# Routes of this server begin with /v1/.
_PATH = re.compile(r"(?<![\w/.:~*-])(?!/v1/)~?/(?:[^\s/'\"(),;:]+/)+[^\s/'\"(),;:]*")


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes addresses and folders out of words.

    named: patterns of what the settings name, with what is said instead; the longest first.
    """

    named: tuple[tuple[re.Pattern[str], str], ...] = ()

    @classmethod
    def of_settings(cls, settings: Settings) -> Redactor:
        """A redactor of what the settings of a server name."""
        kind, _, rest = settings.generator.partition(":")
        places = [str(settings.home.resolve()), settings.embedder, settings.reranker]
        named = dict(_folders(places if kind == "openai" else [*places, rest]))
        if kind == "openai" and rest:
            model = shown_name(settings.generator_model or "")
            host = _host(rest)
            if "." in host and host not in LOOPBACK:
                named[host] = HIDDEN
            named[f"openai:{rest.rstrip('/')}"] = f"openai:{model}" if model else "the model's server"
        longest_first = sorted(named.items(), key=lambda row: -len(row[0]))
        return cls(tuple((_whole(place), name) for place, name in longest_first))

    @classmethod
    def of_scope(cls, scope: Scope) -> Redactor:
        """The redactor of the server that a request is for."""
        app = scope.get("app")
        state = None if app is None else getattr(app.state, "ragsvc", None)
        return cls() if state is None else state.redactor

    def known(self, text: str) -> str:
        """Words without what the settings name."""
        for pattern, name in self.named:
            text = pattern.sub(lambda _, name=name: name, text)  # type: ignore[misc]
        return text

    def over(self, text: str) -> str:
        """Words without what looks like a URL, an IP address or a path; of a path its last part is left."""
        text = _ADDRESS.sub(HIDDEN, _URL.sub(HIDDEN, self.known(text)))
        text = _QUOTED_PATH.sub(r"\1\2\1", text)
        return _PATH.sub(lambda found: shown_name(found.group(0)), text)

    def over_error(self, error: RagsvcError) -> tuple[str, str]:
        """Message and hint of what is the operator's to mend; the log gets them as they are.

        Of a remote model it has them already, without the words of its server, which may repeat a question.
        """
        message, hint = self.over(error.message), self.over(error.hint)
        if (message, hint) != (error.message, error.hint) and "openai:" not in error.message:
            log.warning("%s: %s; %s", error.code, error.message, error.hint or "no hint")
        return message, hint if hint == error.hint else ASK_LOG


def without_folders(shape: Any) -> Any:
    """JSON in which an embedder that is a folder is called by its name alone."""
    if isinstance(shape, dict):
        return {
            name: shown_name(value)
            if name == "embedder" and isinstance(value, str)
            else without_folders(value)
            for name, value in shape.items()
        }
    return [without_folders(item) for item in shape] if isinstance(shape, list) else shape


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _whole(place: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w./-]){re.escape(place)}(?![\w-]|\.\w)")


def _folders(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Absolute paths with what is said instead; one folder below the root tells nothing, and is a word."""
    for name in names:
        if (short := shown_name(name)) == name:
            continue
        yield from ((path, short) for path in (name.rstrip("/"), _resolved(name)) if path.count("/") > 1)


def _resolved(name: str) -> str:
    try:
        return str(Path(name).expanduser().resolve())
    except (OSError, RuntimeError):
        return ""
