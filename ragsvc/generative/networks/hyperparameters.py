"""Hyperparameters: frozen dataclasses whose fields say their range, read from what people type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Self

from ragsvc.errors import InvalidRequest


def number(default: float, low: float, high: float, meaning: str) -> Any:
    """A field that holds a number; whole where the default is.

    :param low, high: the least and the greatest value that is accepted.
    """
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


def choice(default: str, options: tuple[str, ...], meaning: str) -> Any:
    """A field that holds one of a few words."""
    return field(default=default, metadata={"options": options, "meaning": meaning})


def switch(default: bool, meaning: str) -> Any:
    """A field that is on or off."""
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Base of all: `of` reads them, `as_dict` writes them."""

    @classmethod
    def names(cls) -> frozenset[str]:
        """What can be set."""
        return frozenset(each.name for each in fields(cls))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read values; what is not named has its default.

        :param values: as TOML or JSON has them, or as text that somebody typed.
        :raises InvalidRequest: if a name is unknown, or a value of another type or out of its range.
        """
        known = {each.name: each for each in fields(cls)}
        for name in values:
            if name not in known:
                raise InvalidRequest(
                    f"there is no hyperparameter {name[:80]!r}",
                    hint=f"there are: {', '.join(sorted(known))}",
                    param=name,
                )
        return cls(**{name: _value(known[name], given) for name, given in values.items()})

    def as_dict(self) -> dict[str, Any]:
        """Names with values, such as JSON holds."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _value(known: Field[Any], given: Any) -> Any:
    assert known.default is not MISSING
    if isinstance(known.default, bool):
        value = {"true": True, "false": False}.get(str(given).lower())
        if value is None:
            raise _wrong(known, given, "true or false")
        return value
    if isinstance(known.default, str):
        options = known.metadata["options"]
        if given not in options:
            raise _wrong(known, given, " or ".join(options))
        return given
    return _number(known, given)


def _number(known: Field[Any], given: Any) -> float:
    low, high = known.metadata["low"], known.metadata["high"]
    whole = isinstance(known.default, int)
    wanted = f"{'a whole number' if whole else 'a number'} from {low:g} to {high:g}"
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise _wrong(known, given, wanted)
    try:
        value = float(given)
    except ValueError:
        raise _wrong(known, given, wanted) from None
    if not (math.isfinite(value) and low <= value <= high) or (whole and not value.is_integer()):
        raise _wrong(known, given, wanted)
    return int(value) if whole else value


def _wrong(known: Field[Any], given: Any, wanted: str) -> InvalidRequest:
    return InvalidRequest(
        f"{known.name} is {str(given)[:80]!r}, and must be {wanted}",
        hint=f"{known.name}: {known.metadata['meaning']}",
        param=known.name,
    )
