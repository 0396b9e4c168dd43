"""`ragsvc search` and `ragsvc ask`."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from ragsvc.cli.conversation import HistoryOption, read_history
from ragsvc.cli.options import (
    AtOption,
    CorporaArgument,
    FilterOption,
    HomeOption,
    JsonOption,
    corpus_names,
    parse_filter,
    reference,
)
from ragsvc.cli.output import make_console, write_json
from ragsvc.cli.session import local_caller, session_of

# Spelled out, because importing the domain would bring numpy into `ragsvc --help`.
ModeName = Literal["hybrid", "dense", "lexical"]


def search(
    context: typer.Context,
    corpus: CorporaArgument,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words or a question.")],
    k: Annotated[int, typer.Option("-k", min=1, max=200, help="How many hits.")] = 10,
    mode: Annotated[ModeName, typer.Option("--mode", help="Which legs to search.")] = "hybrid",
    where: FilterOption = None,
    at: AtOption = None,
    history: HistoryOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Find the passages of a corpus that fit a query best."""
    from ragsvc.cli.render import render_search
    from ragsvc.domain import Mode, SearchRequest
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.answers import SearchView

    request = SearchRequest(
        corpora=corpus_names(corpus),
        query=encodable(query),
        k=k,
        mode=Mode(mode),
        where=parse_filter(where),
        at=reference(at),
        history=read_history(history),
    )
    with session_of(context).service(home) as service:
        result = service.search(local_caller(), request)
    if as_json:
        write_json(SearchView.of(result))
    else:
        render_search(make_console(sys.stdout), result, several=len(request.corpora) > 1)
    return 0


def ask(
    context: typer.Context,
    corpus: CorporaArgument,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="A question, in quotes.")],
    k: Annotated[int, typer.Option("-k", min=1, max=200, help="How many passages to read.")] = 6,
    where: FilterOption = None,
    at: AtOption = None,
    history: HistoryOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Answer a question from a corpus, with the place of every statement."""
    from ragsvc.cli.render import render_answer
    from ragsvc.domain import AnswerRequest
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.answers import AnswerView

    request = AnswerRequest(
        corpora=corpus_names(corpus),
        question=encodable(question),
        k=k,
        where=parse_filter(where),
        at=reference(at),
        history=read_history(history),
    )
    with session_of(context).service(home) as service:
        answer = service.answer(local_caller(), request)
    if as_json:
        write_json(AnswerView.of(answer))
    else:
        render_answer(make_console(sys.stdout), answer, several=len(request.corpora) > 1)
    return 0
