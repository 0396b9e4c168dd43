"""Questions about tables: whether an answer holds the cell that was asked for.

    RAGSVC_TEST_DATA=folder python -m benchmarks.tables [--tables 300] [--seed 0]

Tables of BIPIA's train part (without any attack; they come from WikiTableQuestions), each asked its own
question of that table alone. Many of these questions want a sum, a count or a comparison, which no row says:
a quoted row can only answer the others. *Holds it*: the expected value stands in the answer as words of its
own.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from pathlib import Path

from benchmarks.sets import data_folder, table
from ragsvc.domain import AnswerRequest, Caller, InlineDocument
from ragsvc.pipeline.generation.quotation import spoken
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
CORPUS = "tables"
LENIENT = 1e-9
HEAD = ("refused", "asked", "in some row", "answered", "answer holds it", "of those in some row")


def holds(text: str, expected: str) -> bool:
    """Whether a text holds an expected value as words of its own."""
    return re.search(rf"(?<!\w){re.escape(expected.lower())}(?!\w)", text.lower()) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    lines = (data_folder() / "bipia" / "table" / "train.jsonl").read_text().splitlines()
    drawn = random.Random(chosen.seed).sample(lines, min(chosen.tables, len(lines)))
    rows = [json.loads(line) for line in drawn]
    findable = [holds(row["context"].split("\n", 1)[1], row["ideal"]) for row in rows]
    results = []
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), threads=1)
        for name, rate in (("as it comes", settings.max_false_refusals), ("hardly ever", LENIENT)):
            with Service.open(settings.model_copy(update={"max_false_refusals": rate})) as service:
                if not results:
                    documents = [InlineDocument(f"t{n}", row["context"]) for n, row in enumerate(rows)]
                    service.ingest_inline(CALLER, CORPUS, documents, {})
                answered = right = 0
                for number, row in enumerate(rows):
                    asked = AnswerRequest(
                        corpora=(CORPUS,), question=row["question"], where={"_id": f"t{number}"}
                    )
                    answer = service.answer(CALLER, asked)
                    answered += answer.answered
                    right += answer.answered and findable[number] and holds(spoken(answer), row["ideal"])
            share = f"{100 * right / max(1, sum(findable)):.1f} %"
            results.append([name, *map(str, (len(rows), sum(findable), answered, right)), share])
    print(table(HEAD, results))


if __name__ == "__main__":
    main()
