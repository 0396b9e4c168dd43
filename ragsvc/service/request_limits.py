"""What may be asked at all."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.domain import Role, Turn
from ragsvc.errors import InvalidRequest, TooLarge
from ragsvc.evaluation.questions import Question
from ragsvc.evaluation.report import InputDefect

MAX_TURNS = 200


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


def check_history(turns: Sequence[Turn], max_chars: int) -> None:
    """Refuse a conversation that is too long; only the last turns are of use.

    :param max_chars: of each turn of the user; others may be of any length, for they are not read.
    :raises TooLarge: if it has more than 200 turns, or one of the user's more than `max_chars` characters.
    """
    if len(turns) > MAX_TURNS:
        raise TooLarge(
            f"history has {len(turns)} turns, the most is {MAX_TURNS}",
            hint=f"send only the last {MAX_TURNS} turns",
        )
    for number, turn in enumerate(turns):
        if turn.role is Role.USER and len(turn.content) > max_chars:
            raise TooLarge(
                f"history[{number}].content has {len(turn.content)} characters, the most is {max_chars}",
                hint="shorten it, or raise RAGSVC_MAX_QUESTION_CHARS",
            )


def accepted(
    questions: Sequence[Question], source: str, max_chars: int
) -> tuple[list[Question], list[InputDefect]]:
    """The questions of an evaluation that the service takes, and what is wrong with the others.

    :raises InvalidRequest: if it takes none.
    """
    taken: list[Question] = []
    refused: list[InputDefect] = []
    for question in questions:
        try:
            check_question("the question", question.text, max_chars)
            check_history(question.history, max_chars)
            taken.append(question)
        except (InvalidRequest, TooLarge) as error:
            refused.append(InputDefect(question.place(source), error.message))
    if not taken:
        raise InvalidRequest(f"{source}: no question can be asked: {refused[0].error}", hint="shorten them")
    return taken, refused
