"""Reads the file of `--history`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragsvc.errors import InvalidRequest, SourceNotFound

if TYPE_CHECKING:
    from ragsvc.domain import Turn

HistoryOption = Annotated[
    Path | None,
    typer.Option(
        "--history",
        metavar="FILE",
        show_default=False,
        help='The conversation so far: a JSON list of {"role": "user" or "assistant", "content": "..."}.',
    ),
]

_HINT = 'write [{"role": "user", "content": "What is a VAE?"}, {"role": "assistant", "content": "..."}]'
_MEMBERS = {"role", "content"}


def read_history(path: Path | None) -> tuple[Turn, ...]:
    """Read a conversation, oldest turn first; () without a file.

    :raises SourceNotFound: if the file cannot be read.
    :raises InvalidRequest: if it is not a list of turns.
    """
    if path is None:
        return ()
    try:
        entries = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SourceNotFound(f"--history: cannot read {path}: {error.strerror}", hint=_HINT) from error
    except RecursionError:
        raise InvalidRequest(f"--history: {path} is nested too deeply", hint=_HINT) from None
    except ValueError as error:
        raise InvalidRequest(f"--history: {path} is not JSON: {error}", hint=_HINT) from error
    if not isinstance(entries, list):
        raise InvalidRequest(f"--history: {path} is not a JSON list", hint=_HINT)
    return tuple(_turn(entry, f"--history: {path}, entry {number}") for number, entry in enumerate(entries))


def _turn(entry: Any, where: str) -> Turn:
    # Here, because importing the domain would bring numpy into `ragsvc --help`.
    from ragsvc.domain import Role, Turn
    from ragsvc.service.json_values import encodable

    if not isinstance(entry, dict) or entry.keys() != _MEMBERS:
        raise InvalidRequest(f"{where}: not an object with role and content alone", hint=_HINT)
    role, content = entry["role"], entry["content"]
    if role not in tuple(Role):
        raise InvalidRequest(f"{where}: role is neither user nor assistant", hint=_HINT)
    if not isinstance(content, str):
        raise InvalidRequest(f"{where}: content is not a string", hint=_HINT)
    return Turn(Role(role), encodable(content))
