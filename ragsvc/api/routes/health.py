"""Is it alive, is it ready."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from ragsvc.api.openapi import problems
from ragsvc.api.responses import JsonResponse
from ragsvc.api.server_views import HealthView, ReadinessView
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.models.display_name import shown_name

router = APIRouter(route_class=StrictRoute, tags=["health"])


# Monitors that want no body ask with HEAD.
@router.head("/healthz", include_in_schema=False)
@router.get(
    "/healthz",
    operation_id="health",
    summary="Is the process alive?",
    response_model=HealthView,
    responses=problems(),
)
async def health() -> Response:
    """Answer as soon as the process serves. Needs no API key."""
    return JsonResponse(HealthView.model_construct(status="ok"))


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    operation_id="readiness",
    summary="Can questions be answered now?",
    response_model=ReadinessView,
    responses={**problems(), 503: {"model": ReadinessView, "description": "Not yet; `reason` says why."}},
)
async def readiness(state: StateOf) -> Response:
    """Answer 200 once the models are loaded and the catalog is open, 503 before."""
    found = await state.catalog.run(state.service.ready)
    view = ReadinessView.model_construct(
        ready=found.ready,
        reason=state.redactor.over(found.reason),
        embedder=shown_name(found.embedder),
        commit=found.commit,
    )
    return JsonResponse(view, 200 if found.ready else 503)
