"""One training: data, network, steps, files and the row in the catalog."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ragsvc import __version__
from ragsvc.domain import Caller, NetworkKind, TrainedModel, TrainingRequest
from ragsvc.errors import Cancelled, InvalidRequest, RagsvcError
from ragsvc.generative import datasets, trainer
from ragsvc.generative.checkpoint import Checkpoint
from ragsvc.generative.datasets import Dataset, RowData
from ragsvc.generative.exhibits import exhibits
from ragsvc.generative.material import Material
from ragsvc.generative.measures import measure
from ragsvc.generative.model_files import write_model, write_report
from ragsvc.generative.neighbourhood import Neighbourhood
from ragsvc.generative.networks.hyperparameters import Hyperparameters
from ragsvc.generative.networks.network import GenerativeNetwork
from ragsvc.generative.networks.registry import parameters_of
from ragsvc.generative.plan import TrainingPlan, plan_of
from ragsvc.generative.report import ReportFacts, render
from ragsvc.generative.trainer import Listener, Trainer, TrainingOutcome
from ragsvc.generative.training_folder import TrainingFolder
from ragsvc.store.catalog import Catalog
from ragsvc.store.engine import now
from ragsvc.store.models import check_model_name


@dataclass(frozen=True, slots=True)
class _Order:
    """All that decides a training. commit: of the corpus; None: the data is none."""

    kind: NetworkKind
    data: str
    commit: int | None
    hyperparameters: Hyperparameters
    plan: TrainingPlan

    @classmethod
    def of(cls, kind: NetworkKind, data: str, values: Mapping[str, Any]) -> _Order:
        """Sort values into those of the kind and those of the plan.

        :raises InvalidRequest: if one is unknown or wrong.
        """
        known = parameters_of(kind)
        known_plan = TrainingPlan.names()
        unknown = sorted(set(values) - known.names() - known_plan)
        if unknown:
            raise InvalidRequest(
                f"a {kind} has no hyperparameter {unknown[0][:80]!r}",
                hint=f"of the kind: {', '.join(sorted(known.names()))}; "
                f"of every training: {', '.join(sorted(known_plan))}",
                param=unknown[0],
            )
        own = {name: value for name, value in values.items() if name in known.names()}
        plan = {name: value for name, value in values.items() if name in known_plan}
        return cls(kind, data, None, known.of(own), plan_of(kind, plan))

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> _Order:
        """An order that `as_dict` gave."""
        kind = NetworkKind(written["kind"])
        return cls(
            kind,
            written["data"],
            written["commit"],
            parameters_of(kind).of(written["hyperparameters"]),
            TrainingPlan.of(written["plan"]),
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "kind": str(self.kind),
            "data": self.data,
            "commit": self.commit,
            "hyperparameters": self.hyperparameters.as_dict(),
            "plan": self.plan.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """Trains a model and keeps it; what is interrupted is kept and can go on."""

    catalog: Catalog
    caller: Caller
    lock_timeout_s: float
    listener: Listener | None = None
    cancelled: Callable[[], bool] | None = None

    def run(self, request: TrainingRequest) -> TrainedModel:
        """See `GenerativeModels.train`."""
        name = _name_of(request)
        check_model_name(name)
        home = self.catalog.home
        with TrainingFolder.held(home, name) as folder:
            try:
                return self._held(folder, name, request)
            except Cancelled as error:
                raise Cancelled(
                    f"{error.message}; what it learned so far is kept",
                    hint=f"go on with it: ragsvc train --name {name} --resume",
                ) from error
            finally:
                if not folder.is_unfinished:
                    folder.remove()

    def _held(self, folder: TrainingFolder, name: str, request: TrainingRequest) -> TrainedModel:
        if request.resume:
            order = _Order.read(folder.order(name))
            if "minutes" in request.values:
                plan = {**order.plan.as_dict(), "minutes": request.values["minutes"]}
                order = replace(order, plan=TrainingPlan.of(plan))
        else:
            if request.kind is None or not request.data:
                raise _unsaid()
            order = _Order.of(request.kind, request.data, request.values)
        data = self._data(order)
        order = replace(order, data=data.name, commit=data.commit)
        network, material = trainer.begin(order.kind, data, order.hyperparameters, order.plan.seed)
        if not request.resume:
            folder.begin(order.as_dict(), name)
        checkpoint = Checkpoint(folder.checkpoint, _identity(order, material))
        outcome = Trainer(network, material, order.plan, checkpoint, self.listener, self.cancelled).run(
            resume=request.resume
        )
        made = self._publish(name, order, data, network, material, outcome)
        checkpoint.remove()
        return made

    def _data(self, order: _Order) -> Dataset:
        at = "head" if order.commit is None else str(order.commit)
        texts = order.kind is NetworkKind.TRANSFORMER
        return datasets.data_of(
            self.catalog, self.caller, order.data, texts=texts, seed=order.plan.seed, at=at
        )

    def _publish(
        self,
        name: str,
        order: _Order,
        data: Dataset,
        network: GenerativeNetwork,
        material: Material,
        outcome: TrainingOutcome,
    ) -> TrainedModel:
        metrics = {**outcome.metrics, **measure(network, material)}
        embedder = data.embedder if isinstance(data, RowData) else ""
        shown = exhibits(network, material, data, self._neighbourhood(order, data), self.caller)
        about = {
            **order.as_dict(),
            "side": data.side if isinstance(data, RowData) else 0,
            "embedder": embedder,
            "metrics": metrics,
            "outcome": {"reason": outcome.reason, "steps": outcome.steps, "best_epoch": outcome.best_epoch},
            "ragsvc": __version__,
            "made_at": now(),
        }
        # gc takes folders away that the catalog does not know, and holds this lock meanwhile.
        with self.catalog.lock.hold(self.lock_timeout_s):
            version = self.catalog.models.next_version(name)
            folder = self.catalog.home.model(name, version)
            file = write_model(folder, network, about)
            model = TrainedModel(
                name=name,
                version=version,
                kind=order.kind,
                weights_sha256=file.sha256,
                data=order.data,
                commit=order.commit,
                hyperparameters={**order.hyperparameters.as_dict(), **order.plan.as_dict()},
                metrics=metrics,
                size_bytes=file.size_bytes,
                created_at=str(about["made_at"]),
            )
            write_report(folder, render(ReportFacts(model, outcome, _counts(material), tuple(shown))))
            return self.catalog.models.add(self.caller, model)

    def _neighbourhood(self, order: _Order, data: Dataset) -> Neighbourhood | None:
        if order.commit is None or not isinstance(data, RowData):
            return None
        try:
            found = Neighbourhood.of_head(self.catalog, self.caller, order.data)
        except RagsvcError:
            # The report is poorer without it; the training is not.
            return None
        return found if found.is_of(data.embedder, data.shape.width) else None


def _name_of(request: TrainingRequest) -> str:
    if request.name:
        return request.name
    if request.resume:
        raise InvalidRequest("say which training is to go on", hint="ragsvc train --name NAME --resume")
    if request.kind is None or not request.data:
        raise _unsaid()
    base = request.data.rstrip("/").rpartition("/")[2].lower()
    clean = "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in base)
    return f"{request.kind}-{clean}"[:64]


def _unsaid() -> InvalidRequest:
    return InvalidRequest("say what to train and on what", hint="ragsvc train vae --data digits")


def _identity(order: _Order, material: Material) -> dict[str, Any]:
    """What must be the same for a training to go on; how long it may take need not."""
    plan = {name: value for name, value in order.plan.as_dict().items() if name != "minutes"}
    digest = hashlib.sha256()
    for part in (material.training.rows, material.validation.rows):
        digest.update(part.contiguous().numpy().tobytes())
    return {**order.as_dict(), "plan": plan, "rows": digest.hexdigest()}


def _counts(material: Material) -> tuple[int, int]:
    return len(material.training.rows), len(material.validation.rows)
