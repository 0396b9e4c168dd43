"""What may be asked at all."""

from __future__ import annotations

from ragsvc.errors import InvalidRequest, TooLarge


def check_question(name: str, text: str, max_chars: int) -> None:
    """Refuse a blank or overlong question.

    :param name: of the field, for the message.
    :raises InvalidRequest: if it is blank.
    :raises TooLarge: if it has more than `max_chars` characters.
    """
    if len(text) > max_chars:
        raise TooLarge(
            f"{name} has {len(text)} characters, the most is {max_chars}",
            hint="ask a shorter question, or raise RAGSVC_MAX_QUESTION_CHARS",
        )
    if not text.strip():
        raise InvalidRequest(f"{name} is blank", hint=f"write something into {name}")
