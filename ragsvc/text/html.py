"""HTML before the parser sees it: UTF-8, without the head that would be printed into the text."""

from __future__ import annotations

import html
import re
from typing import Any

from ragsvc.text.decode import decode_text

_TITLE = re.compile(r"<title\b[^>]*>(.*?)</title\s*>", re.IGNORECASE | re.DOTALL)
_LANGUAGE = re.compile(r"<html\b[^>]*?\blang\s*=\s*[\"']?([A-Za-z0-9-]{2,35})", re.IGNORECASE)
_META = re.compile(r"<meta\b[^>]{0,4000}>", re.IGNORECASE)
_NAME = re.compile(r"\b(?:name|property)\s*=\s*[\"']?(description|author|keywords)[\"'\s/>]", re.IGNORECASE)
_CONTENT = re.compile(r"\bcontent\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_HEAD_CHARS = 200_000


def prepare_html(data: bytes, name: str) -> tuple[bytes, dict[str, Any]]:
    """Decode a page and take its head apart.

    :return: the page as UTF-8 without title and meta elements, and what they said: `title`,
        `language`, `description`, `authors`, `keywords`.
    :raises BrokenDocument: if it is not text.
    """
    page = decode_text(data, name)
    head, rest = page[:_HEAD_CHARS], page[_HEAD_CHARS:]
    properties: dict[str, Any] = {}
    language = _LANGUAGE.search(head)
    if language:
        properties["language"] = language.group(1)
    title = _TITLE.search(head)
    properties["title"] = " ".join(html.unescape(title.group(1)).split()) if title else ""
    for meta in _META.findall(head):
        key, content = _NAME.search(meta), _CONTENT.search(meta)
        if key and content:
            _add_meta(
                properties, key.group(1).lower(), html.unescape(content.group(1) or content.group(2) or "")
            )
    # Only the first title: one inside an inline SVG is part of the page.
    head = _META.sub("", _TITLE.sub("", head, count=1))
    return (head + rest).encode("utf-8", errors="replace"), properties


def _add_meta(properties: dict[str, Any], key: str, content: str) -> None:
    content = " ".join(content.split())
    if not content:
        return
    if key == "author":
        properties.setdefault("authors", [content])
    elif key == "keywords":
        properties.setdefault("keywords", [word.strip() for word in content.split(",") if word.strip()])
    else:
        properties.setdefault(key, content)
