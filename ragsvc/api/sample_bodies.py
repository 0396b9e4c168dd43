"""Bodies of requests to trained models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from ragsvc.api.schemas import Body, Listed
from ragsvc.domain import SampleRequest

MAX_ROWS = 1000
MAX_WIDTH = 65_536
MAX_NEAREST = 20
MAX_TOKENS = 2048
MAX_STOPS = 16
MAX_PROMPT = 20_000
MAX_TEXT = 100_000
MAX_LABEL = 10**6

Version = Annotated[
    Annotated[int, Field(ge=1, le=10**9)] | None,
    Field(description="Which version of the model; null: the newest.", examples=[1]),
]
Row = Annotated[Listed[float], Field(min_length=1, max_length=MAX_WIDTH)]
Rows = Annotated[Listed[Row], Field(min_length=1, max_length=MAX_ROWS)]
Label = Annotated[int, Field(ge=0, le=MAX_LABEL)]
Labels = Annotated[
    Annotated[Listed[Label], Field(min_length=1, max_length=MAX_ROWS)] | None,
    Field(description="Class of each row, for models that were trained with classes.", examples=[[3]]),
]


def _pair(value: Any, check: Any) -> Any:
    """Say what is wanted; a union tells of its first type only."""
    try:
        return check(value)
    except ValidationError as error:
        raise PydanticCustomError("between", "should be two document ids, or two rows of numbers") from error


_DocumentId = Annotated[str, Field(min_length=1, max_length=512)]
_Ends = (
    Annotated[list[_DocumentId], Field(min_length=2, max_length=2)]
    | Annotated[list[Row], Field(min_length=2, max_length=2)]
)


class GenerateBody(Body):
    """What a model is to make."""

    count: int = Field(1, ge=1, le=MAX_ROWS, description="How many to make.", examples=[3])
    seed: int = Field(0, ge=0, le=2**53, description="The same seed and count make the same.", examples=[0])
    version: Version = None
    label: Label | None = Field(None, description="Of which class; null: of all in turn.", examples=[3])
    nearest: int = Field(
        1, ge=0, le=MAX_NEAREST, description="Of vectors of a corpus: passages to show of each.", examples=[1]
    )
    between: Annotated[_Ends | None, WrapValidator(_pair)] = Field(
        None,
        description="Two document ids of the corpus that the model was trained on, or two rows: instead of "
        "new rows, `steps` rows on the way from one to the other are made, both ends among them.",
        examples=[["handbook/models/diffusion-models.md", "handbook/models/autoencoders.md"]],
    )
    steps: int = Field(8, ge=2, le=MAX_ROWS, description="Rows between two, with both ends.", examples=[8])
    prompt: str = Field("", max_length=MAX_PROMPT, description="Text that a transformer goes on from.")
    temperature: float = Field(
        1.0, ge=0, le=100, description="0: always the likeliest token; 1: as learned.", examples=[0.8]
    )
    top_k: int = Field(0, ge=0, le=10**6, description="Only the k likeliest tokens; 0: all.", examples=[0])
    top_p: float = Field(
        1.0, gt=0, le=1, description="Only the likeliest tokens that have this share.", examples=[0.95]
    )
    max_tokens: int = Field(256, ge=1, le=MAX_TOKENS, description="Length of a text at most.", examples=[64])
    stop: Annotated[
        Listed[Annotated[str, Field(min_length=1, max_length=256)]], Field(max_length=MAX_STOPS)
    ] = Field(default_factory=list, description="Texts before which a text ends.", examples=[["\n\n"]])

    def request(self) -> SampleRequest:
        """In the service's form."""
        ends: Any = None
        if self.between is not None:
            ends = tuple(end if isinstance(end, str) else tuple(end) for end in self.between)
        return SampleRequest(
            **self.model_dump(exclude={"between", "stop"}), between=ends, stop=tuple(self.stop)
        )


class EncodeBody(Body):
    """Rows to encode."""

    rows: Rows = Field(
        description="As many numbers in each as the model has columns.", examples=[[[0.0, 0.5]]]
    )
    labels: Labels = None
    version: Version = None


class ScoreBody(Body):
    """Rows or texts to score."""

    rows: Rows | None = Field(
        None, description="As many numbers in each as the model has columns.", examples=[[[0.0, 0.5]]]
    )
    texts: (
        Annotated[
            Listed[Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]],
            Field(min_length=1, max_length=100),
        ]
        | None
    ) = Field(None, description="Texts, for transformers of texts.", examples=[["Backups are nightly."]])
    labels: Labels = None
    version: Version = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ScoreBody:
        if (self.rows is None) == (self.texts is None):
            raise PydanticCustomError("rows_or_texts", "needs either rows or texts")
        return self
