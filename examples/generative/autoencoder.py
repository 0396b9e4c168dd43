"""An autoencoder 784-64-784 from data to API: denoising, reduction, anomalies. No server is needed.

python examples/generative/autoencoder.py [--epochs 20] [--home DIR]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from starlette.testclient import TestClient

from ragsvc.api.app import create_app
from ragsvc.domain import Caller, NetworkKind, TrainingRequest
from ragsvc.generative.datasets import digits28
from ragsvc.service.service import Service
from ragsvc.settings import Settings


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "ragsvc-generative")
    options = parser.parse_args(arguments)

    # Data: handwritten digits of 28 x 28 pixels in [0, 1], four fifths of them to train on.
    data = digits28()
    known, unseen = data.rows[data.training], data.rows[data.validation]

    # Architecture and training: a code of 64 numbers; what comes in has noise, what must come out has none.
    values = {"hidden": 256, "code": 64, "noise": 0.3, "epochs": options.epochs}
    request = TrainingRequest(kind=NetworkKind.AUTOENCODER, data="digits28", values=values)
    with Service.open(Settings(home=options.home)) as service:
        model = service.models.train(Caller(), request)
        print("trained:", model.name, "version", model.version, dict(model.metrics))

        # Behind the API: encode, and score (the error with its sign turned; 0 is best).
        client = TestClient(create_app(service), base_url="http://127.0.0.1")
        noise = np.random.default_rng(0).uniform(size=(50, 784))
        rows = np.concatenate([unseen[:50].numpy(), noise]).round(3).tolist()
        codes = client.post(f"/v1/models/{model.name}/encode", json={"rows": rows[:50]}).json()
        scores = client.post(f"/v1/models/{model.name}/score", json={"rows": rows}).json()
    print("code of a digit:", len(codes["codes"][0]), "numbers")

    # Evaluation: what 64 numbers keep, beside principal components; and whether noise is told from digits.
    pca = PCA(64, random_state=0).fit(known.numpy())
    rebuilt = torch.from_numpy(pca.inverse_transform(pca.transform(unseen.numpy())))
    print(f"mean square error of 64 principal components: {(rebuilt - unseen).square().mean():.5f}")
    errors = [-each["score"] for each in scores["scores"]]
    print(f"mean square error of the autoencoder: {np.mean(errors[:50]):.5f}")
    print(f"anomalies told from digits (AUROC): {roc_auc_score([0] * 50 + [1] * 50, errors):.3f}")


if __name__ == "__main__":
    main()
