"""What every QueryRewriter does: the one that carries words of earlier turns, and the double."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragsvc.domain import ContextDependence, RewrittenQuery, Role, Turn
from ragsvc.pipeline.retrieval.query_rewriter import ContextRewriter
from ragsvc.protocols import QueryRewriter
from ragsvc.text.analyser import StandardAnalyser

MOST_CARRIED = 6
texts = st.text(max_size=200) | st.lists(
    st.sampled_from(["it", "is", "what", "about", "VAE", "the", "why", "?", "pears", "变分", "x" * 50])
).map(" ".join)
turns = st.lists(st.builds(Turn, st.sampled_from(Role), texts), max_size=8)


class LastWordRewriter:
    """A double: the last word of the user's last turn goes into every question."""

    def rewrite(self, question: str, history: Sequence[Turn]) -> RewrittenQuery:
        words = [word for turn in history if turn.role is Role.USER for word in turn.content.split()]
        if not words:
            return RewrittenQuery(question)
        return RewrittenQuery(question, (words[-1],), ContextDependence.SOME)


@pytest.mark.parametrize("rewriter", [ContextRewriter(StandardAnalyser()), LastWordRewriter()])
class TestQueryRewriterContract:
    """A question stays as it was asked; what is put to it is told apart, and comes from the user."""

    @settings(max_examples=60, deadline=None)
    @given(question=texts, history=turns)
    def test_the_question_is_kept_and_what_is_carried_is_the_users(
        self, rewriter: QueryRewriter, question: str, history: list[Turn]
    ) -> None:
        made = rewriter.rewrite(question, history)
        assert made == rewriter.rewrite(question, history)
        assert made.question == question
        assert len(made.carried) <= MOST_CARRIED
        said = "\n".join(turn.content for turn in history if turn.role is Role.USER)
        assert all(word and word in said for word in made.carried)
        assert made.searched.startswith(question)
        assert bool(made.carried) == (made.lean is not ContextDependence.NONE)

    @settings(max_examples=30, deadline=None)
    @given(question=texts, history=turns)
    def test_what_was_answered_does_not_matter(
        self, rewriter: QueryRewriter, question: str, history: list[Turn]
    ) -> None:
        own = [turn for turn in history if turn.role is Role.USER]
        assert rewriter.rewrite(question, history) == rewriter.rewrite(question, own)

    @given(question=texts)
    def test_without_a_conversation_a_question_is_left_alone(
        self, rewriter: QueryRewriter, question: str
    ) -> None:
        assert rewriter.rewrite(question, ()) == RewrittenQuery(question)

    def test_a_follow_up_takes_over_the_subject(self, rewriter: QueryRewriter) -> None:
        made = rewriter.rewrite("How does it work?", [Turn(Role.USER, "What is a VAE")])
        assert made.carried == ("VAE",)
