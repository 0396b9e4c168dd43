"""Citations as the annotations of a chat message: where its markers stand, and a URL for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from ragsvc.api.openai.views import AnnotationView, UrlCitationView
from ragsvc.domain import Answer, Citation
from ragsvc.service.json_values import JsonObject, encodable

_MARKER = re.compile(r"(?<![^\s\]])\[(\d{1,4})\]")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_WEB = ("http://", "https://")
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")


def base_of(request: Request) -> str:
    """URL of this server, as the client called it; "" where that is not to be told."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else ""


def annotations_of(answer: Answer, base: str) -> list[JsonObject]:
    """One for each document of each marker, in the order of the text; offsets are code points of it.

    :param base: URL of this server: of documents without a URL of their own it gives the quote.
    """
    cited: dict[int, dict[tuple[str, str], Citation]] = {}
    for citation in answer.citations:
        place = (citation.corpus or answer.corpus, citation.document_id)
        cited.setdefault(citation.marker, {}).setdefault(place, citation)
    return [
        _annotation(citation, start, end, f"{base}/v1/corpora/{corpus}/text")
        for start, end, number in _markers(answer.answer)
        for (corpus, _), citation in cited.get(number, {}).items()
    ]


def _markers(text: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and number of every marker; what looks like one in a block of code is none."""
    fences = [(found.start(), found.group(1)) for found in _FENCE.finditer(text)]
    blocks: list[tuple[int, int]] = []
    opened: tuple[int, str] | None = None
    for start, fence in fences:
        if opened is None:
            opened = start, fence
        elif fence.startswith(opened[1]):
            blocks.append((opened[0], start))
            opened = None
    if opened is not None:
        blocks.append((opened[0], len(text)))
    waiting = iter(blocks)
    block = next(waiting, None)
    for found in _MARKER.finditer(text):
        while block is not None and block[1] <= found.start():
            block = next(waiting, None)
        if block is None or found.start() < block[0]:
            yield found.start(), found.end(), int(found.group(1))


def _annotation(citation: Citation, start: int, end: int, route: str) -> JsonObject:
    title = encodable(citation.title or citation.document_id)
    link = UrlCitationView.model_construct(
        start_index=start, end_index=end, title=title, url=_url(citation, route)
    )
    return AnnotationView.model_construct(type="url_citation", url_citation=link).json_object()


def _url(citation: Citation, route: str) -> str:
    source = encodable(citation.source)
    if source.startswith(_WEB):
        return quote(source, safe="%/:?#[]@!$&'()*+,;=~")
    asked: Mapping[str, Any] = {
        "document_id": encodable(citation.document_id),
        "version": citation.version,
        "start": citation.start,
        "end": citation.end,
    }
    return f"{route}?{urlencode(asked)}"
