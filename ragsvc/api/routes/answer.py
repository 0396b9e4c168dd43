"""Answer, at once or as a stream."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ragsvc.api.events import AnswerFrames, EventStream
from ragsvc.api.openapi import BODY, Responses, problems
from ragsvc.api.responses import JsonResponse
from ragsvc.api.schemas import AnswerBody
from ragsvc.api.security import caller_of
from ragsvc.api.state import StateOf
from ragsvc.api.strict_route import StrictRoute
from ragsvc.service.views.answers import AnswerView

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["ask"])

STREAM: Responses = {
    200: {
        "description": "The answer; with `stream`, server-sent events.",
        "content": {
            "text/event-stream": {
                # One event; the stream has many of them.
                "schema": {
                    "type": "object",
                    "required": ["event", "data"],
                    "properties": {
                        "event": {
                            "type": "string",
                            "enum": ["passages", "token", "citation", "done", "error"],
                            "description": "`done` or `error` is the last one.",
                        },
                        "data": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "One line of JSON. `passages`: {passages: [hit]}; `token`: "
                            "{text}; `citation`: a citation; `done`: the whole answer; `error`: a problem.",
                        },
                    },
                },
                "example": 'event: token\ndata: {"text":"Backups are made nightly. [1]"}\n\n',
            }
        },
    }
}


@router.post(
    "/answer",
    operation_id="answer",
    summary="Answer a question",
    response_model=AnswerView,
    responses={**STREAM, **problems(404, 409, 410, *BODY)},
)
async def answer(request: Request, state: StateOf, body: AnswerBody) -> Response:
    """Answer from a corpus or several, with citations; `answered` is false when they hold no answer."""
    state.check_question("question", body.question)
    caller, asked = caller_of(request), body.request()
    state.check_history(asked.history)
    if body.stream:
        return EventStream(state.queries, lambda: state.service.stream_answer(caller, asked), AnswerFrames())
    return JsonResponse(AnswerView.of(await state.queries.run(state.service.answer, caller, asked)))
