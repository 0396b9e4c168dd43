"""What is said without documents, in the language of a question: a refusal, and replies to small talk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.text.languages import ENGLISH, likely_language

REPLIES_FILE = Path(__file__).with_name("replies.json")
REFUSAL = "refusal"


def refusal(question: str, corpus: str) -> str:
    """That the documents do not answer."""
    return _replies(question)[REFUSAL].format(corpus=corpus)


def small_talk(shape: AnswerShape, question: str, corpus: str) -> str:
    """What is said to thanks, a greeting, or the question what the service can do."""
    return _replies(question)[shape.value].format(corpus=corpus)


def _replies(question: str) -> Mapping[str, str]:
    replies = _all()
    return replies[_language(question, replies)]


def _language(question: str, known: Mapping[str, object]) -> str:
    code = likely_language(question, letters=1)
    return code if code is not None and code in known else ENGLISH


@cache
def _all() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = json.loads(REPLIES_FILE.read_text("utf-8"))
    return found
