"""Search."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import BODY, problems
from ragsvc.api.responses import JsonResponse
from ragsvc.api.schemas import SearchBody
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.service.views.answers import SearchView

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["ask"])


@router.post(
    "/search",
    operation_id="search",
    summary="Find passages",
    response_model=SearchView,
    responses=problems(404, 409, 410, *BODY),
)
async def search(request: Request, state: StateOf, body: SearchBody) -> Response:
    """Find the passages that fit a query best, in one corpus or several."""
    state.check_question("query", body.query)
    asked = body.request()
    state.check_history(asked.history)
    result = await state.queries.run(state.service.search, caller_of(request), asked)
    return JsonResponse(SearchView.of(result))
