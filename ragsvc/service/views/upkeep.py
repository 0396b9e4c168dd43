"""Views of what gc, verify, rebuild, export and import did; only the command line shows them."""

from __future__ import annotations

from pydantic import Field

from ragsvc.domain import CarryReport, CollectReport, RebuildReport, VerifyProblem, VerifyReport
from ragsvc.service.json_values import View


class CollectView(View):
    """What a gc removed, or with a dry run would remove."""

    dry_run: bool = Field(description="true: nothing was removed.")
    commits: int = Field(description="That cannot be read any more.")
    documents: int = Field(description="States of documents that only they had.")
    versions: int = Field(description="Texts.")
    chunks: int = Field(description="Chunks.")
    vectors: int = Field(description="Vectors.")
    terms: int = Field(description="Terms of BM25.")
    indexes: int = Field(description="Index folders.")
    freed_bytes: int = Field(description="Given back to the disk.")
    reusable_bytes: int = Field(description="Free inside the catalog.")
    kept: list[str] = Field(description="Commits that can be read, and why.")
    postponed: str | None = Field(description="Why content was left for the next gc; null: it was not.")
    seconds: float = Field(description="How long it took.")

    @classmethod
    def of(cls, report: CollectReport) -> CollectView:
        """View what a gc did."""
        return cls.model_construct(
            dry_run=report.dry_run,
            commits=report.commits,
            documents=report.documents,
            versions=report.versions,
            chunks=report.chunks,
            vectors=report.vectors,
            terms=report.terms,
            indexes=report.indexes,
            freed_bytes=report.freed_bytes,
            reusable_bytes=report.reusable_bytes,
            kept=list(report.kept),
            postponed=report.postponed or None,
            seconds=round(report.seconds, 3),
        )


class VerifyProblemView(View):
    """What a check found."""

    corpus: str = Field(description="Corpus; empty: it concerns all.")
    code: str = Field(description="Stable code, for programs.")
    message: str = Field(description="What is damaged.")
    repair: str = Field(description="What to type.")

    @classmethod
    def of(cls, problem: VerifyProblem) -> VerifyProblemView:
        """View one problem."""
        return cls.model_construct(
            corpus=problem.corpus, code=problem.code, message=problem.message, repair=problem.repair
        )


class VerifyView(View):
    """What was checked, and what is wrong with it."""

    ok: bool = Field(description="Whether there is no problem.")
    checked: dict[str, int] = Field(description="How many were looked at, by kind.")
    problems: list[VerifyProblemView] = Field(description="What is wrong.")
    seconds: float = Field(description="How long it took.")

    @classmethod
    def of(cls, report: VerifyReport) -> VerifyView:
        """View a check."""
        return cls.model_construct(
            ok=not report.problems,
            checked=dict(report.checked),
            problems=[VerifyProblemView.of(problem) for problem in report.problems],
            seconds=round(report.seconds, 3),
        )


class RebuildView(View):
    """What a rebuild looked at, and what it made anew."""

    corpus: str = Field(description="Corpus.")
    commit: int = Field(description="The head afterwards.")
    texts: int = Field(description="Texts of the kept commits.")
    chunks: int = Field(description="Their chunks.")
    rechunked: int = Field(description="Texts whose chunks were damaged.")
    embedded: int = Field(description="Chunks whose vectors were damaged.")
    unmended: list[str] = Field(description="Why something that only earlier commits need stays as it is.")
    seconds: float = Field(description="How long it took.")

    @classmethod
    def of(cls, report: RebuildReport) -> RebuildView:
        """View what a rebuild did."""
        return cls.model_construct(
            corpus=report.corpus,
            commit=report.commit,
            texts=report.texts,
            chunks=report.chunks,
            rechunked=report.rechunked,
            embedded=report.embedded,
            unmended=list(report.unmended),
            seconds=round(report.seconds, 3),
        )


class CarryView(View):
    """What an export wrote or an import read."""

    corpus: str = Field(description="Corpus.")
    commit: int = Field(description="Commit that was written, or made.")
    folder: str = Field(description="Where the files are.")
    documents: int = Field(description="Documents.")
    chunks: int = Field(description="Chunks.")
    vectors: int = Field(description="Vectors.")
    size_bytes: int = Field(description="Of all files.")
    seconds: float = Field(description="How long it took.")

    @classmethod
    def of(cls, report: CarryReport) -> CarryView:
        """View what an export or import did."""
        return cls.model_construct(
            corpus=report.corpus,
            commit=report.commit,
            folder=report.folder,
            documents=report.documents,
            chunks=report.chunks,
            vectors=report.vectors,
            size_bytes=report.size_bytes,
            seconds=round(report.seconds, 3),
        )
