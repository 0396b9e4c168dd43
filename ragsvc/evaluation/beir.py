"""Reads a test collection in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragsvc.errors import InvalidRequest, SourceNotFound

LAYOUT = "a collection folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv"


@dataclass(frozen=True, slots=True)
class Query:
    """A judged query. Its gold answers are never read, so they cannot reach what is being tested."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents stay in their file; queries are those with at least one judgement.

    corpus: path of corpus.jsonl, which `ragsvc ingest` reads as it is.
    judgements: query id -> document id -> grade; 0 or less is not relevant.
    """

    name: str
    corpus: Path
    queries: tuple[Query, ...]
    judgements: Mapping[str, Mapping[str, int]]


def load(folder: Path, split: str = "test") -> Collection:
    """Read a collection.

    :param folder: holds corpus.jsonl, queries.jsonl and qrels/<split>.tsv.
    :raises SourceNotFound: if one of them is missing.
    :raises InvalidRequest: if a line is malformed, or a judged query is missing.
    """
    corpus = folder / "corpus.jsonl"
    if not corpus.is_file():
        raise SourceNotFound(f"no corpus.jsonl in {folder}", hint=LAYOUT)
    judgements = _judgements(folder / "qrels" / f"{split}.tsv")
    texts = dict(_queries(folder / "queries.jsonl"))
    missing = [query for query in judgements if query not in texts]
    if missing:
        raise InvalidRequest(
            f"{folder / 'queries.jsonl'} lacks the judged query {missing[0]!r} and {len(missing) - 1} more",
            hint="use the queries and judgements of one collection",
        )
    queries = tuple(Query(query, text) for query, text in texts.items() if query in judgements)
    return Collection(folder.name, corpus, queries, judgements)


def _queries(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in _lines(path):
        try:
            row: Any = json.loads(line)
            yield str(row["_id"]), str(row["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(
                f"{path}:{number} is not a query: {error!r}", hint='each line needs "_id" and "text"'
            ) from error


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    judgements: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        fields = line.split("\t")
        if number == 1 and fields[:1] == ["query-id"]:
            continue
        try:
            query, document, grade = fields
            judgements.setdefault(query, {})[document] = int(grade)
        except ValueError as error:
            raise InvalidRequest(
                f"{path}:{number} is not a judgement: {line[:80]!r}",
                hint="each line is query id, document id and a whole grade, with tabs between",
            ) from error
    return judgements


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except OSError as error:
        raise SourceNotFound(f"cannot read {path}: {error.strerror}", hint=LAYOUT) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path} is not UTF-8: {error.reason}", hint="save it as UTF-8") from error
