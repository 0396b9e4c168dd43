"""How well sentences that no passage bears out are told from the others.

    RAGSVC_TEST_DATA=folder python -m benchmarks.support [--half 1] [--kinds] [--words] [--set NAME]

Every claim is cut into sentences as an answer is, and flagged when a sentence of it is. Precision and recall
are of flags; false flags: the share of what is borne out that is flagged. Each set is cut in two by hash:
what the code does was chosen on half 0, and half 1 is reported. With --words no embedder is asked.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.claims import Claim, halueval, mtrag, pairs, prose, squad, wice
from benchmarks.sets import data_folder, figure, table
from benchmarks.spoilt import spoilt
from ragsvc.domain import ChunkId, Hit, Passage, SupportState, VersionId
from ragsvc.evaluation.calibration import auroc
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.generation.sentence_stream import SentenceStream
from ragsvc.pipeline.grounding.semantic_match import FITTED_TO, SemanticMatch
from ragsvc.pipeline.grounding.support import SupportCheck
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.text.analyser import StandardAnalyser

HANDBOOK = Path(__file__).parent.parent / "corpora" / "handbook"
ANALYSER = StandardAnalyser()
PAIRS = ("summedits", "begin", "fever-dev-pairs", "covid-fact")
HEAD = ("set", "borne out", "not", "precision", "recall", "false flags", "balanced accuracy", "AUROC")


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim and what became of it. share: of its claiming sentences that are flagged, in [0, 1]."""

    claim: Claim
    share: float

    @property
    def flagged(self) -> bool:
        """Whether a sentence of it is."""
        return self.share > 0.0


def claims(data: Path, most: int) -> Iterator[Claim]:
    """All sets; of the big ones about so many claims."""
    yield from halueval(data)
    yield from squad(data, 2 * most)
    yield from wice(data)
    yield from mtrag(data)
    for name in PAIRS:
        yield from pairs(data, name, 2 * most)
    yield from spoilt(prose(HANDBOOK), "handbook", most // 4)
    yield from spoilt(prose(data / "docs-haystack" / "current" / "docs"), "docs", most // 4)


def judge(claim: Claim, nearness: SemanticMatch | None) -> Judged:
    """Hold the sentences of a claim against its passages."""
    hits = [hit_of(number, text) for number, text in enumerate(claim.passages, start=1)]
    support = SupportCheck(hits, ANALYSER, nearness)
    numbers = range(1, len(hits) + 1) if claim.marked else ()
    segments = SentenceStream()
    cut = [each for each in [*segments.feed(claim.text), *segments.end()] if each.strip()]
    standings = [support.verdict(each, tuple(numbers)).standing for each in cut]
    claiming = [each for each in standings if each is not SupportState.NOTHING_CLAIMED]
    unsupported = [each for each in claiming if each is SupportState.UNSUPPORTED]
    return Judged(claim, len(unsupported) / max(1, len(claiming)))


def hit_of(number: int, text: str) -> Hit:
    """A passage with this text and nothing around it."""
    passage = Passage(
        chunk=ChunkId(number),
        document_id=f"d{number}",
        version=f"v{number}",
        version_id=VersionId(number),
        source="",
        title="",
        start=0,
        end=len(text),
        text=text,
        page=None,
        headings=(),
        metadata={},
    )
    return Hit(rank=number, score=1.0, corpus="c", passage=passage)


def row(name: str, judged: Sequence[Judged]) -> list[str]:
    """Of the table."""
    good = [each for each in judged if each.claim.faithful]
    bad = [each for each in judged if not each.claim.faithful]
    false, right = sum(each.flagged for each in good), sum(each.flagged for each in bad)
    whole = [name, str(len(good)), str(len(bad))]
    precision = figure(right / (right + false)) if right + false and bad else "-"
    recall = figure(right / len(bad)) if bad else "-"
    wrong = figure(false / len(good)) if good else "-"
    if not good or not bad:
        return [*whole, precision, recall, wrong, "-", "-"]
    balanced = (right / len(bad) + 1.0 - false / len(good)) / 2.0
    several = len({each.share for each in judged}) > 2
    score = figure(auroc([1 - each.share for each in judged], [each.claim.faithful for each in judged]))
    return [*whole, precision, recall, wrong, figure(balanced), score if several else "-"]


def rows(judged: Iterable[Judged], *, kinds: bool) -> list[list[str]]:
    """One for each set, or for each kind of each set."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        groups[f"{each.claim.set}: {each.claim.kind}" if kinds else each.claim.set].append(each)
    return [row(name, of) for name, of in groups.items()]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--half", type=int, choices=(0, 1), default=1)
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--set")
    parser.add_argument("--words", action="store_true")
    parser.add_argument("--most", type=int, default=400)
    given = parser.parse_args()
    found = [each for each in claims(data_folder(), given.most) if each.half == given.half]
    found = [each for each in found if given.set in {None, each.set}]
    nearness = None
    if not given.words:
        nearness = SemanticMatch(TextVectors(SentenceTransformerEmbedder(FITTED_TO, threads=1)))
    started = time.perf_counter()
    judged = [judge(each, nearness) for each in found]
    seconds = time.perf_counter() - started
    print(table(HEAD, rows(judged, kinds=False)), end="\n\n")
    if given.kinds:
        print(table(HEAD, rows(judged, kinds=True)), end="\n\n")
    print(f"{1000 * seconds / max(1, len(found)):.1f} ms a claim")


if __name__ == "__main__":
    main()
