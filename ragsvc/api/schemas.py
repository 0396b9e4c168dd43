"""Request bodies. Unknown fields are refused, and no type is silently turned into another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from ragsvc.domain import AnswerRequest, FeedbackRequest, Mode, RecordOrigin, Role, SearchRequest, Turn
from ragsvc.service.request_limits import MAX_TURNS

CORPUS_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
MAX_K = 200
MAX_CORPORA = 32
MAX_DOCUMENTS = 10_000
MAX_TITLE = 512
MAX_WORDS = 20_000
MAX_METADATA_CHARS = 16_384
FILTER_WORDS = (
    "Only documents whose metadata match. Operators: $eq $ne $gt $gte $lt $lte $in $nin "
    "$exists $and $or $not; a bare value means $eq, several fields mean $and."
)

Item = TypeVar("Item")
# Of a list, the first mistake is told: a description of each would take many times the memory of the body.
Listed = Annotated[list[Item], Field(fail_fast=True)]

CorpusName = Annotated[
    str,
    Field(
        pattern=CORPUS_PATTERN,
        description="Name of a corpus: lower-case letters, digits, dot, underscore and hyphen.",
        examples=["handbook"],
    ),
]


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("names a corpus twice")
    return names


CorpusNames = Annotated[
    Listed[CorpusName],
    AfterValidator(_distinct),
    Field(min_length=1, max_length=MAX_CORPORA, json_schema_extra={"uniqueItems": True}),
]


REFERENCE = "A commit number, a tag, `head`, or `head~N` (N commits earlier)."


def _reference(value: Any, check: Callable[[Any], Any]) -> Any:
    """Say what is wanted; a union tells of its first type only, as if a number were the only way."""
    try:
        return check(value)
    except ValidationError as error:
        raise PydanticCustomError(
            "reference", "should be a commit number, a tag, head, or head~N; at most 128 characters"
        ) from error


_Reference = Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1, max_length=128)]
Reference = Annotated[_Reference, WrapValidator(_reference)]
At = Annotated[
    _Reference | None,
    WrapValidator(_reference),
    Field(
        description="Read the corpus as it was at a commit number, a tag or `head~N`; without it, as it is.",
        examples=["v1", 41, "head~1"],
    ),
]


def printable(document_id: str) -> str:
    """Refuse an id with control characters.

    :raises ValueError: if it has one.
    """
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in document_id):
        raise ValueError("holds control characters")
    return document_id


class Body(BaseModel):
    """Base of all request bodies."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TurnBody(Body):
    """One message of a conversation."""

    role: Annotated[Role, Field(strict=False)] = Field(description="Who said it.", examples=["user"])
    content: str = Field(
        description="What was said; of the user at most RAGSVC_MAX_QUESTION_CHARS characters.",
        examples=["How are backups made?"],
    )


History = Annotated[
    Annotated[Listed[TurnBody], Field(max_length=MAX_TURNS)] | None,
    Field(
        description="The turns before this one, oldest first. What leans on them is completed with words of "
        "the user's last turns; the response tells in `searched` what was looked for.",
        examples=[
            [
                {"role": "user", "content": "How are backups made?"},
                {"role": "assistant", "content": "Nightly, by a snapshot of the disk. [1]"},
            ]
        ],
    ),
]


def _small(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > MAX_METADATA_CHARS:
        raise ValueError(f"has more than {MAX_METADATA_CHARS} characters as JSON")
    return metadata


RecordMetadata = Annotated[dict[str, Any], AfterValidator(_small)]
SessionId = Annotated[
    Annotated[str, Field(min_length=1, max_length=128)] | None,
    Field(
        description="The session that is gone on with: its turns are the history where none is sent, and the "
        "answer is appended to them.",
        examples=["0f3a5c"],
    ),
]
KeptMetadata = Annotated[
    RecordMetadata,
    Field(description="Kept with the record; any JSON values.", examples=[{"page": "/help"}]),
]
Origin = Annotated[
    Annotated[RecordOrigin, Field(strict=False)],
    Field(description="`synthetic`: no person asked.", examples=["real"]),
]


class SearchBody(Body):
    """A search."""

    corpus: CorpusName | CorpusNames = Field(
        description="Name of the corpus to search, or a list of up to 32 names.",
        examples=["handbook", ["handbook", "minutes"]],
    )
    query: str = Field(
        min_length=1,
        description="What to look for, in plain words. At most RAGSVC_MAX_QUESTION_CHARS characters.",
        examples=["how are backups restored"],
    )
    k: int = Field(10, ge=1, le=MAX_K, description="How many hits to return at most.", examples=[10])
    mode: Annotated[Mode, Field(strict=False)] = Field(
        Mode.HYBRID,
        description="`hybrid` asks both legs, `dense` only the embeddings, `lexical` only BM25.",
        examples=["hybrid"],
    )
    filter: dict[str, Any] | None = Field(
        None,
        description=FILTER_WORDS,
        examples=[{"lang": "en", "year": {"$gte": 2020}}],
    )
    at: At = None
    history: History = None

    def request(self) -> SearchRequest:
        """Give the service's form of it."""
        return SearchRequest(
            corpora=corpora_of(self.corpus),
            query=self.query,
            k=self.k,
            mode=self.mode,
            where=self.filter,
            at=optional(self.at),
            history=turns_of(self.history),
        )


class AnswerBody(Body):
    """A question."""

    corpus: CorpusName | CorpusNames = Field(
        description="Name of the corpus that answers, or a list of up to 32 names.",
        examples=["handbook", ["handbook", "minutes"]],
    )
    question: str = Field(
        min_length=1,
        description="The question, in plain words. At most RAGSVC_MAX_QUESTION_CHARS characters.",
        examples=["How often are backups made?"],
    )
    k: int = Field(6, ge=1, le=MAX_K, description="How many passages to read.", examples=[6])
    filter: dict[str, Any] | None = Field(
        None,
        description="Only documents whose metadata match, as in search.",
        examples=[{"lang": "en"}],
    )
    at: At = None
    history: History = None
    session: SessionId = None
    metadata: KeptMetadata = Field(default_factory=dict)
    origin: Origin = RecordOrigin.REAL
    stream: bool = Field(
        False,
        description="true: send server-sent events `passages`, `token`, `citation` and `done` (or `error`) "
        "while the answer is written.",
        examples=[False],
    )

    def request(self) -> AnswerRequest:
        """Give the service's form of it."""
        return AnswerRequest(
            corpora=corpora_of(self.corpus),
            question=self.question,
            k=self.k,
            where=self.filter,
            at=optional(self.at),
            history=turns_of(self.history),
            session=self.session,
            metadata=self.metadata,
            origin=self.origin,
        )


class SessionBody(Body):
    """A conversation to begin."""

    title: str = Field("", max_length=MAX_TITLE, description="What it is about.", examples=["Backups"])
    metadata: RecordMetadata = Field(
        default_factory=dict, description="Any JSON values.", examples=[{"client": "page"}]
    )


class TitleBody(Body):
    """Another title of a session."""

    title: str = Field(max_length=MAX_TITLE, description="What it is about.", examples=["Backups"])


Label = Annotated[str, Field(min_length=1, max_length=128)]


class FeedbackBody(Body):
    """What somebody says of an answer. Who says it is told by who calls, not by the body."""

    score: float = Field(ge=-1, le=1, description="-1 (bad) to 1 (good).", examples=[1.0])
    label: str = Field("", max_length=128, description="One word for it.", examples=["outdated"])
    comment: str = Field("", max_length=MAX_WORDS, description="In words.", examples=["It is weekly now."])
    corrected_answer: str = Field(
        "", max_length=MAX_WORDS, description="What would be right.", examples=["Backups are made weekly."]
    )
    tags: Listed[Label] = Field(
        default_factory=list, max_length=32, description="Labels to filter and group by.", examples=[["ui"]]
    )

    def request(self) -> FeedbackRequest:
        """Give the service's form of it."""
        return FeedbackRequest(
            score=self.score,
            label=self.label,
            comment=self.comment,
            corrected_answer=self.corrected_answer,
            tags=tuple(self.tags),
        )


class DocumentBody(Body):
    """A document given as text."""

    id: Annotated[str, AfterValidator(printable)] = Field(
        min_length=1,
        max_length=512,
        description="Document id; a document that has it is replaced. No control characters.",
        examples=["faq/returns"],
    )
    text: str = Field(
        min_length=1, description="The document's text.", examples=["Goods can be returned within 30 days."]
    )
    title: str = Field("", max_length=2048, description="Its title.", examples=["Returns"])
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Fields to filter by; any JSON values.", examples=[{"lang": "en"}]
    )


class DocumentsBody(Body):
    """Documents to add or replace."""

    documents: Listed[DocumentBody] = Field(
        min_length=1, max_length=MAX_DOCUMENTS, description="The documents; each id once."
    )


class TagBody(Body):
    """A commit to name."""

    at: Reference = Field("head", description=f"The commit to name. {REFERENCE}", examples=["head", 41])
    move: bool = Field(False, description="true: take the tag from the commit that has it.", examples=[False])


class RollbackBody(Body):
    """A commit to go back to."""

    to: Reference = Field(description=f"The commit to go back to. {REFERENCE}", examples=["v1", 41, "head~1"])


def reference(at: int | str) -> str:
    """Give a reference in the service's form."""
    return str(at)


def optional(at: int | str | None) -> str | None:
    """Give a reference in the service's form, if there is one."""
    return None if at is None else reference(at)


def turns_of(history: list[TurnBody] | None) -> tuple[Turn, ...]:
    """Give a conversation in the service's form; None is none."""
    return tuple(Turn(turn.role, turn.content) for turn in history or ())


def corpora_of(corpus: str | list[str]) -> tuple[str, ...]:
    """Give one name or several as a tuple."""
    return (corpus,) if isinstance(corpus, str) else tuple(corpus)
