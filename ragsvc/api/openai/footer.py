"""The list of sources that may end a chat message."""

from __future__ import annotations

import re
from urllib.parse import quote

from ragsvc.domain import Answer, Citation
from ragsvc.service.json_values import encodable

LEAD = "\n\n---\n\n**Sources**\n\n"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>~|#])")
_SPACE = re.compile(r"\s+")


def footer(answer: Answer) -> str:
    """Markdown that names the document of every marker; "" for an answer without citations."""
    lines: dict[tuple[int, str], str] = {}
    for citation in answer.citations:
        lines.setdefault((citation.marker, citation.document_id), _line(citation))
    return LEAD + "\n".join(lines.values()) if lines else ""


def without_footer(text: str) -> str:
    """A message without the list of sources that this server put at its end."""
    return text.partition(LEAD)[0]


def _line(citation: Citation) -> str:
    name = _escaped(citation.title or citation.document_id)
    if citation.source.startswith(("http://", "https://")):
        name = f"[{name}]({quote(citation.source, safe=_URL_SAFE)})"
    elif citation.title not in ("", citation.document_id):
        name = f"{name} ({_escaped(citation.document_id)})"
    page = "" if citation.page is None else f", page {citation.page}"
    return f"- [{citation.marker}] {name}{page}"


# Parentheses would end the link.
_URL_SAFE = "%/:?#[]@!$&'*+,;=~"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _SPACE.sub(" ", encodable(text)).strip())
