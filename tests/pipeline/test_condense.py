"""Follow-ups: what stands by itself stays, what leans takes over the topic, nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from doubles import CORPUS, ME, HashEmbedder, upload
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import AnswerRequest, ContextDependence, Mode, RewrittenQuery, Role, SearchRequest, Turn
from ragsvc.errors import TooLarge
from ragsvc.pipeline.retrieval.query_rewriter import (
    MAX_CARRIED,
    MAX_WORD_CHARS,
    ContextRewriter,
    leaning,
)
from ragsvc.pipeline.retrieval.search_query import mixed, prepare_rewritten, query_terms, query_texts
from ragsvc.service.service import Service
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.multilingual_analyser import MultilingualAnalyser
from ragsvc.text.stopwords import ENGLISH

ANALYSER = StandardAnalyser()
REWRITER = ContextRewriter(ANALYSER)
texts = st.text(max_size=300) | st.lists(
    st.sampled_from(
        ["it", "is", "that", "what", "about", "VAE", "the", "why", "?", "...", "变分", "自编码器", "x" * 50]
    )
).map(" ".join)
turns = st.lists(st.builds(Turn, st.sampled_from(Role), texts), max_size=12)


def after(*said: str) -> tuple[Turn, ...]:
    """The user's turns, each answered."""
    answered = ((Turn(Role.USER, text), Turn(Role.ASSISTANT, "Bananas are yellow. [1]")) for text in said)
    return tuple(turn for pair in answered for turn in pair)


def carried(question: str, *said: str) -> list[str]:
    return list(REWRITER.rewrite(question, after(*said)).carried)


@pytest.mark.parametrize(
    "question",
    [
        "How does a variational autoencoder differ from a plain one?",
        "Which index types make vector search fast?",
        "What is a GAN?",
        "who is Ada Lovelace?",
        "Does Kubernetes cost money?",
        "Is it possible to store images in a document database?",
        "I think that backups of large databases take too long to restore",
    ],
)
def test_a_change_of_topic_does_not_drag_the_old_one_along(question: str) -> None:
    assert leaning(question, ANALYSER) is ContextDependence.NONE
    assert REWRITER.rewrite(question, after("How do penguins raise chicks?")) == RewrittenQuery(question)


@pytest.mark.parametrize(
    ("question", "lean"),
    [
        ("How does it differ from a GAN?", ContextDependence.MUCH),
        ("How do I use them?", ContextDependence.MUCH),
        ("Is that expensive?", ContextDependence.MUCH),
        ("What about the cost of a large installation abroad?", ContextDependence.SOME),
        ("Regional differences", ContextDependence.SOME),
        ("why?", ContextDependence.SOME),
        ("Which other methods need labelled training data?", ContextDependence.SOME),
    ],
)
def test_what_points_or_is_cut_short_leans(question: str, lean: ContextDependence) -> None:
    assert leaning(question, ANALYSER) is lean


def test_a_pronoun_takes_over_the_entity_as_it_was_written() -> None:
    assert carried("How does it differ from a GAN?", "What is a VAE?") == ["VAE"]
    assert carried("Tell me more about it", "Does IBM Cloudant store documents?")[:2] == ["IBM", "Cloudant"]


def test_only_what_the_question_lacks_is_carried_and_only_from_the_user() -> None:
    assert carried("Are VAEs better than it?", "What is a VAE?") == []
    assert "Bananas" not in carried("Are they yellow?", "What do monkeys eat?")


def test_a_chain_is_traced_back_to_the_last_question_that_stood_by_itself() -> None:
    chain = ("How do penguins raise chicks?", "What is a VAE?", "How is it trained?")
    assert carried("And why?", *chain) == ["trained", "VAE"]


def test_a_verb_that_any_topic_can_do_is_not_carried() -> None:
    chain = ("What is a citation index?", "How does it work?")
    assert carried("And what about automatic abstracting?", *chain) == ["citation", "index"]
    assert carried("And why?", "How do penguins work?") == ["penguins"]


@pytest.mark.parametrize(
    "words", ["thanks!", "Thank you very much.", "ok, got it", "Great, that was helpful"]
)
def test_courtesies_look_for_nothing_and_change_no_topic(words: str) -> None:
    assert REWRITER.rewrite(words, after("What is a VAE?")) == RewrittenQuery(words)
    assert carried("How is it trained?", "What is a VAE?", words) == ["VAE"]


@pytest.mark.parametrize("words", ["Ok, and why?", "Great, how is it used?", "thanks, tell me more about it"])
def test_what_is_asked_after_a_courtesy_is_asked(words: str) -> None:
    assert carried(words, "What is a VAE?") == ["VAE"]


def test_own_terms_outweigh_carried_ones() -> None:
    much = REWRITER.rewrite("How is it trained?", after("What is a VAE?"))
    assert (much.lean, sorted(query_terms(much, ANALYSER))) == (
        ContextDependence.MUCH,
        ["train", "train", "vae"],
    )
    some = REWRITER.rewrite("training time", after("What is a VAE?"))
    assert (some.lean, query_terms(some, ANALYSER).count("train")) == (ContextDependence.SOME, 4)


@given(texts, turns)
def test_any_conversation_gives_one_bounded_query(question: str, history: list[Turn]) -> None:
    made = REWRITER.rewrite(question, history)
    assert made == REWRITER.rewrite(question, history)
    assert made.question == question
    assert len(made.carried) <= MAX_CARRIED
    assert len(made.searched) <= len(question) + MAX_CARRIED * (MAX_WORD_CHARS + 1)
    vectors = HashEmbedder().embed_queries(query_texts(made))
    assert abs(float(np.linalg.norm(mixed(made, vectors))) - 1.0) < 1e-5
    if not made.carried:
        assert (made.searched, prepare_rewritten(made, Mode.LEXICAL, None, ANALYSER).text) == (
            question,
            question,
        )
        assert query_terms(made, ANALYSER) == ANALYSER.terms(question)
        assert mixed(made, vectors) is not None and (mixed(made, vectors) == vectors[0]).all()


def test_opposite_vectors_do_not_divide_by_zero() -> None:
    made = RewrittenQuery("a", ("b",), ContextDependence.MUCH)
    vectors = np.zeros((2, 4), dtype=np.float32)
    assert np.isfinite(mixed(made, vectors)).all()


@pytest.fixture
def talk(service: Service) -> Service:
    upload(
        service,
        {
            "vae": "A VAE is trained by maximising a lower bound. A VAE samples codes.",
            "gan": "A GAN is trained by two networks that play a game. A GAN draws images.",
            "figs": "Figs grow on warm trees in the south.",
        },
    )
    return service


@pytest.mark.parametrize("mode", list(Mode))
def test_without_history_or_leaning_nothing_changes(talk: Service, mode: Mode) -> None:
    bare = talk.search(
        ME, SearchRequest(corpora=(CORPUS,), query="How is a GAN trained by networks?", mode=mode)
    )
    assert bare.searched is None
    request = SearchRequest(
        corpora=(CORPUS,),
        query="How is a GAN trained by networks?",
        mode=mode,
        history=after("Do figs grow?"),
    )
    asked = talk.search(ME, request)
    assert asked.hits == bare.hits
    assert asked.searched == asked.query


@pytest.mark.parametrize("mode", list(Mode))
def test_a_follow_up_finds_what_the_conversation_is_about(talk: Service, mode: Mode) -> None:
    for name in ("VAE", "GAN"):
        request = SearchRequest(
            corpora=(CORPUS,), query="How is it trained?", mode=mode, history=after(f"What is a {name}?")
        )
        result = talk.search(ME, request)
        assert (result.query, result.searched) == ("How is it trained?", f"How is it trained? {name}")
        assert result.hits[0].passage.document_id == name.lower()


def test_an_answer_says_what_was_searched(talk: Service) -> None:
    answer = talk.answer(
        ME, AnswerRequest(corpora=(CORPUS,), question="How is it trained?", history=after("What is a VAE?"))
    )
    assert (answer.question, answer.searched) == ("How is it trained?", "How is it trained? VAE")
    assert talk.answer(ME, AnswerRequest(corpora=(CORPUS,), question="How is it trained?")).searched is None


def test_a_conversation_that_is_too_long_is_refused(talk: Service) -> None:
    with pytest.raises(TooLarge, match="201 turns"):
        talk.search(ME, SearchRequest(corpora=(CORPUS,), query="x", history=(Turn(Role.USER, "y"),) * 201))
    with pytest.raises(TooLarge, match=r"history\[0\]"):
        talk.search(ME, SearchRequest(corpora=(CORPUS,), query="x", history=(Turn(Role.USER, "y" * 20_001),)))


MANY = ContextRewriter(MultilingualAnalyser())


def dialogues() -> list[dict[str, str]]:
    file = Path(__file__).parent.parent / "golden" / "dialogues.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("question", "before", "leans"),
    [
        ("Und im Winter?", "Wann fährt die Fähre nach Norden?", True),
        ("А зимой?", "Когда открыт каток?", True),
        ("冬は？", "スケート場はいつ開きますか。", True),
        ("冬天呢？", "滑冰场什么时候开门？", True),
        ("وفي الشتاء؟", "متى يفتح المسبح؟", True),
        ("Welche Unterlagen verlangt das Bauamt für eine Garage?", "Wann fährt die Fähre?", False),
        ("Какие документы нужны для строительства гаража?", "Когда открыт каток?", False),
        ("車庫を建てるにはどんな書類が必要ですか。", "スケート場はいつ開きますか。", False),
        ("建造车库需要哪些文件？", "滑冰场什么时候开门？", False),
    ],
)
def test_a_follow_up_in_any_language_is_short_without_its_stop_words(
    question: str, before: str, leans: bool
) -> None:
    found = MANY.rewrite(question, (Turn(Role.USER, before),))
    assert bool(found.carried) is leans


def test_most_follow_ups_of_the_golden_dialogues_lean_on_what_was_asked_before() -> None:
    follow_ups = [line for line in dialogues() if "new_topic" not in line]
    found = [MANY.rewrite(line["question"], (Turn(Role.USER, line["before"]),)) for line in follow_ups]
    assert sum(bool(each.carried) for each in found) >= 0.85 * len(follow_ups)


@given(texts, turns)
def test_an_english_corpus_knows_no_other_stop_words(question: str, history: list[Turn]) -> None:
    assert REWRITER._empty([question, *(turn.content for turn in history)]) is ENGLISH
