"""Where links lead to, in passages and in what a model writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

from ragsvc.domain import Hit

SCHEMES = (
    "http://", "https://", "ftp://", "file://", "ws://", "wss://", "//", "www.",
    "javascript:", "vbscript:", "data:",
)  # fmt: skip
"""How an address begins that a client may make a link of."""

PUNCTUATION = ".,;:!?*_'\"’”)}"
"""What after an address belongs to the sentence."""

_URL = re.compile(r"(?<![^\W_])(?:[a-z][a-z0-9+.-]{0,30}:|www\.|//)[^\s<>\"`|\[\]]+", re.IGNORECASE)
_LINK = re.compile(
    r"\]\(\s*<?([^\s)>]+)|\]:\s*<?([^\s>]+)|\b(?:href|src)\s*=\s*[\"']?([^\s\"'>]+)", re.IGNORECASE
)
_NAME = re.compile(r"</?([a-z!?][\w:!-]*)", re.IGNORECASE)
_LOADING = frozenset((
    "a", "area", "audio", "base", "body", "button", "embed", "form", "frame", "frameset", "iframe", "image",
    "img", "input", "link", "math", "meta", "object", "picture", "script", "source", "style", "svg", "track",
    "use", "video",
))  # fmt: skip
_ATTRIBUTE = re.compile(r"[\s/\"']([\w:]++)\s*+=")
_LOADING_ATTRIBUTES = frozenset(("style", "background", "data", "poster", "cite", "ping"))


class Targets:
    """What the passages link to; their sources, where these are addresses."""

    def __init__(self, passages: Iterable[Hit]) -> None:
        """Collect them."""
        self._known: Set[str] = frozenset(
            _alike(form)
            for hit in passages
            for target in _targets(hit)
            for form in (target, _trimmed(target))
        )

    def __contains__(self, target: str) -> bool:
        return bool(target) and _alike(target) in self._known


def is_loading(tag: str) -> bool:
    """Whether a tag of HTML, perhaps without its end, loads, links or runs something, or hides text."""
    name = _NAME.match(tag)
    return name is not None and (
        name.group(1).lower() in _LOADING
        or name.group(1)[0] in "!?"
        or any(_loads(found.group(1).lower()) for found in _ATTRIBUTE.finditer(tag))
    )


def _loads(attribute: str) -> bool:
    """Whether an attribute's value is loaded, linked to, run, or hides text."""
    return (
        attribute in _LOADING_ATTRIBUTES
        or (attribute.startswith("on") and len(attribute) > len("on"))
        or "src" in attribute
        or attribute.endswith(("href", "action"))
    )


def _targets(hit: Hit) -> Iterable[str]:
    passage = hit.passage
    text = "\n".join((passage.title, *passage.headings, passage.text))
    yield from (found.group() for found in _URL.finditer(text))
    yield from (target for found in _LINK.finditer(text) for target in found.groups() if target)
    if _URL.fullmatch(passage.source):
        yield passage.source


def _trimmed(target: str) -> str:
    return target.rstrip(PUNCTUATION)


def _alike(target: str) -> str:
    return target.rstrip("/")
