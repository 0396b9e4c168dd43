from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from scripted_service import ScriptedService

from ragsvc.cli.main import main


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


@pytest.fixture
def service() -> ScriptedService:
    return ScriptedService()


@pytest.fixture
def run(service: ScriptedService, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run_cli(*words: str) -> Ran:
        code = main(words, opener=lambda settings, *, create: service.open(settings))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_cli
