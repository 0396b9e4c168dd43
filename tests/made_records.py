"""Records of our own making."""

from __future__ import annotations

import uuid
from typing import Any

from ragsvc.domain import AnswerRecord, RecordCitation, RecordOrigin, RecordPassage


def made_record(**changes: Any) -> AnswerRecord:
    """A record of corpus `one`, with what changes."""
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "parent": None,
        "session": None,
        "owner": "local",
        "created_at": "2026-01-01T10:00:00.000Z",
        "corpora": ("one",),
        "question": "How often?",
        "searched": None,
        "answer": "Nightly. [1]",
        "answered": True,
        "confidence": 0.75,
        "unsupported": 0,
        "support": 1.0,
        "far": False,
        "passages": (
            RecordPassage(
                rank=1, score=0.5, corpus="one", document_id="r/a.md", version="ab", start=0, end=9
            ),
        ),
        "citations": (
            RecordCitation(
                marker=1, corpus="one", document_id="r/a.md", version="ab", start=0, end=7, quote="Nightly"
            ),
        ),
        "commits": {"one": 3},
        "generator": "extractive",
        "timings_ms": {"retrieve": 2.5},
        "latency_ms": 12.5,
        "metadata": {},
        "origin": RecordOrigin.REAL,
    }
    return AnswerRecord(**(values | changes))
