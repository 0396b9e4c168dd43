"""How well questions in one language find passages in another, by each leg and by both: nDCG@10.

    python -m benchmarks.languages [--home FOLDER] [--embedder NAME] [--answers | --dialogues] [PREFIX]

PREFIX: collections in the BEIR layout, translations of each other, one a language, by their folder and
the beginning of their names; xquad/beir- below RAGSVC_TEST_DATA by default, benchmarks/data/town- are
those of our own. With --dialogues, how far up the follow-ups of tests/golden/dialogues.jsonl find their
passage, by themselves and after the question before them. With --answers, what is answered and what is
refused within each language: every question is asked where its passage is and where it is not, in corpora
of several sizes. Figures of docs/languages.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sets import CUT, data_folder, figure, table
from ragsvc.domain import AnswerRequest, Caller, IngestRequest, Role, SearchRequest, Turn
from ragsvc.evaluation import beir
from ragsvc.evaluation.json_lines import read_object
from ragsvc.evaluation.requests import MODES, RetrievalEvaluation
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
EMBEDDER = "bundled:multilingual-e5-small"
SIZES = (5, 30)
"""Passages of the corpora that are asked."""
ARTICLE = 5
"""Passages in a row that speak of one thing; XQuAD's of every other are what training/languages fits on."""
SAMPLE = 60
"""Questions: all of our own, evenly spread ones of XQuAD."""
HEAD = (
    "language, passages",
    "answered rightly",
    "from elsewhere",
    "refused",
    "passage missing: refused",
    "near misses, of all passages: refused",
)
DIALOGUES = Path("tests/golden/dialogues.jsonl")
DIALOGUE_HEAD = (
    "language",
    "follow-ups",
    "alone",
    "with what was asked before",
    "new topics",
    "alone",
    "with",
)
DATA = Path("benchmarks/data")


def main() -> None:
    """Print a table: a row a pair of languages, or a language and a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("prefix", nargs="?")
    parser.add_argument("--home")
    parser.add_argument("--embedder", default=EMBEDDER)
    parser.add_argument("--answers", action="store_true")
    parser.add_argument("--dialogues", action="store_true")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="questions a language and size")
    parser.add_argument("--split", default="test", help="of the judgements; ours have: test, reworded")
    parser.add_argument("--languages", default="", help="some of the languages, by commas")
    given = parser.parse_args()
    prefix = Path(given.prefix) if given.prefix else data_folder() / "xquad" / "beir-"
    wanted = [code for code in given.languages.split(",") if code]
    sets = {
        code: folder
        for folder in sorted(prefix.parent.glob(f"{prefix.name}*"))
        if (code := folder.name.removeprefix(prefix.name)) in wanted or not wanted
    }
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(given.home or scratch)
        with Service.open(Settings(home=home, embedder=given.embedder)) as service:
            if given.answers:
                rows = [
                    row
                    for code, folder in sets.items()
                    for row in _answers(service, code, folder, given.split, given.sample)
                ]
                print(table(HEAD, rows))
                return
            if given.dialogues:
                print(table(DIALOGUE_HEAD, _dialogues(service)))
                return
            for code, folder in sets.items():
                _ingest(service, code, folder / "corpus.jsonl")
            rows = [_row(service, asked, sets[asked], read, given.split) for asked in sets for read in sets]
    print(table(["question", "passages", *(mode.value for mode in MODES)], rows))


def _ingest(service: Service, corpus: str, file: Path) -> None:
    service.ingest(CALLER, IngestRequest(corpus=corpus, paths=(str(file),)))


def _row(service: Service, asked: str, folder: Path, read: str, split: str) -> list[str]:
    request = RetrievalEvaluation(read, beir=folder, split=split, k=CUT, modes=MODES)
    figures = service.evaluations.retrieval(CALLER, request).figures
    row = [asked, read, *(figure(figures[f"{mode.value}.ndcg@{CUT}"].value) for mode in MODES)]
    print(*row, flush=True)
    return row


def _dialogues(service: Service) -> Iterator[list[str]]:
    """A row a language: mean reciprocal ranks of the right passage."""
    lines = [read_object(line) for line in DIALOGUES.read_bytes().splitlines()]
    for name in sorted({str(line["set"]) for line in lines}):
        _ingest(service, name, DATA / name / "corpus.jsonl")
    for code in sorted({str(line["language"]) for line in lines}):
        row = [code]
        for new in (False, True):
            of = [line for line in lines if line["language"] == code and line.get("new_topic", False) is new]
            ways = [[_reciprocal_rank(service, line, history) for line in of] for history in (False, True)]
            row += [str(len(of)), *(figure(sum(ranks) / len(of)) for ranks in ways)]
        print(*row, flush=True)
        yield row


def _reciprocal_rank(service: Service, line: Mapping[str, Any], history: bool) -> float:
    before = (Turn(Role.USER, line["before"]),) if history else ()
    request = SearchRequest(corpora=(line["set"],), query=line["question"], history=before)
    found = [hit.passage.document_id for hit in service.search(CALLER, request).hits]
    return 1.0 / (1 + found.index(line["document"])) if line["document"] in found else 0.0


def _answers(service: Service, code: str, folder: Path, split: str, sample: int) -> Iterator[list[str]]:
    """A row a size: shares of the questions, and of those that no passage answers."""
    collection = beir.load(folder, split)
    lines = collection.corpus.read_text("utf-8").splitlines()
    places = {str(read_object(line.encode())["_id"]): place for place, line in enumerate(lines)}
    gold = {q.text: next(iter(collection.judgements[q.id])) for q in collection.queries}
    near = _unjudged(folder)
    if not near:
        gold = {text: key for text, key in gold.items() if places[key] // ARTICLE % 2}
    asked = list(gold)[:: max(1, len(gold) // sample)][:sample]
    _ingest(service, code, collection.corpus)
    for size in SIZES:
        held = _corpora(service, f"{code}-{size}", lines, size)
        told: dict[bool, list[frozenset[str]]] = {True: [], False: []}
        for text in asked:
            block, odd = places[gold[text]] // (2 * size), places[gold[text]] % 2
            for side in (0, 1):
                told[side == odd].append(_cited(service, held[block, side], text))
        right = sum(gold[text] in cited for text, cited in zip(asked, told[True], strict=True))
        refused = told[True].count(frozenset())
        counts = [right, len(asked) - right - refused, refused, told[False].count(frozenset())]
        row = [f"{code}, {size}", *(figure(count / len(asked)) for count in counts)]
        missed = [not _cited(service, (code,), text) for text in near if size == SIZES[-1]]
        row.append(figure(sum(missed) / len(missed)) if missed else "")
        print(*row, flush=True)
        yield row


def _unjudged(folder: Path) -> list[str]:
    """Questions without a judgement: nothing answers them."""
    splits = [file.stem for file in (folder / "qrels").glob("*.tsv")]
    judged = {query.id for split in splits for query in beir.load(folder, split).queries}
    rows = map(read_object, (folder / "queries.jsonl").read_bytes().splitlines())
    return [str(row["text"]) for row in rows if str(row["_id"]) not in judged]


def _corpora(
    service: Service, name: str, lines: Sequence[str], size: int
) -> dict[tuple[int, int], tuple[str, ...]]:
    """Corpora of every second passage of a block, by the number of the block and where in it they begin."""
    made: dict[tuple[int, int], tuple[str, ...]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for start in range(0, len(lines), 2 * size):
            for side in (0, 1):
                corpus = f"{name}-{start}-{side}"
                file = Path(scratch) / f"{corpus}.jsonl"
                file.write_text("\n".join(lines[start + side : start + 2 * size : 2]) + "\n", "utf-8")
                _ingest(service, corpus, file)
                made[start // (2 * size), side] = (corpus,)
    return made


def _cited(service: Service, corpora: tuple[str, ...], question: str) -> frozenset[str]:
    """Documents that an answer cites; none: it was refused."""
    answer = service.answer(CALLER, AnswerRequest(corpora=corpora, question=question))
    return frozenset(each.document_id for each in answer.citations)


if __name__ == "__main__":
    main()
