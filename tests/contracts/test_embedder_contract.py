"""What every Embedder does: the bundled model, the one that remembers in a catalog, and the double."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from doubles import HashEmbedder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragsvc.domain import EmbedderSpec
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.protocols import Embedder
from ragsvc.service.vector_cache import CachingEmbedder, VectorCache
from ragsvc.store.catalog import Catalog

texts = st.lists(st.text(max_size=60) | st.sampled_from(["", "The same text.", "梨 🍐"]), max_size=6)
together = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module", params=["bundled", "remembering", "double"])
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    if request.param == "bundled":
        yield SentenceTransformerEmbedder()
    elif request.param == "double":
        yield HashEmbedder()
    else:
        inner = HashEmbedder()
        with Catalog.open(tmp_path_factory.mktemp("vectors") / "home") as catalog:
            yield CachingEmbedder(inner, VectorCache(catalog, "f", inner.spec.dimension))


class TestEmbedderContract:
    """A row is decided by its text alone; the batch in which it stands decides at most the last bits."""

    @together
    @given(texts)
    def test_rows_are_unit_vectors_in_the_order_of_the_texts(
        self, embedder: Embedder, found: list[str]
    ) -> None:
        for embed in (embedder.embed_documents, embedder.embed_queries):
            rows = embed(found)
            assert (rows.shape, rows.dtype) == ((len(found), embedder.spec.dimension), np.float32)
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
            np.testing.assert_allclose(embed(found[::-1])[::-1], rows, atol=1e-5)

    @together
    @given(texts.filter(bool))
    def test_a_text_has_one_vector_whoever_stands_beside_it(
        self, embedder: Embedder, found: list[str]
    ) -> None:
        alone = embedder.embed_documents(found[:1])[0]
        np.testing.assert_allclose(embedder.embed_documents(found)[0], alone, atol=1e-5)
        np.testing.assert_allclose(embedder.embed_documents([*found, *found])[len(found)], alone, atol=1e-5)

    def test_other_words_have_other_vectors(self, embedder: Embedder) -> None:
        one, other = embedder.embed_documents(["Pears ripen late.", "The lock has twelve gates."])
        assert float(one @ other) < 0.9

    def test_its_spec_is_settled(self, embedder: Embedder) -> None:
        spec = embedder.spec
        assert isinstance(spec, EmbedderSpec)
        assert embedder.spec == spec
        assert spec.dimension > 0 and spec.max_tokens > 0
        assert hash(spec) == hash(embedder.spec)

    def test_a_text_over_the_limit_is_cut_not_refused(self, embedder: Embedder) -> None:
        (row,) = embedder.embed_documents(["word " * (embedder.spec.max_tokens + 50)])
        assert np.isfinite(row).all()
