"""Vectors that the tables are made on: of a file, or of a corpus of a home; and networks trained on them."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ragsvc.domain import Caller, F32Matrix, I64Vector
from ragsvc.generative.networks.network import Batch, GenerativeNetwork
from ragsvc.service.service import Service
from ragsvc.settings import Settings

SEED = 20_261_130
BATCH = 256
LEARNING_RATE = 1e-3


def parser(about: str | None) -> argparse.ArgumentParser:
    """With the arguments that say which vectors."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--vectors", type=Path, metavar="FILE.npy", help="(n, dim) float32")
    made.add_argument("--home", type=Path, help="take them of a corpus of this home")
    made.add_argument("--corpus", help="which corpus of the home")
    made.add_argument("--most", type=int, default=200_000, help="only so many of them, drawn at random")
    return made


def read(options: argparse.Namespace) -> F32Matrix:
    """The vectors that were asked for, each once, of length 1, in random order."""
    if options.vectors is not None:
        found = np.load(options.vectors, allow_pickle=False)
    elif options.home is not None and options.corpus is not None:
        with Service.open(Settings(home=options.home)) as service:
            snapshot = service.queries.snapshot(Caller(), options.corpus, None)
            found = snapshot.index.vectors_of(np.flatnonzero(snapshot.alive))
    else:
        raise SystemExit("say which vectors: --vectors FILE.npy, or --home HOME --corpus NAME")
    # Equal texts have equal vectors, and a held-out one must not stand in what a model is fitted on.
    unique = np.unique(np.asarray(found, np.float32), axis=0)
    picked = np.random.default_rng(SEED).permutation(len(unique))[: options.most]
    return normalised(unique[picked])


def normalised(vectors: F32Matrix) -> F32Matrix:
    """Rows of length 1."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    scaled: F32Matrix = np.ascontiguousarray(vectors / lengths, dtype=np.float32)
    return scaled


@dataclass(frozen=True, slots=True)
class Training:
    """How long a network is trained. steps: batches. rate: of AdamW, falling to a tenth along a cosine."""

    steps: int
    rate: float = LEARNING_RATE
    batch: int = BATCH
    seed: int = 0


def train(
    network: GenerativeNetwork, rows: F32Matrix, how: Training, labels: I64Vector | None = None
) -> GenerativeNetwork:
    """Train on one thread for a number of steps, without the service's early stopping: tables compare models
    at equal work. The network must have been made under the seed.

    :param rows: (n, width). labels: (n,) or None.
    """
    torch.set_num_threads(1)
    random = np.random.default_rng(how.seed)
    torch.manual_seed(how.seed)
    known = torch.from_numpy(rows)
    classes = None if labels is None else torch.from_numpy(labels)
    network.fit_data(known)
    network.train()
    optimisers = {
        name: torch.optim.AdamW(parameters, lr=how.rate, betas=network.betas, weight_decay=0.0)
        for name, parameters in network.players().items()
    }
    for step in range(how.steps):
        picked = torch.from_numpy(random.integers(0, len(known), how.batch))
        batch = Batch(known[picked], None if classes is None else classes[picked])
        player = network.player(step)
        optimiser = optimisers[player]
        for group in optimiser.param_groups:
            group["lr"] = how.rate * (0.55 + 0.45 * np.cos(np.pi * step / how.steps))
        loss = network.loss(batch, step)["loss"]
        for each in optimisers.values():
            each.zero_grad()
        loss.backward()
        optimiser.step()
        network.stepped(player)
    network.eval()
    with torch.no_grad():
        network.finish(known)
    return network


class Clock:
    """Seconds that this process has computed since it was made: other programs do not count."""

    def __init__(self) -> None:
        self._started = time.process_time()

    def __call__(self) -> float:
        return time.process_time() - self._started
