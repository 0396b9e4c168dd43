"""Spans of OpenTelemetry for questions and searches; the only file that knows its packages.

They are made of the timings that answers have, once they are whole, with the names of the conventions for
generative AI. No text of a question, an answer or a document is in them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ragsvc
from ragsvc.domain import Answer, AnswerRecord, AnswerRequest, SearchRequest, TraceTarget
from ragsvc.errors import MissingExtra, RagsvcError
from ragsvc.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_NS = 1_000_000_000
_NS_OF_MS = 1_000_000
OPERATION = "gen_ai.operation.name"


class Tracer:
    """Emits spans; without a processor, none."""

    def __init__(self, processor: SpanProcessor | None = None, writer: str = "ragsvc") -> None:
        """Begin. processor: where spans go. writer: whose model writes answers."""
        self._writer = writer
        self._provider: Any = None
        if processor is None:
            return
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider

        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes first.
        own = Resource({"service.name": "ragsvc", "service.version": ragsvc.__version__})
        self._provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()))
        self._provider.add_span_processor(processor)
        self._spans = self._provider.get_tracer("ragsvc", ragsvc.__version__)

    @classmethod
    def of(cls, settings: Settings) -> Tracer:
        """One that sends spans where the settings say.

        :raises MissingExtra: if the packages for it are not installed.
        """
        target = settings.traces
        writer = "openai" if settings.generator.startswith("openai:") else "ragsvc"
        return cls(None if target is TraceTarget.NONE else _processor(target), writer)

    def close(self) -> None:
        """Send what waits, and end."""
        if self._provider is not None:
            self._provider.shutdown()

    @contextmanager
    def search(self, request: SearchRequest) -> Iterator[None]:
        """A span for a search alone."""
        if self._provider is None:
            yield
            return
        began = time.time_ns()
        attributes = _retrieval(request.corpora, request.k)
        try:
            yield
        except Exception as error:
            self._failed(_retrieval_name(request.corpora), attributes, began, error)
            raise
        self._put(_retrieval_name(request.corpora), attributes, began, time.time_ns())

    @contextmanager
    def question(self, request: AnswerRequest) -> Iterator[None]:
        """A span for a question at which something failed; `answered` makes those of all others."""
        began = time.time_ns()
        try:
            yield
        except Exception as error:
            if self._provider is not None:
                self._failed("answer", _workflow(request), began, error)
            raise

    def answered(self, request: AnswerRequest, answer: Answer, record: AnswerRecord) -> None:
        """Spans of an answer that is whole: one for all of it, and one for each step, one after the other."""
        if self._provider is None:
            return
        from opentelemetry.trace import set_span_in_context

        ended = time.time_ns()
        began = ended - int(record.latency_ms * _NS_OF_MS)
        attributes: dict[str, Any] = {
            **_workflow(request),
            "ragsvc.answered": record.answered,
            "ragsvc.confidence": record.confidence,
            "ragsvc.unsupported": record.unsupported,
            "ragsvc.citations": len(record.citations),
            "ragsvc.origin": record.origin.value,
        }
        if record.support is not None:
            attributes["ragsvc.support"] = record.support
        whole = self._spans.start_span("answer", attributes=attributes, start_time=began)
        inside = set_span_in_context(whole)
        steps = {
            "retrieve": (_retrieval_name(record.corpora), _retrieval(record.corpora, request.k)),
            "evidence": ("evidence", {"ragsvc.confidence": record.confidence}),
            "generate": (
                f"chat {record.generator}",
                _generation(request, answer, record, self._writer),
            ),
        }
        at = began
        for step, seconds in answer.timings_s.items():
            name, carried = steps.get(step, (step, {}))
            until = min(ended, at + int(seconds * _NS))
            self._put(name, carried, at, until, inside)
            at = until
        whole.end(ended)

    def _put(
        self, name: str, attributes: Mapping[str, Any], began: int, ended: int, inside: Any = None
    ) -> None:
        self._spans.start_span(name, context=inside, attributes=attributes, start_time=began).end(ended)

    def _failed(self, name: str, attributes: Mapping[str, Any], began: int, error: Exception) -> None:
        from opentelemetry.trace import StatusCode

        # The code alone: a message may have words of the question.
        kind = error.code if isinstance(error, RagsvcError) else type(error).__name__
        span = self._spans.start_span(name, attributes={**attributes, "error.type": kind}, start_time=began)
        span.set_status(StatusCode.ERROR)
        span.end()


def _workflow(request: AnswerRequest) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        OPERATION: "invoke_workflow",
        "gen_ai.workflow.name": "answer",
        "ragsvc.corpora": list(request.corpora),
    }
    if request.session is not None:
        attributes["gen_ai.conversation.id"] = request.session
    return attributes


def _retrieval_name(corpora: tuple[str, ...]) -> str:
    return f"retrieval {','.join(corpora)}"


def _retrieval(corpora: tuple[str, ...], k: int) -> dict[str, Any]:
    return {
        OPERATION: "retrieval",
        "gen_ai.data_source.id": ",".join(corpora),
        "gen_ai.request.top_k": float(k),
    }


def _generation(
    request: AnswerRequest, answer: Answer, record: AnswerRecord, provider: str
) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        OPERATION: "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": record.generator,
        "gen_ai.response.model": record.generator,
        "gen_ai.response.id": record.id,
        "gen_ai.response.finish_reasons": [answer.finish.value],
        "gen_ai.usage.input_tokens": answer.prompt_tokens,
        "gen_ai.usage.output_tokens": answer.completion_tokens,
    }
    for name in ("max_tokens", "temperature"):
        value = getattr(request, name)
        if value is not None:
            attributes[f"gen_ai.request.{name}"] = value
    return attributes


def _processor(target: TraceTarget) -> SpanProcessor:
    try:
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            ConsoleSpanExporter,
            SimpleSpanProcessor,
        )

        if target is TraceTarget.CONSOLE:
            # Stdout is for what a command prints.
            return SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr))
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise MissingExtra(
            f"RAGSVC_TRACES={target.value} needs the packages of OpenTelemetry",
            hint="pip install 'ragsvc[otel]', or leave RAGSVC_TRACES out",
        ) from error
    # It reads the OTEL_EXPORTER_OTLP_... variables.
    return BatchSpanProcessor(OTLPSpanExporter())
