"""`ragsvc records list | show | export | delete | forget | to-golden`, and `ragsvc usage`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from ragsvc.cli.options import HomeOption, JsonOption, parse_filter
from ragsvc.cli.output import make_console, one_line, safe, write_json, write_line, write_more
from ragsvc.cli.output_files import OutputFile
from ragsvc.cli.session import local_caller, session_of
from ragsvc.cli.sessions import CursorOption, LimitOption
from ragsvc.errors import InvalidRequest

if TYPE_CHECKING:
    from ragsvc.service.json_values import JsonObject

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=False,
    help="List, show, export and delete what was asked and answered; make a golden set of ratings.",
)

RecordArgument = Annotated[str, typer.Argument(metavar="RECORD", help="Record id, as list shows it.")]
RecordFilter = Annotated[
    str | None,
    typer.Option("--filter", metavar="JSON", help='Only records that match, such as {"answered": false}.'),
]
_QUESTION_CHARS = 60


@app.command("list")
def list_records(
    context: typer.Context,
    where: RecordFilter = None,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """List records, latest first."""
    from ragsvc.cli.render import render_table
    from ragsvc.service.views.records import RecordsView

    with session_of(context).service(home) as service:
        found, following = service.records.page(
            local_caller(), parse_filter(where), cursor=cursor, limit=limit
        )
    view = RecordsView.of(found, following)
    if as_json:
        write_json(view)
    elif view.records:
        columns = ("id", "created_at", "corpora", "question", "answered", "confidence", "score")
        rows = [_row(record) for record in view.json_object()["records"]]
        render_table(make_console(sys.stdout), rows, columns)
        write_more(following)
    else:
        write_line("no record", sys.stderr)
    return 0


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    scores = [said["score"] for said in record["feedback"]]
    return {
        **record,
        "corpora": ",".join(record["corpora"]),
        "question": one_line(record["question"], _QUESTION_CHARS),
        "answered": "yes" if record["answered"] else "no",
        "confidence": f"{record['confidence']:.2f}",
        "score": f"{sum(scores) / len(scores):+.2f}" if scores else "",
    }


@app.command("show")
def show_record(
    context: typer.Context, record_id: RecordArgument, as_json: JsonOption = False, home: HomeOption = None
) -> int:
    """Show one record with what is said of it."""
    from ragsvc.cli.render import render_fields
    from ragsvc.service.views.records import RecordView

    with session_of(context).service(home) as service:
        view = RecordView.of(service.records.get(local_caller(), record_id))
    if as_json:
        write_json(view)
    else:
        render_fields(make_console(sys.stdout), view.json_object())
    return 0


@app.command("export")
def export_records(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")],
    where: RecordFilter = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="As Parquet; FILE.parquet is in any case.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Write records to a file, latest first: one JSON object a line, or Parquet."""
    from ragsvc.service.views.records import RecordView

    write = _write_parquet if parquet or path.suffix.lower() == ".parquet" else _write_lines
    target = OutputFile.tried(path, "FILE")
    with session_of(context).service(home) as service:
        found = service.records.every(local_caller(), parse_filter(where))
        with target.opened() as file:
            number = write(file, (RecordView.of(each).json_object() for each in found))
    if as_json:
        write_json({"file": str(path), "records": number})
    else:
        write_line(f"wrote {number} records to {safe(str(path))}", sys.stdout)
    return 0


def _write_lines(file: BinaryIO, records: Iterable[JsonObject]) -> int:
    number = 0
    for each in records:
        file.write(json.dumps(each, ensure_ascii=False).encode() + b"\n")
        number += 1
    return number


def _write_parquet(file: BinaryIO, records: Iterable[JsonObject]) -> int:
    from ragsvc.pipeline.transfer.parquet import write_records

    return write_records(file, records)


@app.command("delete")
def delete_records(
    context: typer.Context,
    record_id: Annotated[
        str | None,
        typer.Argument(metavar="[RECORD]", help="Record id, as list shows it.", show_default=False),
    ] = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="All of whoever types: sessions, records and feedback.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Delete a record with its feedback, or with --mine all; nothing of them stays in the files."""
    if (record_id is None) is not mine:
        raise InvalidRequest("name one record, or --mine", hint="ragsvc records list shows what there is")
    with session_of(context).service(home) as service:
        if record_id is None:
            gone = service.records.delete_own(local_caller())
        else:
            service.records.delete(local_caller(), record_id)
            gone = 1
    if as_json:
        write_json({"deleted": gone})
    else:
        write_line(f"deleted {gone} {'record' if gone == 1 else 'records'}", sys.stdout)
    return 0


@app.command("forget")
def forget_document(
    context: typer.Context,
    corpus: Annotated[str, typer.Option("--corpus", metavar="CORPUS", help="Corpus of the document.")],
    document_id: Annotated[
        str, typer.Option("--document", metavar="DOCUMENT", help="Document id, which may be gone already.")
    ],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Blank the answers and quotes of all records that read a document; figures and questions stay."""
    from ragsvc.service.json_values import encodable

    wanted = encodable(document_id)
    with session_of(context).service(home) as service:
        number = service.records.forget_document(local_caller(), corpus, wanted)
    if as_json:
        write_json({"corpus": corpus, "document_id": wanted, "blanked": number})
    else:
        write_line(f"blanked {number} {'answer' if number == 1 else 'answers'}", sys.stdout)
    return 0


@app.command("to-golden")
def to_golden(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines file to write.")],
    corpus: Annotated[
        str | None,
        typer.Option(
            "--corpus", metavar="CORPUS", show_default=False, help="Only answers from this corpus alone."
        ),
    ] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Also those that no person asked.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Make questions of rated answers; `ragsvc eval answers CORPUS --questions FILE` takes them."""
    from ragsvc.evaluation.drafts.rated_questions import rated_questions

    target = OutputFile.tried(path, "FILE")
    with session_of(context).service(home) as service:
        found = rated_questions(service.records.every(local_caller()), corpus=corpus, synthetic=synthetic)
    if found.lines:
        target.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in found.lines))
    skipped = {gap.value: count for gap, count in found.skipped.items()}
    if as_json:
        file = str(path) if found.lines else None
        write_json({"file": file, "questions": len(found.lines), "skipped": skipped})
        return 0
    if found.lines:
        write_line(f"wrote {len(found.lines)} questions to {safe(str(path))}", sys.stdout)
    else:
        write_line("no rated answer says what is right; nothing was written", sys.stdout)
    for gap, count in skipped.items():
        write_line(f"left out: {count} {gap.replace('_', ' ')}", sys.stderr)
    return 0


def usage(
    context: typer.Context,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="How many, today included.")] = 30,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show by day (UTC) and corpus what was asked, refused and rated, and how long it took."""
    from ragsvc.cli.render import render_table
    from ragsvc.service.views.records import UsageReportView

    with session_of(context).service(home) as service:
        view = UsageReportView.of(days, service.records.usage(local_caller(), days))
    if as_json:
        write_json(view)
    elif view.usage:
        rows = [
            {name: "" if value is None else _figure(value) for name, value in row.items()}
            for row in view.json_object()["usage"]
        ]
        render_table(make_console(sys.stdout), rows, tuple(rows[0]))
    else:
        write_line(f"nothing was asked in the last {days} days", sys.stderr)
    return 0


def _figure(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, float) else value
