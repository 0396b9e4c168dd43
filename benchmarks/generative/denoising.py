"""Vectors of badly read scans: does an autoencoder bring them back, and is more found then? nDCG@10, dense.

    RAGSVC_TEST_DATA=folder python -m benchmarks.generative.denoising --cache FOLDER

Characters of texts are damaged as optical character recognition damages them: taken for ones that look alike,
split, joined, left out. All is fitted on passages of MedQuad and their damaged twins; the passages that are
searched are those of squad2-dev-half, damaged, with that set's questions. *cosine*: mean of a damaged
passage's vector, as repaired, and that of the clean one. The linear map is a ridge regression from damaged to
clean vectors; "noise" is the autoencoder as `ragsvc train` has it, which never saw a damaged text.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch.nn import functional

from benchmarks.generative.question_sets import medical_chunks, vectors_of
from benchmarks.generative.vectors import Training, normalised, train
from benchmarks.sets import data_folder, figure, table
from ragsvc.domain import F32Matrix, F64Vector
from ragsvc.evaluation import beir
from ragsvc.evaluation.intervals import randomisation_test
from ragsvc.evaluation.retrieval_metrics import ndcg
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.network import RowShape

RATES = (0.05, 0.1, 0.2)
ALIKE = {
    "m": "rn", "rn": "m", "l": "1", "i": "l", "o": "0", "e": "c", "c": "e", "a": "o", "s": "5", "g": "9",
    "b": "6", "h": "b", "n": "ri", "u": "ii", "t": "f", "f": "t", "d": "cl", "w": "vv", "I": "l", "O": "0",
}  # fmt: skip
PAIRS = 6000
HELD_OUT = 600
STEPS = 2000
CHECKED = 50
BATCH = 256
CUT = 10
AS_IS = "as they are"


def damaged(text: str, rate: float, draw: random.Random) -> str:
    """A text of which so large a share of the characters was read wrongly."""
    found = []
    for character in text:
        if draw.random() >= rate:
            found.append(character)
        elif character in ALIKE:
            found.append(ALIKE[character])
        elif character == " ":
            found.append(draw.choice(("", "  ")))
        else:
            found.append(draw.choice(("", ".", character + " ")))
    return "".join(found)


def pairs_network(noisy: F32Matrix, clean: F32Matrix) -> Autoencoder:
    """An autoencoder that is shown damaged vectors and asked for clean ones; the best on held-out pairs."""
    torch.manual_seed(0)
    network = Autoencoder(RowShape(clean.shape[1]), AutoencoderParameters(hidden=512, code=128, noise=0.0))
    shown, wanted = torch.from_numpy(noisy), torch.from_numpy(clean)
    network.fit_data(wanted[HELD_OUT:])
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    drawn = np.random.default_rng(0)
    best = (np.inf, copy.deepcopy(network.state_dict()))
    for step in range(STEPS):
        rows = torch.from_numpy(drawn.integers(HELD_OUT, len(clean), BATCH))
        loss = functional.mse_loss(network.reconstruct(shown[rows]), wanted[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % CHECKED == 0:
            with torch.inference_mode():
                error = float(functional.mse_loss(network.reconstruct(shown[:HELD_OUT]), wanted[:HELD_OUT]))
            best = min(best, (error, copy.deepcopy(network.state_dict())), key=lambda each: each[0])
    network.load_state_dict(best[1])
    return network.eval()


def rebuilt_by(network: Autoencoder) -> Callable[[F32Matrix], F32Matrix]:
    """Rows through the code and back, of length 1."""

    def repair(rows: F32Matrix) -> F32Matrix:
        with torch.inference_mode():
            return normalised(network.reconstruct(torch.from_numpy(rows)).numpy())

    return repair


def repairs(noisy: F32Matrix, clean: F32Matrix) -> dict[str, Callable[[F32Matrix], F32Matrix]]:
    """What is tried, fitted on pairs (n, dim)."""
    linear = Ridge(alpha=1.0).fit(noisy, clean)
    torch.manual_seed(0)
    blind = Autoencoder(RowShape(clean.shape[1]), AutoencoderParameters(hidden=512, code=128, noise=0.3))
    train(blind, clean, Training(STEPS))
    return {
        AS_IS: lambda rows: rows,
        "linear map": lambda rows: normalised(linear.predict(rows).astype(np.float32)),
        "autoencoder, noise": rebuilt_by(blind),
        "autoencoder, pairs": rebuilt_by(pairs_network(noisy, clean)),
    }


class Searched:
    """The set whose passages were scanned."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._collection = beir.load(folder)
        lines = (folder / "corpus.jsonl").read_text("utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
        self.texts = [row["text"] for row in rows]
        self._ids = [row["_id"] for row in rows]
        self._questions = vectors_of(cache, [query.text for query in self._collection.queries])

    def ndcg(self, vectors: F32Matrix) -> F64Vector:
        """Of every question (q,), when these are the passages' vectors."""
        best = np.argsort(-(self._questions @ vectors.T), axis=1, kind="stable")[:, :CUT]
        judged = [self._collection.judgements[query.id] for query in self._collection.queries]
        return np.array(
            [ndcg([self._ids[row] for row in rows], own, CUT) for rows, own in zip(best, judged, strict=True)]
        )


def main() -> None:
    """Run from the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--cache", type=Path, required=True, help="where vectors are kept, made when missing")
    options = made.parse_args()
    torch.set_num_threads(1)
    data, cache = data_folder(), options.cache
    texts = medical_chunks(data, PAIRS)
    draw = random.Random(0)
    noisy = vectors_of(cache, [damaged(text, draw.choice(RATES), draw) for text in texts])
    ways = repairs(noisy, vectors_of(cache, texts))
    searched = Searched(data / "squad2-dev-half", cache)
    clean = vectors_of(cache, searched.texts)
    rows = [["clean", "", "1.000", figure(float(searched.ndcg(clean).mean())), ""]]
    for rate in RATES:
        draw = random.Random(1)
        scanned = vectors_of(cache, [damaged(text, rate, draw) for text in searched.texts])
        before = searched.ndcg(scanned)
        for name, repair in ways.items():
            repaired = repair(scanned)
            found = searched.ndcg(repaired)
            change = (
                ""
                if name == AS_IS
                else f"{found.mean() - before.mean():+.3f} ({randomisation_test(found, before):.3f})"
            )
            cosine = figure(float((repaired * clean).sum(axis=1).mean()))
            rows.append([name, f"{rate:.0%}", cosine, figure(float(found.mean())), change])
    print(table(["vectors", "characters damaged", "cosine", "nDCG@10", "against as they are (p)"], rows))


if __name__ == "__main__":
    main()
