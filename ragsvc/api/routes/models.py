"""Corpora, and the embedder, as the models that clients of the OpenAI API list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.openai.names import corpora_of_model, model_of
from ragsvc.api.openai.views import ModelsView, ModelView, openai_problems
from ragsvc.api.responses import JsonResponse
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.domain import CorpusSummary
from ragsvc.models.display_name import shown_name

router = APIRouter(route_class=StrictRoute, prefix="/v1/models", tags=["openai"])

ModelPath = Annotated[str, Path(description="Name of the model.", examples=["ragsvc/handbook"])]


@router.get(
    "",
    operation_id="list_models",
    summary="List models",
    response_model=ModelsView,
    responses=openai_problems(),
)
@router.get("/", include_in_schema=False)
async def list_models(request: Request, state: StateOf) -> Response:
    """List one model for each corpus, which answers and embeds, and the embedder of new corpora."""
    found = await state.catalog.run(state.service.corpora, caller_of(request))
    models = [_model(model_of(corpus.name), [corpus]) for corpus in found]
    # Last: clients that choose for themselves take the first one, to chat with.
    models.append(_model(shown_name(state.settings.embedder), found))
    return JsonResponse({"object": "list", "data": models})


@router.get(
    "/{model:path}",
    operation_id="get_model",
    summary="Show a model",
    response_model=ModelView,
    responses=openai_problems(404),
)
async def get_model(request: Request, state: StateOf, model: ModelPath) -> Response:
    """Show the model of a corpus, or of several, or the embedder of new corpora."""
    caller, model = caller_of(request), model.removesuffix("/")
    if model in (state.settings.embedder, embedder := shown_name(state.settings.embedder)):
        found = await state.catalog.run(state.service.corpora, caller)
        return JsonResponse(_model(embedder, found))
    names = corpora_of_model(model)
    corpora = [await state.catalog.run(state.service.corpus, caller, name) for name in names]
    return JsonResponse(_model(model_of(",".join(names)), corpora))


def _model(name: str, corpora: list[CorpusSummary]) -> dict[str, Any]:
    times = (int(datetime.fromisoformat(corpus.created_at).timestamp()) for corpus in corpora)
    created = max(times, default=0)
    return {"id": name, "object": "model", "created": created, "owned_by": "ragsvc"}
