"""Records of answers, and what people say of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import BODY, problems
from ragsvc.api.responses import JsonResponse, encode
from ragsvc.api.routes.sessions import Cursor
from ragsvc.api.schemas import FeedbackBody
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute, parse_json
from ragsvc.errors import InvalidFilter
from ragsvc.service.views.records import DeletionView, FeedbackView, RecordsView, RecordView

router = APIRouter(route_class=StrictRoute, prefix="/v1/records", tags=["records"])

RecordPath = Annotated[str, Path(min_length=1, max_length=128, description="Record id.", examples=["7be1d2"])]


@router.get(
    "", operation_id="list_records", summary="List records", response_model=RecordsView, responses=problems()
)
async def list_records(
    request: Request,
    state: StateOf,
    where: Annotated[
        str | None,
        Query(
            alias="filter",
            max_length=16_384,
            description="Only records that match: a JSON object over `corpus`, `session`, `owner`, "
            "`answered`, `confidence`, `origin`, `created_at`, `score` and `metadata.*`; operators as in "
            "search.",
            examples=['{"answered": false, "created_at": {"$gte": "2026-01-01"}}'],
        ),
    ] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Records on a page.")] = 100,
) -> Response:
    """List records, latest first, a page at a time."""
    caller, wanted = caller_of(request), _filter(where)

    def page() -> bytes:
        return encode(RecordsView.of(*state.service.records.page(caller, wanted, cursor=cursor, limit=limit)))

    return JsonResponse(await state.catalog.run(page))


@router.get(
    "/{record}",
    operation_id="get_record",
    summary="Show a record",
    response_model=RecordView,
    responses=problems(404),
)
async def get_record(request: Request, state: StateOf, record: RecordPath) -> Response:
    """Show a question with its answer, and what people say of it."""
    found = await state.catalog.run(state.service.records.get, caller_of(request), record)
    return JsonResponse(RecordView.of(found))


@router.delete(
    "",
    operation_id="delete_own_records",
    summary="Delete all of the caller",
    response_model=DeletionView,
    responses=problems(),
)
async def delete_own_records(
    request: Request,
    state: StateOf,
    owner: Annotated[Literal["me"], Query(description="`me`: whoever calls.")],  # noqa: ARG001 - it is said
) -> Response:
    """Delete all sessions, records and feedback of the caller; nothing of them stays in the files."""
    gone = await state.writers.run(state.service.records.delete_own, caller_of(request))
    return JsonResponse(DeletionView.model_construct(deleted=gone))


@router.delete(
    "/{record}",
    operation_id="delete_record",
    summary="Delete a record",
    status_code=204,
    responses=problems(404),
)
async def delete_record(request: Request, state: StateOf, record: RecordPath) -> Response:
    """Delete a record with its feedback; nothing of it stays in the files."""
    await state.writers.run(state.service.records.delete, caller_of(request), record)
    return Response(status_code=204)


@router.post(
    "/{record}/feedback",
    operation_id="add_feedback",
    summary="Say what an answer is worth",
    status_code=201,
    response_model=FeedbackView,
    responses=problems(404, 409, *BODY),
)
async def add_feedback(request: Request, state: StateOf, record: RecordPath, body: FeedbackBody) -> Response:
    """Add an opinion on an answer; each call adds one."""
    call = partial(state.service.records.add_feedback, caller_of(request), record, body.request())
    return JsonResponse(FeedbackView.of(await state.writers.run(call)), 201)


def _filter(text: str | None) -> Mapping[str, Any] | None:
    if text is None:
        return None
    value = parse_json(text.encode(), "the filter")
    if not isinstance(value, dict):
        raise InvalidFilter("the filter is not a JSON object", hint='for example filter={"answered":false}')
    return value
