"""Commits and tags of a corpus, and going back."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import BODY, problems
from ragsvc.api.redaction import without_folders
from ragsvc.api.responses import JsonResponse
from ragsvc.api.routes.corpora import CorpusPath
from ragsvc.api.schemas import RollbackBody, TagBody, reference
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import MAX_INTEGER, StrictRoute
from ragsvc.domain import CommitId
from ragsvc.service.views.history import CommitsView, RollbackView, TagsView, TagView

router = APIRouter(route_class=StrictRoute, prefix="/v1/corpora/{corpus}", tags=["history"])

TAG_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
TagPath = Annotated[
    str,
    Path(pattern=TAG_PATTERN, description="Name of the tag; not a number, not `head`.", examples=["v1"]),
]


@router.get(
    "/commits",
    operation_id="list_commits",
    summary="List commits",
    response_model=CommitsView,
    responses=problems(404),
)
async def list_commits(
    request: Request,
    state: StateOf,
    corpus: CorpusPath,
    limit: Annotated[int, Query(ge=1, le=1000, description="Commits on a page.")] = 20,
    before: Annotated[
        int | None,
        Query(ge=1, le=MAX_INTEGER, description="Only commits older than this one: `next_before`."),
    ] = None,
) -> Response:
    """List the history of a corpus, newest commit first, a page at a time."""
    older = None if before is None else CommitId(before)
    call = partial(state.service.maintenance.log, caller_of(request), corpus, limit=limit + 1, before=older)
    page = CommitsView.of(corpus, await state.catalog.run(call), limit)
    return JsonResponse(without_folders(page.json_object()))


@router.get(
    "/tags", operation_id="list_tags", summary="List tags", response_model=TagsView, responses=problems(404)
)
async def list_tags(request: Request, state: StateOf, corpus: CorpusPath) -> Response:
    """List the tags of a corpus by name."""
    found = await state.catalog.run(state.service.maintenance.tags, caller_of(request), corpus)
    return JsonResponse(TagsView.of(corpus, found))


@router.put(
    "/tags/{tag}",
    operation_id="set_tag",
    summary="Tag a commit",
    response_model=TagView,
    responses=problems(404, 409, 410, *BODY),
)
async def set_tag(
    request: Request, state: StateOf, corpus: CorpusPath, tag: TagPath, body: TagBody
) -> Response:
    """Name a commit, so that it is kept and can be gone back to. Naming it again changes nothing."""
    call = partial(
        state.service.maintenance.set_tag,
        caller_of(request),
        corpus,
        tag,
        at=reference(body.at),
        move=body.move,
    )
    return JsonResponse(TagView.of(await state.writers.run(call)))


@router.delete(
    "/tags/{tag}",
    operation_id="delete_tag",
    summary="Delete a tag",
    status_code=204,
    responses=problems(404),
)
async def delete_tag(request: Request, state: StateOf, corpus: CorpusPath, tag: TagPath) -> Response:
    """Take a name from its commit; the commit stays until it is collected."""
    await state.writers.run(state.service.maintenance.delete_tag, caller_of(request), corpus, tag)
    return Response(status_code=204)


@router.post(
    "/rollback",
    operation_id="rollback",
    summary="Go back to a commit",
    response_model=RollbackView,
    responses=problems(404, 409, 410, 507, *BODY),
)
async def rollback(request: Request, state: StateOf, corpus: CorpusPath, body: RollbackBody) -> Response:
    """Make a corpus what it was at a commit, by a new commit; `previous` is what undoes it."""
    call = partial(state.service.maintenance.rollback, caller_of(request), corpus, reference(body.to))
    return JsonResponse(RollbackView.of(await state.writers.run(call)))
