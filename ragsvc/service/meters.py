"""Counters and histograms of this process for Prometheus, by the names that `usage` has for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from ragsvc.domain import AnswerRecord

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


class Meters:
    """Figures of what this process answered since it started; no text and no id but the corpus's name.

    Each server process counts by itself, and says by its label `process` which one it is.
    """

    def __init__(self, waiting: Callable[[], int], dropped: Callable[[], int]) -> None:
        """Begin at 0. waiting, dropped: records in the queue, and those it gave up."""
        registry = self._registry = CollectorRegistry()
        labels = ("corpus", "process")
        self._process = str(os.getpid())

        def counter(name: str, words: str) -> Counter:
            return Counter(f"ragsvc_{name}", words, labels, registry=registry)

        def histogram(name: str, words: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(f"ragsvc_{name}", words, labels, registry=registry, buckets=buckets)

        self._questions = counter("questions", "Questions that were answered or refused.")
        self._unanswered = counter("unanswered", "Questions that were refused.")
        self._far = counter("far", "Questions that were refused as far from the corpus.")
        self._feedback = counter("feedback", "Opinions on answers.")
        self._support = histogram("support", "Share of each answer that passages bear out.", _SHARES)
        # A sum that may fall is no counter, and a histogram of negative values has none.
        words = "Scores of opinions added up, each -1 to 1; over ragsvc_feedback_total it is their mean."
        self._score = Gauge("ragsvc_score_sum", words, labels, registry=registry)
        self._latency = histogram("latency_seconds", "From a question to its whole answer.", _SECONDS)
        self._gauge("records_waiting", "Records that are not written yet.", waiting)
        self._gauge("records_dropped", "Records that were given up since the start.", dropped)

    def observe(self, record: AnswerRecord) -> None:
        """Count an answer, for each corpus that it read."""
        for corpus in record.corpora:
            labels = (corpus, self._process)
            self._questions.labels(*labels).inc()
            self._unanswered.labels(*labels).inc(not record.answered)
            self._far.labels(*labels).inc(record.far)
            self._latency.labels(*labels).observe(record.latency_ms / 1000)
            if record.support is not None:
                self._support.labels(*labels).observe(record.support)

    def observe_feedback(self, corpora: Sequence[str], score: float) -> None:
        """Count an opinion on an answer."""
        for corpus in corpora:
            self._feedback.labels(corpus, self._process).inc()
            self._score.labels(corpus, self._process).inc(score)

    def exposition(self) -> bytes:
        """All of them in the text format of Prometheus, version 0.0.4."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, words: str, read: Callable[[], int]) -> None:
        gauge = Gauge(f"ragsvc_{name}", words, ("process",), registry=self._registry)
        gauge.labels(self._process).set_function(read)
