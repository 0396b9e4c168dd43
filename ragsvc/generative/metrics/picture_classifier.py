"""A small classifier of pictures, whose features and classes tell how good made pictures are."""

from __future__ import annotations

import numpy as np
import torch

from ragsvc.domain import F32Matrix, F64Vector, I64Vector

FEATURES = 64
STEPS = 600
BATCH = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4


class PictureClassifier:
    """Two dense layers of ReLU and one of classes over flattened pictures; fitted in seconds.

    The second layer's outputs are the features that a Fréchet distance is taken on. They are not Inception's,
    so that distance is no FID.
    """

    __slots__ = ("_body", "_head")

    def __init__(self, body: torch.nn.Module, head: torch.nn.Module) -> None:
        """Take networks that are fitted; see `fit`."""
        self._body = body
        self._head = head

    @classmethod
    def fit(
        cls, pictures: F32Matrix, labels: I64Vector, *, seed: int = 0, steps: int = STEPS
    ) -> PictureClassifier:
        """Train on labelled pictures; the same input gives the same classifier.

        :param pictures: (n, pixels) in [0, 1]. labels: (n,) from 0. steps: batches of 128, at least 1.
        """
        torch.manual_seed(seed)
        body = torch.nn.Sequential(
            torch.nn.Linear(pictures.shape[1], 128),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(128, FEATURES),
            torch.nn.ReLU(),
        )
        head = torch.nn.Linear(FEATURES, int(labels.max()) + 1)
        optimizer = torch.optim.AdamW(
            [*body.parameters(), *head.parameters()], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        known, wanted = torch.from_numpy(np.asarray(pictures, np.float32)), torch.from_numpy(labels)
        for _ in range(steps):
            rows = torch.randint(len(known), (BATCH,))
            loss = torch.nn.functional.cross_entropy(head(body(known[rows])), wanted[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return cls(body.eval(), head.eval())

    def features(self, pictures: F32Matrix) -> F32Matrix:
        """Features (n, 64) of pictures (n, pixels), each at least 0."""
        with torch.inference_mode():
            found: F32Matrix = self._body(torch.from_numpy(np.asarray(pictures, np.float32))).numpy()
        return found

    def probabilities(self, pictures: F32Matrix) -> F32Matrix:
        """Of each class (n, classes); rows sum to 1."""
        with torch.inference_mode():
            scores = self._head(torch.from_numpy(self.features(pictures).copy()))
            found: F32Matrix = torch.softmax(scores, dim=1).numpy()
        return found

    def classes(self, pictures: F32Matrix) -> I64Vector:
        """The likeliest class (n,) of each."""
        likeliest: I64Vector = self.probabilities(pictures).argmax(axis=1)
        return likeliest

    def sureness(self, pictures: F32Matrix) -> F64Vector:
        """Probability (n,) of the likeliest class: low for what is no picture of any."""
        sure: F64Vector = self.probabilities(pictures).max(axis=1).astype(np.float64)
        return sure
