"""Answers that are computed over tables, through the service: their citations, and what programs get."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles import CORPUS, ME, ingest, open_service

from ragsvc.domain import Answer, AnswerRequest, CitationEvent, DoneEvent, Role, TokenEvent, Turn
from ragsvc.service.service import Service
from ragsvc.service.views.answers import AnswerView

TABLES = Path(__file__).parent.parent / "golden" / "tables"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("tables")
    with open_service(home / "home") as opened:
        page = home / "page.html"
        page.write_text(
            "<h1>Shop</h1><p>We sell things.</p><h2>Plans</h2><table><tr><th>Plan</th><th>Price</th></tr>"
            "<tr><td>Solo <b>[1]</b></td><td>5 EUR</td></tr><tr><td>Team <i>&lt;img src=x&gt;</i></td>"
            "<td>20 EUR</td></tr></table>"
        )
        ingest(opened, TABLES / "workshops.csv", page)
        yield opened


def ask(service: Service, question: str, **rest: object) -> Answer:
    return service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question, **rest))  # type: ignore[arg-type]


def test_an_answer_is_computed_over_all_rows_and_cites_their_lines(service: Service):
    answer = ask(service, "What is the average price of the workshops in Bergen?", k=1)
    assert answer.answered
    assert answer.answer == "The average of Price (EUR) is 116.67 EUR (City: Bergen), over 3 rows. [1]"
    assert answer.generator == "table"
    assert answer.unsupported == ()
    assert answer.computation is not None
    assert answer.computation.rows == 3
    assert answer.computation.query == (
        'SELECT avg("Price (EUR)") FROM "workshops" WHERE "City" IN (\'Bergen\')'
    )
    lines = [citation.quote for citation in answer.citations]
    assert lines[0].startswith("| Workshop | City |")
    assert [line.split(" | ")[0] for line in lines[1:]] == [
        "| Knots and Ropes",
        "| Sail Repair",
        "| Engine Care",
    ]
    for citation in answer.citations:
        stored = service.text(
            ME, citation.corpus, citation.document_id, citation.version, citation.start, citation.end
        )
        assert stored.text == citation.quote


def test_a_table_of_a_page_is_computed_too_and_runs_nothing(service: Service):
    answer = ask(service, "Which plan is the most expensive?")
    assert answer.computation is not None
    assert "<img" not in answer.answer.replace("\\<img", "")
    answer = ask(service, "Which plan is cheapest?")
    assert answer.answer == "Lowest Price: Solo **[1]** (5 EUR), over 2 rows. [1]".replace(
        "**[1]**", "(1)"
    ) or ("Solo" in answer.answer and len(answer.citations) == 2)


def test_the_pieces_of_a_stream_are_the_answer(service: Service):
    request = AnswerRequest(corpora=(CORPUS,), question="How many workshops are in Oslo?")
    events = list(service.stream_answer(ME, request))
    done = events[-1]
    assert isinstance(done, DoneEvent)
    assert "".join(each.text for each in events if isinstance(each, TokenEvent)) == done.answer.answer
    cited = tuple(each.citation for each in events if isinstance(each, CitationEvent))
    assert cited == done.answer.citations
    assert done.answer.record is not None


def test_programs_get_the_query(service: Service):
    shown = AnswerView.of(ask(service, "How many workshops are in Oslo?")).json_object()
    assert shown["computation"] == {
        "query": 'SELECT count(*) FROM "workshops" WHERE "City" IN (\'Oslo\')',
        "rows": 3,
    }
    assert "computation" not in AnswerView.of(ask(service, "Who is Tor Vik?")).json_object()


def test_rows_that_a_filter_leaves_out_are_not_counted(service: Service):
    answer = ask(service, "How many workshops are in Oslo?", where={"_id": "page.html"})
    assert answer.computation is None


def test_half_an_answer_is_not_computed(service: Service):
    assert ask(service, "How many workshops are in Oslo?", max_tokens=3).computation is None
    assert ask(service, "How many workshops are in Oslo?", stop=("over",)).computation is None


def test_a_follow_up_that_means_more_than_it_says_is_not_computed(service: Service):
    turns = (Turn(Role.USER, "Who teaches in Bergen?"), Turn(Role.ASSISTANT, "Ida Lund and Tor Vik."))
    answer = ask(service, "How many workshops are there?", history=turns)
    if answer.computation is not None:
        assert answer.searched is None
    assert ask(service, "How many of them are online?", history=turns).computation is None
