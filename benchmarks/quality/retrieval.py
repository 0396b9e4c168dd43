"""nDCG@10 on the public collections: both legs, the fusion alone, and the default with its second look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.jobs import CALLER, Bench, Check, Job, Part, Section, chance, plain, signed, values_of
from benchmarks.sets import BASELINES, CUT, TOLERANCE, figure, table
from ragsvc.domain import IngestRequest, Mode
from ragsvc.evaluation.intervals import randomisation_test
from ragsvc.evaluation.report import Figure, Report
from ragsvc.evaluation.requests import MODES, RetrievalEvaluation
from ragsvc.service.service import Service

PREFIX = "retrieval."
PLAIN, OTHER = "none", "other"
GAIN = 0.01
SURE = 0.05
LEGS = (Mode.LEXICAL, Mode.DENSE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The reports of one collection: of the default, without a reranker, and with another if asked for."""

    name: str
    default: Report
    plain: Report
    other: Report | None

    @property
    def hybrid(self) -> Figure:
        return self.default.figures[_key(Mode.HYBRID)]

    @property
    def best_leg(self) -> Mode:
        return max(LEGS, key=self.leg)

    @property
    def rerankers(self) -> dict[str, Report]:
        """Other reports of hybrid searches."""
        return {PLAIN: self.plain} | ({} if self.other is None else {OTHER: self.other})

    def leg(self, mode: Mode) -> float:
        """Mean nDCG of a leg alone; no reranker touches it."""
        return self.default.figures[_key(mode)].value

    def p(self, mode: Mode) -> float:
        """Of the difference between the default and a leg."""
        return self.default.tests[f"{_key(Mode.HYBRID)} against {_key(mode)}"]


def prepare(service: Service, bench: Bench) -> list[Job]:
    """Ingest the collections as they are."""
    jobs = []
    for name in bench.sets:
        folder = bench.data / name
        service.ingest(CALLER, IngestRequest(corpus=name, paths=(str(folder / "corpus.jsonl"),)))
        request = RetrievalEvaluation(name, beir=folder, k=CUT, modes=MODES)
        fused = RetrievalEvaluation(name, beir=folder, k=CUT, modes=(Mode.HYBRID,))
        jobs.append(Job(PREFIX + name, request))
        jobs.append(Job(f"{PREFIX}{name}.{PLAIN}", fused, reranker=PLAIN))
        if bench.reranker is not None:
            jobs.append(Job(f"{PREFIX}{name}.{OTHER}", fused, reranker=bench.reranker))
    return jobs


def conclude(reports: Mapping[str, Report]) -> Section:
    """A row for each collection and one for their mean."""
    outcomes = [
        Outcome(
            name,
            reports[PREFIX + name],
            reports[f"{PREFIX}{name}.{PLAIN}"],
            reports.get(f"{PREFIX}{name}.{OTHER}"),
        )
        for name in BASELINES
        if PREFIX + name in reports
    ]
    labels = {PLAIN: "fused only", OTHER: "other"}
    others = [labels[name] for name in outcomes[0].rerankers]
    head = ["set", "queries", "bm25", "dense", *others, "default", "95 %", "cc", "difference"]
    body = table([*head, "p, best leg", "p, fused only"], [*map(_row, outcomes), _means(outcomes)])
    return Section("Retrieval", body, checks=_checks(outcomes))


def _key(mode: Mode) -> str:
    return f"{mode.value}.ndcg@{CUT}"


def _row(outcome: Outcome) -> list[str]:
    hybrid, baseline = outcome.hybrid, BASELINES[outcome.name]
    second = randomisation_test(
        values_of(outcome.default, _key(Mode.HYBRID)),
        values_of(outcome.plain, _key(Mode.HYBRID)),
        resamples=2000,
    )
    return [
        outcome.name,
        str(hybrid.count),
        *(figure(outcome.leg(leg)) for leg in LEGS),
        *(figure(report.figures[_key(Mode.HYBRID)].value) for report in outcome.rerankers.values()),
        f"**{figure(hybrid.value)}**",
        plain(hybrid)[1],
        figure(baseline),
        signed(hybrid.value - baseline),
        chance(outcome.p(outcome.best_leg)),
        chance(second),
    ]


def _means(outcomes: Sequence[Outcome]) -> list[str]:
    default, baseline = _mean([each.default for each in outcomes]), _baseline(outcomes)
    others = [
        _mean([each.rerankers[name] for each in outcomes if name in each.rerankers])
        for name in outcomes[0].rerankers
    ]
    legs = [float(np.mean([each.leg(leg) for each in outcomes])) for leg in LEGS]
    cells = [*map(figure, (*legs, *others)), f"**{figure(default)}**", "", figure(baseline)]
    return ["**mean**", "", *cells, signed(default - baseline), "", ""]


def _mean(reports: Sequence[Report]) -> float:
    return float(np.mean([report.figures[_key(Mode.HYBRID)].value for report in reports]))


def _baseline(outcomes: Sequence[Outcome]) -> float:
    return float(np.mean([BASELINES[each.name] for each in outcomes]))


def _checks(outcomes: Sequence[Outcome]) -> list[Check]:
    fused, baseline = _mean([each.plain for each in outcomes]), _baseline(outcomes)
    better = [
        f"{leg.value} on {each.name}"
        for each in outcomes
        for leg in LEGS
        if each.leg(leg) > each.hybrid.value and each.p(leg) < SURE
    ]
    short = {each.name: each.hybrid.value - each.leg(each.best_leg) for each in outcomes}
    under = [name for name, gap in short.items() if gap < -TOLERANCE]
    behind = [each.name for each in outcomes if each.hybrid.value < BASELINES[each.name] - TOLERANCE]
    return [
        Check(f"fused only: mean {fused - baseline:+.4f} over cc, aim {GAIN:+}", fused >= baseline + GAIN),
        Check(f"default: no single leg better at p < {SURE}{_named(better)}", not better),
        Check(f"default: no set more than {TOLERANCE} under its best leg{_named(under)}", not under),
        Check(f"default: no set more than {TOLERANCE} under cc{_named(behind)}", not behind),
    ]


def _named(names: Sequence[str]) -> str:
    return f", but {', '.join(names)}" if names else ""


PART = Part(prepare, conclude)
