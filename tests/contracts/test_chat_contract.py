"""What every Chat does: a local model, one behind a server, and the double.

The bundled writer is a local model with weights of its own, which take ten seconds to load.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import openai_server as servers
import pytest
from made_models import causal
from openai_server import KEY, serving
from scripted_chat import ScriptedChat

from ragsvc.domain import Delta, FinishReason, Message, Speaker
from ragsvc.models.chat import TransformersChat
from ragsvc.models.remote_chat.chat import RemoteChat
from ragsvc.protocols import Chat

MESSAGES = (Message(Speaker.SYSTEM, "Answer from the passages."), Message(Speaker.USER, "What grows?"))


@pytest.fixture(scope="module", params=["transformers", "remote", "double"])
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    match request.param:
        case "transformers":
            yield TransformersChat(str(causal(tmp_path_factory.mktemp("chat") / "tiny", "Fig; ü€4🍐!")), 8)
        case "remote":
            with serving(servers.good) as server:
                yield RemoteChat(server.url, "tiny", KEY, 5.0)
        case _:
            yield ScriptedChat(["Pears ", "grow ", "", "on trees."])


def written(chat: Chat, max_tokens: int = 12, stop: tuple[str, ...] = ()) -> list[Delta]:
    return list(chat.stream(MESSAGES, max_tokens, 0.0, stop))


class TestChatContract:
    """A message comes in pieces and ends once; whoever closes early may ask again."""

    def test_only_the_last_piece_says_how_it_ended(self, chat: Chat) -> None:
        pieces = written(chat)
        assert pieces[-1].finish in FinishReason
        assert all(piece.finish is None for piece in pieces[:-1])
        assert "".join(piece.text for piece in pieces).strip()

    def test_without_temperature_it_writes_the_same_again(self, chat: Chat) -> None:
        one, other = ("".join(piece.text for piece in written(chat)) for _ in range(2))
        assert one == other

    def test_who_stops_reading_may_ask_again(self, chat: Chat) -> None:
        whole = "".join(piece.text for piece in written(chat))
        for _ in range(3):
            with closing(chat.stream(MESSAGES, 12, 0.0, ())) as pieces:
                next(pieces)
        assert "".join(piece.text for piece in written(chat)) == whole

    def test_tokens_are_told_or_zero(self, chat: Chat) -> None:
        last = written(chat)[-1]
        assert last.prompt_tokens >= 0
        assert 0 <= last.completion_tokens <= 12

    def test_texts_are_counted(self, chat: Chat) -> None:
        assert chat.count("") == 0
        assert (
            0 < chat.count("pear") <= chat.count("pear and plum and fig") <= 10 * len("pear and plum and fig")
        )

    def test_it_has_a_name_that_holds_no_secret(self, chat: Chat) -> None:
        assert chat.name
        assert KEY not in chat.name

    def test_the_limit_is_kept_and_told(self, chat: Chat) -> None:
        if isinstance(chat, ScriptedChat):
            pytest.skip("the double writes its script to the end")
        last = written(chat, max_tokens=2)[-1]
        assert last.finish is FinishReason.LENGTH
