"""Put a trained reader where the service reads it.

    python -m training.reader.ship FOLDER_OF_RUN [FOLDER_OF_RUN ...]

Of several runs, each began where the one before it ended, and the last one's weights are taken. Leaves out
the word vectors, which are the bundled embedder's; writes the weights, their hash and the report.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from safetensors.torch import load_file, save_file

from ragsvc.models.reader import REPORT, WEIGHTS

ATTRIBUTION = Path(__file__).parents[1] / "README.md"
SHARED = ("embeddings.word_embeddings.weight",)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    given = parser.parse_args()
    tensors = {k: v for k, v in load_file(given.runs[-1] / "reader.safetensors").items() if k not in SHARED}
    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file(tensors, WEIGHTS)
    logs = [
        [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
        for run in given.runs
    ]
    report = {
        "sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "base": "all-MiniLM-L6-v2 (Apache-2.0)",
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
        "data": "training/README.md lists the sets and their licences",
        "development": logs[-1][-1],
        "history": [
            [{name: row[name] for name in ("step", "minutes", "loss", "f1")} for row in log] for log in logs
        ],
    }
    REPORT.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(WEIGHTS, WEIGHTS.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
