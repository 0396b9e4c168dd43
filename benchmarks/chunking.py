"""Chunk size and overlap: what top-k retrieval finds of gold spans, and how documents rank.

    export RAGSVC_TEST_DATA=folder
    python benchmarks/chunking.py spans 64:0 200:0 200:50 --cache cache.npz
    python benchmarks/chunking.py ranks 128:0 200:0 --sets cranfield cisi --cache cache.npz

A configuration is size:overlap in tokens. `spans` measures as Chroma's "Evaluating Chunking" does:
per question, recall = gold characters retrieved / gold characters, IoU = gold characters retrieved /
(all characters retrieved + gold characters missed). Dense retrieval only, one index for all texts.
"@n": as many chunks as hold gold characters, which is Chroma's "minimum" setting.
`ranks` is nDCG@10 of documents (best chunk counts), dense and fused with BM25 at 0.6 : 0.4.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytrec_eval
from analyser import Bm25, read_judgements, read_lines

from ragsvc.domain import ChunkDraft, F32Matrix, Span
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.chunker import DEFAULT_CHUNKER, JOIN_SLACK_TOKENS, MARKDOWN, Chunker

Scores: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
BUDGET_CHARS = 4000


class CachedEmbedder:
    """Embeds each text once over all runs."""

    def __init__(self, file: Path | None) -> None:
        self.model = SentenceTransformerEmbedder()
        self._file = file
        self._known: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = {}
        if file and file.exists():
            with np.load(file) as stored:
                self._known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def embed(self, texts: list[str]) -> F32Matrix:
        keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            vectors = self.model.embed_documents(list(missing.values()))
            self._known.update(zip(missing, vectors, strict=True))
            if self._file:
                np.savez(self._file, keys=list(self._known), vectors=np.stack(list(self._known.values())))
        return np.stack([self._known[key] for key in keys])

    def chunker(self, size: int, overlap: int) -> Chunker:
        """Build a chunker whose header shrinks where size leaves no room for the default one."""
        tokeniser = self.model.tokeniser
        room = self.model.spec.max_tokens - tokeniser.special_tokens - JOIN_SLACK_TOKENS
        header = min(DEFAULT_CHUNKER.header_tokens, room - size)
        spec = replace(DEFAULT_CHUNKER, size_tokens=size, overlap_tokens=overlap, header_tokens=header)
        return Chunker(spec, tokeniser, self.model.spec.max_tokens)


def covered(spans: list[Span], others: list[Span]) -> int:
    """Count characters of the union of `spans` that lie in the union of `others`."""
    inside = {place for other in others for place in range(other.start, other.end)}
    return len({place for span in spans for place in range(span.start, span.end)} & inside)


def score(gold: dict[str, list[Span]], hits: list[tuple[str, Span]]) -> tuple[float, float]:
    """Recall and IoU of one question; text retrieved twice counts twice in IoU, as Chroma has it."""
    found = sum(covered(spans, [span for name, span in hits if name == text]) for text, spans in gold.items())
    wanted = sum(covered(spans, spans) for spans in gold.values())
    retrieved = sum(span.end - span.start for _, span in hits)
    return found / wanted, found / (retrieved + wanted - found)


def within_budget(hits: list[tuple[str, Span]]) -> list[tuple[str, Span]]:
    """Take best chunks for as long as they fit in the budget of characters."""
    total, kept = 0, []
    for name, span in hits:
        total += span.end - span.start
        if total > BUDGET_CHARS:
            break
        kept.append((name, span))
    return kept


def measure_spans(root: Path, embedder: CachedEmbedder, size: int, overlap: int) -> list[str]:
    folder = root / "chunking-eval"
    texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("corpora/*.md"))}
    chunker = embedder.chunker(size, overlap)
    drafts: list[tuple[str, ChunkDraft]] = [
        (name, draft) for name, text in texts.items() for draft in chunker.split("", text, MARKDOWN)
    ]
    vectors = embedder.embed([draft.embedded_text for _, draft in drafts])
    questions = read_lines(folder / "questions.jsonl")
    asked = embedder.embed([question["text"] for question in questions])
    order = np.argsort(-(asked @ vectors.T), axis=1, kind="stable")[:, :100]
    rows = []
    for question, best in zip(questions, order, strict=True):
        spans = [Span(each["start_index"], each["end_index"]) for each in question["references"]]
        gold = {question["corpus_id"]: spans}
        hits = [(drafts[place][0], Span(drafts[place][1].start, drafts[place][1].end)) for place in best]
        gold_text = question["corpus_id"]
        needed = sum(
            name == gold_text and any(draft.start < span.end and span.start < draft.end for span in spans)
            for name, draft in drafts
        )
        cells = [cell for depth in (5, 10, needed) for cell in score(gold, hits[:depth])]
        rows.append([*cells, score(gold, within_budget(hits))[0]])
    chars = sum(draft.end - draft.start for _, draft in drafts) / len(drafts)
    return [str(len(drafts)), f"{chars:.0f}", *(f"{cell:.3f}" for cell in np.mean(rows, axis=0))]


def measure_ranks(folder: Path, embedder: CachedEmbedder, size: int, overlap: int) -> str:
    analyser = StandardAnalyser()
    chunker = embedder.chunker(size, overlap)
    judged = read_judgements(folder / "qrels" / "test.tsv")
    names: list[str] = []
    owners: list[int] = []
    terms: list[list[str]] = []
    embedded: list[str] = []
    for document in read_lines(folder / "corpus.jsonl"):
        title = document.get("title") or ""
        for draft in chunker.split(title, document["text"], "text/plain"):
            owners.append(len(names))
            embedded.append(draft.embedded_text)
            terms.append(analyser.terms(f"{title}\n{document['text'][draft.start : draft.end]}"))
        names.append(str(document["_id"]))
    queries = [each for each in read_lines(folder / "queries.jsonl") if each["_id"] in judged]
    vectors, asked = embedder.embed(embedded), embedder.embed([each["text"] for each in queries])
    index, owner = Bm25(terms), np.array(owners)
    runs: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for query, vector in zip(queries, asked, strict=True):
        dense = (vectors @ vector).astype(np.float64)
        words = index.scores(analyser.terms(query["text"]), 1.2, 0.75)
        scaled = (dense - dense.min()) / (np.ptp(dense) or 1)
        fused = 0.6 * scaled + 0.4 * words / (words.max() or 1)
        for run, scores in zip(runs, (dense, fused), strict=True):
            run[query["_id"]] = best_documents(scores, owner, names)
    judge = pytrec_eval.RelevanceEvaluator(dict(judged), {"ndcg_cut.10"})
    cells = [np.mean([each["ndcg_cut_10"] for each in judge.evaluate(run).values()]) for run in runs]
    return f"{cells[0]:.3f} / {cells[1]:.3f}"


def best_documents(scores: Scores, owner: np.ndarray[Any, Any], names: list[str]) -> dict[str, float]:
    best = np.full(len(names), -np.inf)
    np.maximum.at(best, owner, scores)
    return {names[place]: float(best[place]) for place in np.argsort(-best, kind="stable")[:100]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kind", choices=("spans", "ranks"))
    parser.add_argument("configurations", nargs="+", metavar="SIZE:OVERLAP")
    parser.add_argument("--sets", nargs="*", default=["cranfield", "cisi", "product-docs"])
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    root, embedder = Path(os.environ["RAGSVC_TEST_DATA"]), CachedEmbedder(options.cache)
    titles = ["size", "overlap"]
    if options.kind == "spans":
        titles += ["chunks", "mean chars", "recall@5", "IoU@5", "recall@10", "IoU@10"]
        titles += ["recall@n", "IoU@n"]
        titles += [f"recall in {BUDGET_CHARS} chars"]
    else:
        titles += [f"{name} dense / fused" for name in options.sets]
    print("| " + " | ".join([*titles, "s"]) + " |\n" + "| --- " * (len(titles) + 1) + "|")
    for configuration in options.configurations:
        size, overlap = map(int, configuration.split(":"))
        began = time.perf_counter()
        if options.kind == "spans":
            cells = measure_spans(root, embedder, size, overlap)
        else:
            cells = [measure_ranks(root / name, embedder, size, overlap) for name in options.sets]
        seconds = f"{time.perf_counter() - began:.0f}"
        print("| " + " | ".join([str(size), str(overlap), *cells, seconds]) + " |", flush=True)


if __name__ == "__main__":
    main()
