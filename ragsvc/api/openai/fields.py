"""Types of fields that are taken only where they change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

UNSUPPORTED = "unsupported"


def only(words: str) -> WrapValidator:
    """Refuse other values than those of the type, and say what is taken.

    :param words: end of a sentence such as "... is not supported; ".
    """

    def check(value: Any, inner: Callable[[Any], Any]) -> Any:
        try:
            return inner(value)
        except ValidationError as error:
            raise PydanticCustomError(UNSUPPORTED, "is not supported; {words}", {"words": words}) from error

    return WrapValidator(check)


OUT = "leave it out"
# The default of a field.
PASSED = Field(None, description="Taken and not used.")

Absent = Annotated[None, only(OUT), Field(description="Not supported.")]
EmptyObject = Annotated[
    Annotated[dict[str, Any], Field(max_length=0)] | None, only(OUT), Field(description="Not supported.")
]
Off = Annotated[
    Literal[False] | None,
    only("leave it out, or send false"),
    Field(description="false; true is refused."),
]
Zero = Annotated[
    Annotated[float, Field(ge=0, le=0)] | None,
    only("leave it out, or send 0"),
    Field(description="0; others are refused."),
]
