"""SIGKILL while trained models are kept and a new corpus is fitted: each change is whole or not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from store_building import ME, SPEC
from test_store_crash import killed

from ragsvc.domain.generative import NetworkKind, TrainedModel
from ragsvc.store.catalog import Catalog

CHILD = """
import os, signal, sys
from pathlib import Path
from ragsvc.crashpoints import install
import test_store_model_kills as t
def handler(name):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
install(handler)
t.work(Path(sys.argv[1]))
"""
FITTED = replace(SPEC, analyser="fitted")
MODEL = TrainedModel(
    name="m",
    version=0,
    kind=NetworkKind.AUTOENCODER,
    weights_sha256="0" * 64,
    data="digits",
    commit=None,
    hyperparameters={"code": 8},
    metrics={"loss": 0.5},
    size_bytes=1,
    created_at="",
)
# Models, and the analyser of the corpus, before and after each verb.
STEPS = {
    "store.choose_profile": ((0, SPEC.analyser), (0, FITTED.analyser)),
    "store.add_model": ((0, FITTED.analyser), (1, FITTED.analyser)),
    "store.delete_model": ((1, FITTED.analyser), (0, FITTED.analyser)),
}


def work(home: Path) -> None:
    """Every verb that changes models, and the choice of a profile."""
    with Catalog.open(home) as catalog:
        catalog.corpora.create(ME, "one", SPEC)
        catalog.corpora.choose_profile("one", FITTED)
        catalog.models.add(ME, MODEL)
        catalog.models.delete(ME, "m")


@pytest.mark.parametrize("place", ["inside", "after"])
@pytest.mark.parametrize("point", STEPS)
def test_a_change_is_there_whole_or_not_at_all(tmp_path: Path, point: str, place: str) -> None:
    killed(tmp_path, f"{point}.{place}", CHILD)
    with Catalog.open(tmp_path) as catalog:
        assert catalog.integrity.damaged_database() == []
        found = len(catalog.models.all(ME)), catalog.corpora.get(ME, "one").profile.spec.analyser
        assert found == STEPS[point][place == "after"]
