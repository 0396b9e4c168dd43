"""Fits the answerability model and prints the report of docs/answerability.md.

    python -m benchmarks.answerability --home HOME [--write]

The home must hold the corpus `handbook`. It is fitted on the tuning half of the golden questions and on the
questions of `benchmarks/answerable.txt` and `benchmarks/unanswerable.txt`, which were written for the fit.
Figures are of held-out folds; the other half of the golden questions is never looked at here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ragsvc.domain import Caller, F64Vector, Mode, SearchRequest
from ragsvc.evaluation.questions import load
from ragsvc.pipeline.answerability import MODEL_FILE, features_of
from ragsvc.pipeline.evidence import find_evidence
from ragsvc.service.service import Service
from ragsvc.settings import Settings

Table: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Labels: TypeAlias = np.ndarray[Any, np.dtype[np.str_]]

GOLDEN = Path("tests/golden/handbook.jsonl")
WRITTEN = {
    "written answerable": Path("benchmarks/answerable.txt"),
    "written near": Path("benchmarks/unanswerable.txt"),
}
REPEATS = 20
SHARES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
# What each group weighs in the fit, however many it counts. Those near the subject are the hard ones.
GROUP_WEIGHTS = {
    "answerable": 0.5,
    "written answerable": 0.5,
    "near": 0.2,
    "written near": 0.45,
    "far": 0.35,
}
ANSWERABLE = ("answerable", "written answerable")
REFUSABLE = ("near", "written near", "far")
REGULARISATION = 0.5


def questions() -> list[tuple[str, str]]:
    """Each question with its group."""
    golden = [(q.text, q.kind or "answerable") for q in load(GOLDEN, "tune").questions]
    for group, path in WRITTEN.items():
        lines = path.read_text("utf-8").splitlines()
        golden += [(line, group) for line in lines if line and not line.startswith("#")]
    return golden


def collect(service: Service, asked: list[str]) -> list[dict[str, float]]:
    rows = []
    for question in asked:
        looked = service.look(Caller(), SearchRequest(("handbook",), question, 6, Mode.HYBRID))[0]
        vector, parts = looked.query.vector, looked.parts
        assert vector is not None
        evidence = find_evidence(question, vector, looked.hits, parts.text_vectors, parts.analyser)
        rows.append(features_of(looked, looked.hits, evidence))
    return rows


def fitted(features: Table, groups: Labels) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION))
    weights = np.zeros(len(groups))
    for group, weight in GROUP_WEIGHTS.items():
        weights[groups == group] = weight / (groups == group).sum()
    weights *= len(groups) / weights.sum()
    return model.fit(
        features,
        np.isin(groups, ANSWERABLE),
        standardscaler__sample_weight=weights,
        logisticregression__sample_weight=weights,
    )


def held_out(features: Table, groups: Labels) -> F64Vector:
    """Probabilities by models that did not see the question, meaned over the repeats."""
    total = np.zeros(len(groups))
    for seed in range(REPEATS):
        for fit, test in StratifiedKFold(10, shuffle=True, random_state=seed).split(features, groups):
            total[test] += fitted(features[fit], groups[fit]).predict_proba(features[test])[:, 1]
    return total / REPEATS


def report(probability: F64Vector, groups: Labels) -> list[tuple[float, float]]:
    """Print the operating points and return the thresholds."""
    of = {group: probability[groups == group] for group in GROUP_WEIGHTS}
    answerable = np.concatenate([of[group] for group in ANSWERABLE])
    for group in REFUSABLE:
        labels = np.repeat([1, 0], [answerable.size, of[group].size])
        print(f"- AUROC against {group}: {roc_auc_score(labels, np.r_[answerable, of[group]]):.3f}")
    print(
        "\n| answerable refused | threshold | " + " | ".join(f"{group} refused" for group in REFUSABLE) + " |"
    )
    print("| --- | --- |" + " --- |" * len(REFUSABLE))
    thresholds = []
    for share in SHARES:
        value = float(np.quantile(answerable, share))
        thresholds.append((share, round(value, 4)))
        shares = [(of[group] < value).mean() for group in REFUSABLE]
        print(f"| {share:.3f} | {value:.3f} | " + " | ".join(f"{s:.3f}" for s in shares) + " |")
    return thresholds


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    asked = questions()
    with Service.open(Settings(home=options.home)) as service:
        rows = collect(service, [question for question, _ in asked])
    names = list(rows[0])
    features = np.array([[row[name] for name in names] for row in rows])
    groups = np.array([group for _, group in asked])
    counts = ", ".join(f"{(groups == group).sum()} {group}" for group in GROUP_WEIGHTS)
    print(f"- questions: {counts}; features: {', '.join(names)}")
    thresholds = report(held_out(features, groups), groups)
    model = fitted(features, groups)
    scaler, regression = model[0], model[1]
    stored = {
        "intercept": round(float(regression.intercept_[0]), 6),
        "weights": {n: round(float(v), 6) for n, v in zip(names, regression.coef_[0], strict=True)},
        "means": {n: round(float(v), 6) for n, v in zip(names, scaler.mean_, strict=True)},
        "scales": {n: round(float(v), 6) for n, v in zip(names, scaler.scale_, strict=True)},
        "thresholds": thresholds,
        "fitted_on": f"{GOLDEN}, split tune, and {', '.join(map(str, WRITTEN.values()))}: {counts}",
    }
    print(json.dumps(stored["weights"], indent=1))
    if options.write:
        MODEL_FILE.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
