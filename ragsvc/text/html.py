"""HTML before the parser sees it: UTF-8, without the head that would be printed into the text."""

from __future__ import annotations

import html
import re
from typing import Any

from ragsvc.text.decode import decode_text

# A tag ends before the next begins: what never ends must not be looked through again from every start.
_TITLE_BEGIN = re.compile(r"<title\b[^<>]*+>", re.IGNORECASE)
_TITLE_END = re.compile(r"</title\s*+>", re.IGNORECASE)
_ROOT = re.compile(r"<html\b[^<>]*+", re.IGNORECASE)
_LANGUAGE = re.compile(r"\blang\s*+=\s*+[\"']?([A-Za-z0-9-]{2,35})", re.IGNORECASE)
_META = re.compile(r"<meta\b[^<>]{0,4000}>", re.IGNORECASE)
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
    root = _ROOT.search(head)
    language = _LANGUAGE.search(root.group()) if root else None
    if language:
        properties["language"] = language.group(1)
    title, head = _take_title(head)
    properties["title"] = " ".join(html.unescape(title).split())
    for meta in _META.findall(head):
        key, content = _NAME.search(meta), _CONTENT.search(meta)
        if key and content:
            _add_meta(
                properties, key.group(1).lower(), html.unescape(content.group(1) or content.group(2) or "")
            )
    return (_META.sub("", head) + rest).encode("utf-8", errors="replace"), properties


def _take_title(head: str) -> tuple[str, str]:
    """Only the first title: one inside an inline SVG is part of the page."""
    begin = _TITLE_BEGIN.search(head)
    end = _TITLE_END.search(head, begin.end()) if begin else None
    if begin is None or end is None:
        return "", head
    return head[begin.end() : end.start()], head[: begin.start()] + head[end.end() :]


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
