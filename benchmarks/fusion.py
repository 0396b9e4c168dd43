"""How passages are best ranked: nDCG@10 of all that was tried, per collection.

    RAGSVC_TEST_DATA=folder python -m benchmarks.fusion [SET ...] [--cache DIR]

Chunks, terms and vectors are those that an ingest would make; the scores of both legs are known for
every candidate of either. A document counts by its best chunk. Every row is compared with the former
default, query by query.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import dropped
from benchmarks.prepared import CONSTANTS, Asked, Prepared, Score
from benchmarks.sets import BASELINES, data_folder, figure, table
from ragsvc.domain import Candidates, ChunkText, F64Vector
from ragsvc.evaluation import beir
from ragsvc.evaluation.intervals import randomisation_test
from ragsvc.index.rank_order import SCORE_STEP
from ragsvc.pipeline.retrieval.close_reader import CLOSE, CloseReader
from ragsvc.pipeline.retrieval.fusion import competition_rank, convex, reciprocal_rank
from ragsvc.pipeline.retrieval.search import DENSE_WEIGHT, DEPTH
from ragsvc.text.analyser import StandardAnalyser

FORMER = "2 cos, bm25 / max, w = 0.6: the former default"
DEFAULT = f"**w = {DENSE_WEIGHT}, proximity and kinship: the default**"
SURE = 0.05

Blind = Callable[[Candidates], Candidates]


def doubled(weight: float) -> Score:
    """The service's own: w * 2 * cosine + (1 - w) * bm25 / max."""
    return lambda asked: convex(asked.dense, asked.lexical, asked.lexical_best, weight)


def windowed(weight: float) -> Score:
    """w * min-max of the cosines of all candidates + (1 - w) * bm25 / max."""

    def score(asked: Asked) -> F64Vector:
        low = float(asked.dense.min())
        window = max(float(asked.dense.max()) - low, 1e-9)
        return convex((asked.dense - low) / window / 2.0, asked.lexical, asked.lexical_best, weight)

    return score


def ranks(asked: Asked) -> F64Vector:
    """Reciprocal rank fusion, constant 60."""
    return reciprocal_rank(
        competition_rank(asked.dense, asked.by_vector), competition_rank(asked.lexical, asked.by_terms)
    )


def twice(weight: float, blind: Blind = lambda candidates: candidates) -> Score:
    """The service's own with its built-in second look.

    :param blind: takes away what the second look may not see.
    """
    reader, first = CloseReader(StandardAnalyser()), doubled(weight)

    def score(asked: Asked) -> F64Vector:
        scores = first(asked)
        places, candidates = asked.close(scores, CLOSE, weight)
        again = reader.rescore(blind(candidates))
        scores = scores - max(0.0, float(scores.max() - again.min())) - SCORE_STEP
        scores[places] = again
        return scores

    return score


def no_texts(candidates: Candidates) -> Candidates:
    """What is left is kinship."""
    return replace(candidates, texts=(ChunkText("", (), ""),) * len(candidates.texts))


def no_vectors(candidates: Candidates) -> Candidates:
    """What is left is proximity."""
    return replace(candidates, vectors=np.zeros_like(candidates.vectors))


@dataclass(frozen=True, slots=True)
class Trial:
    """One line of the table."""

    label: str
    score: Score
    constants: tuple[float, float] = CONSTANTS
    depth: int = DEPTH


def trials() -> Iterator[Trial]:
    """All that is compared."""
    yield Trial("dense alone", lambda asked: asked.dense)
    for constants in (CONSTANTS, (1.2, 0.75)):
        yield Trial(f"bm25 alone, {constants}", lambda asked: asked.lexical, constants)
    yield Trial("reciprocal rank, 60", ranks)
    yield from (Trial(f"min-max / max, w = {weight}", windowed(weight)) for weight in (0.5, 0.6, 0.7, 0.8))
    for weight in (0.4, 0.5, 0.55, 0.65, 0.7, 0.8):
        yield Trial(f"2 cos, bm25 / max, w = {weight}", doubled(weight))
    yield Trial(FORMER, doubled(0.6))
    for constants in ((0.6, 0.4), (0.9, 0.3), (0.9, 0.6), (1.2, 0.4), (1.2, 0.75)):
        yield Trial(f"w = 0.6, bm25 {constants}", doubled(0.6), constants)
    yield Trial("w = 0.6, 100 candidates of each leg", doubled(0.6), depth=100)
    yield Trial(f"w = {DENSE_WEIGHT}, proximity", twice(DENSE_WEIGHT, no_vectors))
    yield Trial(f"w = {DENSE_WEIGHT}, kinship", twice(DENSE_WEIGHT, no_texts))
    for weight in (0.5, 0.6, 0.65):
        yield Trial(f"w = {weight}, proximity and kinship", twice(weight))
    yield Trial(DEFAULT, twice(DENSE_WEIGHT))


def dropped_trials() -> Iterator[Trial]:
    """What was tried beside the former default, and not kept."""
    for share, leaders in ((0.2, 3), (0.4, 5)):
        yield Trial(f"query moved by {share} to its best {leaders}", dropped.feedback(share, leaders))
    for leaders, share in ((5, 0.3), (10, 0.5)):
        yield Trial(
            f"RM3, 20 terms of the best {leaders}, share {share}", dropped.expansion(leaders, 20, share)
        )
    yield from (Trial(f"less {share} of the mean vector", dropped.centred(share)) for share in (0.5, 1.0))
    yield from (Trial(f"whitened, power {power}", dropped.whitened(power)) for power in (0.1, 0.3))
    yield from (Trial(f"CSLS, {share}", dropped.without_hubs(share)) for share in (0.1, 0.4))
    yield from (Trial(f"bm25 / {share} of its bound", dropped.bounded(share)) for share in (0.4, 0.6))
    yield from (Trial(f"best chunk and {share} of the second", dropped.pooled(share)) for share in (0.1, 0.3))


def measure(prepared: Prepared, tried: Sequence[Trial]) -> dict[str, F64Vector]:
    """nDCG@10 of every query, (q,) float64, by the trials' labels."""
    found: dict[str, F64Vector] = {}
    setups = dict.fromkeys((trial.constants, trial.depth) for trial in tried)
    for setup in setups:
        chosen = [trial for trial in tried if (trial.constants, trial.depth) == setup]
        rows = [
            [prepared.ndcg(asked, trial.score(asked)) for trial in chosen] for asked in prepared.asked(*setup)
        ]
        found |= zip((trial.label for trial in chosen), np.array(rows, dtype=np.float64).T, strict=True)
    return {trial.label: found[trial.label] for trial in tried}


def row(
    label: str, scores: Sequence[F64Vector], former: Sequence[F64Vector], names: Sequence[str]
) -> list[str]:
    """One line: means, the worst distance to a baseline, and how many sets differ from the former default."""
    means = [float(values.mean()) for values in scores]
    worst = min(mean - BASELINES[name] for mean, name in zip(means, names, strict=True))
    better = poorer = 0
    for values, before in zip(scores, former, strict=True):
        if randomisation_test(values, before) < SURE:
            better += values.mean() > before.mean()
            poorer += values.mean() < before.mean()
    return [
        label, *map(figure, means), figure(float(np.mean(means))), f"{worst:+.3f}", f"{better} / {poorer}"
    ]  # fmt: skip


def differences(label: str, scores: Sequence[Mapping[str, F64Vector]]) -> list[str]:
    """How far one ranking is from the former default on every set, with the p value."""
    return [
        f"{each[label].mean() - before.mean():+.3f} ({randomisation_test(each[label], before):.3f})"
        for each, before in ((each, each[FORMER]) for each in scores)
    ]


def report(names: Sequence[str], scores: Sequence[Mapping[str, F64Vector]]) -> str:
    """The tables; scores: of every set by label."""
    former = [each[FORMER] for each in scores]
    baselines = [BASELINES[name] for name in names]
    mean = figure(float(np.mean(baselines)))
    rows = [["cc baseline, whole documents", *map(figure, baselines), mean, "", ""]]
    rows += (row(label, [each[label] for each in scores], former, names) for label in scores[0])
    return "\n\n".join(
        (
            table(["ranking", *names, "mean", "worst against cc", "better / worse"], rows),
            table(["against the former default (p)", *names], [[DEFAULT, *differences(DEFAULT, scores)]]),
        )
    )


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(BASELINES))
    parser.add_argument("--cache", type=Path, default=Path("indexes/bench-fusion"))
    given = parser.parse_args()
    names = given.sets or list(BASELINES)
    data = data_folder()
    scores: list[dict[str, F64Vector]] = []
    for name in names:
        collection = beir.load(data / name)
        found = measure(Prepared(collection, given.cache), [*trials(), *dropped_trials()])
        scores.append(found)
        print(f"{name} done", file=sys.stderr)
    print(report(names, scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
