"""Jupyter notebooks: cells in order as Markdown, with what they printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ragsvc.errors import BrokenDocument

_MAX_OUTPUT_CHARS = 4000


def read_notebook(text: str, name: str) -> str:
    """Write a notebook as Markdown; pictures and pages among the outputs are left out.

    :raises BrokenDocument: if it is no notebook.
    """
    try:
        book = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenDocument(f"{name} is no notebook: {error}", hint="Save it again.") from error
    cells = book.get("cells") if isinstance(book, dict) else None
    if cells is None and isinstance(book, dict):
        sheets = book.get("worksheets")  # before version 4
        cells = [cell for sheet in _dicts(sheets) for cell in _dicts(sheet.get("cells"))]
    if not isinstance(cells, list):
        raise BrokenDocument(f"{name} is no notebook: it has no cells", hint="Save it again.")
    language = _language(book)
    return "\n\n".join(block for cell in _dicts(cells) for block in _blocks(cell, language)) + "\n"


def _language(book: Mapping[str, Any]) -> str:
    metadata = book.get("metadata")
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        found = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(found, dict) and isinstance(found.get(name), str) and found[name].isalnum():
            return str(found[name])
    return ""


def _blocks(cell: Mapping[str, Any], language: str) -> Iterator[str]:
    source = _joined(cell.get("source", cell.get("input"))).strip("\n")
    if cell.get("cell_type") != "code":
        if source.strip():
            yield source
        return
    if source.strip():
        yield _fenced(source, language)
    for output in _dicts(cell.get("outputs")):
        data = output.get("data")
        said = output.get("text") or (data.get("text/plain") if isinstance(data, dict) else None)
        printed = _joined(said).strip("\n")[:_MAX_OUTPUT_CHARS]
        if printed.strip():
            yield _fenced(printed, "")


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
