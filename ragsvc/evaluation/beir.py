"""Reads a test collection in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.evaluation.json_lines import read_object
from ragsvc.evaluation.questions import Question, check_grade
from ragsvc.evaluation.report import InputDefect

BEIR_COLUMNS = 3
SHOWN = 5
LAYOUT = "a collection folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv"


@dataclass(frozen=True, slots=True)
class TestQuery:
    """A judged query. Its gold answers are never read, so they cannot reach what is being tested."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class TestCollection:
    """Documents stay in their file; queries are those with at least one judgement.

    corpus: path of corpus.jsonl, which `ragsvc ingest` reads as it is; nothing here reads it.
    judgements: query id -> document id -> grade; 0 or less is not relevant.
    malformed: lines that are not used. notes: what is odd about those that are.
    digest: sha256 hex of queries and judgements.
    """

    name: str
    corpus: Path
    queries: tuple[TestQuery, ...]
    judgements: Mapping[str, Mapping[str, int]]
    malformed: tuple[InputDefect, ...] = ()
    digest: str = ""
    notes: tuple[InputDefect, ...] = ()

    @property
    def questions(self) -> tuple[Question, ...]:
        """The queries as questions."""
        return tuple(
            Question(query.id, query.text, documents=self.judgements[query.id]) for query in self.queries
        )


def load(folder: Path, split: str = "test") -> TestCollection:
    """Read a collection; malformed lines are listed, and the rest is used.

    :param folder: holds queries.jsonl and qrels/<split>.tsv.
    :raises SourceNotFound: if one of them is missing.
    :raises InvalidRequest: if nothing is left to ask.
    """
    malformed: list[InputDefect] = []
    digest = hashlib.sha256()
    judgements = _judgements(_split(folder, split, digest), f"{split}.tsv", malformed)
    texts = _queries(_read(folder / "queries.jsonl", digest), malformed)
    malformed.extend(
        InputDefect("queries.jsonl", f"lacks the judged query {query[:80]!r}")
        for query in judgements
        if query not in texts
    )
    queries = tuple(TestQuery(query, text) for query, text in texts.items() if query in judgements)
    if not queries:
        first = f": {malformed[0].place}: {malformed[0].error}" if malformed else ""
        raise InvalidRequest(f"{folder} holds no judged query{first}", hint=LAYOUT)
    return TestCollection(
        folder.name,
        folder / "corpus.jsonl",
        queries,
        {query.id: judgements[query.id] for query in queries},
        tuple(malformed),
        digest.hexdigest(),
        tuple(_without_grade(queries, judgements, f"{split}.tsv")),
    )


def _without_grade(
    queries: Sequence[TestQuery], judgements: Mapping[str, Mapping[str, int]], source: str
) -> Iterator[InputDefect]:
    """One note for all queries that have no right document."""
    vain = [query.id[:80] for query in queries if max(judgements[query.id].values()) <= 0]
    if vain:
        more = ", …" if len(vain) > SHOWN else ""
        words = "1 query has" if len(vain) == 1 else f"{len(vain)} queries have"
        yield InputDefect(
            source,
            f"{words} no grade above 0, and nothing found counts as right: {', '.join(vain[:SHOWN])}{more}",
        )


def _queries(data: bytes, malformed: list[InputDefect]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in _lines(data):
        try:
            row = read_object(line)
            name, text = str(row.get("_id", "")), row.get("text")
            if not name or not isinstance(text, str) or not text.strip():
                raise ValueError('a query needs "_id" and "text"')
            text.encode("utf-8")
            if name in found:
                raise ValueError(f"the query {name[:80]!r} is there twice")
            found[name] = text
        except ValueError as error:
            malformed.append(InputDefect(f"queries.jsonl:{number}", str(error)))
    return found


def _judgements(data: bytes, name: str, malformed: list[InputDefect]) -> dict[str, dict[str, int]]:
    """Grades by query and document, of lines of BEIR or, with another column between the ids, of TREC."""
    found: dict[str, dict[str, int]] = {}
    for number, line in _lines(data):
        text = line.decode("utf-8", "replace")
        fields = text.split("\t")
        if number == 1 and fields[0] == "query-id":
            continue
        try:
            if len(fields) != BEIR_COLUMNS and len(trec := text.split()) == BEIR_COLUMNS + 1:
                fields = [trec[0], *trec[2:]]
            query, document, grade = fields
            value = int(grade)
            check_grade(value)
        except ValueError:
            wanted = "a query id, a document id and a whole grade up to a million with tabs between"
            error = f"not {wanted}: {fields!r:.80}"
            malformed.append(InputDefect(f"{name}:{number}", error))
            continue
        found.setdefault(query, {})[document] = value
    return found


def _split(folder: Path, split: str, digest: hashlib._Hash) -> bytes:
    """Read the judgements of a split.

    :raises SourceNotFound: if it is not there; the hint names those that are.
    """
    try:
        return _read(folder / "qrels" / f"{split}.tsv", digest)
    except SourceNotFound as error:
        there = sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))
        if not there:
            raise
        raise SourceNotFound(
            error.message, hint=f"its splits: {', '.join(there)}; choose one with --split"
        ) from error


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield number, line.rstrip(b"\r")


def _read(path: Path, digest: hashlib._Hash) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceNotFound(f"cannot read {path}: {error.strerror}", hint=LAYOUT) from error
    digest.update(len(data).to_bytes(8, "big") + data)
    return data
