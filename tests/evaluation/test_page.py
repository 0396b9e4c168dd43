from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_reports import HOSTILE, answers_report, make_report, make_setup, retrieval_report

from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.comparison import compare
from ragsvc.evaluation.page.charts import PLOT_HEIGHT, duration, histogram, reliability, signed
from ragsvc.evaluation.page.labels import full_label, label_of, split_system
from ragsvc.evaluation.page.render import render
from ragsvc.evaluation.report import Bin, InputDefect, Item, ItemKind, Report

VOID = {"meta", "br", "line", "rect", "circle", "hr", "link", "img", "input"}


class Outline(HTMLParser):
    """Checks that every element is closed in its turn, and keeps what a page may refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "action", "data"}:
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def pages() -> dict[str, str]:
    retrieval, answers = retrieval_report(), answers_report()
    after = retrieval_report(lift=0.02)
    return {
        "retrieval": render([retrieval]),
        "answers": render([answers]),
        "several": render([retrieval, answers, retrieval_report(20, seed=2)]),
        "compared": render([after], compare(retrieval, after)),
    }


@pytest.mark.parametrize("name", ["retrieval", "answers", "several", "compared"])
def test_a_page_stands_alone(name: str):
    page = pages()[name]
    found = outline(page)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(found.seen)
    assert [link for link in found.links if not link.startswith("#")] == []
    assert found.handlers == []
    assert not re.search(r"url\(|@import|https?:", page)
    assert "default-src 'none'" in page
    assert len(set(found.ids)) == len(found.ids)
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert drawings
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        assert root.find("title") is not None


def test_hostile_words_are_words():
    hostile = make_setup(corpus=HOSTILE, questions=HOSTILE, settings={HOSTILE: HOSTILE}, embedder=HOSTILE)
    items = [Item(HOSTILE, HOSTILE, {f"{HOSTILE}.ndcg@10": 0.5, HOSTILE: 0.1}, {HOSTILE: [HOSTILE]})]
    for kind in ItemKind:
        report = make_report(
            items, kind, setup=hostile, tests={f"{HOSTILE} against {HOSTILE}": 0.5},
            malformed=(InputDefect(HOSTILE, HOSTILE),), notes=(InputDefect(HOSTILE, HOSTILE),),
            latency_s={HOSTILE: {"p50": 1.0}},
        )  # fmt: skip
        page = render([report, report], compare(report, report))
        assert "script" not in outline(page).seen
        assert not set(page) & set("\x1b\u202e")


def test_bars_and_words_agree_with_the_figures():
    report = retrieval_report()
    page = render([report])
    for name, figure in report.figures.items():
        drawn = re.search(rf"<title>{name.partition('.')[0]}: {figure.value:.3f}.*?</svg>", page, re.DOTALL)
        assert drawn is not None, name
        width = re.search(r'class="fill" x="0" y="3" width="([\d.]+)%"', drawn[0])
        assert width is not None and float(width[1]) == pytest.approx(100 * figure.value, abs=0.06)
    assert "hybrid nDCG@10 against lexical nDCG@10" in page
    assert "p = 0.210" in page and "p &lt; 0.001" in page


def test_what_was_wanted_is_marked():
    item = Item("q", "where?", {"hybrid.ndcg@10": 0.5}, {"wanted": ["b"], "found": {"hybrid": ["a", "b"]}})
    assert '<span class="right">✓ b</span>' in render([make_report([item])])


def test_a_report_without_anything():
    empty: Report = make_report([], figures={}, latency_s={})
    assert "questions.jsonl" in "".join(outline(render([empty])).words)
    outline(render([empty, empty], compare(empty, empty)))
    with pytest.raises(InvalidRequest):
        render([])


def test_malformed_lines_are_loud():
    words = "".join(outline(render([answers_report()])).words)
    assert "1 line could not be used and is not in the figures" in words
    assert "questions.jsonl:12" in words
    assert "To look at" not in words
    noted = make_report([], notes=(InputDefect("q.jsonl:3", "names a document that docs lacks: gone"),))
    words = "".join(outline(render([noted])).words)
    assert "To look at; these questions are in the figures" in words
    assert "q.jsonl:3: names a document" in words and "could not be used" not in words


@given(st.lists(st.floats(0, 1), max_size=40))
def test_a_histogram_holds_every_question(values: list[float]):
    columns = histogram(values)
    assert sum(column.count for column in columns) == len(values)
    assert all(0 <= column.y <= PLOT_HEIGHT for column in columns)
    assert columns[9].count >= sum(value >= 0.9 for value in values)


@given(st.integers(1, 1000), st.floats(0, 1), st.floats(0, 1))
def test_reliability_stays_in_its_plot(count: int, share: float, confidence: float):
    (dot,) = reliability([Bin(0.0, 1.0, confidence, share, count)])
    assert -1e-6 <= dot.top <= dot.bottom <= PLOT_HEIGHT + 1e-6
    assert dot.radius > 0


def test_numbers_for_people():
    assert [duration(seconds) for seconds in (0.00042, 0.0123, 1.26)] == ["0.42 ms", "12 ms", "1.3 s"]
    assert [signed(value) for value in (0.01, -0.01, -0.0001)] == ["+0.010", "\u22120.010", "0.000"]


def test_labels():
    assert split_system("hybrid.ndcg@10") == ("hybrid", "ndcg@10")
    assert split_system("refused_v1.2") == ("", "refused_v1.2")
    assert full_label("hybrid.span_recall@5") == "hybrid Span recall@5"
    assert label_of("refusal_recall@5%").words == "Refusal recall@5%"
    assert label_of("refused_near").words == "Refused: near"
    assert label_of("calibration_error").lower
    assert label_of("something").words == "something"
