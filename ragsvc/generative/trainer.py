"""The trainer: steps, validation, early stopping, and checkpoints that it goes on from exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ragsvc.domain import NetworkKind
from ragsvc.errors import Cancelled, InvalidSetting, TrainingDiverged
from ragsvc.generative.checkpoint import Checkpoint, TrainingState
from ragsvc.generative.datasets import Dataset
from ragsvc.generative.material import Material, prepare
from ragsvc.generative.networks.hyperparameters import Hyperparameters
from ragsvc.generative.networks.network import Batch, GenerativeNetwork, floats
from ragsvc.generative.networks.registry import parameters_of
from ragsvc.generative.plan import TrainingPlan, plan_of
from ragsvc.generative.seeds import NOISE, VALIDATION, WEIGHTS, begin_step, drawn_apart

_MOST_NUMBERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    """How far a training is. losses: of the last step. seconds: over all its parts."""

    step: int
    steps: int
    epoch: int
    epochs: int
    losses: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutcome:
    """What came of a training.

    reason: why it ended: "epochs", "patience" or "minutes".
    best_epoch: whose weights the network has, from 1.
    history: a row a validation: "epoch" from 1, "step", "seconds", and the losses of "training" (means since
    the row before) and "validation". metrics: of the validation rows under the best weights.
    """

    reason: str
    steps: int
    epochs: int
    best_epoch: int
    seconds: float
    history: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, float]


Listener = Callable[[TrainingProgress], None]


@dataclass(slots=True)
class Trainer:
    """Trains one network on one material.

    checkpoint: where the state is written, and where it goes on from; None: nowhere.
    listener: told after every step. cancelled: asked after every step; then it writes a checkpoint and stops.
    """

    network: GenerativeNetwork
    material: Material
    plan: TrainingPlan
    checkpoint: Checkpoint | None = None
    listener: Listener | None = None
    cancelled: Callable[[], bool] | None = None
    _state: TrainingState = field(default_factory=TrainingState, init=False)
    _best: dict[str, Tensor] = field(default_factory=dict, init=False)
    _optimisers: dict[str, torch.optim.Optimizer] = field(default_factory=dict, init=False)

    def run(self, *, resume: bool = False) -> TrainingOutcome:
        """Train; the network has the best weights afterwards.

        :param resume: go on from the checkpoint, which must be there.
        :raises Cancelled: if it was asked to stop; the checkpoint is written.
        :raises TrainingDiverged: if a loss is no finite number.
        :raises ModelDamaged: if the checkpoint cannot be gone on from.
        :raises InvalidSetting: if there is no such device.
        """
        if self.plan.device == "cuda" and not torch.cuda.is_available():
            raise InvalidSetting("there is no GPU that torch can use", hint="--set device=cpu")
        self.network.to(self.plan.device)
        self._optimisers = {
            player: torch.optim.AdamW(
                parameters,
                lr=self.plan.learning_rate,
                betas=self.network.betas,
                weight_decay=self.plan.weight_decay,
            )
            for player, parameters in self.network.players().items()
        }
        with drawn_apart(), _threads(self.plan.threads):
            if resume and self.checkpoint is not None:
                self._state, self._best = self.checkpoint.restore(self.network, self._optimisers)
            self._steps()
            return self._outcome()

    def _steps(self) -> None:
        state, plan = self._state, self.plan
        per_epoch = self.material.batches(plan.batch_size)
        began, last_written = time.monotonic() - state.seconds, time.monotonic()
        while not state.reason:
            order = self.material.order(plan.seed, state.epoch)
            while state.position < per_epoch:
                self._step(order, per_epoch * plan.epochs)
                state.seconds = time.monotonic() - began
                late = state.seconds > plan.minutes * 60
                if state.position == per_epoch or late:
                    self._end_epoch(late=late)
                    last_written = self._checkpoint(last_written, force=bool(state.reason))
                    break
                last_written = self._checkpoint(last_written, force=False)

    def _step(self, order: Tensor, steps: int) -> None:
        state, plan, network = self._state, self.plan, self.network
        batch = self.material.batch(order, state.position, plan.batch_size, plan.seed, state.step)
        begin_step(plan.seed, NOISE, state.step)
        network.train()
        player = network.player(state.step)
        optimiser = self._optimisers[player]
        for group in optimiser.param_groups:
            group["lr"] = plan.rate(state.step, steps)
        for each in self._optimisers.values():
            each.zero_grad(set_to_none=True)
        losses = network.loss(_to(batch, plan.device), state.step)
        losses["loss"].backward()
        found = floats(losses)
        self._check(found)
        if plan.clip:
            torch.nn.utils.clip_grad_norm_(network.players()[player], plan.clip)
        optimiser.step()
        network.stepped(player)
        state.step += 1
        state.position += 1
        for name, value in found.items():
            state.sums[name] = state.sums.get(name, 0.0) + value
            state.counted[name] = state.counted.get(name, 0) + 1
        if self.listener is not None:
            self.listener(
                TrainingProgress(
                    step=state.step,
                    steps=steps,
                    epoch=state.epoch + 1,
                    epochs=plan.epochs,
                    losses=found,
                    seconds=state.seconds,
                )
            )

    def _end_epoch(self, *, late: bool) -> None:
        state, plan = self._state, self.plan
        last = late or state.epoch + 1 == plan.epochs
        if last or (state.epoch + 1) % plan.validate_epochs == 0:
            self._validate()
        if last:
            state.reason = "minutes" if late else "epochs"
        elif plan.patience and state.waited >= plan.patience:
            state.reason = "patience"
        state.epoch += 1
        state.position = 0

    def _validate(self) -> None:
        state = self._state
        losses = self._held_out()
        self._check(losses)
        training = {name: total / state.counted[name] for name, total in state.sums.items()}
        state.history.append(
            {
                "epoch": state.epoch + 1,
                "step": state.step,
                "seconds": round(state.seconds, 3),
                "training": training,
                "validation": losses,
            }
        )
        state.sums, state.counted = {}, {}
        state.waited += 1
        if state.best is None or losses[self.network.criterion] < state.best:
            state.best, state.best_epoch, state.waited = losses[self.network.criterion], state.epoch + 1, 0
            self._best = {name: each.detach().clone() for name, each in self.network.state_dict().items()}

    def _held_out(self) -> dict[str, float]:
        """Means of the validation losses over the rows, with the same noise every time."""
        self.network.eval()
        totals: dict[str, float] = {}
        rows = 0
        begin_step(self.plan.seed, VALIDATION)
        for batch in self.material.held_out(self.network.rows_at_once):
            with torch.no_grad():
                found = floats(self.network.validation(_to(batch, self.plan.device)))
            for name, value in found.items():
                totals[name] = totals.get(name, 0.0) + value * len(batch.rows)
            rows += len(batch.rows)
        return {name: total / rows for name, total in totals.items()}

    def _checkpoint(self, last_written: float, *, force: bool) -> float:
        """Write one when it is time; gives when the last one was written."""
        now, plan = time.monotonic(), self.plan
        stop = self.cancelled is not None and self.cancelled()
        timely = plan.checkpoint_seconds and now - last_written >= plan.checkpoint_seconds
        stepped = plan.checkpoint_steps and self._state.step % plan.checkpoint_steps == 0
        if self.checkpoint is not None and (force or stop or timely or stepped):
            self.checkpoint.save(self._state, self.network, self._best, self._optimisers)
            last_written = now
        if stop and not force:
            raise Cancelled(f"the training was stopped after step {self._state.step}")
        return last_written

    def _outcome(self) -> TrainingOutcome:
        state = self._state
        self.network.load_state_dict(self._best)
        self.network.eval()
        with torch.no_grad():
            self.network.finish(self.material.training.rows.to(self.plan.device))
        best = next(row for row in state.history if row["epoch"] == state.best_epoch)
        return TrainingOutcome(
            reason=state.reason,
            steps=state.step,
            epochs=state.epoch,
            best_epoch=state.best_epoch,
            seconds=state.seconds,
            history=tuple(state.history),
            metrics=dict(best["validation"]),
        )

    def _check(self, losses: Mapping[str, float]) -> None:
        wrong = [name for name, value in losses.items() if not math.isfinite(value)]
        if wrong:
            raise TrainingDiverged(
                f"{', '.join(wrong[:_MOST_NUMBERS])} became no finite number in step {self._state.step + 1}",
                hint="use a lower learning rate, such as --set learning_rate=0.0003",
            )


def train(
    kind: NetworkKind,
    data: Dataset,
    hyperparameters: Hyperparameters | Mapping[str, Any] | None = None,
    plan: TrainingPlan | Mapping[str, Any] | None = None,
    *,
    listener: Listener | None = None,
) -> tuple[GenerativeNetwork, TrainingOutcome]:
    """Make a network for a data set and train it, without any file.

    :param hyperparameters, plan: values that differ from the defaults of the kind, or all of them.
    :raises InvalidRequest: if they are wrong, or the network cannot read such data.
    """
    asked = hyperparameters if isinstance(hyperparameters, Hyperparameters) else None
    asked = asked or parameters_of(kind).of(hyperparameters if isinstance(hyperparameters, Mapping) else {})
    planned = plan if isinstance(plan, TrainingPlan) else plan_of(kind, plan)
    network, material = begin(kind, data, asked, planned.seed)
    return network, Trainer(network, material, planned, listener=listener).run()


def begin(
    kind: NetworkKind, data: Dataset, hyperparameters: Hyperparameters, seed: int
) -> tuple[GenerativeNetwork, Material]:
    """A network with the first weights of a seed, and its material; errors as in `prepare`."""
    with drawn_apart():
        begin_step(seed, WEIGHTS)
        return prepare(kind, data, hyperparameters)


def _to(batch: Batch, device: str) -> Batch:
    return Batch(batch.rows.to(device), None if batch.labels is None else batch.labels.to(device))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
