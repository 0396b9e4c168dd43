"""Documents that are unlike the others: measured as numpy would, copies once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from doubles import CORPUS, ME, new_home, open_service, upload

from ragsvc.domain import Outlier
from ragsvc.pipeline.retrieval import outliers
from ragsvc.service.service import Service

WORDS = [f"{letter}{number}" for letter in "abc" for number in range(12)]


def made(count: int) -> dict[str, str]:
    """Documents of common words, one a chunk or several; the last has none of them."""
    draw = random.Random(3)
    common = {f"d{n:02}": " ".join(draw.choices(WORDS, k=draw.choice((15, 40)))) for n in range(count)}
    return common | {"odd": "wholly other words stand here and nowhere else"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with open_service(new_home(tmp_path_factory.mktemp("outliers")), chunk_tokens=20) as opened:
        upload(opened, made(30))
        upload(opened, {"odd copy": made(30)["odd"]})
        yield opened


def brute(service: Service) -> list[Outlier]:
    """All of them, one distance after the other."""
    snapshot = service.queries.snapshot(ME, CORPUS, None)
    documents, _ = service.documents(ME, CORPUS, cursor=None, limit=1000)
    rows = np.flatnonzero(snapshot.alive)
    vectors, owner = snapshot.index.vectors_of(rows), snapshot.index.versions[rows]
    held: dict[int, np.ndarray] = {}
    for version in np.unique(owner):
        mean = vectors[owner == version].mean(axis=0)
        held[int(version)] = mean / np.linalg.norm(mean)
    found = service.maintenance.outliers(ME, CORPUS, 1000)
    assert len(found) == len(held) == len(documents) - 1
    distances = {
        one: sorted(np.linalg.norm(vector - other) for two, other in held.items() if two != one)[:5]
        for one, vector in held.items()
    }
    means = sorted((float(np.mean(each)) for each in distances.values()), reverse=True)
    assert [each.distance for each in found] == pytest.approx(means, abs=1e-3)
    return found


def test_the_farthest_is_first_and_copies_are_one(service: Service) -> None:
    found = brute(service)
    assert found[0].document_id == "odd"
    assert "odd copy" not in [each.document_id for each in found]
    assert all(each.nearest != each.document_id for each in found)
    assert service.maintenance.outliers(ME, CORPUS, 1) == found[:1]


def test_of_many_documents_some_are_compared(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {each.document_id: each.distance for each in service.maintenance.outliers(ME, CORPUS, 1000)}
    monkeypatch.setattr(outliers, "_COMPARED", 15)
    found = service.maintenance.outliers(ME, CORPUS, 1000)
    assert len(found) == len(whole)
    # The nearest of some are no nearer than the nearest of all.
    assert all(each.distance >= whole[each.document_id] - 1e-5 for each in found)
    assert all(each.nearest != each.document_id for each in found)


def test_two_documents_tell_nothing(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path)) as opened:
        upload(opened, {"a": "one text", "b": "and another"})
        assert opened.maintenance.outliers(ME, CORPUS, 5) == []
