"""Terms and their numbers. The words stay here; the index sees only numbers."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, select

from ragsvc.store.engine import Database, Repository, batches, insert_or_ignore
from ragsvc.store.tables import counter, term

_CACHE_TERMS = 1_000_000
GENERATION = "terms"
"""Counter that rises when terms are deleted, so that no process trusts an old number."""

# Every query asks these; building a statement takes longer than SQLite needs for it.
_GENERATION = select(counter.c.value).where(counter.c.name == GENERATION)
_NUMBERS = select(term.c.term, term.c.id).where(term.c.term.in_(bindparam("terms", expanding=True)))
_WORDS = select(term.c.id, term.c.term).where(term.c.id.in_(bindparam("numbers", expanding=True)))


class TermCache:
    """Term numbers that this process has seen committed; valid for one generation."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._generation = 0
        self._guard = threading.Lock()

    def known(self, generation: int, terms: Collection[str]) -> dict[str, int]:
        """Numbers of those terms that are remembered from this generation."""
        with self._guard:
            if generation != self._generation:
                self._ids.clear()
                self._generation = generation
            ids = self._ids
            return {word: ids[word] for word in terms if word in ids}

    def clear(self) -> None:
        """Remember nothing."""
        with self._guard:
            self._ids.clear()

    def remember(self, generation: int, ids: Mapping[str, int]) -> None:
        """Keep committed numbers."""
        with self._guard:
            if generation == self._generation:
                if len(self._ids) + len(ids) > _CACHE_TERMS:
                    self._ids.clear()
                self._ids.update(ids)


class Terms(Repository):
    """Lookup of term numbers for queries."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._term_cache = TermCache()

    def forget_terms(self) -> None:
        """Drop all numbers from memory."""
        self._term_cache.clear()

    def term_ids(self, terms: Iterable[str]) -> dict[str, int]:
        """Look up numbers without allocating any; unknown terms are left out."""
        wanted = set(terms)
        if not wanted:
            return {}
        with self._db.read() as connection:
            generation = generation_of(connection)
            known = self._term_cache.known(generation, wanted)
            fresh = stored_ids(connection, wanted - known.keys())
        self._term_cache.remember(generation, fresh)
        return known | fresh

    def terms_of(self, numbers: Sequence[int]) -> list[tuple[int, str]]:
        """Numbers with their words, in the order of numbers; those that are gone are left out."""
        with self._db.read() as connection:
            return sorted(
                (row.id, row.term)
                for some in batches(numbers)
                for row in connection.execute(_WORDS, {"numbers": some})
            )

    def _allocate(
        self, connection: Connection, terms: set[str]
    ) -> tuple[int, dict[str, int], dict[str, int]]:
        """Give every term a number, inside the caller's write transaction.

        :return: the generation, all numbers, and those to remember once the commit is done.
        """
        generation = generation_of(connection)
        known = self._term_cache.known(generation, terms)
        unknown = terms - known.keys()
        fresh = stored_ids(connection, unknown)
        # Sorted: the same documents in the same order give the same numbers.
        if new := sorted(unknown - fresh.keys()):
            connection.execute(insert_or_ignore(term), [{"term": word} for word in new])
            fresh |= stored_ids(connection, new)
        return generation, known | fresh, fresh


def generation_of(connection: Connection) -> int:
    """Read the generation of term numbers."""
    return connection.execute(_GENERATION).scalar() or 0


def stored_ids(connection: Connection, terms: Collection[str]) -> dict[str, int]:
    """Read numbers from the table; unknown terms are left out."""
    found: dict[str, int] = {}
    for some in batches(sorted(terms)):
        for word, number in connection.execute(_NUMBERS, {"terms": some}):
            found[word] = number
    return found
