"""The tools: what an agent may call, and how a call becomes one of the service."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import anyio
from fastapi.exceptions import RequestValidationError
from pydantic import Field

from ragsvc.api.errors import Problem, problem_of, short_of_memory, unexpected_problem, validation_problem
from ragsvc.api.mcp.arguments import (
    AdditionArguments,
    AskArguments,
    CorporaArguments,
    DocumentsArguments,
    SearchArguments,
    TextArguments,
)
from ragsvc.api.redaction import without_folders
from ragsvc.api.responses import RPC_PATHS
from ragsvc.api.schemas import Body
from ragsvc.api.state import AppState
from ragsvc.api.strict_route import parse_json, validate
from ragsvc.domain import Caller, InlineDocument, Job, JobState, places_within
from ragsvc.errors import InvalidRequest, JobError, RagsvcError
from ragsvc.service.json_values import JsonObject, View
from ragsvc.service.views.answers import AnswerView, SearchView, TextView
from ragsvc.service.views.corpora import CorporaView, DocumentsView
from ragsvc.service.views.jobs import JobView

# What errors are told to be about; over stdio there is no path.
_PLACE: Mapping[str, Any] = {"type": "http", "path": RPC_PATHS[0]}
# So long a call waits for what it added; clients give up after a minute.
ADDITION_WAIT_S = 30.0
_LOOK_S = 0.1
_FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


Result: TypeAlias = JsonObject | Problem


class TextPageView(TextView):
    """A piece of the stored text of one immutable version."""

    more: bool = Field(examples=[False], description="true: the text goes on at `end`.")


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool.

    arguments, view: what it takes and what it gives. writes: whether it changes a corpus.
    """

    name: str
    title: str
    description: str
    arguments: type[Body]
    view: type[View]
    run: Callable[[AppState, Caller, Any], Awaitable[Result]]
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Calls tools under the limits of a server."""

    state: AppState

    async def call(self, caller: Caller, name: str, arguments: Mapping[str, Any]) -> Result:
        """The result of a tool, or why there is none.

        :param name: one of `TOOLS`.
        """
        spec = TOOLS[name]
        return await self.attempt(lambda: self._run(caller, spec, arguments))

    async def _run(self, caller: Caller, spec: ToolSpec, arguments: Mapping[str, Any]) -> Result:
        # A model that has nothing to say for an argument often sends null.
        given = {member: value for member, value in arguments.items() if value is not None}
        asked = validate(spec.arguments, await self.state.parser.thread(checked, given))
        return await spec.run(self.state, caller, asked)

    async def attempt(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """What some work gives, or its error in words that may be shown; a bug is logged."""
        try:
            return await work()
        except RequestValidationError as error:
            problem = validation_problem(error, dict(_PLACE))
            return problem if problem.code != InvalidRequest.code else _with_schema_hint(problem)
        except RagsvcError as error:
            return problem_of(error, dict(_PLACE), self.state.redactor)
        except MemoryError as error:
            return problem_of(short_of_memory(error, dict(_PLACE)), dict(_PLACE), self.state.redactor)
        except Exception as error:  # noqa: BLE001 - told without its details, which are in the log
            return unexpected_problem(error, dict(_PLACE))


def checked(arguments: Mapping[str, Any]) -> Any:
    """Arguments that are strict JSON: no NaN, no NUL, whole characters, not too deep.

    :raises InvalidRequest: if they are anything else.
    """
    try:
        text = json.dumps(arguments)
    except (RecursionError, ValueError) as error:
        raise InvalidRequest("the arguments are nested too deeply", hint="nest less") from error
    return parse_json(text.encode(), "the arguments")


def _with_schema_hint(problem: Problem) -> Problem:
    hint = "the input schema of the tool describes every argument"
    return Problem(
        problem.status,
        problem.title,
        problem.code,
        problem.detail,
        hint,
        problem.instance,
        extra=problem.extra,
    )


async def _search(state: AppState, caller: Caller, asked: SearchArguments) -> JsonObject:
    state.check_question("query", asked.query)
    found = await state.queries.run(state.service.search, caller, asked.request())
    return SearchView.of(found).json_object()


async def _ask(state: AppState, caller: Caller, asked: AskArguments) -> JsonObject:
    state.check_question("question", asked.question)
    request = asked.request()
    state.check_history(request.history)
    return AnswerView.of(await state.queries.run(state.service.answer, caller, request)).json_object()


async def _get_text(state: AppState, caller: Caller, asked: TextArguments) -> JsonObject:
    # One more than is shown tells whether there is more.
    read = partial(
        state.service.text,
        caller,
        asked.corpus,
        asked.document_id,
        asked.version,
        asked.start,
        asked.last + 1,
    )
    piece = await state.catalog.run(read)
    end = min(piece.end, asked.last)
    shown = replace(
        piece,
        end=end,
        text=piece.text[: end - piece.start],
        places=places_within(piece.places, piece.start, end),
    )
    return {**TextView.of(shown).json_object(), "more": piece.end > end}


async def _list_corpora(state: AppState, caller: Caller, _: CorporaArguments) -> JsonObject:
    found = CorporaView.of(await state.catalog.run(state.service.corpora, caller))
    shape: JsonObject = without_folders(found.json_object())
    return shape


async def _list_documents(state: AppState, caller: Caller, asked: DocumentsArguments) -> JsonObject:
    at = None if asked.at is None else str(asked.at)
    read = partial(
        state.service.documents, caller, asked.corpus, cursor=asked.cursor, limit=asked.limit, at=at
    )
    found, following = await state.catalog.run(read)
    return DocumentsView.of(found, following).json_object()


async def _add_text(state: AppState, caller: Caller, asked: AdditionArguments) -> Result:
    document = InlineDocument(asked.document_id, asked.text, asked.title, asked.metadata)
    job = await state.catalog.run(state.service.submit_ingest, caller, asked.corpus, [document], {})
    ends_s = time.monotonic() + ADDITION_WAIT_S
    while job.state not in _FINAL and time.monotonic() < ends_s:
        await anyio.sleep(_LOOK_S)
        job = await state.catalog.run(state.service.job, caller, job.id)
    return _failure_of(job) or JobView.of(job).json_object()


def _failure_of(job: Job) -> Problem | None:
    """Why the one document of a job is not in; None where it is, or will be."""
    told: Mapping[str, Any] = {}
    if job.state is JobState.FAILED:
        told = job.error or {"message": "the job failed"}
    elif job.state is JobState.CANCELLED:
        told = {"message": "the job was cancelled before the text was added", "hint": "call add_text again"}
    elif failures := (job.result or {}).get("failures"):
        told = {**failures[0], "message": failures[0]["error"]}
    if not told:
        return None
    code, message, hint = (str(told.get(name) or other) for name, other in _UNTOLD.items())
    return Problem(422, "Text was not added", code, message, hint, RPC_PATHS[0])


_UNTOLD = {"code": JobError.code, "message": "the text was not added", "hint": "send another text"}


_SPECS = (
    ToolSpec(
        "search",
        "Search documents",
        "Find the passages of the user's own documents that fit a query best. Each hit has its text, the id "
        "of its document, an immutable version and the span [start, end) of code points in the stored text.",
        SearchArguments,
        SearchView,
        _search,
    ),
    ToolSpec(
        "ask",
        "Ask documents",
        "Answer a question from the user's own documents. The answer's markers such as [1] are resolved in "
        "`citations`, each a quote with its document, version and span. `answered` is false when the "
        "documents do not hold an answer: then say so instead of guessing.",
        AskArguments,
        AnswerView,
        _ask,
    ),
    ToolSpec(
        "get_text",
        "Read text",
        "Read the stored text of a document, or a span of it: more of what stands around a hit, or exactly "
        "the quote of a citation by its version, start and end. Long texts come in pieces; `more` tells.",
        TextArguments,
        TextPageView,
        _get_text,
    ),
    ToolSpec(
        "list_corpora",
        "List corpora",
        "List the corpora, which are named sets of documents that are searched together, with their sizes.",
        CorporaArguments,
        CorporaView,
        _list_corpora,
    ),
    ToolSpec(
        "list_documents",
        "List documents",
        "List the documents of a corpus by id, a page at a time.",
        DocumentsArguments,
        DocumentsView,
        _list_documents,
    ),
    ToolSpec(
        "add_text",
        "Add a text",
        "Keep a text as a document of a corpus, which is made when there is none of that name. A document "
        "with the same id is replaced; its earlier versions stay in the history. In state `done` the text "
        "can be searched; otherwise it will be soon.",
        AdditionArguments,
        JobView,
        _add_text,
        writes=True,
    ),
)
TOOLS: Mapping[str, ToolSpec] = {spec.name: spec for spec in _SPECS}


def schema_of(model: type[Body] | type[View]) -> JsonObject:
    """JSON Schema of arguments or of a result, without the titles that only repeat names."""
    shape: JsonObject = _untitled(model.model_json_schema())
    shape.pop("description", None)
    return shape


def _untitled(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {
            name: _untitled(part)
            for name, part in shape.items()
            if not (name == "title" and isinstance(part, str))
        }
    return [_untitled(part) for part in shape] if isinstance(shape, list) else shape
