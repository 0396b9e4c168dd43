"""Jobs."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import problems
from ragsvc.api.responses import JsonResponse
from ragsvc.api.schemas import CORPUS_PATTERN
from ragsvc.api.security import caller_of
from ragsvc.api.state import AppState, StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.domain import Job, JobFilter, JobKind, JobState
from ragsvc.service.views.jobs import JobsView, JobView

router = APIRouter(route_class=StrictRoute, prefix="/v1/jobs", tags=["jobs"])

JobId = Annotated[str, Path(min_length=1, max_length=128, description="Job id.", examples=["5f0c3a"])]


@router.get("", operation_id="list_jobs", summary="List jobs", response_model=JobsView, responses=problems())
async def list_jobs(
    request: Request,
    state: StateOf,
    corpus: Annotated[str | None, Query(pattern=CORPUS_PATTERN, description="Only of this corpus.")] = None,
    of_state: Annotated[JobState | None, Query(alias="state", description="Only in this state.")] = None,
    kind: Annotated[JobKind | None, Query(description="Only of this kind.")] = None,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=20, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Jobs on a page.")] = 100,
) -> Response:
    """List jobs, latest first, a page at a time. What became of each file is in the single job."""
    where = JobFilter(corpus, of_state, kind)
    call = partial(state.service.jobs, caller_of(request), where, cursor=cursor, limit=limit)
    found, following = await state.catalog.run(call)
    return JsonResponse(JobsView.of([_shown(state, job) for job in found], following))


@router.get(
    "/{job}", operation_id="get_job", summary="Show a job", response_model=JobView, responses=problems(404)
)
async def get_job(request: Request, state: StateOf, job: JobId) -> Response:
    """Show how far a job is and, at its end, its result or its error."""
    return JsonResponse(_shown(state, await state.catalog.run(state.service.job, caller_of(request), job)))


@router.delete(
    "/{job}",
    operation_id="cancel_job",
    summary="Cancel a job",
    response_model=JobView,
    responses=problems(404),
)
async def cancel_job(request: Request, state: StateOf, job: JobId) -> Response:
    """Ask a job to stop. Nothing half is ever visible; a job that has ended stays as it is."""
    found = await state.catalog.run(state.service.cancel_job, caller_of(request), job)
    return JsonResponse(_shown(state, found))


def _shown(state: AppState, job: Job) -> JobView:
    """A job; its error without folders of the server."""
    view = JobView.of(job)
    if view.error is not None:
        view.error = {
            name: state.redactor.over(words) if isinstance(words, str) else words
            for name, words in view.error.items()
        }
    return view
