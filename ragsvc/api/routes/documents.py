"""Documents of a corpus, their text, and what they name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.json_documents import receive_documents
from ragsvc.api.limits import WorkGate
from ragsvc.api.openapi import BODY, problems
from ragsvc.api.responses import JsonResponse
from ragsvc.api.routes.corpora import CorpusPath
from ragsvc.api.schemas import DocumentsBody
from ragsvc.api.security import caller_of
from ragsvc.api.state import AppState, StateOf
from ragsvc.api.strict_route import MAX_INTEGER, StrictRoute, media_type
from ragsvc.api.uploads import receive_files
from ragsvc.domain import Caller, Job
from ragsvc.errors import InvalidRequest
from ragsvc.service.json_values import filter_of
from ragsvc.service.relations import MAX_SHOWN
from ragsvc.service.views.answers import TextView
from ragsvc.service.views.corpora import DeletedView, DocumentsView, DocumentView
from ragsvc.service.views.jobs import JobView
from ragsvc.service.views.relations import GraphView

if TYPE_CHECKING:
    from ragsvc.service.spool import Spool

router = APIRouter(route_class=StrictRoute, prefix="/v1/corpora/{corpus}", tags=["corpora"])

DocumentId = Annotated[
    str,
    Query(
        alias="id",
        min_length=1,
        max_length=4096,
        description="Document id, percent-encoded.",
        examples=["handbook/backups.md"],
    ),
]
At = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=128,
        description="As it was at a commit number, a tag, or `head~N`; the present state when left out.",
        examples=["v1"],
    ),
]
_FILTER_HINT = 'filter={"lang": "en"}, percent-encoded'
Offset = Annotated[
    int | None, Query(ge=0, le=MAX_INTEGER, description="Code points from the start of the text.")
]

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": DocumentsBody.model_json_schema(ref_template="#/components/schemas/{model}")
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "additionalProperties": False,
                    "properties": {
                        "files": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "Files of any supported type. A file's name, or relative path, "
                            "is its document id; no two may share one.",
                        }
                    },
                }
            },
        },
    }
}


@router.get(
    "/documents",
    operation_id="list_documents",
    summary="List documents",
    response_model=DocumentsView,
    responses=problems(404, 410),
)
async def list_documents(
    request: Request,
    state: StateOf,
    corpus: CorpusPath,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=8192, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Documents on a page.")] = 100,
    at: At = None,
    where: Annotated[
        str | None,
        Query(
            alias="filter",
            min_length=2,
            max_length=8192,
            description="Only documents that match: a filter as JSON.",
            examples=['{"lang": "en"}'],
        ),
    ] = None,
) -> Response:
    """List the live documents by id, a page at a time."""
    call = partial(
        state.service.documents,
        caller_of(request),
        corpus,
        cursor=cursor,
        limit=limit,
        at=at,
        where=None if where is None else filter_of(where, "filter", _FILTER_HINT),
    )
    found, following = await state.catalog.run(call)
    return JsonResponse(DocumentsView.of(found, following))


@router.post(
    "/documents",
    operation_id="add_documents",
    summary="Add or replace documents",
    status_code=202,
    response_model=JobView,
    responses={
        202: {
            "description": "Accepted; the job says how it goes.",
            "headers": {"Location": {"description": "Path of the job.", "schema": {"type": "string"}}},
        },
        **problems(409, 507, *BODY),
    },
    openapi_extra=UPLOAD,
)
async def add_documents(
    request: Request,
    state: StateOf,
    corpus: CorpusPath,
    retry: Annotated[bool, Query(description="Read again what took too much time or memory before.")] = False,
) -> Response:
    """Add documents, as files or as JSON. Same ids replace; a corpus that does not exist is made."""
    caller = caller_of(request)
    kind = media_type(request)
    if kind == "multipart/form-data":
        with state.catalog.slot():
            job = await _submit(request, state, caller, corpus, receive_files, state.catalog, retry=retry)
    elif kind == "application/json":
        with state.catalog.slot():
            job = await _submit(request, state, caller, corpus, receive_documents, state.parser, retry=retry)
    else:
        raise HTTPException(415, "the body must be multipart/form-data or application/json")
    return JsonResponse(JobView.of(job), 202, {"Location": f"/v1/jobs/{job.id}"})


async def _submit(
    request: Request,
    state: AppState,
    caller: Caller,
    corpus: str,
    receive: Callable[[Request, Spool, WorkGate], Awaitable[None]],
    receiver: WorkGate,
    *,
    retry: bool,
) -> Job:
    """Spool what was sent and submit it; what was spooled goes away when that fails."""
    gate, service = state.catalog, state.service
    spool = await gate.thread(service.new_spool)
    try:
        spool.retry = retry
        await receive(request, spool, receiver)
        return await gate.thread(service.submit_spool, caller, corpus, spool, ())
    except BaseException:
        with anyio.CancelScope(shield=True):
            await gate.thread(spool.discard)
        raise


@router.get(
    "/document",
    operation_id="get_document",
    summary="Show a document",
    response_model=DocumentView,
    responses=problems(404, 410),
)
async def get_document(
    request: Request, state: StateOf, corpus: CorpusPath, document_id: DocumentId, at: At = None
) -> Response:
    """Show a live document, without its text."""
    call = partial(state.service.document, caller_of(request), corpus, document_id, at=at)
    return JsonResponse(DocumentView.of(await state.catalog.run(call)))


@router.delete(
    "/document",
    operation_id="delete_document",
    summary="Delete a document",
    response_model=DeletedView,
    responses=problems(404, 409),
)
async def delete_document(
    request: Request, state: StateOf, corpus: CorpusPath, document_id: DocumentId
) -> Response:
    """Delete a document: from the returned commit on, no search finds it."""
    commit = await state.writers.run(state.service.delete_document, caller_of(request), corpus, document_id)
    return JsonResponse(DeletedView.model_construct(corpus=corpus, document_id=document_id, commit=commit))


@router.get(
    "/graph",
    operation_id="get_graph",
    summary="Show relations",
    response_model=GraphView,
    responses=problems(404, 410),
)
async def get_graph(
    request: Request,
    state: StateOf,
    corpus: CorpusPath,
    entity: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=4096,
            description="A name, an address or a document id; all entities when left out.",
            examples=["Acme GmbH"],
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_SHOWN, description="Entities, and documents, at most.")] = 50,
    at: At = None,
) -> Response:
    """Show what documents name by their structure, and what they name together."""
    call = partial(
        state.service.relations.graph, caller_of(request), corpus, entity=entity, limit=limit, at=at
    )
    return JsonResponse(GraphView.of(await state.reports.run(call)))


@router.get(
    "/text",
    operation_id="get_text",
    summary="Read stored text",
    response_model=TextView,
    responses=problems(404, 410),
)
async def get_text(
    request: Request,
    state: StateOf,
    corpus: CorpusPath,
    document_id: Annotated[
        str,
        Query(min_length=1, max_length=4096, description="Document id.", examples=["handbook/backups.md"]),
    ],
    version: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{1,64}$", description="Version, in hex; the live one when left out."),
    ] = None,
    start: Offset = None,
    end: Offset = None,
    at: At = None,
) -> Response:
    """Read text as it was stored: a citation's version, start and end give exactly its quote, for ever."""
    if start is not None and end is not None and start > end:
        raise InvalidRequest(f"start {start} is after end {end}", hint="send start <= end")
    call = partial(state.service.text, caller_of(request), corpus, document_id, version, start, end, at=at)
    return JsonResponse(TextView.of(await state.catalog.run(call)))
