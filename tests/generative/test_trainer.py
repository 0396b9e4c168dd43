"""Training: losses fall, and what was interrupted anywhere goes on as if it had not been."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import TINY, some_texts, two_clusters
from safetensors.torch import load_file

from ragsvc.domain import NetworkKind
from ragsvc.errors import Cancelled, InvalidRequest, ModelDamaged, TrainingDiverged
from ragsvc.generative.checkpoint import Checkpoint
from ragsvc.generative.datasets import Dataset
from ragsvc.generative.networks.network import GenerativeNetwork
from ragsvc.generative.networks.registry import parameters_of
from ragsvc.generative.plan import CONSTANT, plan_of
from ragsvc.generative.trainer import Trainer, TrainingOutcome, TrainingProgress, begin, train

PLAN = {"epochs": 3, "batch_size": 16, "validate_epochs": 1, "warm_up_steps": 3, "checkpoint_seconds": 0}


class Interruption(BaseException):
    """Stands for a death between two steps."""


def trainer(kind: NetworkKind, path: Path | None, data: Dataset | None = None, **changes: object) -> Trainer:
    plan = plan_of(kind, {**PLAN, "checkpoint_steps": 2, **changes})
    network, material = begin(kind, data or two_clusters(), parameters_of(kind).of(TINY[kind]), plan.seed)
    return Trainer(network, material, plan, None if path is None else Checkpoint(path, {"of": "test"}))


def run(made: Trainer, *, resume: bool = False) -> tuple[GenerativeNetwork, TrainingOutcome]:
    outcome = made.run(resume=resume)
    return made.network, outcome


def assert_same(one: GenerativeNetwork, other: GenerativeNetwork) -> None:
    for name, tensor in one.state_dict().items():
        assert torch.allclose(tensor, other.state_dict()[name], atol=1e-5), name


@pytest.mark.parametrize("kind", NetworkKind)
def test_training_lowers_the_criterion(kind: NetworkKind) -> None:
    epochs = 30 if kind is NetworkKind.GAN else 12
    plan = {**PLAN, "epochs": epochs, "learning_rate": 5e-3, "schedule": CONSTANT, "patience": 0}
    network, outcome = train(kind, two_clusters(), TINY[kind], plan)
    values = [row["validation"][network.criterion] for row in outcome.history]
    assert min(values) < values[0]
    assert outcome.metrics[network.criterion] == min(values)
    assert outcome.history[outcome.best_epoch - 1]["validation"] == outcome.metrics
    assert outcome.reason == "epochs" and outcome.epochs == epochs


def test_the_same_seed_gives_the_same_weights_and_leaves_other_draws_alone() -> None:
    torch.manual_seed(7)
    first, _ = train(NetworkKind.VAE, two_clusters(), TINY[NetworkKind.VAE], PLAN)
    drawn = torch.rand(1)
    torch.manual_seed(7)
    assert torch.equal(torch.rand(1), drawn)
    again, _ = train(NetworkKind.VAE, two_clusters(), TINY[NetworkKind.VAE], PLAN)
    other, _ = train(NetworkKind.VAE, two_clusters(), TINY[NetworkKind.VAE], {**PLAN, "seed": 1})
    assert_same(first, again)
    assert not torch.equal(first.encoder[0].weight, other.encoder[0].weight)


@settings(deadline=None, max_examples=12)
@given(st.sampled_from(list(NetworkKind)), st.lists(st.integers(1, 8), min_size=1, max_size=3))
def test_an_interrupted_training_ends_as_an_unbroken_one(
    tmp_path_factory: pytest.TempPathFactory, kind: NetworkKind, deaths: list[int]
) -> None:
    unbroken, outcome = run(trainer(kind, None))
    path = tmp_path_factory.mktemp("run") / "checkpoint.safetensors"
    for steps in deaths:
        made = trainer(kind, path)
        left = steps

        def die(_: TrainingProgress) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Interruption

        made.listener = die
        try:
            made.run(resume=path.exists())
        except Interruption:
            continue
    resumed, ended = run(trainer(kind, path), resume=path.exists())
    assert_same(unbroken, resumed)
    assert [row["validation"] for row in ended.history] == [
        pytest.approx(row["validation"], abs=1e-5) for row in outcome.history
    ]
    assert [row["training"] for row in ended.history] == [
        pytest.approx(row["training"], abs=1e-5) for row in outcome.history
    ]


CHILD = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from test_trainer import NetworkKind, trainer
made = trainer(NetworkKind(sys.argv[2]), Path(sys.argv[1]), checkpoint_steps=1)
def kill(progress):
    if progress.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
made.listener = kill
made.run()
"""


def test_a_killed_process_loses_no_step_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent.parent)])}
    command = [sys.executable, "-c", CHILD, str(path), "gan"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert load_file(path), "plain safetensors"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    resumed, outcome = run(trainer(NetworkKind.GAN, path, checkpoint_steps=1), resume=True)
    unbroken, whole = run(trainer(NetworkKind.GAN, None))
    assert_same(unbroken, resumed)
    assert outcome.steps == whole.steps


def test_whoever_stops_keeps_the_last_step(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    made = trainer(NetworkKind.VAE, path, checkpoint_steps=0)
    steps: list[int] = []
    made.listener = lambda progress: steps.append(progress.step)
    made.cancelled = lambda: len(steps) == 4
    with pytest.raises(Cancelled, match="step 4"):
        made.run()
    again = trainer(NetworkKind.VAE, path, checkpoint_steps=0)
    again.listener = lambda progress: steps.append(progress.step)
    resumed, _ = run(again, resume=True)
    assert steps == list(range(1, 10))
    assert_same(run(trainer(NetworkKind.VAE, None))[0], resumed)


def test_texts_are_learned_too(tmp_path: Path) -> None:
    asked = {**TINY[NetworkKind.TRANSFORMER], "context": 16, "tokens": "byte", "width": 16}
    plan = {**PLAN, "epochs": 8, "learning_rate": 1e-2, "schedule": CONSTANT}
    network, outcome = train(NetworkKind.TRANSFORMER, some_texts(), asked, plan)
    assert outcome.history[-1]["validation"]["loss"] < 0.8 * outcome.history[0]["validation"]["loss"]
    known, unknown = network.score_texts(["the cat sat on", "zqxj wvkq zz"])
    assert known.perplexity < unknown.perplexity


def test_patience_and_time_end_a_training() -> None:
    _, outcome = train(
        NetworkKind.AUTOENCODER, two_clusters(), TINY[NetworkKind.AUTOENCODER],
        {**PLAN, "epochs": 1000, "patience": 2, "learning_rate": 0.3, "schedule": CONSTANT},
    )  # fmt: skip
    assert outcome.reason == "patience" and outcome.epochs == outcome.best_epoch + 2
    _, outcome = train(
        NetworkKind.AUTOENCODER, two_clusters(), TINY[NetworkKind.AUTOENCODER],
        {**PLAN, "epochs": 10**6, "patience": 0, "minutes": 0.003},
    )  # fmt: skip
    assert outcome.reason == "minutes" and outcome.best_epoch >= 1


def test_a_loss_without_end_is_told() -> None:
    plan = {**PLAN, "epochs": 200, "learning_rate": 1.0, "clip": 0, "schedule": CONSTANT, "patience": 0}
    network, material = begin(
        NetworkKind.AUTOENCODER, two_clusters(), parameters_of(NetworkKind.AUTOENCODER).of({}), 0
    )
    with torch.no_grad():
        network.inner.weight.fill_(1e30)
    with pytest.raises(TrainingDiverged) as caught:
        Trainer(network, material, plan_of(NetworkKind.AUTOENCODER, plan)).run()
    assert "learning_rate" in caught.value.hint


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    run(trainer(NetworkKind.VAE, path))
    made = trainer(NetworkKind.VAE, None)
    made.checkpoint = Checkpoint(path, {"of": "another"})
    with pytest.raises(ModelDamaged, match="another training"):
        made.run(resume=True)
    for damage in (path.read_bytes()[:-7], b"", b"\x80\x04K\x01.", path.read_bytes()[:8] + b"[" * 5000):
        path.write_bytes(damage)
        with pytest.raises(ModelDamaged):
            trainer(NetworkKind.VAE, path).run(resume=True)


def test_rows_and_texts_go_to_those_who_read_them() -> None:
    with pytest.raises(InvalidRequest, match="rows of numbers, not on texts"):
        train(NetworkKind.VAE, some_texts(), {}, PLAN)
    data = two_clusters()
    from dataclasses import replace

    free = replace(data, shape=replace(data.shape, bounded=False))
    with pytest.raises(InvalidRequest, match="texts or pictures"):
        train(NetworkKind.TRANSFORMER, free, {}, PLAN)


def test_learning_rates_rise_and_fall() -> None:
    plan = plan_of(NetworkKind.VAE, {"warm_up_steps": 10, "learning_rate": 1e-2})
    rates = [plan.rate(step, 100) for step in range(100)]
    assert max(rates) == pytest.approx(1e-2, rel=0.05)
    assert rates[0] == pytest.approx(1e-3) and rates[-1] < 1e-3
    assert all(one <= other for one, other in itertools.pairwise(rates[:8]))
    assert all(one >= other for one, other in itertools.pairwise(rates[10:]))
