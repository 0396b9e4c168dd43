"""Train the adapter of the writer for so many minutes; a killed training goes on where it was saved.

    nice -n 19 python -m training.writer.train --data FOLDER --base FOLDER --out FOLDER --minutes 45

The base stays as it is; two small matrices beside each of its projections are trained, on the words of the
answer alone. The rate falls to nothing over the minutes, of which only those spent training count. Every few
minutes checkpoint.pt is written, with the loss on dev.jsonl in log.jsonl, and adapter.safetensors (float16).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM

RANK, SCALE = 16, 2.0
RATE, WARM_UP = 8e-4, 0.04
BATCH_TOKENS = 1200
SAVE_EVERY_S = 420.0
CHECKPOINT = "checkpoint.pt"
IGNORED = -100


class Adapted(nn.Module):
    """A projection and what is learnt beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, given: Tensor) -> Tensor:
        """The projection, corrected."""
        beside = functional.linear(
            functional.linear(given, self.down.to(given.dtype)), self.up.to(given.dtype)
        )
        return self.base(given) + SCALE * beside


def adapted(folder: Path) -> Any:
    """The base model, frozen, with something to learn beside every projection of its layers."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    model.requires_grad_(False)
    for parent in [each for name, each in model.named_modules() if name.endswith(("self_attn", "mlp"))]:
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, Adapted(child))
    return model


def adapter_of(model: Any) -> dict[str, Tensor]:
    """What is learnt, by the name of the projection that it belongs to."""
    return {
        f"{name}.{part}": getattr(module, part).detach().to(torch.float16).cpu().contiguous()
        for name, module in model.named_modules()
        if isinstance(module, Adapted)
        for part in ("down", "up")
    }


class Training:
    """One training with all that a checkpoint keeps."""

    def __init__(self, data: Path, base: Path, out: Path, seed: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.rows, self.dev = (
            [json.loads(line) for line in (data / f"{name}.jsonl").read_text("utf-8").splitlines()]
            for name in ("train", "dev")
        )
        self.model = adapted(base).to(self.device)
        learnt = [each for each in self.model.parameters() if each.requires_grad]
        self.optimiser = torch.optim.AdamW(learnt, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
        self.learnt, self.out, self.seed = learnt, out, seed
        self.spent, self.epoch, self.at, self.step, self.running = 0.0, 0, 0, 0, 0.0
        if (out / CHECKPOINT).exists():
            state = torch.load(out / CHECKPOINT, map_location=self.device, weights_only=True)
            for own, kept in zip(learnt, state["learnt"], strict=True):
                own.data.copy_(kept)
            self.optimiser.load_state_dict(state["optimiser"])
            self.spent, self.epoch, self.at, self.step = (state[n] for n in ("spent", "epoch", "at", "step"))
        self.batches = order(self.rows, random.Random(seed + self.epoch))

    def run(self, total: float) -> None:
        """Go on until so many seconds were spent, all told."""
        saved = self.spent
        while self.spent < total:
            begun = time.monotonic()
            self._step(self.spent / total)
            self.spent += time.monotonic() - begun
            if self.step % 10 == 0:
                print(f"step {self.step} {self.spent / 60:.1f} min {self.running:.4f}", flush=True)
            if self.spent - saved > SAVE_EVERY_S or self.spent >= total:
                saved = self.spent
                self._save()

    def _step(self, share: float) -> None:
        if self.at == len(self.batches):
            self.epoch, self.at = self.epoch + 1, 0
            self.batches = order(self.rows, random.Random(self.seed + self.epoch))
        for group in self.optimiser.param_groups:
            group["lr"] = RATE * max(0.01, min(share / WARM_UP, (1.0 - share) / (1.0 - WARM_UP)))
        loss = self._loss([self.rows[at] for at in self.batches[self.at]])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learnt, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.at, self.step = self.at + 1, self.step + 1
        self.running = 0.95 * (self.running or float(loss.detach())) + 0.05 * float(loss.detach())

    def _loss(self, rows: list[dict[str, Any]]) -> Tensor:
        """Cross entropy of the words of the answers; of nothing else are words predicted at all."""
        width = max(len(row["prompt"]) + len(row["target"]) for row in rows)
        ids = torch.zeros((len(rows), width), dtype=torch.int64)
        labels = torch.full((len(rows), width), IGNORED)
        for place, row in enumerate(rows):
            first, both = len(row["prompt"]), row["prompt"] + row["target"]
            ids[place, : len(both)] = torch.tensor(both)
            # What stands at a place predicts the next one.
            labels[place, first - 1 : len(both) - 1] = torch.tensor(row["target"])
        # Padding stands at the end, where nothing that counts looks.
        hidden = self.model.model(input_ids=ids.to(self.device), use_cache=False).last_hidden_state
        known = (labels != IGNORED).to(self.device)
        logits = self.model.lm_head(hidden[known]).float()
        return functional.cross_entropy(logits, labels.to(self.device)[known])

    def _save(self) -> None:
        places = {"spent": self.spent, "epoch": self.epoch, "at": self.at, "step": self.step}
        state = {
            "learnt": [each.data for each in self.learnt],
            "optimiser": self.optimiser.state_dict(),
            **places,
        }
        torch.save(state, self.out / "checkpoint.new")
        (self.out / "checkpoint.new").replace(self.out / CHECKPOINT)
        save_file(adapter_of(self.model), self.out / "adapter.new")
        (self.out / "adapter.new").replace(self.out / "adapter.safetensors")
        with torch.inference_mode():
            losses = [
                float(self._loss([self.dev[at] for at in some])) for some in order(self.dev, random.Random(0))
            ]
        row = {
            "step": self.step,
            "minutes": self.spent / 60,
            "loss": self.running,
            "dev": sum(losses) / len(losses),
        }
        with (self.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def order(rows: list[dict[str, Any]], rng: random.Random) -> list[list[int]]:
    """Rows of about the same length together, batches in any order."""
    length = [len(row["prompt"]) + len(row["target"]) + rng.randint(0, 16) for row in rows]
    batches: list[list[int]] = [[]]
    for at in sorted(range(len(rows)), key=length.__getitem__):
        if batches[-1] and (len(batches[-1]) + 1) * length[at] > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(at)
    rng.shuffle(batches)
    return batches


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    Training(given.data, given.base, given.out, given.seed).run(given.minutes * 60.0)


if __name__ == "__main__":
    main()
