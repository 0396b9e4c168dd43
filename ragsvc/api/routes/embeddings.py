"""Embeddings, as clients of the OpenAI API ask for them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.events import EventStream
from ragsvc.api.openai.embedding_body import EmbeddingBody, PieceFrames, embeddings_json
from ragsvc.api.openai.views import EmbeddingsView, openai_problems
from ragsvc.api.openapi import BODY
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["openai"])


@router.post(
    "/embeddings",
    operation_id="create_embeddings",
    summary="Embed texts",
    response_model=EmbeddingsView,
    responses=openai_problems(404, 409, *BODY),
)
@router.post("/embeddings/", include_in_schema=False)
async def create_embeddings(request: Request, state: StateOf, body: EmbeddingBody) -> Response:
    """Embed texts with the embedder of a corpus, whole: a text that it would cut is refused."""
    caller, asked = caller_of(request), body.request()
    embeddings = state.service.embeddings
    return EventStream(
        state.queries, lambda: embeddings_json(body, embeddings.stream(caller, asked)), PieceFrames()
    )
