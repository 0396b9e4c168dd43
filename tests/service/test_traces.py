"""Spans of questions and searches: what they say, what they never say, and that there are none by default."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import CORPUS, ME, open_service, upload
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from ragsvc.domain import AnswerRequest, SearchRequest
from ragsvc.errors import CorpusNotFound, MissingExtra
from ragsvc.service import traces
from ragsvc.service.service import Service

TEXT = "Backups are made nightly. They are kept for thirty days."
QUESTION = "When are backups made?"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    kept = InMemorySpanExporter()
    monkeypatch.setattr(traces, "_processor", lambda target: SimpleSpanProcessor(kept))
    return kept


@pytest.fixture
def service(tmp_path: Path, spans: InMemorySpanExporter) -> Iterator[Service]:
    with open_service(tmp_path / "home", traces="otlp") as opened:
        upload(opened, {"backups": TEXT})
        yield opened


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name.partition(" ")[0]: span for span in spans.get_finished_spans()}


def test_a_question_has_a_span_and_one_for_each_step(service: Service, spans: InMemorySpanExporter) -> None:
    session = service.records.create_session(ME, "", {}).id
    request = AnswerRequest(corpora=(CORPUS,), question=QUESTION, session=session, max_tokens=99)
    answer = service.answer(ME, request)
    found = named(spans)
    assert list(found) == ["retrieval", "evidence", "chat", "answer"]
    whole = found["answer"]
    kept = service.records.get(ME, answer.record or "")
    assert dict(whole.attributes or {}) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "answer",
        "gen_ai.conversation.id": session,
        "ragsvc.corpora": (CORPUS,),
        "ragsvc.answered": True,
        "ragsvc.confidence": kept.confidence,
        "ragsvc.support": kept.support,
        "ragsvc.unsupported": 0,
        "ragsvc.citations": len(kept.citations),
        "ragsvc.origin": "real",
    }
    assert dict(found["chat"].attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ragsvc",
        "gen_ai.request.model": kept.generator,
        "gen_ai.request.max_tokens": 99,
        "gen_ai.response.model": kept.generator,
        "gen_ai.response.id": answer.record,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": answer.prompt_tokens,
        "gen_ai.usage.output_tokens": answer.completion_tokens,
    }
    assert found["retrieval"].name == f"retrieval {CORPUS}"
    assert (found["retrieval"].attributes or {})["gen_ai.operation.name"] == "retrieval"
    ends = [whole.start_time or 0]
    for name in ("retrieval", "evidence", "chat"):
        step = found[name]
        assert step.parent is not None and step.parent.span_id == whole.context.span_id
        assert step.start_time == ends[-1]
        ends.append(step.end_time or 0)
    assert ends == sorted(ends) and ends[-1] <= (whole.end_time or 0)


def test_a_search_has_a_span(service: Service, spans: InMemorySpanExporter) -> None:
    service.search(ME, SearchRequest(corpora=(CORPUS,), query=QUESTION, k=3))
    (span,) = spans.get_finished_spans()
    assert (span.name, (span.attributes or {})["gen_ai.request.top_k"]) == (f"retrieval {CORPUS}", 3.0)
    assert span.parent is None and span.status.status_code is StatusCode.UNSET


def test_what_fails_has_the_code_alone(service: Service, spans: InMemorySpanExporter) -> None:
    with pytest.raises(CorpusNotFound):
        service.answer(ME, AnswerRequest(corpora=("none",), question=QUESTION))
    with pytest.raises(CorpusNotFound):
        service.search(ME, SearchRequest(corpora=("none",), query=QUESTION))
    for span in spans.get_finished_spans():
        assert (span.attributes or {})["error.type"] == "corpus_not_found"
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
        assert not span.events
    assert len(spans.get_finished_spans()) == 2


def test_no_span_has_any_text(service: Service, spans: InMemorySpanExporter) -> None:
    for question in (QUESTION, "Who won the cup?", "Hello!"):
        service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question))
        service.search(ME, SearchRequest(corpora=(CORPUS,), query=question))
    said = " ".join(span.to_json() for span in spans.get_finished_spans())
    assert said.count("gen_ai.workflow.name") == 3
    for word in ("ackups", "nightly", "thirty", "cup", "Hello"):
        assert word not in said


def test_an_answer_that_nobody_waited_for_has_no_span(service: Service, spans: InMemorySpanExporter) -> None:
    events = service.stream_answer(ME, AnswerRequest(corpora=(CORPUS,), question=QUESTION))
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert not spans.get_finished_spans()


def test_without_the_setting_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_packages(monkeypatch)
    with open_service(tmp_path / "home") as service:
        upload(service, {"backups": TEXT})
        assert service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=QUESTION)).answered


@pytest.mark.parametrize("target", ["otlp", "console"])
def test_without_the_packages_the_setting_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    without_packages(monkeypatch)
    with pytest.raises(MissingExtra, match=f"RAGSVC_TRACES={target}") as caught:
        open_service(tmp_path / "home", traces=target)
    assert "pip install 'ragsvc[otel]'" in caught.value.hint


def test_a_collector_that_is_not_there_takes_no_time_of_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    with open_service(tmp_path / "home", traces="otlp") as service:
        upload(service, {"backups": TEXT})
        assert service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=QUESTION)).answered


def test_the_console_is_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_service(tmp_path / "home", traces="console") as service:
        upload(service, {"backups": TEXT})
        service.search(ME, SearchRequest(corpora=(CORPUS,), query=QUESTION))
    said = capsys.readouterr()
    assert '"gen_ai.operation.name": "retrieval"' in said.err and said.out == ""


def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", guarded)
