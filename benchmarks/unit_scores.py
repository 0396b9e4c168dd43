"""Fits the model that chooses the unit of an answer, and reports how often its first choices hold the answer.

    RAGSVC_TEST_DATA=folder python -m benchmarks.unit_scores --home HOME [--write]

Looks at the tuning halves of the asked and the handbook's questions (some minutes), whose corpora it brings
into the home. A unit is right when it holds, with the title over it, all that a right answer must hold and
nothing that it must not. Among the units of a question one is right: the weights are those of a conditional
logit (McFadden 1974), whose penalty was chosen by cross-validation. Which units the reader reads alone
depends on the model before it, so run it twice after a change. The other halves are never looked at here.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.asked import GOLDEN, HANDBOOK
from benchmarks.asked_corpus import NAME, QUESTIONS, write
from benchmarks.sets import table
from ragsvc.domain import Caller, F64Matrix, F64Vector, IngestRequest, Mode, Prune, SearchRequest
from ragsvc.evaluation.outcome import Outcome, judge
from ragsvc.evaluation.questions import Question, load
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.grounding.unit_features import MODEL_FILE
from ragsvc.service.service import Service
from ragsvc.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
CALLER = Caller()
K = 6
MOST_UNITS = 60
FOLDS = 5
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0)
PENALTY = 0.3
STAGES = {
    "text": r"(?!span|alone|answers|relevant|margin)",
    "spans": r"(?!alone|answers|relevant|margin)",
    "read": "",
}
"""Which features each model may use, by what their names begin with."""
TOPS = (1, 2, 3)
PART_WORTH = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What was found for a question: features of its units, best first, and which answer, (n,)."""

    corpus: str
    features: tuple[Mapping[str, float], ...]
    right: F64Vector


def collect(service: Service, corpus: str, questions: Sequence[Question]) -> list[Looked]:
    """Look at the answerable questions of a corpus."""
    found = []
    for question in questions:
        if not question.answerable or question.history:
            continue
        request = SearchRequest(corpora=(corpus,), query=question.text, k=K, mode=Mode.HYBRID)
        (grounds,) = service.queries.grounds(CALLER, request)
        if grounds is None:
            continue
        units = grounds.units[:MOST_UNITS]
        right = np.array([_rightness(each, question) for each in units])
        found.append(Looked(corpus, tuple(each.features for each in units), right))
    return found


def _rightness(scored: ScoredUnit, question: Question) -> float:
    """1 for a good answer, less for a part of one."""
    unit = scored.unit
    if question.expected is None:
        said = f"{unit.whole} {' '.join(unit.path[-1:])}".casefold()
        return float(any(phrase.casefold() in said for phrase in question.phrases))
    answer = f"{unit.path[-1]}: {unit.whole}" if unit.heading else unit.whole
    outcome = judge(question.expected, question.kind, answer).outcome
    return {Outcome.GOOD: 1.0, Outcome.PARTLY: PART_WORTH}.get(outcome, 0.0)


def matrix_of(looked: Looked, names: Sequence[str]) -> F64Matrix:
    """(n, names) float64."""
    return np.array([[each.get(name, 0.0) for name in names] for each in looked.features])


def fit(looked: Sequence[Looked], names: Sequence[str], penalty: float) -> F64Vector:
    """Weights of a conditional logit with a ridge penalty, (names,)."""
    tables = [(matrix_of(each, names), each.right / each.right.max()) for each in looked if each.right.any()]

    def loss(weights: F64Vector) -> tuple[float, F64Vector]:
        total, slope = penalty * float(weights @ weights), 2.0 * penalty * weights
        for features, right in tables:
            chance = _softmax(features @ weights)
            hit = float(chance @ right) + 1e-12
            total -= float(np.log(hit))
            slope = slope + features.T @ (chance - chance * right / hit)
        return total, slope

    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    weights: F64Vector = found.x
    return weights


def tops(looked: Sequence[Looked], names: Sequence[str], weights: F64Vector) -> dict[str, list[list[float]]]:
    """By corpus: of each question, what the best of the first units is worth, for each of TOPS."""
    found: dict[str, list[list[float]]] = {}
    for each in looked:
        order = np.argsort(-(matrix_of(each, names) @ weights), kind="stable")
        ranked = each.right[order]
        found.setdefault(each.corpus, []).append([float(ranked[:top].max(initial=0.0)) for top in TOPS])
    return found


def held_out(looked: Sequence[Looked], names: Sequence[str], penalty: float) -> dict[str, F64Vector]:
    """By corpus the mean worth of the first units, (tops,), each question by weights fitted on others."""
    fold = np.random.default_rng(7).permutation(len(looked)) % FOLDS
    found: dict[str, list[list[float]]] = {}
    for number in range(FOLDS):
        weights = fit([each for each, of in zip(looked, fold, strict=True) if of != number], names, penalty)
        for corpus, rows in tops(
            [x for x, of in zip(looked, fold, strict=True) if of == number], names, weights
        ).items():
            found.setdefault(corpus, []).extend(rows)
    return {corpus: np.array(rows).mean(axis=0) for corpus, rows in found.items()}


def _softmax(scores: F64Vector) -> F64Vector:
    odds = np.exp(scores - scores.max())
    chance: F64Vector = odds / odds.sum()
    return chance


def report(looked: Sequence[Looked], names: Sequence[str], stage: str) -> tuple[list[str], list[list[str]]]:
    """The table of one model: the first units' worth by penalty, each question held out."""
    corpora = sorted({each.corpus for each in looked})
    head = ["model", "penalty", *(f"{corpus}: first {top}" for corpus in corpora for top in TOPS)]
    rows = []
    for penalty in PENALTIES:
        worth = held_out(looked, names, penalty)
        mark = " (taken)" if penalty == PENALTY else ""
        rows.append(
            [stage, f"{penalty:g}{mark}", *(f"{value:.3f}" for corpus in corpora for value in worth[corpus])]
        )
    return head, rows


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("indexes/quality"))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    with Service.open(Settings(home=given.home)) as service:
        folder = given.home.resolve() / "benchmarks" / NAME
        write(folder)
        service.ingest(CALLER, IngestRequest(corpus=NAME, paths=(str(folder),), prune=Prune.REMOVE))
        handbook = str(ROOT / "corpora" / HANDBOOK)
        service.ingest(CALLER, IngestRequest(corpus=HANDBOOK, paths=(handbook,), prune=Prune.REMOVE))
        looked = collect(service, NAME, load(QUESTIONS, "tune").questions)
        looked += collect(service, HANDBOOK, load(ROOT / GOLDEN, "tune").questions)
    models: dict[str, Any] = {}
    lines: list[list[str]] = []
    head: list[str] = []
    known = sorted({name for each in looked for features in each.features for name in features})
    for stage, pattern in STAGES.items():
        names = [name for name in known if re.match(pattern, name)]
        head, rows = report(looked, names, stage)
        lines += rows
        weights = fit(looked, names, PENALTY)
        models[stage] = {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}
    print(f"{len(looked)} questions, {sum(each.right.any() for each in looked)} with a unit that answers\n")
    print(table(head, lines))
    if given.write:
        stored = {"penalty": PENALTY, "questions": len(looked), "models": models}
        MODEL_FILE.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
