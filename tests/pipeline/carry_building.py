"""A folder with a bit of everything, and ways to damage its export."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from doubles import same_hits, search

from ragsvc.domain import Mode
from ragsvc.pipeline.transfer.export_manifest import MANIFEST
from ragsvc.service.service import Service

TABLES = ("documents.parquet", "versions.parquet", "chunks.parquet", "vectors.parquet")
WORDS = ("apple", "lemon", "fig", "pear", "plum", "kiwi", "ledger", "orchard", "Größe", "日本語", "tree")


def make_folder(folder: Path) -> Path:
    pick = random.Random(0)
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text(
        "---\nlang: en\nyear: 2001\n---\n# Apples\n\nAn apple a day.\n\n## Red\n\nRed.\n"
    )
    for number in range(12):
        text = "\n\n".join(" ".join(pick.choices(WORDS, k=14)) for _ in range(4))
        lang = ("en", "de")[number % 2]
        (folder / f"{number}.md").write_text(
            f"---\nlang: {lang}\nyear: {number}\n---\n# Page {number}\n\n{text}\n"
        )
    # The same text thrice, and nearly the same.
    copied = "The beekeeper counts the hives of every meadow in spring. " * 3
    (folder / "sub" / "one.txt").write_text(copied)
    (folder / "sub" / "two.txt").write_text(copied)
    (folder / "sub" / "three.txt").write_text(copied + "Almost.")
    (folder / "l.jsonl").write_text(
        '{"id": "x y/ü", "title": "T", "text": "plum 😀 kiwi",'
        ' "metadata": {"a": [1, "b"], "deep": {"k": null}}}\n'
    )
    (folder / "pages.pdf").write_bytes(
        pdf("The first page has a quince. " * 12, "The second page has a medlar. " * 12)
    )
    return folder


def queries(count: int) -> list[str]:
    pick = random.Random(7)
    fixed = ["quince", "medlar", "beekeeper hives", "apple a day"]
    return (fixed + [" ".join(pick.choices(WORDS, k=pick.randint(1, 4))) for _ in range(count)])[:count]


def same_answers(one: Service, other: Service, count: int) -> None:
    filters: list[dict[str, Any] | None] = [
        None, {"lang": "en"}, {"year": {"$gte": 5}}, {"a": "b"}, {"_type": {"$ne": "text/markdown"}},
        {"_ingested_at": {"$gte": "2020"}}, {"_id": "docs/a.md"},
    ]  # fmt: skip
    for number, query in enumerate(queries(count)):
        mode = list(Mode)[number % 3]
        where = filters[number % len(filters)]
        found = search(one, query, mode, where=where), search(other, query, mode, where=where)
        same_hits(*found)
        pages = ([(hit.passage.page, hit.passage.page_breaks) for hit in result.hits] for result in found)
        assert next(pages) == next(pages)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def corrupt(whole: bytes, pick: random.Random) -> bytes:
    """A few other bytes somewhere; half of the time in the footer, which tells how to read the rest."""
    made = bytearray(whole)
    first = len(made) * 2 // 3 if pick.random() < 0.5 else 0
    for _ in range(pick.randint(1, 4)):
        at = pick.randrange(first, len(made))
        made[at] ^= pick.randrange(1, 256)
    return bytes(made)


def reseal(folder: Path) -> None:
    """Make the manifest fit the files as they are now; their rows where they can be read."""
    body = json.loads((folder / MANIFEST).read_text())
    for name in TABLES:
        raw = (folder / name).read_bytes()
        entry = body["files"][name]
        entry |= {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
        try:
            entry["rows"] = max(0, min(pq.read_metadata(io.BytesIO(raw)).num_rows, 2**31 - 1))
        except (pa.ArrowException, OSError, ValueError):
            continue
        body["counts"][name.removesuffix(".parquet")] = entry["rows"]
    (folder / MANIFEST).write_text(json.dumps(body))


def read(path: Path) -> Any:
    return pq.read_table(path, use_threads=False)


def encode(table: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


def edited_table(path: Path, pick: random.Random) -> Iterator[tuple[str, bytes]]:
    """The same table with one thing wrong: rows missing, twice, swapped; columns; cells."""
    whole = read(path)
    rows = whole.num_rows
    order = list(range(rows))
    yield "a row is missing", encode(whole.take(order[:5] + order[6:]))
    yield "the first row is missing", encode(whole.slice(1))
    yield "no rows", encode(whole.slice(0, 0))
    yield "a row twice", encode(whole.take([*order, rows - 1]))
    yield "two rows swapped", encode(whole.take([1, 0, *order[2:]]))
    for name in whole.column_names:
        at = whole.column_names.index(name)
        yield f"no {name}", encode(whole.drop_columns([name]))
        text = pa.array([str(value) for value in whole.column(name).to_pylist()])
        if whole.schema.field(name).type != pa.string():
            yield f"{name} as text", encode(whole.set_column(at, name, text))
        field = pa.field(name, whole.schema.field(name).type, nullable=True)
        values = whole.column(name).to_pylist()
        values[pick.randrange(rows)] = None
        # Older pyarrow writes no empty vector.
        if name not in ("page", "vector"):
            yield (
                f"{name} with a null",
                encode(whole.set_column(at, field, pa.array(values, type=field.type))),
            )
        for description, change in _CHANGES.get(name, []):
            values = whole.column(name).to_pylist()
            place = pick.randrange(rows)
            values[place] = change(values[place])
            column = pa.array(values, type=field.type)
            yield f"{name}: {description}", encode(whole.set_column(at, whole.schema.field(name), column))


_ANOTHER = [("another", lambda value: value + "x")]
# Cells that cannot be, by column; the words of whoever exported may be any.
_CHANGES: dict[str, list[tuple[str, Callable[[Any], Any]]]] = {
    **dict.fromkeys(("version", "title", "text", "media_type"), _ANOTHER),
    "start": [("outside", lambda _: 2**31 - 1), ("negative", lambda _: -5)],
    "end": [("outside", lambda _: 2**31 - 1), ("negative", lambda _: -5)],
    "ordinal": [("off by one", lambda value: value + 1)],
    "length": [("off by one", lambda value: value + 1)],
    "page": [("not there", lambda _: 99)],
    "counts": [("zero", lambda value: [0, *value[1:]]), ("too few", lambda value: value[:-1])],
    "terms": [("disorder", lambda value: ["\U0010ffff", *value]), ("too few", lambda value: value[:-1])],
    "pages": [("negative", lambda _: [-1]), ("past the end", lambda _: [0, 10**6])],
    "embedded_hash": [("another", lambda _: bytes(32))],
    "signature": [("too short", lambda _: b"x")],
    "vector": [
        ("not a number", lambda value: [float("nan"), *value[1:]]),
        ("infinite", lambda value: [float("inf"), *value[1:]]),
        ("large", lambda value: [3e38, *value[1:]]),
        ("nothing", lambda value: [0.0] * len(value)),
    ],
    "ingested_at": [("no time", lambda _: "yesterday")],
    "metadata": [
        ("no JSON", lambda _: "{"),
        ("no object", lambda _: "[]"),
        ("NaN", lambda _: '{"a": NaN}'),
        ("deep", lambda _: "[" * 100_000),
    ],
    "document_id": [("empty", lambda _: ""), ("NUL", lambda value: value + "\0")],
}


def pdf(*pages: str) -> bytes:
    """A PDF with a line on each page."""
    first = 4
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode("ascii")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (first + 2 * number + 1)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    size = len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, table))
