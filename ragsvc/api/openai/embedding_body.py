"""`POST /v1/embeddings`: its request and its response."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from ragsvc.api.openai.names import PREFIX
from ragsvc.api.responses import encode
from ragsvc.api.schemas import Body, Listed
from ragsvc.domain import F32Vector, InputKind
from ragsvc.service.embedding import EmbeddedBatch, EmbedRequest

MAX_INPUTS = 2048

_Text = Annotated[str, Field(min_length=1)]
_Id = Annotated[int, Field(ge=0)]
_Ids = Annotated[Listed[_Id], Field(min_length=1)]
_Texts = Annotated[Listed[_Text], Field(min_length=1, max_length=MAX_INPUTS)]
_ManyIds = Annotated[Listed[_Ids], Field(min_length=1, max_length=MAX_INPUTS)]


def _input(value: Any, check: Callable[[Any], Any]) -> Any:
    try:
        return check(value)
    except ValidationError as error:
        raise PydanticCustomError(
            "input",
            "should be a text, a list of token ids, or a list of up to {most} of either; none of them empty",
            {"most": MAX_INPUTS},
        ) from error


class EmbeddingBody(Body):
    """Texts to embed."""

    model: str = Field(
        min_length=1,
        max_length=4096,
        description="`ragsvc/<corpus>`, for what embedded that corpus, or the name in RAGSVC_EMBEDDER.",
        examples=["ragsvc/handbook"],
    )
    input: Annotated[
        _Text | _Texts | _Ids | _ManyIds,
        WrapValidator(_input),
        Field(
            description="A text or several; instead of a text, token ids of the embedder's own tokeniser.",
            examples=["How are backups made?"],
        ),
    ]
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="base64: float32, little-endian."
    )
    dimensions: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Refused unless the embedder makes vectors of this length."
    )
    input_type: Annotated[InputKind, Field(strict=False)] = Field(
        InputKind.DOCUMENT, description="`query` for questions: some embedders treat them in another way."
    )
    user: str | None = Field(None, description="Taken and not used.")

    def request(self) -> EmbedRequest:
        """Give the service's form of it."""
        inputs: list[str | list[int]]
        if isinstance(self.input, str):
            inputs = [self.input]
        elif isinstance(self.input[0], int):
            inputs = [[item for item in self.input if isinstance(item, int)]]
        else:
            inputs = [item for item in self.input if not isinstance(item, int)]
        return EmbedRequest(self.model.removeprefix(PREFIX), inputs, self.input_type, self.dimensions)


def embeddings_json(body: EmbeddingBody, batches: Iterator[EmbeddedBatch]) -> Iterator[bytes]:
    """Give the response as one piece, after an empty one for each batch."""
    rows: list[bytes] = []
    tokens = 0
    for batch in batches:
        for vector in batch.vectors:
            number = {"object": "embedding", "index": len(rows)}
            rows.append(encode({**number, "embedding": _embedding(body.encoding_format, vector)}))
        tokens += batch.tokens
        yield b""
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    head = encode({"object": "list", "model": body.model, "usage": usage})
    yield head[:-1] + b',"data":[' + b",".join(rows) + b"]}"


def _embedding(encoding: str | None, vector: F32Vector) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    numbers: list[float] = vector.tolist()
    return numbers


class PieceFrames:
    """Pieces of one JSON object, made elsewhere."""

    media_type = "application/json"
    ping = b""

    def frame(self, event: bytes) -> bytes:
        """See Frames."""
        return event

    def error(self, problem: Any) -> bytes:
        """See Frames; nothing follows the object."""
        raise AssertionError(problem)
