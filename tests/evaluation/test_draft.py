"""Drafting a golden set: the rules, and what every drafted line must keep."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from doubles import CORPUS, ME, ingest, new_home, open_service, upload
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.cli.main import main
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.drafts.candidates import DraftSource, content_words, words_of
from ragsvc.evaluation.drafts.golden_set import draft, to_line
from ragsvc.evaluation.drafts.patterns import from_heading, from_sentence
from ragsvc.evaluation.drafts.question_words import LIGHT
from ragsvc.service.service import Service

DOCUMENTS = {
    "ligands.md": "# Ligands\n\nA ligand is a small molecule that binds to a protein in the body. "
    "Many are drugs.\n",
    "engines.md": "# Engines\n\n## How do I start the steam engine?\n\nOpen the main valve slowly and wait "
    "until the pressure is high enough.\n\nThe Rocket Works was founded in 1829 by a family of smiths. "
    "The Rocket Works has 42 workshops in two towns.\n",
    "search.md": "# Search\n\n## Building a search index\n\nAn index is filled from documents that were read "
    "before.\n\n- Results are joined by **reciprocal rank fusion (RRF)** in most of the systems we know.\n",
    "tools.md": "# Tools\n\nQuern is a command line tool for milling text into tables and figures.\n"
    "It is fast. This is a good idea for a rainy day at home.\n",
}


def stocked(home: Path, folder: Path) -> Service:
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text)
    service = open_service(home)
    ingest(service, folder)
    return service


def same(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("sentence", "question", "phrase"),
    [
        ("A ligand is a small molecule that binds to a protein.", "What is A ligand?", "a small molecule"),
        ("Stable Diffusion was released in 2022.", "When was Stable Diffusion released?", "2022"),
        ("Radium was isolated in 1910 with great effort.", "When was Radium isolated?", "1910"),
        ("GPT-2 has 48 layers in its largest form.", "How many layers does GPT-2 have?", "48"),
        ("WaveNet is used for text-to-speech and music.", "What is WaveNet used for?",
         "for text-to-speech and music"),
        ("We use reciprocal rank fusion (RRF) here.", "What does RRF stand for?", "reciprocal rank fusion"),
        ("The default chunk size is 200 tokens.", "What is the default chunk size?", "200 tokens"),
    ],
)  # fmt: skip
def test_a_sentence_becomes_the_question_it_answers(sentence: str, question: str, phrase: str) -> None:
    first = next(from_sentence(sentence, same))
    assert first.question == question
    assert first.phrase.startswith(phrase)
    assert first.phrase in sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "It is a library that reads all the files.",
        "This method is a way of doing things at home.",
        "The result is a matrix of the usual numbers.",
        "In many cases this is a problem of the network.",
        "Please refer to the manual of the printer.",
        "Python is a good choice for small programs.",
        "The default value for it is False.",
    ],
)
def test_what_does_not_stand_alone_is_skipped(sentence: str) -> None:
    assert list(from_sentence(sentence, same)) == []


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("Installing the driver", "How do I install the driver?"),
        ("How to Add a Custom Component", "How do I add a custom component?"),
        ("Why does the index grow?", "Why does the index grow?"),
        ("Overview", None),
        ("Training workflow and its limits", None),
        ("What does it cost to run?", None),
        ("Comparing models and closing the loop", None),
    ],
)
def test_a_heading_becomes_a_question_or_nothing(heading: str, question: str | None) -> None:
    asked = from_heading(heading, lambda _: True)
    assert (asked and asked.question) == question


def test_every_line_keeps_its_word(tmp_path: Path) -> None:
    with stocked(new_home(tmp_path), tmp_path / "docs") as service:
        made = service.drafter.draft(ME, CORPUS, count=20, unanswerable=0.4)
        again = service.drafter.draft(ME, CORPUS, count=20, unanswerable=0.4)
        for each in (q for q in made.questions if q.answerable):
            stored = service.text(ME, CORPUS, each.document_id, None, each.start, each.end)
            assert stored.text == each.quote
            assert each.document_id in each.documents
    assert made == again
    asked = {q.question: q for q in made.questions}
    assert asked["What is a ligand?"].documents == ("docs/ligands.md",)
    assert asked["When was the Rocket Works founded?"].phrase == "1829"
    assert asked["How do I start the steam engine?"].kind == "heading-question"
    assert asked["What does RRF stand for?"].phrase == "reciprocal rank fusion"
    assert asked["What is Quern?"].answer.startswith("Quern is a command line tool")
    assert not any("rainy" in q.answer for q in made.questions)
    held = set(words_of(" ".join(DOCUMENTS.values())))
    for each in made.questions:
        if each.kind == "far":
            assert not {w for w in content_words(each.question) if w not in LIGHT} & held
    assert {q.kind for q in made.questions if not q.answerable} == {"near", "far"}
    kept = [q for q in made.questions if q.answerable]
    assert len({(q.document_id, q.start) for q in kept}) == len(kept)


def test_a_copy_counts_as_a_right_document_and_another_answer_as_none() -> None:
    text = "A ligand is a small molecule that binds to a protein in the body."
    copies = [DraftSource("a", "", text, False), DraftSource("b", "", text, False)]
    assert [q.documents for q in draft(lambda: copies, 5, 0, 0.0)] == [("a", "b")]
    other = DraftSource("c", "", "A ligand is a band of people who play ancient music in a church.", False)
    assert draft(lambda: [copies[0], other], 5, 0, 0.0) == []


def test_code_is_no_answer_and_stays_as_it_is_inside_one() -> None:
    code = "```python\nfrom a import b\nb.run(template) # and so on\n```\n"
    fenced = f"# Templates\n\n## Overriding the static template\n\n{code}"
    assert draft(lambda: [DraftSource("a", "Templates", fenced, True)], 5, 0, 0.0) == []
    text = (
        'A key pattern is a short text such as the wildcard `"*"` or the words `**kw`, but **rarely** both.'
    )
    (made,) = draft(lambda: [DraftSource("a", "", text, True)], 5, 0, 0.0)
    assert made.answer.endswith('the wildcard "*" or the words **kw, but rarely both.')


def test_a_phrase_is_not_cut_inside_brackets() -> None:
    sentence = "Quern lets you use models of many makers (such as openai/gpt-4o-mini, or others) in a row."
    asked = next(from_sentence(sentence, same))
    assert asked.phrase == "use models of many makers"


def test_fewer_than_half_ask_what_something_is_where_there_are_others() -> None:
    names = "Aldra Belmo Corvi Dunel Estra Falmo Gorvi Hunel Istra Jalmo".split()  # noqa: SIM905
    many = [
        DraftSource(name, "", f"{name} is a small engine that turns the wheels of mills in town.", False)
        for name in names
    ]
    others = [
        DraftSource(
            f"{name}-years", "", f"{name}tron was founded in 18{n}0 by a family of smiths in a town.", False
        )
        for n, name in enumerate(names[:6], start=1)
    ]
    kinds = [each.kind for each in draft(lambda: many + others, 8, 0, 0.0)]
    assert len(kinds) == 8
    assert kinds.count("definition") == 3
    assert len(draft(lambda: many, 8, 0, 0.0)) == 8


def test_what_is_not_answered_is_asked_of_names_and_terms() -> None:
    text = (
        "A hook is a small function that the runner calls after a step of the work.\n\n"
        "A prompt cache is a small store that the runner reads before a step of the work.\n\n"
        "Quern is a small mill that grinds the grain of the town in one night."
    )
    asked = [each.question for each in draft(lambda: [DraftSource("a", "", text, False)], 20, 0, 0.5)]
    near = " ".join(asked[3:])
    assert "hook" not in near
    assert "Quern" in near and "prompt cache" in near


_TEXTS = st.lists(st.text(alphabet="Aab XisYwas.\n#(3)*`-?", max_size=200), max_size=4)


@settings(max_examples=60, deadline=None)
@given(_TEXTS, st.integers(1, 8), st.integers(0, 3))
def test_any_text_can_be_drafted_from(texts: list[str], count: int, seed: int) -> None:
    sources = [
        DraftSource(str(i), "", text + "\nA zebra is a striped animal of the plains.", True)
        for i, text in enumerate(texts)
    ]
    made = draft(lambda: sources, count, seed, 0.3)
    assert len(made) <= count
    for each in (q for q in made if q.answerable):
        assert sources[int(each.document_id)].text[each.start : each.end] == each.quote
        assert json.loads(json.dumps(to_line(each)))["documents"]


def test_a_corpus_without_questions_is_told_with_what_to_do(tmp_path: Path) -> None:
    with open_service(new_home(tmp_path)) as service:
        upload(service, {"a.txt": "nothing to ask here"})
        with pytest.raises(InvalidRequest) as caught:
            service.drafter.draft(ME, CORPUS, count=5)
    assert "by hand" in caught.value.hint


def test_a_file_that_somebody_edited_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, out = new_home(tmp_path), tmp_path / "golden.jsonl"
    stocked(home, tmp_path / "docs").close()
    words = ["eval", "make", CORPUS, "--home", str(home), "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr().err
    assert re.search(r"\d+ of 50 questions drafted", said)
    assert f"ragsvc eval retrieval {CORPUS} --questions {out}" in said
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert all({"id", "question", "kind", "origin"} <= line.keys() for line in lines)
    out.write_text("edited")
    assert main(words) == 1
    assert out.read_text() == "edited"
    assert main([*words, "--force", "--json"]) == 0
    assert out.read_text() != "edited"


def test_other_forms_are_added_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = new_home(tmp_path)
    stocked(home, tmp_path / "docs").close()
    words = ["eval", "make", CORPUS, "--home", str(home), "--count", "3", "--json"]
    assert main(words) == 0
    plain = json.loads(capsys.readouterr().out)
    assert main([*words, "--variants"]) == 0
    more = json.loads(capsys.readouterr().out)
    asked = [line["question"] for line in plain["questions"]]
    written = [line["question"] for line in more["questions"]]
    assert more["count"] == len(written) > len(asked)
    assert [each for each in written if each in asked] == asked
    assert {line["origin"] for line in more["questions"]} == {"synthetic"}
