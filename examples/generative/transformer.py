"""A transformer that writes, from data to API: perplexity, temperature, length. No server is needed.

python examples/generative/transformer.py [--epochs 10] [--data FOLDER] [--home DIR]
"""

import argparse
import tempfile
from pathlib import Path

from starlette.testclient import TestClient

from ragsvc.api.app import create_app
from ragsvc.domain import Caller, NetworkKind, TrainingRequest
from ragsvc.generative.datasets import folder_texts
from ragsvc.generative.metrics.variety import distinct
from ragsvc.service.service import Service
from ragsvc.settings import Settings

HANDBOOK = Path(__file__).parents[2] / "corpora" / "handbook"
PROMPT = "A transformer is"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--data", type=Path, default=HANDBOOK)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "ragsvc-generative")
    options = parser.parse_args(arguments)

    # Data: text files; a fifth of them is kept to validate on.
    data = folder_texts(options.data)

    # Architecture and training: two layers that expect the next of 1024 subwords.
    values = {"layers": 2, "width": 64, "heads": 4, "context": 64, "epochs": options.epochs}
    request = TrainingRequest(
        kind=NetworkKind.TRANSFORMER, data=str(options.data), name="writer", values=values
    )
    with Service.open(Settings(home=options.home)) as service:
        model = service.models.train(Caller(), request)
        print("trained:", model.name, {name: round(value, 3) for name, value in model.metrics.items()})

        # Behind the API: the same prompt, colder and warmer, shorter and longer.
        client = TestClient(create_app(service), base_url="http://127.0.0.1")
        for temperature, length in ((0.5, 20), (1.0, 20), (1.0, 60)):
            body = {"prompt": PROMPT, "temperature": temperature, "max_tokens": length, "count": 10}
            reply = client.post(f"/v1/models/{model.name}/generate", json=body).json()
            texts = [each["text"] for each in reply["samples"]]
            print(f"temperature {temperature}, {length} tokens, distinct-2 {distinct(texts, 2):.2f}:")
            print("  " + " ".join(f"{PROMPT}{texts[0]}".split()))

        # Evaluation: texts that it never saw; more nats a token than trained ones mean overfitting.
        body = {"texts": [text[:2000] for text in (data.training[0], data.validation[0])]}
        scores = client.post(f"/v1/models/{model.name}/score", json=body).json()["scores"]
        for name, each in zip(("trained", "unseen"), scores, strict=True):
            print(f"{name} text: perplexity {each['perplexity']:.1f}")


if __name__ == "__main__":
    main()
