"""What a server says, as it may stand in a message: short, on one line, and without secrets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

CUT = "***"
_BEARER = re.compile(r"\b(bearer)(?:\s|%20|\+)+[^\s\"',;}]+", re.IGNORECASE)
_LOGIN = re.compile(r"//[^/\s@]+@")
MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class ServerName:
    """A server to be spoken of; its text is its name.

    name: how messages call it. key: what it is sent, and what no message may show.
    """

    name: str
    key: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.name

    def quoted(self, text: str) -> str:
        """The start of a foreign text for a message. All that a server says passes here.

        Secrets go first: a key that is cut in its middle would not be found any more.
        """
        for form in _forms(self.key) if self.key else ():
            text = text.replace(form, CUT)
        text = _LOGIN.sub(f"//{CUT}@", _BEARER.sub(rf"\1 {CUT}", text))
        line = " ".join("".join(c if c.isprintable() else " " for c in text[:1000]).split())
        return line if len(line) <= MAX_CHARS else line[:MAX_CHARS] + "…"

    def error_in(self, value: Any) -> str:
        """The words of an error in any of the shapes that servers give it."""
        for name in ("error", "message", "detail"):
            if isinstance(value, dict) and value.get(name):
                return self.error_in(value[name])
        return self.quoted(value if isinstance(value, str) else json.dumps(value))


def _forms(key: str) -> list[str]:
    """The key as it stands in plain text, JSON, Python's notation and URLs; the longest first."""
    in_json = json.dumps(key)[1:-1]
    forms = {key, in_json, in_json.replace("/", "\\/"), repr(key)[1:-1], quote(key), quote(key, safe="")}
    return sorted(forms, key=len, reverse=True)
