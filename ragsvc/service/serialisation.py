"""Domain objects as the JSON of the public contract; the command line and HTTP share it.

Every function gives fresh, plain dicts and lists that `json.dumps(..., allow_nan=False)` takes and
that encode to UTF-8: a lone surrogate (a file name that is not UTF-8) becomes U+FFFD, and a number
that JSON lacks (NaN, infinity) becomes null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ragsvc.domain import (
    Answer,
    Citation,
    CorpusSummary,
    Document,
    DuplicateGroup,
    Hit,
    IngestReport,
    Job,
    JobState,
    SearchResult,
    TextSlice,
)
from ragsvc.errors import RagsvcError

JsonObject: TypeAlias = dict[str, Any]


def plain(value: object) -> Any:
    """Turn a value into one that JSON holds and UTF-8 encodes; unknown types become their `str`."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        # str() drops str subclasses such as StrEnum members.
        return encodable(str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {encodable(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return encodable(str(value))


def encodable(text: str) -> str:
    """Replace lone surrogates 1:1 by U+FFFD, so that lengths and offsets stay."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text


def hit_json(hit: Hit) -> JsonObject:
    """One search result, as `hit` in the contract."""
    passage = hit.passage
    shape: JsonObject = plain(
        {
            "rank": hit.rank,
            "score": float(hit.score),
            "corpus": hit.corpus,
            "document_id": passage.document_id,
            "version": passage.version,
            "chunk_id": passage.chunk_id,
            "source": passage.source,
            "title": passage.title,
            "start": passage.start,
            "end": passage.end,
            "text": passage.text,
            "page": passage.page,
            "headings": passage.headings,
            "metadata": passage.metadata,
            "duplicates": hit.duplicates,
        }
    )
    return shape


def search_json(result: SearchResult) -> JsonObject:
    """A search, as `search` in the contract."""
    return {
        "corpus": encodable(result.corpus),
        "commit": int(result.commit),
        "query": encodable(result.query),
        **_searched(result.searched),
        "mode": str(result.mode),
        "hits": [hit_json(hit) for hit in result.hits],
    }


def _searched(searched: str | None) -> JsonObject:
    """The stand-alone query, where a conversation was given."""
    return {} if searched is None else {"searched": encodable(searched)}


def citation_json(citation: Citation) -> JsonObject:
    """One citation of an answer; `quote` is the stored text [start, end) of that version."""
    shape: JsonObject = plain(
        {
            "marker": citation.marker,
            "document_id": citation.document_id,
            "version": citation.version,
            "source": citation.source,
            "title": citation.title,
            "start": citation.start,
            "end": citation.end,
            "quote": citation.quote,
            "page": citation.page,
            "corpus": citation.corpus,
            **({"hidden": True} if citation.hidden else {}),
        }
    )
    return shape


def answer_json(answer: Answer) -> JsonObject:
    """An answer, as `ask` and `POST /v1/answer` in the contract."""
    return {
        "corpus": encodable(answer.corpus),
        "commit": int(answer.commit),
        "question": encodable(answer.question),
        **_searched(answer.searched),
        "answered": answer.answered,
        "answer": encodable(answer.answer),
        "confidence": plain(float(answer.confidence)),
        "citations": [citation_json(citation) for citation in answer.citations],
        "passages": [hit_json(hit) for hit in answer.passages],
        "unsupported": [{"start": span.start, "end": span.end} for span in answer.unsupported],
        "generator": encodable(answer.generator),
        "timings_s": plain({name: float(seconds) for name, seconds in answer.timings_s.items()}),
    }


def report_json(report: IngestReport) -> JsonObject:
    """What an ingest did, as `ingest` in the contract."""
    counts = report.documents
    return {
        "corpus": encodable(report.corpus),
        "commit": int(report.commit),
        "documents": {
            "added": counts.added,
            "changed": counts.changed,
            "unchanged": counts.unchanged,
            "removed": counts.removed,
            "skipped": counts.skipped,
            "failed": counts.failed,
        },
        "warnings": [
            {"source": encodable(made.source), "code": made.code, "message": encodable(made.message)}
            for made in report.warnings
        ],
        "chunks": {"added": report.chunks_added, "removed": report.chunks_removed},
        "embedded": report.embedded,
        "seconds": plain(float(report.seconds)),
        "failures": [
            {"source": encodable(failure.source), "code": failure.code, "error": encodable(failure.error)}
            for failure in report.failures
        ],
        "skipped": [{"source": encodable(skip.source), "code": skip.code} for skip in report.skipped],
    }


def job_json(job: Job) -> JsonObject:
    """A job, as `job` in the contract, with its two times."""
    return {
        "id": job.id,
        "kind": str(job.kind),
        "corpus": encodable(job.corpus),
        "state": str(job.state),
        "progress": {"done": job.done, "total": job.total, "unit": job.unit},
        "attempts": job.attempts,
        "result": plain(job.result),
        # Of a job that is tried again, it is nobody's business yet.
        "error": plain(job.error) if job.state is JobState.FAILED else None,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def corpus_json(corpus: CorpusSummary) -> JsonObject:
    """A corpus with its head commit and its sizes at that commit."""
    return {
        "name": corpus.name,
        "created_at": corpus.created_at,
        "commit": int(corpus.commit),
        "documents": corpus.documents,
        "chunks": corpus.chunks,
        "characters": corpus.characters,
        "embedder": encodable(corpus.embedder),
    }


def duplicates_json(groups: Sequence[DuplicateGroup]) -> list[JsonObject]:
    """Groups of documents that say the same."""
    return [
        {
            "kind": str(group.kind),
            "similarity": round(group.similarity, 3),
            "documents": [encodable(name) for name in group.documents],
        }
        for group in groups
    ]


def document_json(document: Document) -> JsonObject:
    """A live document without its text; `commit` is the one that made it live."""
    shape: JsonObject = plain(
        {
            "corpus": document.corpus,
            "document_id": document.document_id,
            "version": document.version,
            "title": document.title,
            "source": document.source,
            "media_type": document.media_type,
            "characters": document.characters,
            "metadata": document.metadata,
            "owner": document.owner,
            "commit": int(document.born),
            "ingested_at": document.ingested_at,
            "warnings": [{"code": made.code, "message": made.message} for made in document.warnings],
        }
    )
    return shape


def text_json(piece: TextSlice) -> JsonObject:
    """A slice of stored text."""
    return {
        "document_id": encodable(piece.document_id),
        "version": piece.version,
        "start": piece.start,
        "end": piece.end,
        "text": encodable(piece.text),
    }


def error_json(error: RagsvcError) -> JsonObject:
    """An error, as the command line and a failed job show it."""
    return {"code": error.code, "message": encodable(error.message), "hint": encodable(error.hint)}
