"""`ragsvc eval make`: a golden set to be edited."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragsvc.cli.options import AtOption, CorpusArgument, HomeOption, JsonOption, reference
from ragsvc.cli.output import safe, write_json, write_line
from ragsvc.cli.progress import show_progress
from ragsvc.cli.session import local_caller, session_of
from ragsvc.errors import InvalidRequest, TargetExists

if TYPE_CHECKING:
    from ragsvc.service.drafts import GoldenDraft

_PRIVATE_END = ".part"


def make(
    context: typer.Context,
    corpus: CorpusArgument,
    count: Annotated[int, typer.Option("--count", min=1, help="Draft at most so many questions.")] = 50,
    seed: Annotated[int, typer.Option("--seed", help="Another number draws other questions.")] = 0,
    unanswerable: Annotated[
        float, typer.Option("--unanswerable", min=0.0, max=0.9, help="Share that the corpus does not answer.")
    ] = 0.2,
    variants: Annotated[
        bool,
        typer.Option("--variants", help="Add each question mistyped, as key words, and told, not asked."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of on stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    at: AtOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Draft a golden set from a corpus by rules; edit the lines before you trust their figures."""
    from ragsvc.evaluation.drafts.golden_set import to_line
    from ragsvc.evaluation.drafts.variants import variants as with_variants

    if out is not None:
        _check_target(out, force=force)
    with session_of(context).worker(home) as service, show_progress() as progress:
        draft = service.drafter.draft(
            local_caller(),
            corpus,
            count=count,
            seed=seed,
            unanswerable=unanswerable,
            at=reference(at),
            progress=progress,
        )
    if variants:
        draft = replace(draft, questions=tuple(with_variants(draft.questions)))
        count = max(count, len(draft.questions))
    lines = [to_line(question) for question in draft.questions]
    if out is not None:
        _write(out, lines, force=force)
    if as_json:
        write_json(_summary(draft, count, out) | {"questions": lines})
        return 0
    if out is None:
        for line in lines:
            write_line(_dumped(line), sys.stdout)
    for words in _told(draft, count, out):
        write_line(words, sys.stderr)
    return 0


def _summary(draft: GoldenDraft, count: int, out: Path | None) -> dict[str, Any]:
    kinds = Counter(question.kind for question in draft.questions)
    return {
        "corpus": draft.corpus,
        "commit": int(draft.commit),
        "documents": draft.documents,
        "count": len(draft.questions),
        "wanted": count,
        "unanswerable": sum(not question.answerable for question in draft.questions),
        "kinds": dict(sorted(kinds.items())),
        "out": None if out is None else safe(str(out)),
    }


def _told(draft: GoldenDraft, count: int, out: Path | None) -> list[str]:
    made = len(draft.questions)
    aside = sum(not question.answerable for question in draft.questions)
    where = "" if out is None else f" written to {safe(str(out))}"
    words = [f"{made} of {count} questions drafted{where}, {aside} of them unanswerable"]
    if made < count:
        words.append(
            f"no more could be drafted from the {draft.documents} documents of {safe(draft.corpus)}: "
            "the rules need English prose, and leave out what several documents answer"
        )
    file = "FILE" if out is None else shlex.quote(safe(str(out)))
    words.append(
        f"read and correct them; then: ragsvc eval retrieval {safe(draft.corpus)} --questions {file}"
    )
    return words


def _dumped(line: dict[str, Any]) -> str:
    # Escaped where a terminal or an encoding would mind; a JSON reader sees the same.
    return json.dumps(line, ensure_ascii=True)


def _check_target(out: Path, *, force: bool) -> None:
    """Find out before the work what would refuse the file after it.

    :raises TargetExists: if it is there and may not be replaced.
    :raises InvalidRequest: if it cannot be written.
    """
    if out.is_dir() or (os.path.lexists(out) and not force):
        raise TargetExists(
            f"{out} exists; it may hold what somebody edited", hint="name another file, or --force"
        )
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise InvalidRequest(
            f"{out} cannot be written: {out.parent} is no folder that you may write to",
            hint="name a file in a folder that exists",
        )


def _write(out: Path, lines: list[dict[str, Any]], *, force: bool) -> None:
    """Write beside the file, then put it in place.

    :raises InvalidRequest: if it cannot be written. :raises TargetExists: if it came up meanwhile.
    """
    beside = out.with_name(f".{out.name}.{os.getpid()}{_PRIVATE_END}")
    try:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        beside.write_text(text, encoding="utf-8")
        if force:
            beside.replace(out)
        else:
            out.hardlink_to(beside)
    except FileExistsError as error:
        raise TargetExists(f"{out} exists now", hint="name another file, or --force") from error
    except OSError as error:
        raise InvalidRequest(
            f"{out} cannot be written: {error.strerror}", hint="name another file"
        ) from error
    finally:
        beside.unlink(missing_ok=True)
