"""A run is taken up only where everything that decides its results is as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doubles import CORPUS, ME, new_home, open_service, upload

from ragsvc.domain import Caller, Progress
from ragsvc.evaluation.requests import AnswersEvaluation
from ragsvc.service import evaluation_run, model_registry
from ragsvc.service.queries import QueryService
from ragsvc.service.service import Service

TEXT = "Giant kelp grows half a metre every day in cold water. Otters sleep in it."
QUESTIONS = ["How much does giant kelp grow?", "What sleeps in kelp?", "Who painted the lighthouse?"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with open_service(new_home(tmp_path)) as opened:
        upload(opened, {"kelp.md": TEXT})
        yield opened


@pytest.fixture
def evaluation(tmp_path: Path) -> AnswersEvaluation:
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(json.dumps({"question": text}) for text in QUESTIONS), encoding="utf-8")
    return AnswersEvaluation(CORPUS, path)


def other_reranker(patch: pytest.MonkeyPatch, _: Path) -> None:
    patch.setattr(model_registry, "BUILT_IN_VERSION", 2)


def other_confidence(patch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "answerability.json").write_text("{}")
    patch.setattr(evaluation_run, "MODEL_FILE", folder / "answerability.json")


def other_generator(patch: pytest.MonkeyPatch, _: Path) -> None:
    patch.setattr(QueryService, "generator", "another")


def other_version(patch: pytest.MonkeyPatch, _: Path) -> None:
    patch.setattr(evaluation_run, "__version__", "9.9.9")


@pytest.mark.parametrize("change", [other_reranker, other_confidence, other_generator, other_version])
def test_what_decides_results_decides_the_journal(
    service: Service,
    evaluation: AnswersEvaluation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[pytest.MonkeyPatch, Path], None],
) -> None:
    interrupt(service, evaluation, ME)
    with monkeypatch.context() as patch:
        change(patch, tmp_path)
        assert service.evaluations.answers(ME, evaluation).resumed == 0
    assert service.evaluations.answers(ME, evaluation).resumed == 2


@pytest.mark.parametrize("other", [Caller("eve"), Caller(groups=frozenset({"x"}))])
def test_a_run_belongs_to_who_began_it(
    service: Service, evaluation: AnswersEvaluation, other: Caller
) -> None:
    interrupt(service, evaluation, ME)
    assert service.evaluations.answers(other, evaluation).resumed == 0
    assert service.evaluations.answers(ME, evaluation).resumed == 2


class Stopped(BaseException):
    """What Ctrl-C does."""


def interrupt(service: Service, request: AnswersEvaluation, caller: Caller) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "evaluate" and progress.done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        service.evaluations.answers(caller, request, progress=stop)
