"""The grammar of questions about tables: what it covers is right, and nothing else is computed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_tables import ask, markdown, of_csv, stored

from ragsvc.pipeline.tables.stored_tables import StoredTable

FOLDER = Path(__file__).parent.parent / "golden" / "tables"
QUESTIONS = [json.loads(line) for line in (FOLDER / "questions.jsonl").read_text("utf-8").splitlines()]
STAFF = markdown(
    ("Name", "Role", "Site", "Hired", "Salary"),
    ("Ada", "Clerk", "Oslo", "2020-01-01", "100"),
    ("Ben", "Senior Clerk", "Oslo", "2021-01-01", "300"),
    ("Cid", "Cook", "IT", "2022-05-01", "200"),
    ("Dot", "cook", "Bergen", "2022-07-01", "-"),
)


@cache
def table_of(file: str) -> list[StoredTable]:
    return of_csv((FOLDER / file).read_text("utf-8"), file)


@pytest.mark.parametrize("row", QUESTIONS, ids=lambda row: row["question"])
def test_questions_of_our_own(row: dict[str, Any]):
    answer = ask(row["question"], table_of(row["table"]))
    if not row["answerable"]:
        assert answer is None, answer.text if answer else ""
    else:
        assert answer is not None
        assert row["answer"][0] in answer.text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("How many cooks are there?", "There are 2 (Role: cook), over 4 rows."),
        ("How many cooks are in Bergen?", "There is 1 (Role: cook; Site: Bergen), over 4 rows."),
        ("How many people work in IT?", "There is 1 (Site: IT), over 4 rows."),
        (
            "What is the average salary?",
            "The average of Salary is 200, over 4 rows, 1 of them without a value.",
        ),
        ("Who was hired in May 2022?", "Name (Hired: between 2022-05-01 and 2022-05-31): Cid."),
        ("Who was hired in July?", None),
        ("How many people work in it?", None),
        # Whether senior clerks are clerks nobody knows.
        ("How many clerks are there?", None),
        ("How many people with the role clerk are there?", "There is 1 (Role: Clerk), over 4 rows."),
        ("How many people left in 2022?", None),
        ("How many cooks are there without a salary?", "There is 1 (Salary: –; Role: cook), over 4 rows."),
        ("How many cooks are there without a salary of 200?", None),
        ("Are there more people in Oslo than in Bergen?", "Yes: number of rows: Oslo: 2; Bergen: 1."),
        ("Are there more people in Oslo than in Ulm?", None),
        ("How many more people work in Oslo than in Bergen?",
         "The difference in number of rows is 1 (Oslo: 2; Bergen: 1)."),
        ("I need it for a report. How many people work in Oslo?",
         "There are 2 people (Site: Oslo), over 4 rows."),
        ("I am only asking for cooks. How many people work in Oslo?", None),
        ("People in Oslo: how many?", "There are 2 People (Site: Oslo), over 4 rows."),
        ("How many people run?", None),
        ("How many people work neither in Oslo nor in Bergen?",
         "There is 1 (Site: not Oslo/Bergen), over 4 rows."),
        ("How many people work in Oslo noch in Bergen?", None),
        ("Which site has more than 1 person?", "Number of rows: Oslo: 2, over 4 rows."),
        ("What is the second highest salary?",
         "2nd highest Salary: Cid (200), over 4 rows, 1 of them without a value."),
        ("In which year were the most people hired?", "Highest number of rows: 2022: 2, over 4 rows."),
        ("How far apart are the highest and the lowest salary?",
         "The highest and the lowest Salary are 200 apart, over 4 rows, 1 of them without a value."),
        ("How many people were hired from the start of 2021 to the end of May 2022?",
         "There are 2 people (Hired: between 2021-01-01 and 2022-05-31), over 4 rows."),
        ("How many people were hired before the end of 2021?", None),
        ("How many people were hired in the 2020s?",
         "There are 4 people (Hired: between 2020-01-01 and 2029-12-31), over 4 rows."),
        (
            "How many people are there in Oslo and Bergen?",
            "There are 3 people (Site: Oslo/Bergen), over 4 rows.",
        ),
        (
            "How many senior clerks are not in Oslo?",
            "There are none (Role: Senior Clerk; Site: not Oslo) (0), over 4 rows.",
        ),
        ("Is Ada older than Ben?", None),
        ("Who is the oldest?", None),
        ("Does Ada earn more than Ben?", "No: Salary: Ada: 100; Ben: 300."),
        ("Does Ada earn more than Dot?", None),
    ],
)  # fmt: skip
def test_what_is_certain_is_said(question: str, said: str | None):
    answer = ask(question, stored(STAFF, "staff.csv"))
    assert (answer.text if answer else None) == said


@pytest.mark.parametrize("question", ["How many desks were ordered?", "How many products were sold?"])
def test_an_order_of_several_pieces_is_no_piece(question: str):
    rows = [
        (f"A{place}", product, str(place)) for place, product in enumerate(("desk", "desk", "lamp") * 3, 2)
    ]
    orders = stored(markdown(("Order no", "Product", "Quantity"), *rows), "orders.csv")
    assert ask(question, orders) is None
    assert ask("How many different products are there?", orders) is not None


def test_one_word_that_is_not_explained_is_one_too_many():
    assert ask("How many cooks are there?", stored(STAFF)) is not None
    for word in ("good", "French", "still employed", "never"):
        assert ask(f"How many {word} cooks are there?", stored(STAFF)) is None


WORDS = [
    "how",
    "many",
    "cooks",
    "are",
    "there",
    "in",
    "oslo",
    "not",
    "or",
    "more",
    "than",
    "5",
    "the",
    "most",
    "salary",
    "hired",
    "2022",
    "clerk",
    "between",
    "and",
    "by",
    "average",
    "total",
    "which",
    "who",
    "is",
    "ada",
    "it",
    "per",
    "top",
    "last",
]


@given(st.lists(st.sampled_from(WORDS), max_size=9))
@settings(max_examples=150, deadline=None)
def test_any_words_are_read_or_refused(words: list[str]):
    ask(" ".join(words), stored(STAFF))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str):
    assert ask(f"xyzzy {text}", stored(STAFF)) is None


def test_two_tables_that_say_different_things_say_nothing():
    one = stored(markdown(("Plan", "Price"), ("A", "5"), ("B", "6")), "plans.csv")
    other = stored(markdown(("Plan", "Price"), ("C", "5"), ("D", "4")), "plans.csv", 2)
    assert ask("Which plan is cheapest?", one) is not None
    assert ask("Which plan is cheapest?", [*one, *other]) is None
    # How many there are, both agree on.
    assert ask("How many plans are there?", [*one, *other]) is not None


def test_a_total_that_the_table_says_otherwise_is_not_told():
    rows = [("A", "5"), ("B", "6")]
    names = ("Plan", "Cost")
    assert ask("What is the total cost?", stored(markdown(names, *rows, ("Total", "11")))) is not None
    assert ask("What is the total cost?", stored(markdown(names, *rows, ("Total", "12")))) is None


def test_first_places_that_are_tied_are_all_named_or_none():
    tied = stored(markdown(("Plan", "Price"), ("A", "5"), ("B", "5"), ("C", "9"), ("D", "9")), "plans.csv")
    answer = ask("Which plan is cheapest?", tied)
    assert answer is not None
    assert "A (5); B (5)" in answer.text
    assert ask("What are the three cheapest plans?", tied) is None


def test_rows_stand_under_the_heading_right_above_them_alone():
    table = markdown(("Task", "When"), ("Copy files", "daily"), ("Copy mail", "weekly"), ("Test", "monthly"))
    prose = "# Backups\n\n" + "Backups are made every night, and more. " * 20 + "\n\n"
    assert ask("How many backups are there?", stored(prose + table, "backups.md")) is None
    assert ask("How many tasks are there?", stored(prose + table, "backups.md")) is not None
    assert ask("How many jobs are there?", stored(prose + "## Nightly jobs\n\n" + table, "a.md")) is not None


def test_one_of_several_dates_is_named_whole():
    names = ("Parcel", "Pickup due", "Collected on", "Weight")
    rows = (("P-1", "2026-03-04", "2026-03-01", "2 kg"), ("P-2", "2026-03-09", "2026-03-11", "3 kg"))
    parcels = stored(markdown(names, *rows), "parcels.csv")
    assert ask("Pickup date of P-2", parcels) is None, "it may be when it was collected"
    answer = ask("Pickup due of P-2", parcels)
    assert answer is not None
    assert "2026-03-09" in answer.text


def test_a_number_in_words_is_no_remark():
    words = ("10", "zero", "20", "30", "40", "50")
    boxes = stored(
        markdown(("Box", "Pieces"), *((f"B{n}", word) for n, word in enumerate(words))), "boxes.csv"
    )
    assert ask("What is the average number of pieces?", boxes) is None
    remarks = [word.replace("zero", "not counted") for word in words]
    boxes = stored(
        markdown(("Box", "Pieces"), *((f"B{n}", word) for n, word in enumerate(remarks))), "boxes.csv"
    )
    answer = ask("What is the average number of pieces?", boxes)
    assert answer is not None
    assert "30" in answer.text and "1 of them without a value" in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "How many trees are within 20 m of Elm Park?",
        "How many trees are about 20 m high?",
        "How many trees does Elm Park need?",
        "How many trees should be in Elm Park?",
    ],
)
def test_what_bends_a_number_or_a_fact_is_no_silent_word(question: str):
    rows = (("Oak", "Elm Park", "20 m"), ("Ash", "Elm Park", "15 m"), ("Fir", "Hill Park", "20 m"))
    trees = stored(markdown(("Tree", "Park", "Height"), *rows), "trees.csv")
    assert ask("How many trees are in Elm Park?", trees) is not None
    assert ask(question, trees) is None
