"""`ragsvc sessions list | show | rename | delete | export`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import HomeOption, JsonOption
from ragsvc.cli.output import make_console, one_line, safe, write_json, write_line, write_more
from ragsvc.cli.output_files import OutputFile
from ragsvc.cli.session import local_caller, session_of

if TYPE_CHECKING:
    from ragsvc.service.views.records import SessionView

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=False, help="List, show, rename, delete and export conversations."
)

SessionArgument = Annotated[str, typer.Argument(metavar="SESSION", help="Session id, as list shows it.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many at most.")]
CursorOption = Annotated[
    str | None, typer.Option("--cursor", metavar="CURSOR", help="Where the list before ended.")
]


@app.command("list")
def list_sessions(
    context: typer.Context,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """List conversations, latest first."""
    from ragsvc.cli.render import render_table
    from ragsvc.service.views.records import SessionsView

    with session_of(context).service(home) as service:
        found, following = service.records.sessions(local_caller(), cursor=cursor, limit=limit)
    view = SessionsView.of(found, following)
    if as_json:
        write_json(view)
    elif view.sessions:
        columns = ("id", "title", "turn_count", "owner", "updated_at")
        render_table(make_console(sys.stdout), view.json_object()["sessions"], columns)
        write_more(following)
    else:
        write_line("no session", sys.stderr)
    return 0


@app.command("show")
def show_session(
    context: typer.Context,
    session_id: SessionArgument,
    limit: LimitOption = 100,
    cursor: CursorOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show the latest turns of a conversation, oldest first."""
    from ragsvc.service.views.records import SessionDetailsView

    with session_of(context).service(home) as service:
        found, turns, earlier = service.records.session(
            local_caller(), session_id, cursor=cursor, limit=limit
        )
    if as_json:
        write_json(SessionDetailsView.of_turns(found, turns, earlier))
        return 0
    write_line(f"{one_line(found.title) or 'without a title'}, by {one_line(found.owner)}", sys.stdout)
    for turn in turns:
        write_line(f"\n{turn.created_at}  record {turn.id}", sys.stdout)
        write_line(f"> {safe(turn.question) or '(text not kept)'}", sys.stdout)
        write_line(safe(turn.answer) or "(text not kept)", sys.stdout)
    write_more(earlier)
    return 0


@app.command("rename")
def rename_session(
    context: typer.Context,
    session_id: SessionArgument,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Its new title.")],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Give a conversation another title."""
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.records import SessionView

    with session_of(context).service(home) as service:
        found = service.records.rename_session(local_caller(), session_id, encodable(title))
    if as_json:
        write_json(SessionView.of(found))
    else:
        write_line(f"session {found.id} is {one_line(found.title)!r}", sys.stdout)
    return 0


@app.command("delete")
def delete_session(
    context: typer.Context, session_id: SessionArgument, as_json: JsonOption = False, home: HomeOption = None
) -> int:
    """Delete a conversation with its records and what is said of them; nothing of it stays in the files."""
    with session_of(context).service(home) as service:
        turns = service.records.delete_session(local_caller(), session_id)
    if as_json:
        write_json({"session": session_id, "deleted": turns})
    else:
        write_line(f"deleted session {safe(session_id)} with {turns} records", sys.stdout)
    return 0


@app.command("export")
def export_session(
    context: typer.Context,
    session_id: SessionArgument,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="JSON file to write.")],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Write a conversation with all that is kept of it to a JSON file."""
    from ragsvc.service.views.records import RecordView, SessionView

    target = OutputFile.tried(path, "FILE")
    number = 0
    with session_of(context).service(home) as service, target.opened() as file:
        found, turns = service.records.every_turn(local_caller(), session_id)
        # The shape of `show --json`, written as the turns are read: there may be any number.
        file.write(_members(SessionView.of(found)) + b',\n  "turns": [')
        for number, turn in enumerate(turns, 1):
            line = json.dumps(RecordView.of(turn).json_object(), ensure_ascii=False)
            file.write(f"{',' if number > 1 else ''}\n    {line}".encode())
        file.write(b"\n  ]\n}\n")
    if as_json:
        write_json({"session": found.id, "file": str(path), "records": number})
    else:
        write_line(f"wrote {number} records to {safe(str(path))}", sys.stdout)
    return 0


def _members(view: SessionView) -> bytes:
    """An object of JSON without its last brace."""
    return json.dumps(view.json_object(), ensure_ascii=False, indent=2).removesuffix("\n}").encode()
