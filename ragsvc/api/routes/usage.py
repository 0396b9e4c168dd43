"""Figures of what is asked: for people by day, and for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import problems
from ragsvc.api.responses import JsonResponse
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.service.meters import MEDIA_TYPE
from ragsvc.service.records import MAX_USAGE_DAYS
from ragsvc.service.views.records import UsageReportView

router = APIRouter(route_class=StrictRoute, tags=["records"])


@router.get(
    "/v1/usage",
    operation_id="get_usage",
    summary="Show what is asked, by day and corpus",
    response_model=UsageReportView,
    responses=problems(),
)
async def get_usage(
    request: Request,
    state: StateOf,
    days: Annotated[int, Query(ge=1, le=MAX_USAGE_DAYS, description="How many, today included.")] = 30,
) -> Response:
    """Count questions, refusals and opinions, with support and latency, by day (UTC) and corpus."""
    found = await state.reports.run(state.service.records.usage, caller_of(request), days)
    return JsonResponse(UsageReportView.of(days, found))


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Show counters and histograms for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "What this server process answered since it started.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problems(),
    },
)
async def get_metrics(state: StateOf) -> Response:
    """Give the figures of usage in the text format of Prometheus. Needs the API key when one is set."""
    return Response(await state.catalog.run(state.service.records.meters.exposition), media_type=MEDIA_TYPE)
