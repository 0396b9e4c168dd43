from __future__ import annotations

from collections.abc import Callable

import pytest
from ran import Ran
from scripted_service import ScriptedService

from ragsvc.cli.main import main


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
