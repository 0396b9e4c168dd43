"""An adversarial network from data to API, with mode collapse measured. No server is needed.

python examples/generative/gan.py [--epochs 300] [--home DIR]
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
from ragsvc.generative.metrics.manifolds import manifold_figures
from ragsvc.generative.metrics.picture_classifier import PictureClassifier
from ragsvc.generative.metrics.variety import modes
from ragsvc.service.service import Service
from ragsvc.settings import Settings

# The game of 2014, played fast: the generator is likely to make few digits over and over.
COLLAPSE = {"objective": "minimax", "learning_rate": 2e-3, "average": 0.0}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "ragsvc-generative")
    options = parser.parse_args(arguments)

    # Data: handwritten digits of 8 x 8 pixels in [0, 1] with their classes.
    data = digits()
    known, unseen = data.rows[data.training].numpy(), data.rows[data.validation].numpy()
    reader = PictureClassifier.fit(known, data.labels[data.training].numpy())

    with Service.open(Settings(home=options.home)) as service:
        client = TestClient(create_app(service), base_url="http://127.0.0.1")
        for name, values in (("gan-wasserstein", {}), ("gan-minimax", COLLAPSE)):
            # Architecture and training: a generator and a critic, in turn.
            asked = {"hidden": 128, "epochs": options.epochs, **values}
            request = TrainingRequest(kind=NetworkKind.GAN, data="digits", name=name, values=asked)
            model = service.models.train(Caller(), request)

            # Behind the API.
            body = {"count": len(unseen), "seed": 1}
            reply = client.post(f"/v1/models/{model.name}/generate", json=body).json()
            made = np.array([each["row"] for each in reply["samples"]], np.float32)

            # Evaluation: near to real digits, and as different from each other as these?
            apart = frechet_distance(reader.features(unseen), reader.features(made))
            lie, seen = manifold_figures(unseen, made), modes(reader.classes(made), 10)
            print(f"{name}: Fréchet distance on classifier features {apart:.1f}, modes {seen.hit} of 10,")
            print(f"  density {lie.density:.2f}, coverage {lie.coverage:.2f}")


if __name__ == "__main__":
    main()
