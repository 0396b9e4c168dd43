"""What is said without a document is said in the language of the question."""

from __future__ import annotations

import json

import pytest

from ragsvc.pipeline.grounding.answer_shape import SMALL_TALK, AnswerShape, shape_model
from ragsvc.pipeline.replies import REFUSAL, REPLIES_FILE, refusal, small_talk
from ragsvc.text.languages import KNOWN, languages_of

REPLIES = json.loads(REPLIES_FILE.read_text("utf-8"))
QUESTIONS = {
    "en": "What does a ticket to Bremen cost?",
    "de": "Was kostet eine Fahrkarte nach Bremen?",
    "es": "¿Cuánto cuesta un billete a Bremen?",
    "fr": "Combien coûte un billet pour Brême ?",
    "it": "Quanto costa un biglietto per Brema?",
    "ru": "Сколько стоит билет до Бремена?",
    "zh": "去不来梅的票多少钱？",
    "ja": "ブレーメンまでの切符はいくらですか？",
    "ar": "كم سعر التذكرة إلى بريمن؟",
    "hi": "ब्रेमेन का टिकट कितने का है?",
}


@pytest.mark.parametrize("code", QUESTIONS)
def test_a_refusal_is_in_the_language_of_the_question(code: str) -> None:
    assert refusal(QUESTIONS[code], "trains") == REPLIES[code][REFUSAL].format(corpus="trains")


@pytest.mark.parametrize("question", ["max_tokens", "ISO 9001", "Who is Garcia?", "???", "Ticket Bremen"])
def test_what_may_be_english_is_refused_in_english(question: str) -> None:
    assert refusal(question, "trains") == "I cannot answer this from the documents in trains."


def test_every_language_has_every_reply_in_itself() -> None:
    assert set(REPLIES) <= KNOWN
    for code, replies in REPLIES.items():
        assert set(replies) == {REFUSAL, *(shape.value for shape in SMALL_TALK)}
        for text in replies.values():
            assert text.count("{corpus}") == 1
        assert code in languages_of(replies["capability"].format(corpus="")) or code == "id"


def test_small_talk_is_answered_in_its_language() -> None:
    assert small_talk(AnswerShape.THANKS, "谢谢", "trains") == REPLIES["zh"]["thanks"].format(corpus="trains")


@pytest.mark.parametrize(
    ("code", "shape", "said"),
    [
        ("de", AnswerShape.THANKS, "Danke!"),
        ("de", AnswerShape.GREETING, "Hallo"),
        ("de", AnswerShape.CAPABILITY, "Was kannst du?"),
        ("fr", AnswerShape.THANKS, "Merci beaucoup"),
        ("es", AnswerShape.GREETING, "Hola"),
        ("es", AnswerShape.THANKS, "Gracias"),
        ("ru", AnswerShape.THANKS, "Спасибо"),
        ("ru", AnswerShape.GREETING, "Привет"),
        ("pt", AnswerShape.GREETING, "Boa tarde"),
        ("es", AnswerShape.GREETING, "¡Hola!"),
        ("ja", AnswerShape.GREETING, "おはよう"),
        ("hi", AnswerShape.THANKS, "धन्यवाद"),
        ("en", AnswerShape.THANKS, "thx"),
        ("en", AnswerShape.THANKS, "cheers"),
        ("en", AnswerShape.GREETING, "Hi"),
    ],
)
def test_a_word_or_two_are_answered_in_their_language(code: str, shape: AnswerShape, said: str) -> None:
    assert small_talk(shape, said, "trains") == REPLIES[code][shape.value].format(corpus="trains")


@pytest.mark.parametrize("question", [text for code, text in QUESTIONS.items() if code != "en"])
def test_a_question_of_which_no_word_is_known_is_no_small_talk(question: str) -> None:
    assert shape_model().shape_of(question) not in SMALL_TALK
