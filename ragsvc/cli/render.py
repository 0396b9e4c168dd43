"""Results for people: answers with sources, hits with snippets, reports and tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ragsvc.cli.output import one_line, safe
from ragsvc.domain import Answer, Citation, Hit, IngestReport, SearchResult

_SNIPPET_CHARS = 280
_SHOWN_FAILURES = 50
_CLOSEST = 3

_HINTS: Mapping[str, str] = {
    "encrypted": "save a copy without a password",
    "broken": "open it in its own program and save it again",
    "no_text": "a scan or picture: install Tesseract, so that its text can be recognised",
    "document_too_large": "raise RAGSVC_MAX_FILE_BYTES, or split it",
    "parser_timeout": "raise RAGSVC_PARSE_TIMEOUT_S, or split it",
    "parser_out_of_memory": "raise RAGSVC_PARSE_MEMORY_BYTES, or split it",
    "parser_crashed": "save it in another format",
    "unsupported_type": "convert it, for example to PDF or Markdown",
    "invalid_line": 'every line of a .jsonl file is an object with "text"',
    "id_conflict": "another source has this document id: rename it, or give the root another name with --as",
    "unreadable": "check its permissions, and whether it changed while it was read",
}


def render_answer(console: Console, answer: Answer) -> None:
    """The answer, then each citation with its place and its quote."""
    console.print(Text(safe(answer.answer), style="" if answer.answered else "yellow"))
    if answer.citations:
        console.print()
    for citation in answer.citations:
        console.print(_source_line(citation))
        quote = Text(f"“{one_line(citation.quote)}”", style="dim")
        console.print(Padding(quote, (0, 0, 0, 4)), soft_wrap=False)
    if not answer.answered and answer.passages:
        console.print("\nClosest passages:")
        for hit in answer.passages[:_CLOSEST]:
            console.print(_place_line(hit))
    console.print()
    facts = f"confidence {answer.confidence:.2f} · {one_line(answer.generator)} · commit {answer.commit}"
    console.print(Text(facts, style="dim"))


def render_search(console: Console, result: SearchResult) -> None:
    """Hits, best first, each with its place and the start of its text."""
    if not result.hits:
        console.print(f"nothing found in {safe(result.corpus)} for “{one_line(result.query, 120)}”")
        return
    for hit in result.hits:
        console.print(_place_line(hit))
        snippet = Padding(Text(one_line(hit.passage.text, _SNIPPET_CHARS)), (0, 0, 0, 4))
        console.print(snippet, soft_wrap=False)
        if hit.duplicates:
            others = ", ".join(one_line(other) for other in hit.duplicates)
            console.print(Text(f"    same text in: {others}", style="dim"))


def render_report(console: Console, report: IngestReport, *, dry_run: bool) -> None:
    """Counts of an ingest, then what failed, with advice for each kind of failure."""
    counts = report.documents
    done = "would be" if dry_run else f"at commit {report.commit}"
    console.print(
        f"{safe(report.corpus)} {done}: {counts.added} added, {counts.changed} changed, "
        f"{counts.unchanged} unchanged, {counts.removed} removed, {counts.skipped} skipped, "
        f"{counts.failed} failed"
    )
    console.print(
        f"chunks: {report.chunks_added} added, {report.chunks_removed} removed; "
        f"{report.embedded} texts embedded; {report.seconds:.1f} s"
    )
    if report.skipped:
        codes = Counter(skip.code for skip in report.skipped)
        console.print("skipped: " + ", ".join(f"{number} {code}" for code, number in codes.most_common()))
    if not report.failures:
        return
    rows = [
        {"source": failure.source, "code": failure.code, "error": failure.error}
        for failure in report.failures[:_SHOWN_FAILURES]
    ]
    console.print("\nFailed:")
    render_table(console, rows, ("source", "code", "error"))
    hidden = len(report.failures) - len(rows)
    if hidden > 0:
        console.print(f"… and {hidden} more; --json lists all")
    for code in sorted({failure.code for failure in report.failures} & set(_HINTS)):
        console.print(f"hint:  {code}: {_HINTS[code]}")


def render_table(console: Console, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows of JSON objects as a table; numbers to the right."""
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for column in columns:
        numeric = all(isinstance(row[column], int) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    console.print(table, soft_wrap=False)


def render_fields(console: Console, fields: Mapping[str, Any]) -> None:
    """One object, a field a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(Text(name, style="bold"), Text(_cell(value)))
    console.print(table, soft_wrap=False)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict) and value.keys() == {"done", "total", "unit"}:
        return f"{value['done']}/{value['total']} {value['unit']}"
    if isinstance(value, dict | list):
        return one_line(json.dumps(value, ensure_ascii=False))
    return one_line(str(value))


def _source_line(citation: Citation) -> Text:
    title = one_line(citation.title) or one_line(citation.document_id)
    return Text.assemble(
        (f"[{citation.marker}] ", "bold cyan"),
        (title, "bold"),
        f" — {_place(citation.source, citation.start, citation.end, citation.page)}",
    )


def _place_line(hit: Hit) -> Text:
    passage = hit.passage
    title = one_line(passage.title) or one_line(passage.document_id)
    return Text.assemble(
        (f"{hit.rank:>3}. ", "bold cyan"),
        (title, "bold"),
        f" — {_place(passage.source, passage.start, passage.end, passage.page)}",
        (f"  {hit.score:.4f}", "dim"),
    )


def _place(source: str, start: int, end: int, page: int | None) -> str:
    where = f"{one_line(source)}:{start}-{end}"
    return where if page is None else f"{where} (page {page})"
