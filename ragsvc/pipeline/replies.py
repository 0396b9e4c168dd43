"""What is said without documents, in the language of a question: a refusal, and replies to small talk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from itertools import takewhile
from pathlib import Path

from ragsvc.pipeline.grounding.answer_shape import AnswerShape, shape_model
from ragsvc.text.languages import ENGLISH, likeliest_of, likely_language

REPLIES_FILE = Path(__file__).with_name("replies.json")
REFUSAL = "refusal"


def refusal(question: str, corpus: str) -> str:
    """That the documents do not answer."""
    return _replies(question)[REFUSAL].format(corpus=corpus)


def small_talk(shape: AnswerShape, question: str, corpus: str) -> str:
    """What is said to thanks, a greeting, or the question what the service can do."""
    return _all()[_language_said(shape, question)][shape.value].format(corpus=corpus)


def _replies(question: str) -> Mapping[str, str]:
    return _all()[_language(question)]


def _language(question: str) -> str:
    code = likely_language(question, letters=1)
    return code if code is not None and code in _all() else ENGLISH


def _language_said(shape: AnswerShape, question: str) -> str:
    """The language of small talk: of a word or two it is seldom sure, so the likeliest is taken.

    What holds a word of the model of shapes, which is English, may be English.
    """
    if shape_model().knows(question):
        return _language(question)
    said = "".join(filter(str.isalpha, question)).casefold()
    greeted = [code for code, replies in _all().items() if _first(replies[shape.value]) == said]
    return next(iter((*greeted, likeliest_of(question, _all().keys()))))


def _first(reply: str) -> str:
    """The letters that a reply begins with, such as hallo."""
    return "".join(takewhile(str.isalpha, reply)).casefold()


@cache
def _all() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = json.loads(REPLIES_FILE.read_text("utf-8"))
    return found
