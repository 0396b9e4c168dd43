"""Languages are told from a sentence, and where they are not sure all that may be meant are named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.text.analysers import ANALYSERS, MULTILINGUAL, STANDARD
from ragsvc.text.languages import KNOWN, NOT_LATIN, languages_of, likely_language
from ragsvc.text.multilingual_analyser import STEMMERS, MultilingualAnalyser

SENTENCES = {
    "en": "The archive keeps every letter that the harbour office received during the winter.",
    "de": "Das Archiv bewahrt jeden Brief auf, den das Hafenamt im Winter erhalten hat.",
    "fr": "Les archives conservent chaque lettre que le bureau du port a reçue pendant l'hiver.",
    "es": "El archivo guarda todas las cartas que la oficina del puerto recibió durante el invierno.",
    "it": "L'archivio conserva ogni lettera che l'ufficio del porto ha ricevuto durante l'inverno.",
    "pt": "O arquivo guarda todas as cartas que o escritório do porto recebeu durante o inverno.",
    "ru": "Архив хранит каждое письмо, которое управление порта получило зимой.",
    "ar": "يحتفظ الأرشيف بكل رسالة تلقاها مكتب الميناء خلال فصل الشتاء.",
    "ja": "文書館は、港湾事務所が冬の間に受け取ったすべての手紙を保管しています。",
    "zh": "档案馆保存着港务局在冬季收到的每一封信件。",
    "hi": "अभिलेखागार सर्दियों के दौरान बंदरगाह कार्यालय को मिले हर पत्र को सुरक्षित रखता है।",
    "ko": "기록 보관소는 겨울 동안 항만 사무소가 받은 모든 편지를 보관합니다.",
}
# Two forms of a word each, in sentences long enough to tell the language.
INFLECTED = {
    "de": (
        "Die Schiffe liegen im Hafen und warten auf das Wetter.",
        "Auf dem Schiffes Deck wartet man noch immer.",
    ),
    "fr": (
        "Le navire attend dans le port depuis trois jours.",
        "Les navires attendaient devant la ville.",
    ),
    "es": ("El barco espera en el puerto desde hace tres días.", "Los barcos esperaban fuera de la ciudad."),
    "ru": ("Корабль уже три дня стоит в этом порту.", "Большие корабли ждали у входа в порты."),
    "fi": (
        "Laiva odottaa satamassa jo kolmatta päivää.",
        "Suuret laivat odottivat satamien edustalla.",
    ),
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_tells_its_language(code: str) -> None:
    assert languages_of(SENTENCES[code])[0] == code
    assert likely_language(SENTENCES[code]) == code


@pytest.mark.parametrize(
    "text", ["", "42 · 17.5 %", "∑∑∑", "x = 3", "x = f(y)\n" * 90, "Smith, John\nGarcia, Ana\n" * 20]
)
def test_what_is_in_no_language_is_taken_for_english_and_not_counted(text: str) -> None:
    assert likely_language(text) is None


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_is_in_one_to_three_known_languages(text: str) -> None:
    found = languages_of(text)
    assert 1 <= len(found) <= 3
    assert set(found) <= set(KNOWN)


@pytest.mark.parametrize("code", INFLECTED)
def test_forms_of_a_word_share_a_term(code: str) -> None:
    analyser = MultilingualAnalyser()
    one, other = INFLECTED[code]
    assert languages_of(one) == languages_of(other) == (code,)
    assert set(analyser.terms(one)) & set(analyser.terms(other))


def test_stop_words_of_a_language_are_no_terms() -> None:
    terms = MultilingualAnalyser().terms("Welche der Häuser wurden von der Stadt und ihren Bürgern gebaut?")
    assert not {"der", "und", "von"} & set(terms)
    assert "haus" in terms


def test_accents_come_off_after_stemming_and_articles_before_an_apostrophe_are_left_out() -> None:
    terms = MultilingualAnalyser().terms("L'université accueille des étudiants de toute l'Europe.")
    assert all(term.isascii() for term in terms)
    assert {"europ"} <= set(terms)
    assert "luniversit" not in " ".join(terms)


def test_latin_words_among_other_letters_are_stemmed_as_english() -> None:
    terms = MultilingualAnalyser().terms(
        "Какие базы данных используются для PostgreSQL replication settings?"
    )
    assert {"replic", "set"} <= set(terms)


def test_a_short_query_finds_the_word_of_each_language_that_it_may_be_in() -> None:
    text = "Die Hunde des Nachbarn laufen jeden Morgen durch den Garten."
    assert set(MultilingualAnalyser().terms("Hunde")) & set(MultilingualAnalyser().terms(text))


@pytest.mark.parametrize("text", [*SENTENCES.values(), "max_tokens of v1.2.3", "C++ and C#"])
def test_english_has_the_same_terms_under_both_analysers(text: str) -> None:
    if languages_of(text) == ("en",):
        assert ANALYSERS[MULTILINGUAL]().terms(text) == ANALYSERS[STANDARD]().terms(text)


def test_the_tables_name_known_languages() -> None:
    assert set(STEMMERS) - {"hy"} <= KNOWN
    assert NOT_LATIN - {"hy"} <= KNOWN


@pytest.mark.parametrize("text", ["Å´", 'ja "¨ nein', "Wie ¸ heißt ´ das ˘ Haus?"])
def test_accents_that_stand_alone_are_no_terms(text: str) -> None:
    assert all(MultilingualAnalyser().terms(text))
