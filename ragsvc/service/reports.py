"""What was done to corpora over time, as the JSON of the public contract; see `serialise`."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.domain import (
    CarryReport,
    CollectReport,
    Commit,
    CorpusDetails,
    RebuildReport,
    ReindexReport,
    RollbackReport,
    Tag,
    VerifyReport,
)
from ragsvc.service.serialisation import JsonObject, corpus_json, encodable, plain

SHORT = 16
"""Hex digits of a profile's fingerprint that are shown; its folder has the same name."""


def commit_json(commit: Commit) -> JsonObject:
    """One entry of a corpus's history."""
    shape: JsonObject = plain(
        {
            "commit": int(commit.id),
            "created_at": commit.created_at,
            "principal": commit.principal,
            "kind": commit.kind,
            "stats": commit.stats,
            "profile": commit.profile[:SHORT],
            "embedder": commit.embedder,
            "tags": commit.tags,
            "collected": commit.collected,
        }
    )
    return shape


def log_json(corpus: str, commits: Sequence[Commit], limit: int) -> JsonObject:
    """A page of a corpus's history.

    :param commits: newest first, one more than `limit` when there are more.
    """
    page = commits[:limit]
    return {
        "corpus": encodable(corpus),
        "commits": [commit_json(commit) for commit in page],
        "next_before": int(page[-1].id) if len(commits) > limit else None,
    }


def tag_json(tag: Tag) -> JsonObject:
    """A name of a commit."""
    return {
        "tag": encodable(tag.name),
        "commit": int(tag.commit),
        "principal": encodable(tag.principal),
        "created_at": tag.created_at,
    }


def rollback_json(report: RollbackReport) -> JsonObject:
    """What a rollback did; `previous` is what undoes it."""
    return {
        "corpus": encodable(report.corpus),
        "commit": int(report.commit),
        "previous": int(report.previous),
        "to": int(report.to),
        "documents": {"added": report.added, "changed": report.changed, "removed": report.removed},
        "profile_changed": report.profile_changed,
    }


def reindex_json(report: ReindexReport) -> JsonObject:
    """What a reindex did; `previous` is the profile before, the same when there was nothing to do."""
    return {
        "corpus": encodable(report.corpus),
        "commit": int(report.commit),
        "profile": report.profile[:SHORT],
        "previous": report.previous[:SHORT],
        "embedder": encodable(report.embedder),
        "documents": report.documents,
        "chunks": report.chunks,
        "embedded": report.embedded,
        "seconds": plain(float(report.seconds)),
    }


def collect_json(report: CollectReport) -> JsonObject:
    """What a gc removed, or with a dry run would remove."""
    shape: JsonObject = plain(
        {
            "dry_run": report.dry_run,
            "commits": report.commits,
            "documents": report.documents,
            "versions": report.versions,
            "chunks": report.chunks,
            "vectors": report.vectors,
            "terms": report.terms,
            "indexes": report.indexes,
            "freed_bytes": report.freed_bytes,
            "reusable_bytes": report.reusable_bytes,
            "kept": list(report.kept),
            "postponed": report.postponed or None,
            "seconds": round(report.seconds, 3),
        }
    )
    return shape


def details_json(details: CorpusDetails) -> JsonObject:
    """A corpus with its profile, its last commits and its tags."""
    spec = details.profile.spec
    return {
        **corpus_json(details.summary),
        "index_bytes": details.index_bytes,
        "profile": plain(
            {
                "fingerprint": details.profile.fingerprint[:SHORT],
                "embedder": spec.embedder.name,
                "dimension": spec.embedder.dimension,
                "chunk_tokens": spec.chunker.size_tokens,
                "chunk_overlap_tokens": spec.chunker.overlap_tokens,
                "analyser": spec.analyser,
            }
        ),
        "commits": [commit_json(commit) for commit in details.log],
        "tags": [tag_json(tag) for tag in details.tags],
    }


def verify_json(report: VerifyReport) -> JsonObject:
    """The result of a verification; `ok` is true when there is no problem."""
    shape: JsonObject = plain(
        {
            "ok": not report.problems,
            "checked": dict(report.checked),
            "problems": [
                {"corpus": one.corpus, "code": one.code, "message": one.message, "repair": one.repair}
                for one in report.problems
            ],
            "seconds": round(report.seconds, 3),
        }
    )
    return shape


def rebuild_json(report: RebuildReport) -> JsonObject:
    """The result of a rebuild."""
    shape: JsonObject = plain(
        {
            "corpus": report.corpus,
            "commit": int(report.commit),
            "texts": report.texts,
            "chunks": report.chunks,
            "rechunked": report.rechunked,
            "embedded": report.embedded,
            "unmended": list(report.unmended),
            "seconds": round(report.seconds, 3),
        }
    )
    return shape


def carry_json(report: CarryReport) -> JsonObject:
    """What an export wrote or an import read."""
    return {
        "corpus": encodable(report.corpus),
        "commit": int(report.commit),
        "folder": encodable(report.folder),
        "documents": report.documents,
        "chunks": report.chunks,
        "vectors": report.vectors,
        "size_bytes": report.size_bytes,
        "seconds": round(report.seconds, 3),
    }
