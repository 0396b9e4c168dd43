"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        show_default=False,
        help="Folder of the catalog and the indexes. [RAGSVC_HOME; default: indexes]",
    ),
]
CorpusArgument = Annotated[str, typer.Argument(metavar="CORPUS", help="Name of the corpus.")]
CorporaArgument = Annotated[
    str, typer.Argument(metavar="CORPUS", help="Name of the corpus, or several: one,two.")
]
FilterOption = Annotated[
    str | None,
    typer.Option("--filter", metavar="JSON", help='Only documents that match, such as {"lang": "en"}.'),
]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="REF", show_default=False, help="As it was at a commit number, a tag, or head~N."
    ),
]

_FILTER_HINT = """--filter '{"lang": "en"}' or --filter '{"year": {"$gte": 2020}}'"""


def parse_filter(text: str | None) -> Mapping[str, Any] | None:
    """Read the value of `--filter`.

    :raises InvalidFilter: if it is not a JSON object.
    """
    from ragsvc.service.json_values import filter_of

    return None if text is None else filter_of(text, "--filter", _FILTER_HINT)


def corpus_names(text: str) -> tuple[str, ...]:
    """Split `one,two` into names; whether they are names is for the service to say."""
    return tuple(name.strip() for name in text.split(","))


def reference(text: str | None) -> str | None:
    """The value of `--at` in a form that can be looked up, whatever bytes the shell passed on."""
    from ragsvc.service.json_values import encodable

    return None if text is None else encodable(text)
