"""What a model is called before those who ask: never where it lies."""

from __future__ import annotations

import re

_PLACE = re.compile(r"\A(?:[/~.\\]|[A-Za-z]:[/\\])")
_STEPS = re.compile(r"[/\\]+")


def shown_name(name: str) -> str:
    """The last part of what is a path by its look; other names, such as "owner/model", as they are."""
    if not _PLACE.match(name):
        return name
    steps = [step for step in _STEPS.split(name) if step not in ("", ".", "..", "~")]
    return steps[-1] if steps else "model"
