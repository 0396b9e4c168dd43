"""What only a real process shows: start-up, pipes, signals."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HEAVY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "faiss",
    "sqlalchemy",
    "alembic",
    "kreuzberg",
    "numpy",
}

WITH_DOUBLE = """
import sys
from scripted_service import ScriptedService
from ragsvc.cli.main import main
service = ScriptedService()
{setup}
sys.exit(main(opener=service.open))
"""


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAGSVC_HOME", str(tmp_path))


def start(setup: str, *words: str, **options: object) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(ROOT), str(HERE)])
    return subprocess.Popen(
        [sys.executable, "-c", WITH_DOUBLE.format(setup=setup), *words],
        env={**os.environ, "PYTHONPATH": paths},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},  # type: ignore[call-overload]
    )


@pytest.mark.parametrize(
    "words",
    [["--help"], [], ["--version"], ["ingest", "--help"], ["jobs", "--help"], ["eval", "answers", "--help"]],
)
def test_help_imports_nothing_heavy(words: list[str]):
    code = (
        "import sys, ragsvc.__main__ as entry; sys.argv[0] = 'ragsvc'; code = entry.main();"
        "sys.stderr.write('\\n'.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout
    assert not HEAVY & set(done.stderr.split("\n"))


def test_a_usage_error_in_a_process():
    command = [sys.executable, "-m", "ragsvc", "search", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert '"usage"' in done.stdout
    assert done.stderr == ""


def test_bytes_that_are_not_utf8_in_arguments():
    process = start("", "search", "handbook", os.fsdecode(b"caf\xe9 \xff"), "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "caf\ufffd \ufffd" in out.decode()


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_closed_pipe_is_silent(flags: tuple[str, ...]):
    process = start("sys.stdin.read()", "documents", "list", "handbook", *flags, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdin is not None
    process.stdout.close()
    process.stdin.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert err == b""


def test_a_narrow_encoding_is_no_crash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    for words in (
        ["ask", "handbook", "deadlock"],
        ["ask", "handbook", "deadlock", "--json"],
        ["search", "a", "ä"],
    ):
        process = start("", *words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        out.decode("ascii")


def test_ctrl_c_in_a_process():
    setup = """
import os, signal, time
# A shell starts what it puts in the background with this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
def ingest(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
service.ingest = ingest
"""
    process = start(setup, "ingest", "handbook", "a")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err == b"stopped; what was done is kept, run it again\n"


@pytest.mark.parametrize(
    ("reply", "code", "deleted"), [(b"y\n", 0, True), (b"n\n", 1, False), (b"\x04", 130, False)]
)
def test_deleting_a_corpus_asks_on_a_terminal(reply: bytes, code: int, deleted: bool):
    ours, theirs = pty.openpty()
    process = start("", "corpora", "delete", "handbook", stdin=theirs)
    os.close(theirs)
    os.write(ours, reply)
    out, err = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == code, err
    assert (b"deleted corpus handbook" in out) is deleted
    assert b"Traceback" not in err


def test_progress_is_drawn_on_a_terminal_only():
    ours, theirs = pty.openpty()
    process = start("", "ingest", "handbook", "a", "--json", stderr=theirs)
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    drawn = os.read(ours, 1 << 16)
    os.close(ours)
    assert process.returncode == 0
    assert out.count(b"\n") == 1
    assert b"reading" in drawn
