"""What a job's process says is told from what libraries print in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import settings_of

from ragsvc.api.supervisor import _line_of
from ragsvc.service import job_process
from ragsvc.service.job_process import JobProcess
from ragsvc.settings import Settings

# It prints before it does anything, and says that a job ended which it was told before.
CHATTY = """
import sys
print("hello from a library", flush=True)
sys.stdin.readline()
for line in sys.stdin:
    if line.strip() == "last":
        break
    print("half a line\\n\\nof-before\\n" + line.strip()[:2], end="", flush=True)
    sys.stdin.readline()
    print("\\n" + line.strip(), flush=True)
"""


@pytest.fixture
def chatty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobProcess]:
    (tmp_path / "chatty_child.py").write_text(CHATTY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(job_process, "MODULE", "chatty_child")
    started = JobProcess(settings_of(tmp_path / "home"))
    yield started
    started.close()


def test_a_stray_line_is_not_the_end_of_a_job(chatty: JobProcess, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        chatty.begin("job-1")
        assert not any(chatty.wait(0.3) for _ in range(6))
    assert "hello from a library" in caplog.text and "of-before" in caplog.text
    chatty._say("go on")
    assert any(chatty.wait(1) for _ in range(20))
    assert chatty.exit_code is None
    chatty.begin("last")
    assert any(chatty.wait(1) for _ in range(20))
    assert chatty.exit_code == 0


@pytest.mark.parametrize("given", [{}, {"embedder": "bundled:all-MiniLM-L6-v2", "workers": 2}])
def test_other_processes_know_which_settings_somebody_made(
    given: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAGSVC_EMBEDDER", raising=False)
    settings = Settings(home=tmp_path, **given)  # type: ignore[arg-type]
    said: list[str] = []
    monkeypatch.setattr(JobProcess, "_say", lambda _, line: said.append(line))
    JobProcess(settings).close()
    for line in (said[0], _line_of(settings)):
        found = Settings.model_validate_json(line)
        assert found == settings
        assert ("embedder" in found.model_fields_set) is ("embedder" in given)
