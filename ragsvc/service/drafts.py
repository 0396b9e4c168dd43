"""Golden sets drafted from a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ragsvc.domain import Caller, CommitId, Corpus, Progress
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.drafts.candidates import DraftSource
from ragsvc.evaluation.drafts.golden_set import READINGS, DraftLine, draft
from ragsvc.store.catalog import Catalog
from ragsvc.text.chunker import MARKDOWN

_PAGE = 100
MAX_UNANSWERABLE = 0.9


@dataclass(frozen=True, slots=True)
class GoldenDraft:
    """A golden set to be edited. documents: live ones of the corpus at the commit."""

    corpus: str
    commit: CommitId
    documents: int
    questions: tuple[DraftLine, ...]


class GoldenDrafter:
    """Reads a corpus, a page of documents at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def draft(
        self,
        caller: Caller,
        name: str,
        *,
        count: int,
        seed: int = 0,
        unanswerable: float = 0.2,
        at: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> GoldenDraft:
        """Draft up to `count` questions; the same commit and seed give the same ones.

        :param count: at least 1; fewer come where the rules find no more.
        :param unanswerable: share of questions that the corpus does not answer, 0 to 0.9.
        :param at: a commit number, tag, "head" or "head~N"; None: the head.
        :raises InvalidRequest: if a value is out of range, or not one question could be drafted.
        :raises CommitCollected: if gc removed what the commit held.
        """
        if count < 1 or not 0 <= unanswerable <= MAX_UNANSWERABLE:
            raise InvalidRequest(
                f"cannot draft {count} questions of which {unanswerable:g} are unanswerable",
                hint=f"--count is at least 1, --unanswerable a share from 0 to {MAX_UNANSWERABLE}",
            )
        corpus = (
            self._catalog.corpora.get(caller, name)
            if at is None
            else self._catalog.history.corpus_at(caller, name, at)
        )
        reader = _Reader(self._catalog, caller, corpus, progress)
        questions = draft(reader.read, count, seed, unanswerable)
        self._catalog.history.check_kept(corpus)
        if not questions:
            raise InvalidRequest(
                f"no question could be drafted from the {reader.documents} documents of {name}",
                hint="the rules need English prose or headings that ask; write some by hand, one a line: "
                '{"question": "...", "documents": ["ID"]}',
            )
        return GoldenDraft(name, corpus.commit, reader.documents, tuple(questions))


class _Reader:
    """All live documents of a corpus at a commit, by id, as often as they are asked for."""

    def __init__(
        self, catalog: Catalog, caller: Caller, corpus: Corpus, progress: Callable[[Progress], None] | None
    ) -> None:
        self._catalog, self._caller, self._corpus, self._progress = catalog, caller, corpus, progress
        self._readings = 0
        self.documents = 0

    def read(self) -> Iterator[DraftSource]:
        """Read them once more."""
        done, cursor = 0, None
        while True:
            page, cursor = self._catalog.documents.page(
                self._caller, self._corpus, self._corpus.commit, cursor, _PAGE
            )
            ids = self._catalog.versions.ids(sorted({document.version for document in page}))
            texts = {each.id: each for each in self._catalog.versions.texts(sorted(ids.values()))}
            for document in page:
                stored = texts[ids[document.version]]
                yield DraftSource(
                    document.document_id, document.title, stored.text, stored.media_type == MARKDOWN
                )
            done += len(page)
            self._report(done)
            if cursor is None:
                break
        self.documents = done
        self._readings += 1

    def _report(self, done: int) -> None:
        if self._progress is not None:
            total = self.documents * READINGS
            self._progress(Progress("draft", self._readings * self.documents + done, total, "documents"))
