"""What a replaceable part must do: one to four members each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from ragsvc.domain import (
    BoolVector,
    Candidates,
    Delta,
    EmbedderSpec,
    F32Matrix,
    F32Vector,
    F64Matrix,
    F64Vector,
    GenerationRequest,
    I32Matrix,
    I64Vector,
    Message,
    ReaderFinding,
    ReaderText,
    RewrittenQuery,
    SupportVerdict,
    Turn,
)


class Embedder(Protocol):
    """Turns text into vectors."""

    @property
    def spec(self) -> EmbedderSpec:
        """All that decides the output; loads the model on first use."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> F32Matrix:
        """Embed what is stored: (n, dim) float32, rows L2-normalised, input order."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> F32Matrix:
        """Embed what is asked: (n, dim) float32, rows L2-normalised, input order."""
        ...


class Tokeniser(Protocol):
    """Counts and cuts text in the embedder's own tokens."""

    def count(self, text: str) -> int:
        """Number of tokens, without special tokens and without any limit."""
        ...

    def spans(self, text: str) -> I32Matrix:
        """Code point offsets of each token: (t, 2) int32, ascending, without special tokens."""
        ...

    @property
    def special_tokens(self) -> int:
        """Number of tokens that the embedder puts around every text."""
        ...

    @property
    def recipe(self) -> tuple[str, str]:
        """How another process makes the same: "module:callable", and the text that it is called with."""
        ...


class Analyser(Protocol):
    """Turns text into the terms that lexical search matches."""

    @property
    def version(self) -> str:
        """Changes whenever the same text may give other terms."""
        ...

    def terms(self, text: str) -> list[str]:
        """Terms in order, repeats kept."""
        ...


class VectorIndex(Protocol):
    """The vectors of one segment of an index, rows 0..n-1; never changed once it is built.

    `ragsvc/index/vector_indexes.py` knows which kinds there are, and how each is built and loaded.
    """

    @property
    def rows(self) -> int:
        """How many vectors there are; at least 0."""
        ...

    def nearest(self, query: F32Vector, allowed: BoolVector, wanted: int) -> tuple[I64Vector, F32Vector]:
        """Propose the rows most similar to a query; whoever asks computes their scores exactly.

        :param query: (dim,) float32, L2-normalised, C-contiguous.
        :param allowed: (n,) rows that may be returned; a filter is never a reason to return fewer.
        :param wanted: at least 0.
        :return: `wanted` rows (m,) int64, each once, or all that are allowed if they are fewer, and their
            cosines (m,) float32 to within 1e-5, best first.
        """
        ...

    def vectors_of(self, rows: I64Vector) -> F32Matrix:
        """Vectors of given rows, copied: (m, dim) float32, bit for bit as it was built from."""
        ...

    def columns(self) -> Mapping[str, NDArray[Any]]:
        """All that its files hold: arrays by names that tell its kind; see `VectorIndexKind.columns`."""
        ...


class Generator(Protocol):
    """Writes an answer to a question from numbered passages."""

    @property
    def name(self) -> str:
        """Shown as `generator` in an answer."""
        ...

    def stream(self, asked: GenerationRequest) -> Iterator[Delta]:
        """Write an answer; `[n]` refers to passages[n - 1].

        Closing the iterator stops the work within a second.

        :raises ModelError: if the generator cannot answer now.
        :raises Overloaded: if too many wait for it already.
        """
        ...


class Reader(Protocol):
    """Reads a question, or a claim, and a text together."""

    def read(self, question: str, texts: Sequence[ReaderText]) -> list[ReaderFinding]:
        """Where each text answers a question, if it does, in the order of the texts.

        :raises ModelError: if the model cannot be used.
        """
        ...

    def support(self, claim: str, texts: Sequence[str]) -> F64Matrix:
        """How a claim stands to each text.

        :return: (n, 3) float64: supported, contradicted, not stated; rows add up to 1.
        :raises ModelError: if the model cannot be used.
        """
        ...


class Chat(Protocol):
    """A language model that continues a conversation."""

    @property
    def name(self) -> str:
        """Kind and model, as they are shown to those who ask."""
        ...

    def count(self, text: str) -> int:
        """Tokens of a text in the model's own tokens, or a guess on the safe side.

        :raises ModelError: if the model cannot be used.
        """
        ...

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        """Write the next message; only the last piece has a `finish`.

        Closing the iterator stops the work within a second.

        :param messages: at least one; no control token in them counts as one.
        :param max_tokens: at least 1, of what is written.
        :param temperature: at least 0; 0 always takes the likeliest token.
        :param stop: texts, none empty, before which the message ends; they never come out.
        :raises ModelError: if the model cannot answer now.
        :raises Overloaded: if too many wait for it already.
        """
        ...


class Reranker(Protocol):
    """Takes a second look at the best candidates of a query."""

    @property
    def name(self) -> str:
        """As in the setting that names it."""
        ...

    def rescore(self, candidates: Candidates) -> F64Vector:
        """Score every candidate anew: (m,) float64, finite, higher is better.

        :raises ModelError: if the reranker's model cannot be used.
        """
        ...


class QueryRewriter(Protocol):
    """Makes a follow-up stand by itself."""

    def rewrite(self, question: str, history: Sequence[Turn]) -> RewrittenQuery:
        """Carry into a question what it lacks; one that stands by itself is left as it is.

        :param history: turns before the question, oldest first; () leaves any question as it is.
        """
        ...


class SupportChecker(Protocol):
    """Judges the sentences of one answer by the passages that it was made with."""

    def verdict(self, sentence: str, numbers: Sequence[int]) -> SupportVerdict:
        """Judge one sentence by passages together, or by any one of them when none is named.

        :param sentence: with or without its markers.
        :param numbers: of passages, from 1, each once.
        :return: with spans of the passages that were named or, if it is supported, of any.
        """
        ...
