"""Do identifiers and quotes want another share of the legs? nDCG@10 by the kind of query.

    RAGSVC_TEST_DATA=folder python -m benchmarks.query_types [--cache DIR]

From the texts of two sets of technical documentation are drawn names (tokens with an underscore, a digit, a
dot or a capital inside) that at most 5 documents hold, each also within a question, and quotes of 5 to 9
words. What holds the name or the quote is relevant. Which are drawn is settled by hashes; the weight was
chosen on the first two tables, and the third was made once, after that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.fusion import Trial, doubled, measure, twice
from benchmarks.prepared import Prepared, Score
from benchmarks.sets import BASELINES, data_folder, figure, table
from ragsvc.domain import F64Vector
from ragsvc.evaluation import beir
from ragsvc.evaluation.intervals import randomisation_test
from ragsvc.pipeline.retrieval.literal_queries import LITERAL_WEIGHT, is_literal
from ragsvc.pipeline.retrieval.search import DENSE_WEIGHT

NAME = re.compile(r"(?<![\w./:@-])[A-Za-z_][\w.-]{2,38}\w(?![\w/:@-])")
SIGN = r"\w[_.]\w|\d"
INSIDE = re.compile(rf"[a-z][A-Z]|{SIGN}")
# The pages of product-docs were taken from HTML, and many words are glued to the next.
GLUED = {"product-docs": re.compile(SIGN)}
SENTENCE = re.compile(r"(?:[A-Za-z][\w'-]*,? ){9,}")
MOST_DOCUMENTS = 5
DRAWN = 150
EVERY = 3
USUAL = f"w = {DENSE_WEIGHT} and second look"
DEFAULT = f"the default: w = {LITERAL_WEIGHT} if only names or a quote"
KINDS = ("name", "name in a question", "quote")


def first(texts: Iterable[str], count: int) -> list[str]:
    """So many of them, by their hashes."""
    return sorted(set(texts), key=_digest)[:count]


def names(texts: dict[str, str], inside: re.Pattern[str]) -> dict[str, list[str]]:
    """Names and the documents that hold them."""
    held: dict[str, list[str]] = {}
    for document, text in texts.items():
        for name in {found for found in NAME.findall(text) if inside.search(found)}:
            held.setdefault(name, []).append(document)
    rare = [name for name, documents in held.items() if len(documents) <= MOST_DOCUMENTS]
    return {name: held[name] for name in first(rare, DRAWN)}


def quotes(texts: dict[str, str]) -> dict[str, list[str]]:
    """Words that stand together in a sentence, and the documents that hold them."""
    runs = []
    for text in texts.values():
        for found in first(SENTENCE.findall(text), 3):
            words, number = found.split(), int(_digest(found), 16)
            length = 5 + number % 5
            start = number // 5 % (len(words) - length + 1)
            runs.append(" ".join(words[start : start + length]).rstrip(","))
    return {quote: [name for name, text in texts.items() if quote in text] for quote in first(runs, DRAWN)}


def asked(texts: dict[str, str], inside: re.Pattern[str]) -> list[tuple[str, str, list[str]]]:
    """Kind, query and what is relevant."""
    found = names(texts, inside)
    return [
        *(("name", name, documents) for name, documents in found.items()),
        *(("name in a question", f"What is {name} for?", documents) for name, documents in found.items()),
        *(("quote", f'"{quote}"', documents) for quote, documents in quotes(texts).items()),
    ]


def collection(
    name: str, texts: dict[str, str], queries: Sequence[tuple[str, str, list[str]]], folder: Path
) -> beir.TestCollection:
    """Write documents and queries as a collection."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    rows = (json.dumps({"_id": document, "text": text}) for document, text in texts.items())
    path.write_text("\n".join(rows), encoding="utf-8")
    return beir.TestCollection(
        name,
        path,
        tuple(beir.TestQuery(str(number), query) for number, (_, query, _) in enumerate(queries)),
        {str(number): dict.fromkeys(right, 1) for number, (_, _, right) in enumerate(queries)},
    )


def trials() -> list[Trial]:
    """What is compared."""
    return [
        Trial("dense alone", lambda asked: asked.dense),
        Trial("bm25 alone", lambda asked: asked.lexical),
        *(Trial(f"w = {weight}", doubled(weight)) for weight in (0.1, 0.3, DENSE_WEIGHT)),
        *(Trial(f"w = {weight} and second look", twice(weight)) for weight in (0.1, 0.3, 0.4)),
        Trial(USUAL, twice(DENSE_WEIGHT)),
        Trial(DEFAULT, by_rule()),
    ]


def by_rule() -> Score:
    """The service's own choice for each query."""
    usual, literal = twice(DENSE_WEIGHT), twice(LITERAL_WEIGHT)
    return lambda asked: (literal if is_literal(asked.question) else usual)(asked)


def cells(scores: dict[str, F64Vector], label: str, chosen: Sequence[np.ndarray]) -> list[str]:
    """Mean of each kind with the p value against the usual weight."""
    found = []
    for rows in chosen:
        value, before = scores[label][rows], scores[USUAL][rows]
        p = "" if label == USUAL else f" ({randomisation_test(value, before):.3f})"
        found.append(figure(float(value.mean())) + p)
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("indexes/bench-fusion"))
    given = parser.parse_args()
    data = data_folder()
    rows = map(json.loads, (data / "product-docs" / "corpus.jsonl").open(encoding="utf-8"))
    pages = sorted((data / "docs-haystack").rglob("*.md"))
    texts = {
        "product-docs": {row["_id"]: row["text"] for row in rows},
        **{
            f"docs-haystack{kept}": {
                str(page.relative_to(data)): page.read_text("utf-8")
                for page in pages
                if int(_digest(page.name), 16) % EVERY == part
            }
            for part, kept in enumerate(("", "-held-out"))
        },
    }
    for name, held in texts.items():
        queries = asked(held, GLUED.get(name, INSIDE))
        prepared = Prepared(collection(f"{name}-kinds", held, queries, given.cache), given.cache)
        scores = measure(prepared, trials())
        chosen = [np.array([kind == each for kind, _, _ in queries]) for each in KINDS]
        print(f"\n{name}: {len(held)} documents, {len(prepared.owners)} chunks\n")
        head = ["ranking", *(f"{kind}, {int(of.sum())} (p)" for kind, of in zip(KINDS, chosen, strict=True))]
        print(table(head, ([label, *cells(scores, label, chosen)] for label in scores)))
    held_by_rule = {
        name: sum(is_literal(query.text) for query in beir.load(data / name).queries) for name in BASELINES
    }
    print("\nqueries of the public sets that the rule touches:", held_by_rule)
    return 0


if __name__ == "__main__":
    sys.exit(main())
