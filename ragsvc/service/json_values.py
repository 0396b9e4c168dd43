"""What the public contract is made of: views of responses, and the JSON values that they become.

The values are fresh, plain dicts and lists that `json.dumps(..., allow_nan=False)` takes and that encode to
UTF-8: a lone surrogate (a file name that is not UTF-8) becomes U+FFFD, and a number that JSON lacks (NaN,
infinity) becomes null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

from ragsvc.errors import InvalidFilter

JsonObject: TypeAlias = dict[str, Any]


class View(BaseModel):
    """One response, or a part of one: what the command line prints, what HTTP sends, and what /docs shows.

    Members may be added in later versions. Views are made of our own objects, which need no check, by
    `model_construct`.
    """

    model_config = ConfigDict(extra="allow")

    def json_object(self) -> JsonObject:
        """Its members in the order of its fields; one that has its default is left out."""
        shape = {name: plain(value) for name, value in self.__dict__.items()}
        for name, default in _defaults(type(self)).items():
            if shape[name] == default:
                del shape[name]
        return shape | plain(self.model_extra) if self.model_extra else shape


@cache
def _defaults(kind: type[View]) -> Mapping[str, Any]:
    return {name: field.default for name, field in kind.model_fields.items() if not field.is_required()}


def plain(value: object) -> Any:
    """Turn a value into one that JSON holds and UTF-8 encodes; unknown types become their `str`."""
    # What nearly all values are is told apart first: a page of records has thousands of them.
    if type(value) is str:
        return encodable(value)
    if type(value) is int:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is list:
        return [plain(item) for item in value]
    if isinstance(value, str):
        # str() drops str subclasses such as StrEnum members.
        return encodable(str(value))
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, View):
        return value.json_object()
    if isinstance(value, Mapping):
        return {encodable(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return encodable(str(value))


def filter_of(text: str, where: str, hint: str) -> Mapping[str, Any]:
    """Read a filter that was written as JSON.

    :param where: what holds it, as an error names it.
    :raises InvalidFilter: if it is not a JSON object.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidFilter(f"{where} is nested too deeply", hint=hint) from None
    except ValueError as error:
        raise InvalidFilter(f"{where} is not JSON: {error}", hint=hint) from error
    if not isinstance(value, dict):
        raise InvalidFilter(f"{where} is not a JSON object", hint=hint)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def encodable(text: str) -> str:
    """Replace lone surrogates 1:1 by U+FFFD, so that lengths and offsets stay."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text
