"""A variational autoencoder from data to API: sampling and interpolation. No server is needed.

python examples/generative/vae.py [--epochs 60] [--home DIR]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from starlette.testclient import TestClient

from ragsvc.api.app import create_app
from ragsvc.domain import Caller, NetworkKind, TrainingRequest
from ragsvc.generative.datasets import digits
from ragsvc.generative.metrics.frechet import frechet_distance
from ragsvc.generative.metrics.picture_classifier import PictureClassifier
from ragsvc.service.service import Service
from ragsvc.settings import Settings


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "ragsvc-generative")
    options = parser.parse_args(arguments)
    # Data: handwritten digits of 8 x 8 pixels in [0, 1] with their classes.
    data = digits()
    known, unseen = data.rows[data.training].numpy(), data.rows[data.validation].numpy()
    reader = PictureClassifier.fit(known, data.labels[data.training].numpy())

    # Architecture and training: the loss is the reconstruction and the divergence from the prior.
    values = {"hidden": 256, "code": 12, "epochs": options.epochs}
    request = TrainingRequest(kind=NetworkKind.VAE, data="digits", values=values)
    with Service.open(Settings(home=options.home)) as service:
        model = service.models.train(Caller(), request)
        print("trained:", model.name, {name: round(value, 2) for name, value in model.metrics.items()})

        # Behind the API: new digits, some of one class, and the way from one digit to another.
        client = TestClient(create_app(service), base_url="http://127.0.0.1")
        url = f"/v1/models/{model.name}/generate"
        made = client.post(url, json={"count": len(unseen), "seed": 1}).json()
        threes = client.post(url, json={"count": 50, "label": 3}).json()
        ends = [unseen[0].tolist(), unseen[1].tolist()]
        way = client.post(url, json={"between": ends, "steps": 5}).json()

    # Evaluation: on a small classifier's features (not Inception's, so no FID), beside real ones and noise.
    def rows(reply: dict) -> np.ndarray:
        return np.array([each["row"] for each in reply["samples"]], np.float32)

    noise = np.random.default_rng(0).uniform(size=unseen.shape).astype(np.float32)
    for name, pictures in (("unseen", unseen), ("made", rows(made)), ("noise", noise)):
        apart = frechet_distance(reader.features(known), reader.features(pictures))
        print(f"Fréchet distance on classifier features, {name}: {apart:.2f}")
    print(f"threes that are read as threes: {(reader.classes(rows(threes)) == 3).mean():.0%}")
    print("steps between two digits:", len(rows(way)))


if __name__ == "__main__":
    main()
