"""What an ingest did, for people: counts, then every file of which something was not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from ragsvc.cli.output import safe
from ragsvc.cli.render import render_table
from ragsvc.domain import IngestReport, SkippedSource

_SHOWN_FAILURES = 50
_SHOWN_WARNINGS = 20
_SHOWN_SKIPPED = 20
# What everybody leaves out is counted, and not named unless asked for.
_EXPECTED_SKIPS = ("hidden", "ignored", "excluded", "duplicate_link")

# A failure says itself what is wrong with its file; these are the limits that a setting moves.
_HINTS: Mapping[str, str] = {
    "document_too_large": "RAGSVC_MAX_FILE_BYTES is the limit",
    "parser_timeout": "RAGSVC_PARSE_TIMEOUT_S is the limit",
    "parser_out_of_memory": "RAGSVC_PARSE_MEMORY_BYTES is the limit",
    "id_conflict": "--as gives a root another name",
}


def render_report(console: Console, report: IngestReport, *, dry_run: bool) -> None:
    """Counts of an ingest, then what was skipped, warned of, and failed, with advice for each kind."""
    counts = report.documents
    done = "would be" if dry_run else f"at commit {report.commit}"
    warned = len({caveat.source for caveat in report.warnings})
    console.print(
        f"{safe(report.corpus)} {done}: {counts.added} added, {counts.changed} changed, "
        f"{counts.unchanged} unchanged, {counts.removed} removed, {counts.skipped} skipped, "
        f"{counts.failed} failed" + (f"; {warned} with warnings" if warned else "")
    )
    console.print(
        f"chunks: {report.chunks_added} added, {report.chunks_removed} removed; "
        f"{report.embedded} texts embedded; {report.seconds:.1f} s"
    )
    for notice in report.notices:
        console.print(f"note: {safe(notice)}")
    _render_skipped(console, report.skipped)
    if report.warnings:
        rows = [
            {"source": caveat.source, "code": caveat.code, "message": caveat.message}
            for caveat in report.warnings[:_SHOWN_WARNINGS]
        ]
        console.print("\nWarnings:")
        render_table(console, rows, ("source", "code", "message"))
        _render_hidden(console, len(report.warnings) - len(rows))
    if report.failures:
        _render_failures(console, report)


def warning_rows(documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A row a warning, from documents as JSON."""
    return [
        {"document_id": document["document_id"], **caveat}
        for document in documents
        for caveat in document["warnings"]
    ]


def _render_skipped(console: Console, skipped: Sequence[SkippedSource]) -> None:
    if not skipped:
        return
    codes = Counter(skip.code for skip in skipped)
    console.print("skipped: " + ", ".join(f"{number} {code}" for code, number in codes.most_common()))
    named = [skip for skip in skipped if skip.code not in _EXPECTED_SKIPS]
    if not named:
        return
    rows = [{"source": skip.source, "code": skip.code} for skip in named[:_SHOWN_SKIPPED]]
    console.print("\nSkipped:")
    render_table(console, rows, ("source", "code"))
    _render_hidden(console, len(named) - len(rows))


def _render_failures(console: Console, report: IngestReport) -> None:
    rows = [
        {"source": failure.source, "code": failure.code, "error": failure.error}
        for failure in report.failures[:_SHOWN_FAILURES]
    ]
    console.print("\nFailed:")
    render_table(console, rows, ("source", "code", "error"))
    _render_hidden(console, len(report.failures) - len(rows))
    for code in sorted({failure.code for failure in report.failures} & set(_HINTS)):
        console.print(f"hint:  {code}: {_HINTS[code]}")


def _render_hidden(console: Console, number: int) -> None:
    if number > 0:
        console.print(f"… and {number} more; --json lists all")
