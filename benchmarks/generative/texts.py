"""Texts: what a trained transformer expects, beside counted n-grams; and other forms of drafted questions.

    python -m benchmarks.generative.texts [--data FOLDER] [--home HOME --corpus NAME]

A byte pair encoding is learnt on the training texts; the transformer and the n-grams (interpolated
Kneser-Ney, one discount of .75) see the same tokens, and the same fifth of the texts is held out. With a
corpus, questions are drafted from it and written in other forms; BLEU, ROUGE and cosine compare them with the
drafted ones.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.generative.vectors import Clock
from benchmarks.sets import figure, table
from ragsvc.domain import Caller, NetworkKind
from ragsvc.evaluation.drafts.golden_set import DraftLine
from ragsvc.evaluation.drafts.variants import keywords, mistyped, told
from ragsvc.generative.datasets import TextData, folder_texts
from ragsvc.generative.metrics.texts import corpus_bleu, rouge, self_bleu
from ragsvc.generative.metrics.variety import distinct
from ragsvc.generative.networks.sampling_parameters import SamplingParameters
from ragsvc.generative.networks.transformer import TransformerGenerator
from ragsvc.generative.trainer import train
from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.service.service import Service
from ragsvc.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DISCOUNT = 0.75
ORDERS = (1, 2, 3, 4)
SAMPLES = 40
QUESTIONS = 200


class KneserNey:
    """Interpolated Kneser-Ney of a fixed order (Chen and Goodman, 1999, section 2.7).

    The highest order counts n-grams, every lower one in how many contexts an n-gram has been seen.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], order: int, vocabulary: int) -> None:
        self._order = order
        self._vocabulary = vocabulary
        self._counts: list[dict[tuple[int, ...], Counter[int]]] = [defaultdict(Counter) for _ in range(order)]
        for sequence in sequences:
            for at in range(1, len(sequence)):
                context = tuple(sequence[max(0, at - order + 1) : at])
                self._counts[len(context)][context][sequence[at]] += 1
        for length in range(order - 1, 0, -1):
            for context, following in list(self._counts[length].items()):
                lower = self._counts[length - 1][context[1:]]
                for token in following:
                    lower[token] += 1

    def probability(self, context: tuple[int, ...], token: int) -> float:
        """Of a token after at most order - 1 others; never 0."""
        below = self.probability(context[1:], token) if context else 1.0 / self._vocabulary
        following = self._counts[len(context)].get(context)
        if not following:
            return below
        total = following.total()
        kept = max(0.0, following[token] - DISCOUNT) / total
        return kept + DISCOUNT * len(following) / total * below

    def log_likelihood(self, sequence: Sequence[int]) -> float:
        """In nats, of all but the first token."""
        return sum(
            math.log(self.probability(tuple(sequence[max(0, at - self._order + 1) : at]), sequence[at]))
            for at in range(1, len(sequence))
        )


def perplexities(data: TextData, epochs: int, seed: int) -> tuple[str, TransformerGenerator]:
    """The table, and the transformer."""
    clock = Clock()
    network, outcome = train(
        NetworkKind.TRANSFORMER,
        data,
        {"width": 128, "layers": 3},
        {"epochs": epochs, "minutes": 600.0, "seed": seed},
    )
    assert isinstance(network, TransformerGenerator)
    seconds, codec = clock(), network.codec
    known, unseen = (
        [[codec.end, *codec.tokens(text), codec.end] for text in texts]
        for texts in (data.training, data.validation)
    )
    expected = sum(len(each) - 1 for each in unseen)
    chars = sum(map(len, data.validation))
    rows = []
    for order in ORDERS:
        clock = Clock()
        model = KneserNey(known, order, codec.size)
        rows.append((f"Kneser-Ney, {order}-grams", sum(map(model.log_likelihood, unseen)), clock()))
    scores = network.score_texts(data.validation)
    assert sum(each.tokens for each in scores) == expected
    name = f"transformer, {sum(p.numel() for p in network.parameters()) // 1000}k weights"
    rows.append((f"{name}, {outcome.best_epoch} epochs", sum(e.log_likelihood for e in scores), seconds))
    shown = [
        [name, f"{math.exp(-total / expected):.1f}", f"{-total / chars / math.log(2):.3f}", f"{spent:.0f}"]
        for name, total, spent in rows
    ]
    tokens = sum(map(len, known))
    title = f"{tokens} tokens to train on, {expected} held out, {codec.size} subwords\n\n"
    return title + table(["model", "perplexity", "bits a character", "seconds"], shown), network


def samples(network: TransformerGenerator, data: TextData) -> str:
    """How different what is written is, by temperature, beside real texts of the same length."""
    rows = []
    for temperature in (0.5, 0.8, 1.0, 1.2):
        asked = SamplingParameters(temperature=temperature, max_tokens=48)
        made = [str(text) for text in network.generate(SAMPLES, seed=1, sampling=asked)]
        rows.append([f"temperature {temperature}", *_variety(made)])
    words = [text.split() for text in data.validation]
    real = [" ".join(part[:24]) for part in words][:SAMPLES]
    return table(
        ["texts", "distinct-1", "distinct-2", "self-BLEU"], [*rows, ["held-out texts", *_variety(real)]]
    )


def _variety(texts: Sequence[str]) -> list[str]:
    return [figure(distinct(texts, 1)), figure(distinct(texts, 2)), f"{self_bleu(texts):.1f}"]


def forms(drafted: Sequence[DraftLine]) -> str:
    """Other forms of questions beside the drafted ones."""
    embedder = SentenceTransformerEmbedder(threads=1)
    asked = [line.question for line in drafted]
    rows = [["as drafted", str(len(asked)), "–", "–", "–", "–", *_variety(asked)]]
    ways = {
        "mistyped": lambda line: mistyped(line.question, line.question),
        "key words": lambda line: keywords(line.question),
        "told": told,
    }
    for name, way in ways.items():
        pairs = [(line.question, made) for line in drafted if (made := way(line)) and made != line.question]
        if not pairs:
            continue
        before, after = [list(part) for part in zip(*pairs, strict=True)]
        overlap = rouge(after, before)
        cosine = np.einsum("ij,ij->i", embedder.embed_queries(before), embedder.embed_queries(after)).mean()
        figures = [f"{corpus_bleu(after, before):.1f}", figure(overlap["rouge1"]), figure(overlap["rougeL"])]
        rows.append([name, str(len(pairs)), *figures, figure(float(cosine)), *_variety(after)])
    head = [
        "form",
        "questions",
        "BLEU",
        "ROUGE-1",
        "ROUGE-L",
        "cosine",
        "distinct-1",
        "distinct-2",
        "self-BLEU",
    ]
    return table(head, rows)


def main() -> None:
    """Run from the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=ROOT / "corpora" / "handbook", help="a folder of texts")
    made.add_argument("--home", type=Path)
    made.add_argument("--corpus", default="handbook")
    made.add_argument("--epochs", type=int, default=30, help="passes over the texts at most")
    made.add_argument("--seed", type=int, default=0)
    options = made.parse_args()
    torch.set_num_threads(1)
    data = folder_texts(options.data, options.seed)
    shown, network = perplexities(data, options.epochs, options.seed)
    print(f"{shown}\n\n{samples(network, data)}")
    if options.home is not None:
        with Service.open(Settings(home=options.home)) as service:
            draft = service.drafter.draft(Caller(), options.corpus, count=QUESTIONS, unanswerable=0.0)
        print(f"\n{forms(draft.questions)}")


if __name__ == "__main__":
    main()
