"""Vectors for others: the embedder that is meant, in the order that was asked, nothing cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from doubles import ME, HashEmbedder, open_service, upload

from ragsvc.domain import InputKind
from ragsvc.errors import CorpusNotFound, InvalidRequest
from ragsvc.service.embedding import BATCH_TEXTS, EmbedRequest


def test_a_corpus_gives_its_own_embedder_and_the_setting_its_name(tmp_path: Path) -> None:
    with open_service(tmp_path, lambda name: HashEmbedder(name, seed=name), embedder="old") as service:
        upload(service, {"a": "Backups are made nightly."})
    with open_service(tmp_path, lambda name: HashEmbedder(name, seed=name), embedder="new") as service:
        for model, seed in (("c", "old"), ("new", "new")):
            (batch,) = service.embeddings.stream(ME, EmbedRequest(model, ["one two"]))
            assert np.array_equal(batch.vectors, HashEmbedder(seed=seed).embed_documents(["one two"]))
        for unknown in ("old", "nope", "gpt/4", ""):
            with pytest.raises(CorpusNotFound):
                next(service.embeddings.stream(ME, EmbedRequest(unknown, ["one"])))


def test_batches_come_one_by_one_after_everything_was_checked(tmp_path: Path) -> None:
    with open_service(tmp_path) as service:
        texts = [f"w{number}" for number in range(2 * BATCH_TEXTS + 1)]
        batches = list(service.embeddings.stream(ME, EmbedRequest("hash", texts, InputKind.QUERY)))
        assert [batch.tokens for batch in batches] == [BATCH_TEXTS, BATCH_TEXTS, 1]
        together = np.vstack([batch.vectors for batch in batches])
        assert np.array_equal(together, HashEmbedder().embed_queries(texts))
        for request in (
            EmbedRequest("hash", [*texts, "long " * 255]),
            EmbedRequest("hash", ["x" * 64 * 256 + "x"]),
            EmbedRequest("hash", texts, dimension=7),
        ):
            with pytest.raises(InvalidRequest):
                next(service.embeddings.stream(ME, request))
        assert sum(b.tokens for b in service.embeddings.stream(ME, EmbedRequest("hash", ["w " * 254]))) == 254
