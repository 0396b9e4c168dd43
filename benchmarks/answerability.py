"""Fits the answerability model and prints the report of docs/answerability.md.

    RAGSVC_TEST_DATA=folder python -m benchmarks.answerability --home HOME [--write]

Ingests the handbook and SQuAD's paragraphs into the home, looks at every question (some minutes, once for
each state of the code), fits, and reports. With --write the model is stored together with its report, and the
report's part of the documentation is written anew. Nothing is fitted on the held-out articles of SQuAD, and
the other half of the golden questions is never looked at here.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.asked import GOLDEN, ROOT, SQUAD, WRITTEN, Seen, collect
from benchmarks.sets import data_folder, table
from ragsvc.domain import BoolVector, F64Vector, I64Vector
from ragsvc.evaluation.calibration import (
    auroc,
    bootstrap_of,
    expected_calibration_error,
    refusal_recall,
    reliability,
)
from ragsvc.evaluation.intervals import Interval
from ragsvc.pipeline.grounding.answerability import MODEL_FILE, READER_MODEL_FILE, AnswerabilityModel
from ragsvc.service.service import Service
from ragsvc.settings import Settings

Table: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Labels: TypeAlias = np.ndarray[Any, np.dtype[np.str_]]

DOCUMENTATION = Path("docs/answerability.md")
_REPORT = re.compile(r"(?<=<!-- report -->\n).*?(?=<!-- end of report -->)", re.S)
# What the features of the reader begin with.
READER = "reader_"
REPEATS = 10
FOLDS = 10
SHARES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
OPERATING_POINT = 0.05
# What each group weighs in the fit, however many it counts. Those near the subject are the hard ones; SQuAD's
# are so many, and so unlike what people ask, that at a weight like the others' they spoil the rest.
GROUP_WEIGHTS = {
    "answerable": 0.35,
    "written answerable": 0.35,
    "asked answerable": 0.5,
    "squad answerable": 0.02,
    "near": 0.2,
    "written near": 0.45,
    "far": 0.35,
    "squad near": 0.02,
    "asked near": 0.35,
}
REFUSABLE = ("near", "written near", "far", "squad near", "asked near")
REGULARISATION = 0.02


def fitted(features: Table, groups: Labels) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=500))
    weights = weights_of(groups)
    return model.fit(
        features,
        ~np.isin(groups, REFUSABLE),
        standardscaler__sample_weight=weights,
        logisticregression__sample_weight=weights,
    )


def weights_of(groups: Labels) -> F64Vector:
    """Of each question, mean 1."""
    weights = np.zeros(len(groups))
    for group, weight in GROUP_WEIGHTS.items():
        weights[groups == group] = weight / max(1, (groups == group).sum())
    return weights * (len(groups) / weights.sum())


def held_out(features: Table, groups: Labels, articles: Labels) -> F64Vector:
    """Probabilities by models that saw neither the question nor its article, meaned over repeats."""
    total = np.zeros(len(groups))
    for seed in range(REPEATS):
        fold = folds(groups, articles, seed)
        for number in range(FOLDS):
            test = fold == number
            if test.any():
                total[test] += fitted(features[~test], groups[~test]).predict_proba(features[test])[:, 1]
    return total / REPEATS


def folds(groups: Labels, articles: Labels, seed: int) -> I64Vector:
    """Of the handbook's questions by group, of SQuAD's by article."""
    fold = np.zeros(len(groups), dtype=np.int64)
    own = np.flatnonzero(articles == "")
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (_, test) in enumerate(splitter.split(own, groups[own])):
        fold[own[test]] = number
    names = np.random.default_rng(seed).permutation(np.unique(articles[articles != ""]))
    for number, name in enumerate(names):
        fold[articles == name] = number % FOLDS
    return fold


def thresholds_of(probability: F64Vector, groups: Labels) -> list[tuple[float, float]]:
    """Quantiles of the handbook's answerable questions, which were asked as people ask."""
    answerable = probability[np.isin(groups, ("answerable", "written answerable", "asked answerable"))]
    return [(share, round(float(np.quantile(answerable, share)), 4)) for share in SHARES]


def calibration(probability: F64Vector, groups: Labels, articles: Labels) -> tuple[float, float]:
    """Slope and shift of the log-odds that make them right on held-out folds, both corpora counting alike.

    The weights of the groups are chosen for the order of the questions, not for their base rate. A line
    leaves the order, and so every decision, as it was.
    """
    weights = np.where(articles == "", weights_of(groups), 1.0)
    for own in (articles == "", articles != ""):
        weights[own] /= weights[own].sum()
    line = LogisticRegression(C=1e6).fit(
        log_odds(probability)[:, None], ~np.isin(groups, REFUSABLE), sample_weight=weights * len(groups)
    )
    return float(line.coef_[0, 0]), float(line.intercept_[0])


def log_odds(probability: F64Vector) -> F64Vector:
    odds: F64Vector = np.log(probability / (1.0 - probability))
    return odds


def moved(probability: F64Vector, slope: float, shift: float) -> F64Vector:
    sure: F64Vector = 1.0 / (1.0 + np.exp(-(slope * log_odds(probability) + shift)))
    return sure


def figures(probability: F64Vector, answerable: BoolVector) -> dict[str, Any]:
    """AUROC and refusal recall with intervals, calibration error and bins."""
    return {
        "questions": len(answerable),
        "answerable": int(answerable.sum()),
        "auroc": _rounded(bootstrap_of(auroc, probability, answerable)),
        "refusal_recall@5%": _rounded(
            bootstrap_of(lambda p, a: refusal_recall(p, a, OPERATING_POINT)[0], probability, answerable)
        ),
        "calibration_error": round(expected_calibration_error(probability, answerable), 4),
        "reliability": [asdict(each) for each in reliability(probability, answerable)],
    }


def refused(probability: F64Vector, groups: Labels, threshold: float) -> dict[str, float]:
    """Share refused of each group."""
    return {
        str(group): round(float((probability[groups == group] < threshold).mean()), 4)
        for group in GROUP_WEIGHTS
        if (groups == group).any()
    }


def _rounded(interval: Interval) -> list[float]:
    return [round(each, 4) for each in (interval.value, interval.low, interval.high)]


def fit(seen: Sequence[Seen], *, with_reader: bool) -> dict[str, Any]:
    """What is stored: the model and its report."""
    names = [name for name in seen[0].features if with_reader or not name.startswith(READER)]
    features = np.array([[each.features[name] for name in names] for each in seen])
    groups = np.array([each.asked.group for each in seen])
    articles = np.array([each.asked.article for each in seen])
    test = np.array([each.asked.held_out for each in seen])
    answerable = ~np.isin(groups, REFUSABLE)
    raw = held_out(features[~test], groups[~test], articles[~test])
    slope, shift = calibration(raw, groups[~test], articles[~test])
    folded = moved(raw, slope, shift)
    thresholds = thresholds_of(folded, groups[~test])
    model = fitted(features[~test], groups[~test])
    unseen = moved(model.predict_proba(features[test])[:, 1], slope, shift)
    own = articles[~test] == ""
    threshold = AnswerabilityModel(0.0, {}, {}, {}, thresholds).threshold(OPERATING_POINT)
    return {
        "intercept": round(slope * float(model[1].intercept_[0]) + shift, 6),
        "weights": _named(names, slope * model[1].coef_[0]),
        "means": _named(names, model[0].mean_),
        "scales": _named(names, model[0].scale_),
        "thresholds": thresholds,
        "report": {
            "data": f"{GOLDEN} (split tune), {', '.join(map(str, WRITTEN.values()))}, {SQUAD} (SQuAD 2.0)",
            "fitted_on": {str(g): int((groups[~test] == g).sum()) for g in GROUP_WEIGHTS},
            "fitted_articles": sorted(set(articles[~test].tolist()) - {""}),
            "held_out_articles": sorted(set(articles[test].tolist())),
            "held_out": figures(unseen, answerable[test]),
            "handbook_folds": figures(folded[own], answerable[~test][own]),
            "threshold": round(threshold, 4),
            "refused_on_folds": refused(folded, groups[~test], threshold),
            "refused_held_out": refused(unseen, groups[test], threshold),
            "points": [
                {"share": share, "threshold": value, "refused": refused(folded, groups[~test], value)}
                for share, value in thresholds
            ],
        },
    }


def _named(names: Sequence[str], values: F64Vector) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}


def written(stored: dict[str, Any]) -> str:
    """The report in Markdown."""
    report = stored["report"]
    counts = ", ".join(f"{count} {group}" for group, count in report["fitted_on"].items())
    parts = [
        f"Fitted on {counts}; weights of the features, each in units of its spread:",
        table(["feature", "weight"], [[name, f"{w:+.2f}"] for name, w in stored["weights"].items()]),
        _section("SQuAD 2.0, held-out articles", report["held_out"])
        + f"\n\nArticles: {', '.join(report['held_out_articles'])}. {_at_point(report, 'refused_held_out')}",
        _section("Handbook, held-out folds", report["handbook_folds"])
        + f"\n\n{_at_point(report, 'refused_on_folds')}",
        "### Operating points\n\nHeld-out folds of what was fitted on; the share in the first column is of "
        "the handbook's answerable questions.\n\n" + _points(report["points"]),
    ]
    return "\n" + "\n\n".join(parts) + "\n\n"


def _section(title: str, found: dict[str, Any]) -> str:
    value, low, high = found["auroc"]
    recall, least, most = found["refusal_recall@5%"]
    bins = [
        [
            f"{b['low']:.1f} – {b['high']:.1f}",
            f"{b['confidence']:.2f}",
            f"{b['share']:.2f}",
            str(b["count"]),
            _bar(b),
        ]
        for b in found["reliability"]
    ]
    return (
        f"### {title}\n\n{found['questions']} questions, {found['answerable']} of them answerable. "
        f"AUROC **{value:.3f}** ({low:.3f} – {high:.3f}); refused of the unanswerable, at 5 % of these "
        f"answerable ones: **{recall:.3f}** ({least:.3f} – {most:.3f}); calibration error "
        f"{found['calibration_error']:.3f}.\n\n"
        + table(["confidence", "mean", "answerable", "questions", "`#` answerable, `¦` confidence"], bins)
    )


def _bar(held: dict[str, float]) -> str:
    """A row of the reliability plot: twenty places from 0 to 1."""
    signs = list("#" * round(20 * held["share"]) + "." * (20 - round(20 * held["share"])))
    signs[min(19, int(20 * held["confidence"]))] = "¦"
    return f"`{''.join(signs)}`"


def _at_point(report: dict[str, Any], name: str) -> str:
    shares = ", ".join(f"{group} {share:.1%}" for group, share in report[name].items())
    below = f"confidence below {report['threshold']:.3f}"
    return f"Refused with `RAGSVC_MAX_FALSE_REFUSALS=0.05` ({below}): {shares}."


def _points(points: Sequence[dict[str, Any]]) -> str:
    groups = list(points[0]["refused"])
    rows = [
        [f"{p['share']:.3f}", f"{p['threshold']:.3f}", *(f"{p['refused'][group]:.3f}" for group in groups)]
        for p in points
    ]
    return table(["share", "threshold", *groups], rows)


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--home", type=Path, required=True)
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    data = data_folder()
    with Service.open(Settings(home=options.home)) as service:
        seen = collect(service, options.home, data)
    files = {False: MODEL_FILE, True: READER_MODEL_FILE}
    stored = {with_reader: fit(seen, with_reader=with_reader) for with_reader in files}
    report = f"{written(stored[True])}## Without the reader\n{written(stored[False])}"
    print(report)
    if options.write:
        for with_reader, file in files.items():
            file.write_text(json.dumps(stored[with_reader], indent=1) + "\n", "utf-8")
        page = ROOT / DOCUMENTATION
        page.write_text(_REPORT.sub(lambda _: report, page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
