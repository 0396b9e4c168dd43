"""How anything reaches the screen: JSON on stdout, text for people through rich."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from ragsvc.errors import InternalError, RagsvcError

if TYPE_CHECKING:
    from rich.console import Console

    from ragsvc.service.json_values import View

# Documents are hostile until shown otherwise: no escape sequence, no invisible reordering.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# Commands in a hint that work on a home; not `--help`, nor an export that was made somewhere.
_COMMAND = re.compile(
    r"\bragsvc (ask|corpora|documents|gc|generate|ingest|jobs|log|models|rebuild|records|reindex|rollback"
    r"|search|sessions|tag|train|usage|verify)\b"
    r"(?!.*--help)"
)

# So wide that nothing is wrapped or cut when the reader is a program.
_PIPE_WIDTH = 1 << 16
LOG_NAME = "error.log"


class ClosedPipe(Exception):
    """Whoever read our output went away."""


def safe(text: str) -> str:
    """Replace what a terminal would obey or could not encode, and show what nobody would see as an escape.

    Line ends and tabs stay.
    """
    if text.isascii():
        return _UNSAFE.sub("\ufffd", text)
    from ragsvc.text.invisibles import spelt

    return spelt(_UNSAFE.sub("\ufffd", text))


def one_line(text: str, limit: int | None = None) -> str:
    """A safe text on one line, cut at a word near `limit` characters."""
    line = " ".join(safe(text).split())
    if limit is None or len(line) <= limit:
        return line
    head, _, _ = line[: limit - 1].rpartition(" ")
    return (head or line[: limit - 1]) + "…"


def make_console(stream: TextIO) -> Console:
    """A rich console that writes to stream; it interprets no markup inside the texts."""
    from rich.console import Console

    class QuietConsole(Console):
        """A console that leaves a closed pipe to us."""

        def on_broken_pipe(self) -> NoReturn:
            raise ClosedPipe

    width = None if stream.isatty() else _PIPE_WIDTH
    return QuietConsole(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)


def prepare_streams() -> None:
    """Let stdout and stderr write what their encoding lacks as an escape, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write_json(content: View | Mapping[str, Any]) -> None:
    """Print a view or one JSON object, and a line end, on stdout.

    :raises ClosedPipe: if nobody reads it.
    """
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    value = content if isinstance(content, Mapping) else content.json_object()
    text = json.dumps(value, ensure_ascii=encoding != "utf8", allow_nan=False)
    write_line(text, sys.stdout)


def write_more(following: str | None) -> None:
    """Tell whoever reads a page of a list how to get the next one, if there is one."""
    if following is not None:
        write_line(f"there are more: --cursor {following}", sys.stderr)


def write_line(text: str, stream: TextIO) -> None:
    """Print a line at once.

    :raises ClosedPipe: if nobody reads it.
    """
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        raise ClosedPipe from None


def say_waiting(message: str) -> None:
    """Tell on stderr what a command waits for."""
    write_line(safe(message), sys.stderr)


def write_error(error: RagsvcError, *, as_json: bool, home: Path | None = None) -> None:
    """Show an error: as the contract's object on stdout, or as lines on stderr.

    home: what was typed after `--home`, for commands that the hint advises.
    """
    hint = error.hint
    if home is not None and _COMMAND.search(hint):
        hint += f" (with --home {shlex.quote(str(home))})"
    if as_json:
        from ragsvc.service.views.jobs import ErrorView

        write_json({"error": ErrorView.of(error, hint).json_object()})
        return
    write_line(f"error: {safe(error.message)} [{error.code}]", sys.stderr)
    if hint:
        write_line(f"hint:  {safe(hint)}", sys.stderr)


def describe_crash(error: BaseException, home: Path | None) -> InternalError:
    """Write the traceback to a file that only its owner reads, and name that file.

    home: where `error.log` grows; without a writable home, a new temporary file is made.
    """
    import traceback

    details = "".join(traceback.format_exception(error))
    entry = f"--- {datetime.now(UTC).isoformat(timespec='seconds')}\n{details}\n"
    place = _append(home, entry) if home is not None and home.is_dir() else None
    if place is None:
        place = _write_temporary(entry)
    summary = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    where = f"the details are in {place}" if place is not None else "the details could not be written"
    return InternalError(f"something went wrong inside ragsvc ({summary})", hint=where)


def _append(home: Path, entry: str) -> Path | None:
    path = (home / LOG_NAME).absolute()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(entry)
    except OSError:
        return None
    return path


def _write_temporary(entry: str) -> Path | None:
    import tempfile

    try:
        descriptor, name = tempfile.mkstemp(prefix="ragsvc-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(entry)
    except OSError:
        return None
    return Path(name)
