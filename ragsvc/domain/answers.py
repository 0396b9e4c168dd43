"""Answers: what is asked, written and cited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from ragsvc.domain.arrays import CommitId, Span
from ragsvc.domain.places import Places
from ragsvc.domain.records import RecordOrigin
from ragsvc.domain.search import Hit, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A sentence, or a row of a table, of a passage that may answer the question.

    number: 1-based number of its passage; [number] is its marker.
    start, end: code points of the stored text. text: what stands there; of a row, with its columns' names.
    score: higher is better, comparable within a question. cosine: of question and sentence, in [-1, 1].
    replies_to: what announces it, right before it; "" when nothing does. compared: as it was embedded, after
    the titles over it.
    """

    number: int
    start: int
    end: int
    text: str
    score: float
    cosine: float
    replies_to: str = ""
    compared: str = ""

    @property
    def said(self) -> str:
        """The text after the question that it replies to."""
        return f"{self.replies_to} {self.text}" if self.replies_to else self.text


class UnsupportedSentence(StrEnum):
    """What becomes of sentences of an answer that no passage bears out."""

    FLAG = "flag"
    REMOVE = "remove"


class InputKind(StrEnum):
    """Which prefix of the embedder a text gets."""

    DOCUMENT = "document"
    QUERY = "query"


class FinishReason(StrEnum):
    """Why a generator stopped."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What a generator is asked to write.

    question: the stand-alone question. history: the turns before it, oldest first.
    evidence: sentences of the passages, best first.
    max_tokens: at least 1, of the answer; None: as the generator is set up.
    temperature: at least 0; 0 always takes the likeliest token. stop: texts before which the answer ends.
    instructions: what the caller asks of the manner of writing; a generator without a language model
    takes no notice.
    count: tokens of a text, for a generator whose model does not tell them; None: nobody asks for them.
    """

    question: str
    passages: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]
    history: tuple[Turn, ...] = ()
    max_tokens: int | None = None
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    instructions: str = ""
    count: Callable[[str], int] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReaderText:
    """A text to read, and the titles over it; "" for none."""

    header: str
    text: str


@dataclass(frozen=True, slots=True)
class ReaderFinding:
    """What a reader says of a question and a text; all numbers are log-odds or differences of logits.

    spans: code points of the best answers in the text with how much better each is than none, best first.
    margin: that of the best. answerable: of the text answering the question. relevance: of it bearing on it.
    """

    spans: tuple[tuple[int, int, float], ...]
    margin: float
    answerable: float
    relevance: float


class Speaker(StrEnum):
    """Whose words a message of a prompt holds."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One part of the prompt of a chat model."""

    role: Speaker
    content: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it is written.

    finish: with the last piece, why it is the last. prompt_tokens, completion_tokens: with the last piece,
    in the generator's own tokens; 0 where it tells none.
    """

    text: str
    finish: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A span of an immutable version that supports the answer where `marker` stands.

    hidden: whether the quote holds characters that nobody sees, or that change the direction of others.
    places: of the version, that the span overlaps.
    """

    marker: int
    document_id: str
    version: str
    source: str
    title: str
    start: int
    end: int
    quote: str
    page: int | None
    corpus: str = ""
    hidden: bool = False
    places: Places = ()


@dataclass(frozen=True, slots=True)
class Computation:
    """How an answer was computed over a table.

    query: the SQL, its values in it. rows: how many rows the conditions of the question hold for.
    """

    query: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A grounded answer, or the statement that there is none.

    confidence: [0, 1], fitted probability that the passages answer the question.
    searched: as in SearchResult.
    unsupported: code points of `answer` that no passage bears out, ascending; () for a refusal.
    finish: why the generator stopped. prompt_tokens, completion_tokens: of what was read and written, as
    the generator tells them, else in the tokens of the first corpus's embedder; see docs/chat.md.
    commits: what was read, by corpus. computation: None for an answer that was not computed.
    session, record: where it is kept; None: nowhere.
    """

    corpus: str
    commit: CommitId
    question: str
    answered: bool
    answer: str
    confidence: float
    citations: tuple[Citation, ...]
    passages: tuple[Hit, ...]
    generator: str
    timings_s: Mapping[str, float]
    searched: str | None = None
    unsupported: tuple[Span, ...] = ()
    finish: FinishReason = FinishReason.STOP
    prompt_tokens: int = 0
    completion_tokens: int = 0
    commits: Mapping[str, CommitId] = field(default_factory=dict)
    session: str | None = None
    record: str | None = None
    computation: Computation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRequest:
    """One question. k: passages to read, 1..200. at, history: as in SearchRequest.

    max_tokens, temperature, stop, instructions: as in Generation; None: as is set.
    session: whose turns are the history where none is given, and which the record is appended to.
    metadata, origin: of the record, as in AnswerRecord.
    """

    corpora: tuple[str, ...]
    question: str
    k: int = 6
    where: Mapping[str, Any] | None = None
    at: str | None = None
    history: tuple[Turn, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    instructions: str = ""
    session: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    origin: RecordOrigin = RecordOrigin.REAL


@dataclass(frozen=True, slots=True)
class PassagesEvent:
    """First event of a streamed answer: what was found."""

    passages: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """A piece of the answer; all pieces joined are `Answer.answer`.

    An empty one says that the answer is being written, but that nothing of it can be shown yet.
    """

    text: str


@dataclass(frozen=True, slots=True)
class CitationEvent:
    """A citation whose marker was just sent."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """Last event of a streamed answer: all of it."""

    answer: Answer


AnswerEvent: TypeAlias = PassagesEvent | TokenEvent | CitationEvent | DoneEvent


class SupportState(StrEnum):
    """How a sentence of an answer stands. Nothing is claimed by a heading, or without words of content."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NOTHING_CLAIMED = "nothing claimed"


@dataclass(frozen=True, slots=True)
class SupportVerdict:
    """How a sentence stands; spans: passage numbers with the part of their text that comes closest."""

    standing: SupportState
    spans: tuple[tuple[int, Span], ...] = ()
