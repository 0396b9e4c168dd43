"""Lines of a file that are JSON objects, whatever they are about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ragsvc.evaluation.report import InputDefect

_LIKENESS = 0.75


def read_object(line: bytes) -> dict[str, Any]:
    """Read one line that is a JSON object, each of its keys once.

    :raises ValueError: with what is wrong, in words for a person.
    """
    try:
        row = json.loads(line.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from error
    except _RepeatedKey:
        raise
    except RecursionError as error:
        raise ValueError("not readable: nested too deeply") from error
    except ValueError as error:
        raise ValueError("not readable: a number has too many digits") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    return row


class _RepeatedKey(ValueError):
    """A key that an object has twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        name = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _RepeatedKey(f"the key {name[:80]!r} is there twice")
    return row


def misspelt(unknown: Mapping[str, int], known: Sequence[str], source: str) -> list[InputDefect]:
    """One note for each unknown field of a file that looks like a known one.

    :param unknown: how many lines have it, by name.
    """
    notes = []
    for name, count in sorted(unknown.items()):
        close = get_close_matches(name.lower(), known, n=1, cutoff=_LIKENESS)
        if close:
            have = "1 question has" if count == 1 else f"{count} questions have"
            words = f"{have} a field that is not known: {name[:80]} (did you mean {close[0]}?)"
            notes.append(InputDefect(source, words))
    return notes
