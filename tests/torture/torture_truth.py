"""What a home holds: read past ragsvc from its database, and asked through a service that was just opened.

Nothing here trusts the code under test: documents, chunks, postings and vectors are read with sqlite3, and
what the index in memory holds is compared with them entry by entry.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from doubles import CORPUS, ME, open_service, shown
from torture_verbs import CARRIED, OTHER, act, embedder

from ragsvc.domain import Collapse, Mode, SearchRequest
from ragsvc.errors import CorpusNotFound, RagsvcError
from ragsvc.service.service import Service

CORPORA = (CORPUS, OTHER, CARRIED)
QUERIES = ("running apple fig", "the lemon of Äpfel 42")
FILTERS: tuple[dict[str, Any], ...] = ({"lang": "en"}, {"lang": {"$ne": "en"}})
EVERYTHING = 200


@dataclass
class State:
    """A home as people see it.

    commit: the newest number. tags: by corpus, the commits that have names.
    documents: by corpus and id; all that a reader gets of each, chunks included.
    answers: hits and scores by corpus, those at tags last. halves: what is visible and not whole.
    """

    commit: int = 0
    tags: dict[str, dict[str, int]] = field(default_factory=dict)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, list[tuple[list[dict[str, Any]], list[float]]]] = field(default_factory=dict)
    halves: list[str] = field(default_factory=list)

    def differences(
        self, other: State, *, numbers: bool = True, corpora: Sequence[str] = CORPORA
    ) -> list[str]:
        """In what two states differ: nothing when they are equal, scores to 1e-5.

        :param numbers: compare commit numbers too.
        """
        found = []
        if numbers and self.commit != other.commit:
            found.append(f"commit {self.commit}, not {other.commit}")
        if numbers and self.tags != other.tags:
            found.append(f"tags are {self.tags}, not {other.tags}")
        for corpus in corpora:
            mine, theirs = self.documents.get(corpus, {}), other.documents.get(corpus, {})
            for name in sorted(mine.keys() | theirs.keys()):
                if mine.get(name) != theirs.get(name):
                    found.append(
                        f"{corpus}: {name} is {_short(mine.get(name))}, not {_short(theirs.get(name))}"
                    )
        for corpus in corpora:
            # A fresh build has no tags, so it has fewer answers.
            pairs = zip(self.answers[corpus], other.answers[corpus], strict=False)
            for mine, theirs in pairs:
                if mine[0] != theirs[0]:
                    found.append(f"{corpus}: hits are {_short(mine[0])}, not {_short(theirs[0])}")
                elif not np.allclose(mine[1], theirs[1], atol=1e-5, rtol=0):
                    found.append(f"{corpus}: scores are {mine[1]}, not {theirs[1]}")
        return found

    def lost(self, since: State) -> list[str]:
        """Documents of an earlier state that are not there as they were."""
        return [
            f"{corpus}: {name}"
            for corpus, documents in since.documents.items()
            for name, document in documents.items()
            if self.documents.get(corpus, {}).get(name) != document
        ]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 400 else f"{text[:400]}..."


def recover(home: str, folder: str, verb: str, arguments: dict[str, Any]) -> tuple[State, str, State]:
    """Look at what a kill left, do the same again, and look again.

    :return: the two states, and the code of the error that doing it again gave; "" when it gave none.
    """
    seen, code = look(home), ""
    try:
        act(home, folder, verb, arguments)
    except RagsvcError as error:
        code = error.code
    return seen, code, look(home)


def look(home: str) -> State:
    """Open a home as the next process would, and read all of it."""
    state = State()
    with open_service(Path(home), embedder) as service:
        for corpus in CORPORA:
            state.tags[corpus] = _tags(service, corpus)
            state.answers[corpus] = list(_answers(service, corpus, sorted(state.tags[corpus])))
        with closing(sqlite3.connect(Path(home) / "catalog.db")) as database:
            state.commit = database.execute('SELECT coalesce(max(id), 0) FROM "commit"').fetchone()[0]
            for corpus in CORPORA:
                state.documents[corpus] = dict(_documents(database, corpus))
            state.halves = [*_halves(database), *_index_halves(database, service)]
    return state


def _tags(service: Service, corpus: str) -> dict[str, int]:
    try:
        return {tag.name: int(tag.commit) for tag in service.maintenance.tags(ME, corpus)}
    except CorpusNotFound:
        return {}


def _answers(
    service: Service, corpus: str, tags: Sequence[str]
) -> Iterator[tuple[list[dict[str, Any]], list[float]]]:
    for query, mode in itertools.product(QUERIES, Mode):
        yield _hits(service, corpus, query, mode, None)
    for where in FILTERS:
        yield _hits(service, corpus, QUERIES[0], Mode.HYBRID, where)
    for ref in (None, *tags):
        yield _hits(service, corpus, "apple", Mode.DENSE, None, EVERYTHING, ref)


def _hits(
    service: Service,
    corpus: str,
    query: str,
    mode: Mode,
    where: dict[str, Any] | None,
    k: int = 10,
    ref: str | None = None,
) -> tuple[list[dict[str, Any]], list[float]]:
    collapse = Collapse.OFF if k == EVERYTHING else Collapse.DUPLICATES
    try:
        found = service.search(
            ME,
            SearchRequest(
                corpora=(corpus,), query=query, k=k, mode=mode, where=where, collapse=collapse, at=ref
            ),
        )
    except CorpusNotFound:
        return [], []
    return [shown(hit) for hit in found.hits], [hit.score for hit in found.hits]


_LIVE = """
SELECT m.document_id, m.title, m.source, m.metadata, m.root, v.id, v.version, v.text, c.profile_id
FROM membership m JOIN corpus c ON c.id = m.corpus_id JOIN document_version v ON v.id = m.version_id
WHERE c.name = ? AND m.died IS NULL ORDER BY m.document_id
"""
_SIGNATURE = "SELECT hex(data) FROM signature WHERE version_id = ?"
_CHUNKS = """
SELECT ordinal, start, "end", page, headings, hex(embedded_hash), length, hex(signature) FROM chunk
WHERE version_id = ? AND profile_id = ? ORDER BY ordinal
"""


def _documents(database: sqlite3.Connection, corpus: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, title, source, metadata, root, version_id, version, text, profile in database.execute(
        _LIVE, (corpus,)
    ):
        yield (
            name,
            {
                "version": version,
                "title": title,
                "source": source,
                "root": root,
                "metadata": json.loads(metadata),
                "text": text,
                "signature": database.execute(_SIGNATURE, (version_id,)).fetchall(),
                "chunks": database.execute(_CHUNKS, (version_id, profile)).fetchall(),
            },
        )


# Each finds rows that no reader must ever see; the catalog is whole when all of them find none.
_NEVER = {
    "a live version is not chunked": """
        SELECT m.document_id FROM membership m JOIN corpus c ON c.id = m.corpus_id
        LEFT JOIN chunking k ON k.version_id = m.version_id AND k.profile_id = c.profile_id
        WHERE m.died IS NULL AND k.version_id IS NULL""",
    "chunks are missing or too many": """
        SELECT k.version_id, k.chunks FROM chunking k WHERE k.chunks != (SELECT count(*) FROM chunk h
        WHERE h.version_id = k.version_id AND h.profile_id = k.profile_id)""",
    "chunks of no chunking": """
        SELECT h.id FROM chunk h LEFT JOIN chunking k
        ON k.version_id = h.version_id AND k.profile_id = h.profile_id WHERE k.version_id IS NULL""",
    "ordinals have a hole": """
        SELECT version_id FROM chunk GROUP BY version_id, profile_id
        HAVING max(ordinal) != count(*) - 1 OR min(ordinal) != 0""",
    "a span lies outside its text": """
        SELECT h.id FROM chunk h JOIN document_version v ON v.id = h.version_id
        WHERE h.start < 0 OR h.start >= h."end" OR h."end" > length(v.text)""",
    "a live chunk has no vector": """
        SELECT h.id FROM chunk h JOIN profile p ON p.id = h.profile_id
        LEFT JOIN vector x ON x.embedder = p.embedder_fingerprint AND x.hash = h.embedded_hash
        WHERE x.id IS NULL AND h.version_id IN (SELECT version_id FROM membership)""",
    "a text is not as long as is said": "SELECT id FROM document_version WHERE length(text) != characters",
    "two live versions": """
        SELECT document_id FROM membership WHERE died IS NULL GROUP BY corpus_id, document_id
        HAVING count(*) > 1""",
    "a membership of a commit that never was": """
        SELECT m.id FROM membership m WHERE m.born NOT IN (SELECT id FROM "commit")
        OR (m.died IS NOT NULL AND m.died NOT IN (SELECT id FROM "commit"))""",
    "fields of no membership": """
        SELECT f.membership_id FROM field f LEFT JOIN membership m ON m.id = f.membership_id
        WHERE m.id IS NULL""",
    "foreign keys": "PRAGMA foreign_key_check",
    "integrity": "SELECT * FROM pragma_integrity_check WHERE integrity_check != 'ok'",
}


def _halves(database: sqlite3.Connection) -> Iterator[str]:
    for name, query in _NEVER.items():
        if rows := database.execute(query).fetchmany(3):
            yield f"{name}: {rows}"
    known = {row[0] for row in database.execute("SELECT id FROM term")}
    for number, length, terms, counts in database.execute("SELECT id, length, terms, counts FROM chunk"):
        words, many = np.frombuffer(terms, "<i4"), np.frombuffer(counts, "<i4")
        if len(words) != len(many) or int(many.sum()) != length or (many < 1).any():
            yield f"the postings of chunk {number} do not add up"
        if not known.issuperset(words.tolist()) or (np.diff(words) <= 0).any():
            yield f"the postings of chunk {number} name unknown or unsorted terms"


_INDEXED = """
SELECT h.id, h.length, h.terms, h.counts, x.data FROM chunk h JOIN profile p ON p.id = h.profile_id
JOIN vector x ON x.embedder = p.embedder_fingerprint AND x.hash = h.embedded_hash
WHERE h.profile_id = (SELECT profile_id FROM corpus WHERE name = :name) AND h.version_id IN
(SELECT m.version_id FROM membership m JOIN corpus c ON c.id = m.corpus_id
WHERE c.name = :name AND m.died IS NULL)
"""


def _index_halves(database: sqlite3.Connection, service: Service) -> Iterator[str]:
    """What the index in memory holds of live chunks, against the rows of the database."""
    for corpus in CORPORA:
        try:
            snapshot = service.queries._keeper.current(service._catalog.corpora.get(ME, corpus))
        except CorpusNotFound:
            continue
        index, alive = snapshot.index, snapshot.alive
        postings: dict[int, list[tuple[int, int]]] = {int(i): [] for i in index.chunk_ids[alive]}
        vectors: dict[int, bytes] = {}
        first = 0
        for segment in index.segments:
            held = segment.postings
            for term, row, count in zip(
                held.entry_terms.tolist(), held.rows.tolist(), held.counts.tolist(), strict=True
            ):
                if alive[first + row]:
                    postings[int(segment.chunk_ids[row])].append((term, count))
            matrix = segment.vectors.vectors_of(np.arange(segment.rows))
            for row, number in enumerate(segment.chunk_ids.tolist()):
                if alive[first + row]:
                    vectors[number] = matrix[row].tobytes()
            first += segment.rows
        wanted, seen = set(), {int(i): int(n) for i, n in zip(index.chunk_ids, index.lengths, strict=True)}
        for number, length, terms, counts, data in database.execute(_INDEXED, {"name": corpus}):
            wanted.add(number)
            entries = zip(
                np.frombuffer(terms, "<i4").tolist(), np.frombuffer(counts, "<i4").tolist(), strict=True
            )
            if sorted(postings.get(number, [])) != list(entries) or seen.get(number) != length:
                yield f"{corpus}: the index has other postings of chunk {number}"
            if vectors.get(number) != data:
                yield f"{corpus}: the index has another vector of chunk {number}"
        if wanted != postings.keys():
            yield f"{corpus}: the index shows {sorted(postings)}, the catalog {sorted(wanted)}"
