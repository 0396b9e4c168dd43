"""Vectors of texts that are not stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ragsvc.domain import Caller, F32Matrix, InputKind
from ragsvc.errors import InvalidRequest, TooLarge
from ragsvc.models.display_name import shown_name
from ragsvc.service.model_registry import LoadedEmbedder, ModelRegistry
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog

TokenIds: TypeAlias = Sequence[int]

MAX_TOKENS = 300_000
# Between two batches a caller may change their mind.
BATCH_TEXTS = 32
# A text of more characters for each token that the model reads is not worth tokenising to say so.
_CHARS_PER_TOKEN = 64


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to embed.

    model: a corpus, whose embedder is meant, or the name of the settings' embedder.
    inputs: texts, or token ids of the embedder's own tokeniser; none of them empty.
    dimension: refused unless it is the embedder's; None: whatever that is.
    """

    model: str
    inputs: Sequence[str | TokenIds]
    kind: InputKind = InputKind.DOCUMENT
    dimension: int | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """Some rows of the result, in the order of the inputs.

    vectors: (n, dim) float32, rows L2-normalised. tokens: of these n inputs, without prefix and special ones.
    """

    vectors: F32Matrix
    tokens: int


class Embeddings:
    """Embeds with the model of a corpus, or with the one of the settings."""

    def __init__(self, catalog: Catalog, loader: ModelRegistry, settings: Settings) -> None:
        self._catalog = catalog
        self._loader = loader
        self._settings = settings

    def stream(self, caller: Caller, request: EmbedRequest) -> Iterator[EmbeddedBatch]:
        """Embed in batches. Everything is checked before the first one.

        :raises CorpusNotFound: if the model names neither a corpus nor the embedder of the settings.
        :raises InvalidRequest: if the embedder would have to cut an input or its vectors, or the token ids
            are not its own.
        :raises TooLarge: if the inputs have more than 300,000 tokens together.
        """
        embedder = self._embedder(caller, request.model)
        dimension, name = embedder.spec.dimension, shown_name(embedder.spec.name)
        if request.dimension not in (None, dimension):
            raise InvalidRequest(
                f"dimensions is {request.dimension}, but {name} makes vectors of {dimension}",
                hint=f"leave dimensions out, or send {dimension}",
                param="dimensions",
            )
        texts, tokens = _checked(request, embedder)
        embed = embedder.embed_queries if request.kind is InputKind.QUERY else embedder.embed_documents
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = slice(start, start + BATCH_TEXTS)
            yield EmbeddedBatch(embed(texts[batch]), sum(tokens[batch]))

    def _embedder(self, caller: Caller, model: str) -> LoadedEmbedder:
        if model in (self._settings.embedder, shown_name(self._settings.embedder)):
            return self._loader.embedder()
        return self._loader.embedder(self._catalog.corpora.get(caller, model).profile)


def _checked(request: EmbedRequest, embedder: LoadedEmbedder) -> tuple[list[str], list[int]]:
    """All inputs as texts, and the tokens of each."""
    spec, tokeniser = embedder.spec, embedder.tokeniser
    prefix = spec.query_prefix if request.kind is InputKind.QUERY else spec.document_prefix
    room = spec.max_tokens - tokeniser.special_tokens - (tokeniser.count(prefix) if prefix else 0)
    texts: list[str] = []
    tokens: list[int] = []
    for number, given in enumerate(request.inputs):
        if len(given) > _CHARS_PER_TOKEN * spec.max_tokens:
            raise _too_long(number, "far more", room)
        text = given if isinstance(given, str) else tokeniser.text(given)
        count = tokeniser.count(text)
        if count > room:
            raise _too_long(number, str(count), room)
        texts.append(text)
        tokens.append(count)
    if sum(tokens) > MAX_TOKENS:
        raise TooLarge(
            f"input has {sum(tokens)} tokens, the most is {MAX_TOKENS}",
            hint="send it in several requests",
            param="input",
        )
    return texts, tokens


def _too_long(number: int, tokens: str, room: int) -> InvalidRequest:
    return InvalidRequest(
        f"input[{number}] has {tokens} tokens, and the embedder reads {room}",
        hint="send it in smaller pieces: nothing is cut silently",
        param=f"input[{number}]",
    )
