"""Generative models: training, the list of what was trained, and what loaded models make and say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ragsvc.domain import Caller, RowScore, Sample, SampleRequest, TrainedModel, TrainingRequest
from ragsvc.errors import InvalidRequest, RagsvcError, TrainedModelNotFound
from ragsvc.generative import model_upkeep
from ragsvc.generative.training_folder import TrainingFolder
from ragsvc.lru_cache import LruCache
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.models import check_model_name

if TYPE_CHECKING:
    from ragsvc.generative.model_samples import ModelSamples
    from ragsvc.generative.trainer import Listener

_LOADED = 8
_Key = tuple[str, int, str]


class GenerativeModels:
    """Trained models of a home. Use it from any thread."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._loaded: LruCache[_Key, ModelSamples] = LruCache(_LOADED)

    def train(
        self,
        caller: Caller,
        request: TrainingRequest,
        *,
        listener: Listener | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> TrainedModel:
        """Train a model and keep it with its report.

        :param listener: told after every step. cancelled: asked after every step.
        :raises InvalidRequest: if the data or a hyperparameter is wrong.
        :raises SourceNotFound: if there is no such data.
        :raises TrainingUnfinished: if a training of the name was interrupted, or with `resume` if none was.
        :raises WriterBusy: if another process trains a model of the name.
        :raises Cancelled: when asked to stop; the hint says how to go on.
        :raises TrainingDiverged: if a loss is no finite number.
        """
        # Torch is imported only for those who train or use a model.
        from ragsvc.service.training_run import TrainingRun

        run = TrainingRun(self._catalog, caller, self._settings.lock_timeout_s, listener, cancelled)
        return run.run(request)

    def all(self, caller: Caller) -> list[TrainedModel]:
        """All models, by name, newest versions first."""
        return self._catalog.models.all(caller)

    def get(self, caller: Caller, name: str, version: int | None = None) -> TrainedModel:
        """One model.

        :param version: None: the newest.
        :raises TrainedModelNotFound: if there is none.
        """
        return self._catalog.models.get(caller, name, version)

    def trained_on(self, caller: Caller, corpus: str) -> list[TrainedModel]:
        """Models that hold what they took from a corpus."""
        return self._catalog.models.of_data(caller, corpus)

    def delete(self, caller: Caller, name: str, version: int | None = None) -> list[TrainedModel]:
        """Delete a version, or all of a name, with the files; gives what was deleted.

        :raises TrainedModelNotFound: if there is none.
        """
        with self._catalog.lock.hold(self._settings.lock_timeout_s):
            gone = self._catalog.models.delete(caller, name, version)
            for model in gone:
                folder = self._catalog.home.model(model.name, model.version)
                # What cannot be removed now is nobody's, and gc's.
                with suppress(RagsvcError):
                    model_upkeep.remove(folder)
        self._loaded.drop([_key(model) for model in gone])
        return gone

    def delete_training(self, caller: Caller, name: str) -> None:  # noqa: ARG002
        """Throw an interrupted training away.

        :raises TrainedModelNotFound: if none of this name was interrupted.
        :raises WriterBusy: if it is in work.
        """
        check_model_name(name)
        if not self._catalog.home.training(name).exists():
            raise TrainedModelNotFound(
                f"there is no interrupted training of the model {name}", hint="ragsvc models list"
            )
        with TrainingFolder.held(self._catalog.home, name) as folder:
            folder.remove()

    def generate(
        self, caller: Caller, name: str, request: SampleRequest
    ) -> tuple[TrainedModel, list[Sample]]:
        """Make rows or texts, or walk between two rows.

        :raises TrainedModelNotFound: if there is no such model.
        :raises ModelDamaged: if its file is not the one that was written.
        :raises InvalidRequest: if the request does not fit the model.
        :raises UnsupportedOperation: if models of the kind cannot do that.
        """
        model, samples = self._open(caller, name, request.version)
        return model, samples.make(caller, request)

    def encode(
        self,
        caller: Caller,
        name: str,
        rows: Sequence[Sequence[float]],
        labels: Sequence[int] | None = None,
        version: int | None = None,
    ) -> tuple[TrainedModel, list[list[float]]]:
        """Codes of rows; errors as in `generate`."""
        model, samples = self._open(caller, name, version)
        return model, samples.encode(rows, labels)

    def score(
        self,
        caller: Caller,
        name: str,
        rows: Sequence[Sequence[float]] | None,
        texts: Sequence[str] | None = None,
        labels: Sequence[int] | None = None,
        version: int | None = None,
    ) -> tuple[TrainedModel, list[RowScore]]:
        """How well rows or texts fit, higher is better; errors as in `generate`."""
        if (rows is None) == (texts is None):
            raise InvalidRequest("give either rows or texts", param="rows")
        model, samples = self._open(caller, name, version)
        if texts is not None:
            return model, samples.score_texts(texts)
        assert rows is not None
        return model, samples.score(rows, labels)

    def _open(self, caller: Caller, name: str, version: int | None) -> tuple[TrainedModel, ModelSamples]:
        from ragsvc.generative.model_samples import ModelSamples

        model = self._catalog.models.get(caller, name, version)
        samples = self._loaded.get_or_make(_key(model), lambda: ModelSamples.open(self._catalog, model))
        return model, samples


def _key(model: TrainedModel) -> _Key:
    return model.name, model.version, model.weights_sha256
