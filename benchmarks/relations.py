"""Whether a second hop over relations finds more, and what reading them costs at ingest.

    python -m benchmarks.relations QUESTIONS.jsonl.gz RANKING.jsonl.gz PASSAGES.jsonl
    python -m benchmarks.relations --cost FOLDER-OF-MARKDOWN

Questions have `query` and `positives`, each "Title: text"; the passages of both other files are what else
there is. BM25 alone is compared with BM25 and one hop: from the best passages to those that they name by
title, and to those that name theirs. Weight and width are chosen on the even questions, and the figures are
of the odd ones.
"""

from __future__ import annotations

import gzip
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rank_bm25 import BM25Okapi

from ragsvc.domain import NamedDocument, VersionId
from ragsvc.pipeline.relations.entities import EntityDrafts
from ragsvc.pipeline.relations.names import NameFinder
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.mentions import mentions_in

DEPTH = 10
WIDTHS = (1, 3, 5)
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
DRAWS = 10_000


def rows(path: str) -> Iterator[dict[str, object]]:
    """Lines of JSON, packed or not."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def neighbours(titles: list[str], texts: list[str]) -> list[set[int]]:
    """Passages that name each other by title, both ways."""
    documents = [
        NamedDocument(membership=n, document_id=f"p{n}", version=VersionId(n), title=title, source="")
        for n, title in enumerate(titles)
    ]
    drafts = EntityDrafts(documents, {})
    spellings = drafts.spellings()
    names = list(spellings)
    finder = NameFinder(enumerate(names))
    owners = {key: [*draft.documents] for key, draft in drafts.drafts.items()}
    near: list[set[int]] = [set() for _ in texts]
    for place, text in enumerate(texts):
        for number in finder.found(text).tolist():
            for other in (other for key in spellings[names[number]] for other in owners[key]):
                if other != place:
                    near[place].add(other)
                    near[other].add(place)
    return near


def figures(scores: np.ndarray, wanted: set[int]) -> tuple[float, float]:
    """nDCG and recall of the best DEPTH."""
    best = np.argsort(-scores, kind="stable")[:DEPTH].tolist()
    gains = [(place in wanted) / np.log2(rank + 2) for rank, place in enumerate(best)]
    ideal = sum(1 / np.log2(rank + 2) for rank in range(min(DEPTH, len(wanted))))
    return sum(gains) / ideal, len(wanted & {*best}) / len(wanted)


def hop(scores: np.ndarray, near: list[set[int]], width: int, weight: float) -> np.ndarray:
    """Scores with a share of that of the best passages given to what they are linked with."""
    made = scores.copy()
    for place in np.argsort(-scores, kind="stable")[:width].tolist():
        for other in near[place]:
            made[other] = max(made[other], scores[other] + weight * scores[place])
    return made


def second_hop(questions: str, ranking: str, passages: str) -> None:
    """Compare BM25 with BM25 and a hop."""
    asked = list(rows(questions))
    pool: dict[str, None] = {}
    for row in (*asked, *rows(ranking)):
        pool |= dict.fromkeys([*row.get("positives", []), *row.get("negatives", [])])  # type: ignore[misc]
    whole = [text.partition(": ")[::2] for text in pool]
    whole += [(str(row["title"]), str(row["text"])) for row in rows(passages)]
    places = {text: place for place, text in enumerate(pool)}
    titles, texts = [title for title, _ in whole], [text for _, text in whole]
    analyser = StandardAnalyser()
    index = BM25Okapi([analyser.terms(f"{title} {text}") for title, text in whole], k1=1.2, b=0.75)
    scores = [np.asarray(index.get_scores(analyser.terms(str(row["query"])))) for row in asked]
    wanted = [{places[text] for text in row["positives"]} for row in asked]  # type: ignore[attr-defined]
    near = neighbours(titles, texts)
    linked = sum(any(b in near[a] for a in found for b in found) for found in wanted)
    print(f"{len(asked)} questions, {len(whole)} passages; right passages name each other: {linked}")
    results = {
        (width, weight): np.array(
            [figures(hop(row, near, width, weight), found) for row, found in zip(scores, wanted, strict=True)]
        )
        for width, weight in itertools.product(WIDTHS, WEIGHTS)
    }
    best = max(results, key=lambda key: (results[key][::2, 0].mean(), -key[1]))
    plain, more = results[WIDTHS[0], 0.0][1::2], results[best][1::2]
    print(f"chosen on {len(asked[::2])}: width {best[0]}, weight {best[1]}; held out: {len(plain)}")
    generator = np.random.default_rng(0)
    for at, name in enumerate(("nDCG@10", "recall@10")):
        gain = more[:, at] - plain[:, at]
        draws = generator.choice(gain, (DRAWS, len(gain))).mean(axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        before, after = plain[:, at].mean(), more[:, at].mean()
        print(f"{name}: {before:.3f} -> {after:.3f}, {gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]")


def cost(folder: str) -> None:
    """Processor seconds of an ingest, its workers among them, and of reading mentions alone."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "ragsvc", "ingest", "c", folder, "--home", home, "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = used.ru_utime + used.ru_stime
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(folder).rglob("*.md"))]
    started = time.process_time()
    made = sum(len(mentions_in(text, "text/markdown")) for text in texts)
    alone = time.process_time() - started
    print(f"{len(texts)} texts, {made} mentions; the ingest {whole:.1f} s, mentions {alone:.2f} s of it")
    print(f"with / without: {whole / (whole - alone):.4f}")


if __name__ == "__main__":
    if sys.argv[1] == "--cost":
        cost(sys.argv[2])
    else:
        second_hop(*sys.argv[1:])
