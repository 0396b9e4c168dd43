"""What one loaded model makes of requests, as numbers and texts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ragsvc.domain import (
    Caller,
    F32Matrix,
    NearPassage,
    NetworkKind,
    RowScore,
    Sample,
    SampleRequest,
    TrainedModel,
)
from ragsvc.errors import CorpusNotFound, InvalidRequest, StaleContent
from ragsvc.generative.model_files import LoadedModel, read_model
from ragsvc.generative.neighbourhood import Neighbourhood
from ragsvc.generative.networks.network import GenerativeNetwork, labels_of
from ragsvc.generative.networks.sampling_parameters import SamplingParameters
from ragsvc.generative.networks.tokens import PixelCodec
from ragsvc.generative.networks.transformer import TransformerGenerator
from ragsvc.store.catalog import Catalog

MAX_COUNT = 1000
# Of one request: a core makes some thousands a second.
MAX_ALL_TOKENS = 65_536
_DIGITS = 6


class ModelSamples:
    """One model in memory; its weights never change."""

    def __init__(self, catalog: Catalog, model: TrainedModel, loaded: LoadedModel) -> None:
        self._catalog = catalog
        self._model = model
        self._network: GenerativeNetwork = loaded.network
        self._lock = threading.Lock()
        # Models that were trained before this was kept do not say it.
        self._embedder = str(loaded.about.get("embedder", ""))
        self._around: tuple[int, Neighbourhood] | None = None

    @classmethod
    def open(cls, catalog: Catalog, model: TrainedModel) -> ModelSamples:
        """Read the files of a model.

        :raises ModelDamaged: if they are not those that were written.
        """
        folder = catalog.home.model(model.name, model.version)
        return cls(catalog, model, read_model(folder, model.weights_sha256))

    def make(self, caller: Caller, request: SampleRequest) -> list[Sample]:
        """See `GenerativeModels.generate`."""
        if not 1 <= request.count <= MAX_COUNT or not 2 <= request.steps <= MAX_COUNT:
            raise InvalidRequest(f"make from 1 to {MAX_COUNT} at once", param="count")
        if not 0 <= request.seed < 2**63:
            raise InvalidRequest("seed must be from 0 to 2**63 - 1", param="seed")
        with torch.no_grad():
            if isinstance(self._network, TransformerGenerator):
                return self._by_tokens(self._network, request)
            if request.prompt or request.stop:
                raise InvalidRequest(f"a {self._model.kind} takes no prompt and no stop", param="prompt")
            if request.between is not None:
                rows = self._between(caller, request)
                return self._samples(caller, rows, [request.label] * len(rows), request.nearest)
            rows = self._network.generate(request.count, seed=request.seed, label=request.label)
            labels = self._labels_of_made(request.count, request.label)
            return self._samples(caller, rows, labels, request.nearest)

    def encode(self, rows: Sequence[Sequence[float]], labels: Sequence[int] | None) -> list[list[float]]:
        """See `GenerativeModels.encode`."""
        if self._model.kind in (NetworkKind.GAN, NetworkKind.TRANSFORMER):
            raise self._network.cannot("encode")
        with torch.no_grad():
            codes = self._network.encode(self._rows(rows), self._labels(labels, len(rows)))
        return [_numbers(code) for code in codes]

    def score(self, rows: Sequence[Sequence[float]], labels: Sequence[int] | None) -> list[RowScore]:
        """See `GenerativeModels.score`."""
        if isinstance(self._network, TransformerGenerator) and not isinstance(
            self._network.codec, PixelCodec
        ):
            raise InvalidRequest("this model scores texts", hint='send {"texts": [...]}', param="rows")
        with torch.no_grad():
            scores = self._network.score(self._rows(rows), self._labels(labels, len(rows)))
        return [RowScore(round(float(score), _DIGITS)) for score in scores]

    def score_texts(self, texts: Sequence[str]) -> list[RowScore]:
        """How well texts were expected, in nats, with the tokens that they have.

        :raises UnsupportedOperation: if the model does not know texts.
        :raises InvalidRequest: if they have too many tokens together.
        """
        if not isinstance(self._network, TransformerGenerator):
            raise self._network.cannot("score texts")
        with torch.no_grad():
            # A token is a byte at least.
            if sum(len(text.encode("utf-8", "replace")) for text in texts) > 16 * MAX_ALL_TOKENS:
                raise InvalidRequest("the texts are too long together", param="texts")
            found = self._network.score_texts(texts)
        return [RowScore(round(each.log_likelihood, _DIGITS), each.tokens) for each in found]

    def _by_tokens(self, network: TransformerGenerator, request: SampleRequest) -> list[Sample]:
        if request.between is not None:
            raise network.cannot("interpolate")
        sampling = SamplingParameters(
            temperature=request.temperature,
            top_k=request.top_k,
            top_p=request.top_p,
            max_tokens=request.max_tokens,
            stop=request.stop,
        )
        pixels = network.codec.shape.width if isinstance(network.codec, PixelCodec) else 0
        most = MAX_ALL_TOKENS // (pixels or sampling.max_tokens)
        if request.count > most:
            raise InvalidRequest(
                f"{request.count} of up to {pixels or sampling.max_tokens} tokens are more than "
                f"{MAX_ALL_TOKENS} in one request",
                hint=f"ask for up to {most} at once",
                param="count",
            )
        made: Any = network.generate(
            request.count, seed=request.seed, label=request.label, prompt=request.prompt, sampling=sampling
        )
        if pixels:
            labels = self._labels_of_made(request.count, request.label)
            return [
                Sample(None, tuple(_numbers(row)), label) for row, label in zip(made, labels, strict=True)
            ]
        return [Sample(text, None) for text in made]

    def _between(self, caller: Caller, request: SampleRequest) -> Tensor:
        assert request.between is not None
        first, last = request.between
        if isinstance(first, str) and isinstance(last, str):
            around = self._neighbourhood(caller)
            if around is None:
                raise self._without_documents()
            vectors = np.stack([around.document_vector(first), around.document_vector(last)])
            ends = torch.from_numpy(vectors)
        else:
            ends = self._rows([first, last])  # type: ignore[list-item]
        return self._network.interpolate(ends, request.steps, request.label)

    def _without_documents(self) -> InvalidRequest:
        """Why there are no documents to walk between."""
        model, rows = self._model, "POST /v1/models/NAME/generate takes two rows of numbers in `between`"
        if model.commit is None:
            said = f"the model was trained on {model.data}, which has no documents"
            return InvalidRequest(said, hint=rows, param="between")
        return InvalidRequest(
            f"the corpus {model.data} that the model was trained on is not here any more, or is indexed with "
            "another embedder now",
            hint=f"train it again: ragsvc train {model.kind} --data {model.data} --name {model.name}; {rows}",
            param="between",
        )

    def _samples(
        self, caller: Caller, rows: Tensor, labels: Sequence[int | None], nearest: int
    ) -> list[Sample]:
        near: list[tuple[NearPassage, ...]] = [()] * len(rows)
        around = self._neighbourhood(caller) if nearest else None
        if around is not None:
            near = around.nearest(caller, rows.numpy(), nearest)
        return [
            Sample(None, tuple(_numbers(row)), label, passages)
            for row, label, passages in zip(rows, labels, near, strict=True)
        ]

    def _neighbourhood(self, caller: Caller) -> Neighbourhood | None:
        """The corpus of the model as it is now; None when it is gone or has vectors of another embedder."""
        if self._model.commit is None:
            return None
        try:
            commit = int(self._catalog.corpora.get(caller, self._model.data).commit)
            with self._lock:
                held = self._around
            if held is None or held[0] != commit:
                made = Neighbourhood.of_head(self._catalog, caller, self._model.data)
                held = (int(made.corpus.commit), made)
                with self._lock:
                    self._around = held
        except (CorpusNotFound, StaleContent):
            return None
        return held[1] if held[1].is_of(self._embedder, self._width()) else None

    def _labels_of_made(self, count: int, label: int | None) -> list[int | None]:
        labels = labels_of(count, label, self._classes(), torch.device("cpu"))
        return [None] * count if labels is None else labels.tolist()

    def _rows(self, rows: Sequence[Sequence[float]]) -> Tensor:
        """Rows as a tensor.

        :raises InvalidRequest: unless they are 1 to 1000 rows of as many finite numbers as the model has.
        """
        width = self._width()
        if not 1 <= len(rows) <= MAX_COUNT:
            raise InvalidRequest(f"send from 1 to {MAX_COUNT} rows", param="rows")
        for place, row in enumerate(rows):
            if len(row) != width:
                raise InvalidRequest(
                    f"row {place} has {len(row)} numbers, and the model was trained on {width}", param="rows"
                )
        with np.errstate(over="ignore"):
            matrix: F32Matrix = np.asarray(rows, np.float64).astype(np.float32)
        if not np.isfinite(matrix).all():
            raise InvalidRequest("all numbers must be finite in single precision", param="rows")
        return torch.from_numpy(matrix)

    def _labels(self, labels: Sequence[int] | None, count: int) -> Tensor | None:
        classes = self._classes()
        if labels is None:
            return None
        if not classes or len(labels) != count or not all(0 <= label < classes for label in labels):
            wanted = (
                f"one of 0 to {classes - 1} for each row" if classes else "none: the model knows no classes"
            )
            raise InvalidRequest(f"labels must be {wanted}", param="labels")
        return torch.tensor(list(labels), dtype=torch.int64)

    def _shape(self) -> Any:
        network: Any = self._network
        return network.codec.shape if self._model.kind is NetworkKind.TRANSFORMER else network.shape

    def _width(self) -> int:
        return int(self._shape().width)

    def _classes(self) -> int:
        return int(self._shape().classes)


def _numbers(row: Tensor) -> list[float]:
    # Single precision has no more.
    return [float(f"{value:.7g}") for value in row.tolist()]
