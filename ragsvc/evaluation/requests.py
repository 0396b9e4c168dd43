"""What to evaluate, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragsvc.domain import Mode
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation import beir
from ragsvc.evaluation.questions import Questions, load

MODES = (Mode.HYBRID, Mode.DENSE, Mode.LEXICAL)


@dataclass(frozen=True, slots=True)
class RetrievalEvaluation:
    """How well a corpus is searched. Exactly one of `questions` and `beir` is given.

    questions: a JSONL file, see `questions.load`. beir: a folder, see `beir.load`.
    split: of the questions, None: all; of the judgements of a collection, None: "test".
    k: 1..200, where ndcg, recall and precision are cut.
    at: a commit number, tag, "head" or "head~N"; None: the head. where: a filter as JSON, or None.
    fresh: forget what an interrupted run has done.
    """

    corpus: str
    questions: Path | None = None
    beir: Path | None = None
    split: str | None = None
    k: int = 10
    modes: tuple[Mode, ...] = MODES
    at: str | None = None
    where: Mapping[str, Any] | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class AnswersEvaluation:
    """How good answers over a corpus are; the fields are those of `RetrievalEvaluation`.

    k: 1..200, passages that an answer reads.
    """

    corpus: str
    questions: Path
    split: str | None = None
    k: int = 6
    at: str | None = None
    where: Mapping[str, Any] | None = None
    fresh: bool = False


def judgements_of(request: RetrievalEvaluation) -> tuple[Questions, str]:
    """Read what a retrieval evaluation asks, from a file or a collection, and give its name.

    :raises SourceNotFound: if it cannot be read.
    :raises InvalidRequest: if it holds no question, or not exactly one of the two is given.
    """
    if request.questions is not None and request.beir is None:
        return load(request.questions, request.split), request.questions.name
    if request.beir is None or request.questions is not None:
        raise InvalidRequest("what is to be asked?", hint="give a file of questions, or a BEIR folder")
    collection = beir.load(request.beir, request.split or "test")
    questions = Questions(collection.questions, collection.malformed, collection.digest, collection.notes)
    return questions, collection.name
