"""Views: what is sent is what /docs says, in that order, whatever the objects hold."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc import domain
from ragsvc.errors import CorpusNotFound
from ragsvc.service.json_values import View, encodable, plain
from ragsvc.service.views import answers, corpora, history, jobs, records, upkeep

TEXTS = st.text(alphabet=st.characters(), max_size=4) | st.sampled_from(["", "n\udcff.md", "\ud83d"])
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def instances(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the domain, with texts that are not UTF-8 among them."""
    hint = getattr(hint, "__supertype__", hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in (str, float, Any):
        return {str: TEXTS, float: FLOATS, Any: VALUES}[hint]
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{name: instances(of) for name, of in hints.items()})
    if origin is tuple:
        return st.lists(instances(inner[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(TEXTS, instances(inner[1]), max_size=2)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([instances(of) for of in inner])
    return st.from_type(hint)


MAKERS: dict[Any, Callable[[Any], View]] = {
    domain.SearchResult: answers.SearchView.of,
    domain.Answer: answers.AnswerView.of,
    domain.TextSlice: answers.TextView.of,
    domain.CorpusSummary: corpora.CorpusView.of,
    domain.Document: corpora.DocumentView.of,
    domain.DuplicateGroup: corpora.DuplicateGroupView.of,
    domain.IngestReport: jobs.IngestView.of,
    domain.Job: jobs.JobView.of,
    domain.Commit: history.CommitView.of,
    domain.CorpusDetails: history.CorpusDetailsView.of_details,
    domain.RollbackReport: history.RollbackView.of,
    domain.ReindexReport: history.ReindexView.of,
    domain.CollectReport: upkeep.CollectView.of,
    domain.VerifyReport: upkeep.VerifyView.of,
    domain.RebuildReport: upkeep.RebuildView.of,
    domain.CarryReport: upkeep.CarryView.of,
    domain.ChatSession: records.SessionView.of,
    domain.AnswerRecord: records.RecordView.of,
    domain.RecordFeedback: records.FeedbackView.of,
    domain.UsageRow: records.UsageRowView.of,
}


def assert_as_described(kind: type[View], shape: dict[str, Any]) -> None:
    """All members that must be there, in order, and no other."""
    fields = kind.model_fields
    assert list(shape) == [name for name in fields if name in shape]
    assert {name for name, field in fields.items() if field.is_required()} <= shape.keys()


@pytest.mark.parametrize("made", MAKERS, ids=lambda made: made.__name__)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_is_sent_is_what_is_described(made: Any, data: st.DataObject):
    view = MAKERS[made](data.draw(instances(made)))
    shape = view.json_object()
    assert_as_described(type(view), shape)
    for name, part in view:
        if isinstance(part, View):
            assert_as_described(type(part), shape[name])
        for item, sent in zip(part, shape[name], strict=True) if isinstance(part, list) else ():
            if isinstance(item, View):
                assert_as_described(type(item), sent)
    sent = json.dumps(shape, ensure_ascii=False, allow_nan=False).encode()
    # Nothing checks a view when it is made.
    assert type(view).model_validate_json(sent, strict=True).json_object() == shape


def test_what_may_be_absent_is_absent_and_what_may_be_null_is_null():
    citation = domain.Citation(
        marker=1,
        document_id="a.md",
        version="9f",
        source="/a.md",
        title="A",
        start=0,
        end=1,
        quote="x",
        page=None,
        corpus="kb",
    )
    shape = answers.CitationView.of(citation).json_object()
    assert "hidden" not in shape
    assert shape["page"] is None
    turned = dataclasses.replace(citation, hidden=True)
    assert answers.CitationView.of(turned).json_object() == shape | {"hidden": True}
    result = domain.SearchResult(
        corpus="kb", commit=domain.CommitId(1), query="q", mode=domain.Mode.DENSE, hits=()
    )
    found = [answers.SearchView.of(dataclasses.replace(result, searched=text)) for text in (None, "", "q")]
    assert [view.json_object().get("searched", "absent") for view in found] == ["absent", "", "q"]


def test_the_document_keeps_the_published_order_of_a_citation():
    schema = answers.CitationView.model_json_schema()
    assert list(schema["properties"])[:3] == ["marker", "corpus", "document_id"]
    assert schema["required"] == [name for name in schema["properties"] if name != "hidden"]


def test_json_values_hold_what_json_can_hold():
    assert plain([math.nan, -math.inf, 0.5, domain.Mode.DENSE, (1, {2: None})]) == [
        None,
        None,
        0.5,
        "dense",
        [1, {"2": None}],
    ]
    assert type(plain(domain.Mode.DENSE)) is str
    assert encodable("a\ud800\U0001f600\udcffb") == "a\ufffd\U0001f600\ufffdb"
    error = jobs.ErrorView.of(CorpusNotFound("no \udcff", hint="h"), "another")
    assert error.json_object() == {"code": "corpus_not_found", "message": "no \ufffd", "hint": "another"}
