"""Ingest of a folder in several languages beside English alone: throughput and memory of the whole command.

    RAGSVC_TEST_DATA=folder python -m benchmarks.mixed_languages [--files 2000]

Three homes, one `ragsvc ingest` each, one after the other: English files with the default embedder; the
same files with the multilingual one; and as many files of which half are English, a quarter German and a
quarter Chinese, for which nothing is chosen but by their content. Paragraphs of XQuAD and SQuAD, cut so
that no file occurs twice.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from benchmarks.carry import ragsvc
from benchmarks.sets import data_folder, table
from ragsvc.models.bundled_models import MULTILINGUAL_EMBEDDER

# A paragraph gives up to so many files, each of other sentences.
PARTS = 4


def texts(folder: Path) -> Iterator[str]:
    """Paragraphs of a collection in the BEIR layout, in parts of one length."""
    lines = (folder / "corpus.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line)["text"] for line in lines if line]
    for part in range(PARTS):
        for text in rows:
            size = -(-len(text) // PARTS)
            yield text[part * size : (part + 1) * size]


def fill(folder: Path, sources: Sequence[Iterator[str]], count: int) -> int:
    """Write files, from each source in turn; returns their characters."""
    folder.mkdir()
    total = 0
    for number, source in enumerate(islice(cycle(sources), count)):
        text = next(source)
        total += len(text)
        (folder / f"{number:05d}.txt").write_text(text, encoding="utf-8")
    return total


def computed() -> float:
    """Seconds that commands which have ended computed, with all their processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print a table: a row a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=2000)
    given = parser.parse_args()
    data = data_folder()
    english = data / "squad2-dev-half"
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        alone = fill(root / "english", [texts(english)], given.files)
        again = texts(english)
        sources = [again, texts(data / "xquad" / "beir-de"), again, texts(data / "xquad" / "beir-zh")]
        mixed = fill(root / "mixed", sources, given.files)
        rows = []
        for label, folder, characters, embedder in (
            ("English", "english", alone, ""),
            ("English, multilingual embedder", "english", alone, MULTILINGUAL_EMBEDDER),
            ("half English, German, Chinese", "mixed", mixed, ""),
        ):
            os.environ.pop("RAGSVC_EMBEDDER", None)
            if embedder:
                os.environ["RAGSVC_EMBEDDER"] = embedder
            home = root / f"home{len(rows)}"
            before = computed()
            found, wall, peak = ragsvc("ingest", "notes", str(root / folder), "--home", str(home))
            work = computed() - before
            added = found["documents"]["added"]
            rows.append(
                [
                    label,
                    str(added),
                    str(characters),
                    f"{wall:.0f}",
                    f"{work:.0f}",
                    f"{added / work:.1f}",
                    f"{peak:.0f}",
                ]
            )
        head = [
            "folder",
            "files added",
            "characters",
            "seconds",
            "computing time, s",
            "files a second of it",
            "peak memory, MiB",
        ]
        print(table(head, rows))


if __name__ == "__main__":
    main()
