"""Chat completions, as clients of the OpenAI API ask for them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.events import EventStream, Frames
from ragsvc.api.openai.chat_body import ChatBody
from ragsvc.api.openai.completion import ChunkFrames, CompletionHead, WholeFrames
from ragsvc.api.openai.url_citations import base_of
from ragsvc.api.openai.views import STREAM, CompletionView, openai_problems
from ragsvc.api.openapi import BODY
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.domain import AnswerEvent

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["openai"])


@router.post(
    "/chat/completions",
    operation_id="create_chat_completion",
    summary="Answer in a chat",
    response_model=CompletionView,
    responses={
        200: {"description": "The completion; with `stream`, chunks of it.", "content": STREAM},
        **openai_problems(404, 409, 410, *BODY),
    },
)
@router.post("/chat/completions/", include_in_schema=False)
async def create_chat_completion(request: Request, state: StateOf, body: ChatBody) -> Response:
    """Answer the last message from a corpus or several. A refusal is a completion like any other."""
    caller = caller_of(request)
    asked = body.request(state.settings.max_question_chars)
    heading = CompletionHead(body.model, state.settings.sources_footer, base_of(request))
    frames: Frames[AnswerEvent] = WholeFrames(heading)
    if body.stream:
        frames = ChunkFrames(heading, with_usage=body.wants_usage)
    return EventStream(state.queries, lambda: state.service.stream_answer(caller, asked), frames)
