"""Corpora."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import problems
from ragsvc.api.redaction import without_folders
from ragsvc.api.responses import JsonResponse
from ragsvc.api.schemas import CORPUS_PATTERN
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.service.views.corpora import CorporaView, DuplicatesView, OutliersView
from ragsvc.service.views.history import CorpusDetailsView

router = APIRouter(route_class=StrictRoute, prefix="/v1/corpora", tags=["corpora"])

CorpusPath = Annotated[
    str, Path(pattern=CORPUS_PATTERN, description="Name of the corpus.", examples=["handbook"])
]
OutlierLimit = Annotated[int, Query(ge=1, le=1000, description="Documents at most.")]


@router.get(
    "", operation_id="list_corpora", summary="List corpora", response_model=CorporaView, responses=problems()
)
async def list_corpora(request: Request, state: StateOf) -> Response:
    """List all corpora with their sizes."""
    found = await state.catalog.run(state.service.corpora, caller_of(request))
    return JsonResponse(without_folders(CorporaView.of(found).json_object()))


@router.get(
    "/{corpus}",
    operation_id="get_corpus",
    summary="Show a corpus",
    response_model=CorpusDetailsView,
    responses=problems(404),
)
async def get_corpus(request: Request, state: StateOf, corpus: CorpusPath) -> Response:
    """Show a corpus at its head: sizes, profile, last commits and tags."""
    found = await state.catalog.run(state.service.maintenance.details, caller_of(request), corpus)
    return JsonResponse(without_folders(CorpusDetailsView.of_details(found).json_object()))


@router.get(
    "/{corpus}/duplicates",
    operation_id="list_duplicates",
    summary="List duplicates",
    response_model=DuplicatesView,
    responses=problems(404),
)
async def list_duplicates(request: Request, state: StateOf, corpus: CorpusPath) -> Response:
    """Group the live documents that hold the same text, or nearly."""
    found = await state.reports.run(state.service.maintenance.duplicates, caller_of(request), corpus)
    return JsonResponse(DuplicatesView.of(corpus, found))


@router.get(
    "/{corpus}/outliers",
    operation_id="list_outliers",
    summary="List outliers",
    response_model=OutliersView,
    responses=problems(404),
)
async def list_outliers(
    request: Request,
    state: StateOf,
    corpus: CorpusPath,
    limit: OutlierLimit = 20,
) -> Response:
    """List the live documents that are least like the others by their vectors, the farthest first."""
    found = await state.reports.run(state.service.maintenance.outliers, caller_of(request), corpus, limit)
    return JsonResponse(OutliersView.of(corpus, found))


@router.delete(
    "/{corpus}",
    operation_id="delete_corpus",
    summary="Delete a corpus",
    status_code=204,
    responses=problems(404, 409),
)
async def delete_corpus(request: Request, state: StateOf, corpus: CorpusPath) -> Response:
    """Delete a corpus with all its documents."""
    await state.writers.run(state.service.delete_corpus, caller_of(request), corpus)
    return Response(status_code=204)
