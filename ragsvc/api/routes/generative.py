"""Generative models that were trained here."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openapi import BODY, problems
from ragsvc.api.responses import JsonResponse, encode
from ragsvc.api.sample_bodies import EncodeBody, GenerateBody, ScoreBody
from ragsvc.api.schemas import CORPUS_PATTERN
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.service.views.generative import (
    CodesView,
    SamplesView,
    ScoresView,
    TrainedModelsView,
    TrainedModelView,
)

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["generative"])

NamePath = Annotated[
    str, Path(pattern=CORPUS_PATTERN, description="Name of a trained model.", examples=["vae-digits"])
]
VersionQuery = Annotated[
    int | None, Query(ge=1, le=10**9, description="Which version; without it, the newest.")
]


@router.get(
    "/trained-models",
    operation_id="list_trained_models",
    summary="List trained models",
    response_model=TrainedModelsView,
    responses=problems(),
)
async def list_trained_models(request: Request, state: StateOf) -> Response:
    """List generative models with the data that they were trained on; `/v1/models` lists those that chat."""
    found = await state.catalog.run(state.service.models.all, caller_of(request))
    return JsonResponse(TrainedModelsView.of(found))


@router.get(
    "/trained-models/{name}",
    operation_id="get_trained_model",
    summary="Show a trained model",
    response_model=TrainedModelView,
    responses=problems(404),
)
async def get_trained_model(
    request: Request, state: StateOf, name: NamePath, version: VersionQuery = None
) -> Response:
    """Show a trained model with its measures and hyperparameters."""
    found = await state.catalog.run(state.service.models.get, caller_of(request), name, version)
    return JsonResponse(TrainedModelView.of(found))


@router.delete(
    "/trained-models/{name}",
    operation_id="delete_trained_model",
    summary="Delete a trained model",
    status_code=204,
    responses=problems(404),
)
async def delete_trained_model(
    request: Request, state: StateOf, name: NamePath, version: VersionQuery = None
) -> Response:
    """Delete one version of a trained model, or without a version all, with their files."""
    await state.writers.run(state.service.models.delete, caller_of(request), name, version)
    return Response(status_code=204)


@router.post(
    "/models/{name}/generate",
    operation_id="generate",
    summary="Make something new",
    response_model=SamplesView,
    responses=problems(404, *BODY),
)
async def generate(request: Request, state: StateOf, name: NamePath, body: GenerateBody) -> Response:
    """Make rows or texts with a trained model, or walk from one row or document to another."""
    caller, asked = caller_of(request), body.request()

    def make() -> bytes:
        return encode(SamplesView.of(*state.service.models.generate(caller, name, asked)))

    return JsonResponse(await state.queries.run(make))


@router.post(
    "/models/{name}/encode",
    operation_id="encode_rows",
    summary="Encode rows",
    response_model=CodesView,
    responses=problems(404, *BODY),
)
async def encode_rows(request: Request, state: StateOf, name: NamePath, body: EncodeBody) -> Response:
    """Give the codes of rows; an autoencoder and a vae have them."""
    caller = caller_of(request)
    call = partial(state.service.models.encode, caller, name, body.rows, body.labels, body.version)
    return JsonResponse(await state.queries.run(lambda: encode(CodesView.of(*call()))))


@router.post(
    "/models/{name}/score",
    operation_id="score_rows",
    summary="Score rows or texts",
    response_model=ScoresView,
    responses=problems(404, *BODY),
)
async def score_rows(request: Request, state: StateOf, name: NamePath, body: ScoreBody) -> Response:
    """Say how well rows or texts fit what a model learned; higher is better, `unit` says of what."""
    caller = caller_of(request)
    call = partial(state.service.models.score, caller, name, body.rows, body.texts, body.labels, body.version)
    return JsonResponse(await state.queries.run(lambda: encode(ScoresView.of(*call()))))
