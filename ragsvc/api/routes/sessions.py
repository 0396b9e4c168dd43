"""Sessions: conversations that are kept."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import BODY, problems
from ragsvc.api.responses import JsonResponse, encode
from ragsvc.api.schemas import SessionBody, TitleBody
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.service.views.records import SessionDetailsView, SessionsView, SessionView

router = APIRouter(route_class=StrictRoute, prefix="/v1/sessions", tags=["records"])

SessionPath = Annotated[
    str, Path(min_length=1, max_length=128, description="Session id.", examples=["0f3a5c"])
]
Cursor = Annotated[
    str | None, Query(min_length=1, max_length=20, description="`next_cursor` of the page before.")
]


@router.post(
    "",
    operation_id="create_session",
    summary="Begin a session",
    status_code=201,
    response_model=SessionView,
    responses=problems(409, *BODY),
)
async def create_session(request: Request, state: StateOf, body: SessionBody) -> Response:
    """Begin a conversation; `session` in `POST /v1/answer` goes on with it."""
    call = partial(state.service.records.create_session, caller_of(request), body.title, body.metadata)
    return JsonResponse(SessionView.of(await state.writers.run(call)), 201)


@router.get(
    "",
    operation_id="list_sessions",
    summary="List sessions",
    response_model=SessionsView,
    responses=problems(),
)
async def list_sessions(
    request: Request,
    state: StateOf,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Sessions on a page.")] = 100,
) -> Response:
    """List sessions without their turns, latest first, a page at a time."""
    call = partial(state.service.records.sessions, caller_of(request), cursor=cursor, limit=limit)
    found, following = await state.catalog.run(call)
    return JsonResponse(SessionsView.of(found, following))


@router.get(
    "/{session}",
    operation_id="get_session",
    summary="Show a session",
    response_model=SessionDetailsView,
    responses=problems(404),
)
async def get_session(
    request: Request,
    state: StateOf,
    session: SessionPath,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Turns at most.")] = 100,
) -> Response:
    """Show a session with its latest turns, oldest first; `next_cursor` leads to those before them."""
    find = partial(state.service.records.session, caller_of(request), session, cursor=cursor, limit=limit)

    def details() -> bytes:
        return encode(SessionDetailsView.of_turns(*find()))

    return JsonResponse(await state.catalog.run(details))


@router.patch(
    "/{session}",
    operation_id="rename_session",
    summary="Rename a session",
    response_model=SessionView,
    responses=problems(404, 409, *BODY),
)
async def rename_session(request: Request, state: StateOf, session: SessionPath, body: TitleBody) -> Response:
    """Give a session another title."""
    call = partial(state.service.records.rename_session, caller_of(request), session, body.title)
    return JsonResponse(SessionView.of(await state.writers.run(call)))


@router.delete(
    "/{session}",
    operation_id="delete_session",
    summary="Delete a session",
    status_code=204,
    responses=problems(404),
)
async def delete_session(request: Request, state: StateOf, session: SessionPath) -> Response:
    """Delete a session with its turns and what is said of them; nothing of it stays in the files."""
    await state.writers.run(state.service.records.delete_session, caller_of(request), session)
    return Response(status_code=204)
