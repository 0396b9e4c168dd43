"""How well questions in one language find passages in another, by each leg and by both: nDCG@10.

    python -m benchmarks.languages [--home FOLDER] [--embedder NAME] [PREFIX]

PREFIX: collections in the BEIR layout, translations of each other, one a language, by their folder and
the beginning of their names; xquad/beir- below RAGSVC_TEST_DATA by default. Figures of docs/languages.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.sets import CUT, data_folder, figure, table
from ragsvc.domain import Caller, IngestRequest
from ragsvc.evaluation.requests import MODES, RetrievalEvaluation
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
EMBEDDER = "bundled:multilingual-e5-small"


def main() -> None:
    """Print a table: a row a pair of languages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prefix", nargs="?")
    parser.add_argument("--home")
    parser.add_argument("--embedder", default=EMBEDDER)
    given = parser.parse_args()
    prefix = Path(given.prefix) if given.prefix else data_folder() / "xquad" / "beir-"
    sets = {
        folder.name.removeprefix(prefix.name): folder
        for folder in sorted(prefix.parent.glob(f"{prefix.name}*"))
    }
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(given.home or scratch)
        with Service.open(Settings(home=home, embedder=given.embedder)) as service:
            for language, folder in sets.items():
                service.ingest(CALLER, IngestRequest(corpus=language, paths=(str(folder / "corpus.jsonl"),)))
            rows = [_row(service, asked, sets[asked], read) for asked in sets for read in sets]
    print(table(["question", "passages", *(mode.value for mode in MODES)], rows))


def _row(service: Service, asked: str, folder: Path, read: str) -> list[str]:
    request = RetrievalEvaluation(read, beir=folder, k=CUT, modes=MODES)
    figures = service.evaluations.retrieval(CALLER, request).figures
    row = [asked, read, *(figure(figures[f"{mode.value}.ndcg@{CUT}"].value) for mode in MODES)]
    print(*row, flush=True)
    return row


if __name__ == "__main__":
    main()
