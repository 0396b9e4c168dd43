"""Make the training set of the writer.

    RAGSVC_TEST_DATA=folder python -m training.writer.prepare --out FOLDER --base FOLDER [--seed 7]

--base is a folder for the packaged model, made where it is not there. Writes train.jsonl and dev.jsonl: ids
of prompt and answer, with the question, units and sentences beside them. One question of 40 is in dev.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from transformers import AutoTokenizer

from benchmarks.sets import data_folder
from ragsvc.domain import Message, Speaker
from ragsvc.models.chat_prompt import ChatPrompt
from ragsvc.models.writer_folder import check_installed, write_folder
from ragsvc.pipeline.generation.paraphrase import prompt_of
from training.writer.records import records
from training.writer.sources import marked, rows_as_sentences, whole_answers

MOST_TOKENS = 320
DEV_PART = 40


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    data, rng = data_folder(), random.Random(given.seed)
    if not given.base.exists():
        given.base.mkdir(parents=True)
        write_folder(check_installed(), given.base, {}, 0.0)
    tokenizer = AutoTokenizer.from_pretrained(given.base)
    prompt = ChatPrompt("writer", tokenizer, two_texts=False)
    made = [*marked(data, rng), *whole_answers(data, rng), *rows_as_sentences(data, rng), *records(rng, 500)]
    rng.shuffle(made)
    given.out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    with (given.out / "train.jsonl").open("w") as train, (given.out / "dev.jsonl").open("w") as dev:
        for each in made:
            asked = prompt_of(each.question, [(unit.title, unit.text) for unit in each.units])
            ids = prompt.ids([Message(Speaker.USER, asked)])
            answer = " ".join(f"{sentence} [{number}]" for sentence, number in each.sentences)
            target = [*tokenizer(answer, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
            if len(ids) + len(target) > MOST_TOKENS:
                continue
            part = hashlib.sha256(each.question.encode()).digest()[0] % DEV_PART == 0
            (dev if part else train).write(
                json.dumps({"prompt": ids, "target": target, **asdict(each)}) + "\n"
            )
            counts[f"{'dev' if part else 'train'} {each.kind}"] += 1
            counts["tokens"] += len(ids) + len(target)
    print(dict(counts.most_common()))


if __name__ == "__main__":
    main()
