"""Reports with made-up figures, for whatever reads reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ragsvc.evaluation.intervals import bootstrap_mean
from ragsvc.evaluation.report import Bin, Figure, InputDefect, Item, ItemKind, Report, Setup

LATENCY = {
    "retrieve": {"p50": 0.004, "p95": 0.011, "p99": 0.02},
    "evidence": {"p50": 0.03, "p95": 0.07, "p99": 0.11},
    "total": {"p50": 0.04, "p95": 0.09, "p99": 0.14},
}
HOSTILE = "<script>alert(1)</script> \x1b[31mred\u202e & \"quoted\" 'too'"


def make_setup(**changes: Any) -> Setup:
    setup = Setup(
        corpus="handbook", commit=3, profile="ab" * 32, embedder="bundled:all-MiniLM-L6-v2",
        questions="questions.jsonl", digest="cd" * 32, settings={"fusion": "convex", "dense_weight": 0.6},
        version="0.1.0", made_at="2026-11-21T08:00:00+00:00",
    )  # fmt: skip
    return replace(setup, **changes)


def make_figures(items: Sequence[Item]) -> dict[str, Figure]:
    names = dict.fromkeys(name for item in items for name in item.values)
    figures = {}
    for name in names:
        values = [item.values[name] for item in items if name in item.values]
        found = bootstrap_mean(values, resamples=200)
        figures[name] = Figure(found.value, found.low, found.high, len(values))
    return figures


def make_report(items: Sequence[Item], kind: ItemKind = ItemKind.RETRIEVAL, **changes: Any) -> Report:
    report = Report(
        kind=kind, setup=make_setup(), figures=make_figures(items), tests={}, items=tuple(items),
        latency_s=LATENCY, seconds=2.5,
    )  # fmt: skip
    return replace(report, **changes)


def retrieval_report(count: int = 60, seed: int = 0, lift: float = 0.0, **changes: Any) -> Report:
    """Three systems; hybrid is best. lift: added to what hybrid does."""
    random = np.random.default_rng(seed)
    items = []
    for number in range(count):
        base = random.choice([0.0, 0.3, 0.63, 1.0], p=[0.2, 0.2, 0.3, 0.3])
        values = {}
        for system, gain in (("hybrid", 0.1 + lift), ("dense", 0.0), ("lexical", -0.1)):
            score = float(np.clip(base + gain + random.normal(0, 0.05), 0, 1))
            values |= {
                f"{system}.ndcg@10": score,
                f"{system}.recall@10": float(score > 0.3),
                f"{system}.precision@10": score / 10,
                f"{system}.mrr": score * 0.9,
                f"{system}.recall@100": float(score > 0.1),
            }
        found = {
            system: [f"notes/{number + step}.md" for step in range(10)] for system in ("hybrid", "dense")
        }
        text = f"What does note {number} say?" if number else f"What is {HOSTILE}?"
        items.append(Item(f"q{number}", text, values, {"wanted": [f"notes/{number}.md"], "found": found}))
    tests = {"hybrid.ndcg@10 against dense.ndcg@10": 0.0004, "hybrid.ndcg@10 against lexical.ndcg@10": 0.21}
    return make_report(items, **{"tests": tests, **changes})


def answers_report(count: int = 50, seed: int = 0, **changes: Any) -> Report:
    """Every fifth question has no answer."""
    random = np.random.default_rng(seed)
    items = []
    for number in range(count):
        confidence = float(random.uniform(0, 1))
        answered = confidence > 0.3
        detail = {"answer": f"It is {number}. [1]" if answered else HOSTILE, "confidence": confidence}
        if number % 5:
            right = float(answered and random.uniform() < 0.7)
            values = {
                "answered": float(answered),
                "refused_answerable": float(not answered),
                "document@3": float(random.uniform() < 0.8),
                "phrase": right,
                "token_f1": right * 0.6,
            }
            if answered:
                values |= {"citation_precision": right, "supported": 1.0}
            detail |= {"wanted": [f"notes/{number}.md"], "expected": [f"It is {number}"]}
        else:
            values = {"refused_unanswerable": float(not answered), "refused_near": float(not answered)}
        items.append(Item(f"line-{number + 1}", f"How many are there in {number}?", values, detail))
    bins = tuple(Bin(low / 10, (low + 1) / 10, low / 10 + 0.06, (low + 0.5) / 10, 5) for low in range(10))
    report = make_report(items, ItemKind.ANSWERS, reliability=bins)
    whole = {"auroc": Figure(0.91, 0.86, 0.95, count), "calibration_error": Figure(0.08, 0.05, 0.12, count)}
    malformed = (InputDefect("questions.jsonl:12", f"not JSON: {HOSTILE}"),)
    changes = {"figures": {**report.figures, **whole}, "malformed": malformed, **changes}
    return replace(report, **changes)
