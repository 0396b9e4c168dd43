"""What a command printed, and its exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object that stdout must hold, and nothing else."""
        value = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
        assert isinstance(value, dict)
        assert self.out.count("\n") == 1
        return value
