"""Fits the answerability model on the tuning half of the golden questions and writes it.

    python -m benchmarks.answerability --home /tmp/handbook [--write]

The home must hold the corpus `handbook`. Figures are of held-out folds; the other half of the questions is
never looked at here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ragsvc.domain import Caller, Mode, SearchRequest
from ragsvc.evaluation.golden import GoldenQuestion, Kind, Split, load
from ragsvc.pipeline.answerability import MODEL_FILE, features_of
from ragsvc.pipeline.evidence import find_evidence
from ragsvc.service.service import Service
from ragsvc.settings import Settings

GOLDEN = Path("tests/golden/handbook.jsonl")
REPEATS = 20
SHARES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


def collect(service: Service, questions: list[GoldenQuestion]) -> list[dict[str, float]]:
    rows = []
    for question in questions:
        request = SearchRequest(("handbook",), question.question, 6, Mode.HYBRID)
        looked = service.look(Caller(), request)[0]
        vector, parts = looked.query.vector, looked.parts
        assert vector is not None
        evidence = find_evidence(question.question, vector, looked.hits, parts.text_vectors, parts.analyser)
        rows.append(features_of(looked, looked.hits, evidence))
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    questions = [q for q in load(GOLDEN) if q.split is Split.TUNE]
    with Service.open(Settings(home=options.home)) as service:
        rows = collect(service, questions)
    names = list(rows[0])
    features = np.array([[row[name] for name in names] for row in rows])
    answerable = np.array([bool(q.documents) for q in questions])
    near = np.array([q.kind is Kind.NEAR for q in questions])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, class_weight="balanced"))
    held_out = np.mean(
        [
            cross_val_predict(
                model, features, answerable, method="predict_proba",
                cv=StratifiedKFold(10, shuffle=True, random_state=seed),
            )[:, 1]
            for seed in range(REPEATS)
        ],
        axis=0,
    )  # fmt: skip
    print(f"questions {len(questions)}, answerable {answerable.sum()}, features {', '.join(names)}")
    print(f"AUROC {roc_auc_score(answerable, held_out):.3f}, near ones only "
          f"{roc_auc_score(answerable[answerable | near], held_out[answerable | near]):.3f}")  # fmt: skip
    print("| answerable refused | threshold | unanswerable refused | near ones | far ones |")
    print("| --- | --- | --- | --- | --- |")
    thresholds = []
    for share in SHARES:
        value = float(np.quantile(held_out[answerable], share))
        thresholds.append((share, round(value, 4)))
        refused = held_out < value
        far = ~answerable & ~near
        print(f"| {share:.3f} | {value:.3f} | {refused[~answerable].mean():.3f} | "
              f"{refused[near].mean():.3f} | {refused[far].mean():.3f} |")  # fmt: skip
    model.fit(features, answerable)
    scaler, regression = model[0], model[1]
    fitted = {
        "intercept": round(float(regression.intercept_[0]), 6),
        "weights": {n: round(float(v), 6) for n, v in zip(names, regression.coef_[0], strict=True)},
        "means": {n: round(float(v), 6) for n, v in zip(names, scaler.mean_, strict=True)},
        "scales": {n: round(float(v), 6) for n, v in zip(names, scaler.scale_, strict=True)},
        "thresholds": thresholds,
        "fitted_on": f"tests/golden/handbook.jsonl, split tune, {len(questions)} questions",
    }
    print(json.dumps(fitted["weights"], indent=1))
    if options.write:
        MODEL_FILE.write_text(json.dumps(fitted, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
