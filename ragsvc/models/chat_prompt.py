"""Messages become the ids that a model reads; only its own template writes control tokens."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ragsvc.domain import Message, Speaker
from ragsvc.errors import ModelMismatch
from ragsvc.models.control_tokens import ControlTokens

# Of a model without a chat template. Where the next of them begins, a causal model begins anew.
HEADS = {Speaker.USER: "Question:\n", Speaker.ASSISTANT: "Answer:\n", Speaker.SYSTEM: ""}
PLAIN_STOPS = ("\nQuestion:",)


class ChatPrompt:
    """One tokenizer, safe to share between threads."""

    def __init__(self, name: str, tokenizer: Any, *, two_texts: bool) -> None:
        """Remember the tokenizer.

        :param two_texts: whether the model reads one text and writes another: it gets no template.
        """
        self._name = name
        self._tokenizer = tokenizer
        self._templated = bool(tokenizer.chat_template) and not two_texts
        # A tokenizer is changed while it works.
        self._lock = threading.Lock()
        self._control = ControlTokens.of(tokenizer, lambda text: self._encode(text, special=False))
        self.stops = () if self._templated or two_texts else PLAIN_STOPS

    def count(self, text: str) -> int:
        """Tokens of a text that is no prompt by itself."""
        return len(self._encode(self._control.neutralised(text), special=False))

    def ids(self, messages: Sequence[Message]) -> list[int]:
        """All that the model reads.

        :raises ModelMismatch: if the model's template does not take the messages.
        """
        plain = [replace(each, content=self._control.neutralised(each.content)) for each in messages]
        if self._templated:
            return self._encode(self._rendered(plain), special=False)
        parts = [HEADS[each.role] + each.content for each in plain]
        return self._encode("\n\n".join((*parts, "Answer:")), special=True)

    def decode(self, ids: list[int]) -> str:
        """The text of ids, without control tokens."""
        with self._lock:
            return str(
                self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            )

    def _encode(self, text: str, *, special: bool) -> list[int]:
        with self._lock:
            # Longer than the model reads is no warning here: whoever asks compares it himself.
            found = self._tokenizer(text, add_special_tokens=special, truncation=False, verbose=False)
        return list(found["input_ids"])

    def _rendered(self, messages: list[Message]) -> str:
        try:
            return self._template(messages)
        except Exception:  # noqa: BLE001 - a template may raise what it likes
            # Some take no system message, or want question and answer in turns.
            messages = folded(messages)
        try:
            return self._template(messages)
        except Exception as error:
            raise ModelMismatch(
                f"the chat template of {self._name!r} does not take the prompt: {error}",
                hint="choose another model: its template must take a question and answers in turns",
            ) from error

    def _template(self, messages: list[Message]) -> str:
        turns = [{"role": each.role.value, "content": each.content} for each in messages]
        # Who can think aloud first must not: it is no part of an answer. Other templates ignore it.
        return str(
            self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        )


def folded(messages: Sequence[Message]) -> list[Message]:
    """The same words without a system message, and never two messages of one speaker in a row."""
    found: list[Message] = []
    for each in messages:
        role = Speaker.USER if each.role is Speaker.SYSTEM else each.role
        if found and found[-1].role is role:
            found[-1] = Message(role, f"{found[-1].content}\n\n{each.content}")
        else:
            found.append(Message(role, each.content))
    return found
