"""A file that kills, hangs or bloats its parser costs that file and nothing else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import parser_doubles
import pytest

from ragsvc.domain import Failure, ParsedDocument
from ragsvc.errors import InternalError
from ragsvc.text.limits import Pace
from ragsvc.text.worker_pool import TRANSIENT_CODES, ParseLimits, ParserPool

DOUBLE = f"{parser_doubles.__name__}:misbehave"
SUFFIXES = ["pdf", "docx", "doc", "xlsx", "xls", "pptx", "ppt", "odt", "epub"]
SUFFIXES += ["eml", "msg", "html", "rtf", "png", "txt", "xml", "ipynb", "fb2"]
LIMITS = ParseLimits(timeout_s=1.5, memory_bytes=256 << 20)


# Nothing is meant to time out: a busy machine gets all the time that it needs.
PATIENT = ParseLimits(timeout_s=60.0, memory_bytes=256 << 20)


def run(
    names: list[str], *, workers: int = 2, parser: str = DOUBLE, limits: ParseLimits = LIMITS
) -> dict[str, ParsedDocument | Failure]:
    with ParserPool(workers, limits, parser=parser) as pool:
        results = list(pool.parse((name, f"/nowhere/{name}") for name in names))
    assert sorted(key for key, _ in results) == sorted(names), "every file has exactly one outcome"
    return dict(results)


def code(outcome: ParsedDocument | Failure) -> str:
    return outcome.code if isinstance(outcome, Failure) else "ok"


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_until(done: Iterator[bool]) -> bool:
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        if next(done):
            return True
        time.sleep(0.02)
    return False


def test_every_way_to_die_costs_one_file() -> None:
    names = ["segfault-1.pdf", "good-1.pdf", "exit-1.pdf", "die-1.pdf", "hang-1.pdf", "eat-1.pdf"]
    names += ["bug-1.pdf", "broken-1.pdf", "good-2.pdf", "good-3.pdf"]
    outcomes = run(names)
    assert {name: code(outcome) for name, outcome in outcomes.items()} == {
        "segfault-1.pdf": "parser_crashed",
        "exit-1.pdf": "parser_crashed",
        "die-1.pdf": "parser_crashed",
        "hang-1.pdf": "parser_timeout",
        "eat-1.pdf": "parser_out_of_memory",
        "bug-1.pdf": "parser_crashed",
        "broken-1.pdf": "broken",
        "good-1.pdf": "ok",
        "good-2.pdf": "ok",
        "good-3.pdf": "ok",
    }
    broken = outcomes["broken-1.pdf"]
    assert broken == Failure("/nowhere/broken-1.pdf", "broken", "it is torn (mend it)")
    assert {"parser_crashed", "parser_timeout", "parser_out_of_memory", "unreadable"} == TRANSIENT_CODES


def test_a_worker_killed_from_outside_is_forgiven_once(tmp_path: Path) -> None:
    with ParserPool(1, PATIENT, parser=DOUBLE) as pool:
        [(_, outcome)] = pool.parse([(1, str(tmp_path / "dieonce.pdf"))])
    assert code(outcome) == "ok"


def test_big_results_and_structure_survive_the_trip() -> None:
    outcomes = run(["big-1.pdf", "good-1.pdf"], workers=1, limits=PATIENT)
    big, good = outcomes["big-1.pdf"], outcomes["good-1.pdf"]
    assert isinstance(big, ParsedDocument) and big.text == "é😀" * 4_000_000 and big.pages == (0, 5)
    assert good == ParsedDocument(
        title="title", text="good-1.pdf", media_type="text/plain", pages=(0,), metadata={"a": [1, None]}
    )


def test_takes_no_more_files_than_it_has_hands() -> None:
    taken = 0

    def files() -> Iterator[tuple[int, str]]:
        nonlocal taken
        for taken in range(1, 31):
            yield taken, f"/nowhere/good-{taken}.pdf"

    with ParserPool(2, LIMITS, parser=DOUBLE) as pool:
        for done, _ in enumerate(pool.parse(files()), start=1):
            assert taken <= done + 2
    assert taken == 30


def test_workers_are_niced_reused_and_stop_with_the_pool() -> None:
    pids = set()
    with ParserPool(1, LIMITS, parser=DOUBLE) as pool:
        for _, outcome in pool.parse((n, f"/nowhere/pid-{n}.pdf") for n in range(3)):
            assert isinstance(outcome, ParsedDocument)
            pid, nice = outcome.text.split()
            assert int(nice) >= os.nice(0)
            pids.add(int(pid))
    assert len(pids) == 1
    assert not any(map(alive, pids))


def test_closing_the_iterator_stops_busy_workers() -> None:
    before = set(_children(os.getpid()))
    with ParserPool(2, LIMITS, parser=DOUBLE) as pool:
        outcomes = pool.parse([(1, "/nowhere/good-1.pdf"), (2, "/nowhere/hang-2.pdf")])
        next(outcomes)
        children = set(_children(os.getpid())) - before
        outcomes.close()  # type: ignore[attr-defined]
    assert children and wait_until(not any(map(alive, children)) for _ in iter(int, 1))


def test_workers_die_with_their_parent() -> None:
    script = (
        "from ragsvc.text.worker_pool import *\n"
        f"pool = ParserPool(1, ParseLimits(), parser={DOUBLE!r})\n"
        "next(pool.parse([(1, '/nowhere/hang-1.pdf')]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", script], env=environment)
    try:
        assert wait_until(bool(_children(parent.pid)) for _ in iter(int, 1))
        time.sleep(0.5)  # let it take the file
        children = _children(parent.pid)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert children and wait_until(not any(map(alive, children)) for _ in iter(int, 1))


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_pool_that_cannot_start_says_so_instead_of_failing_every_file() -> None:
    with pytest.raises(InternalError, match="do not start"):
        run(["good-1.pdf"], parser="no.such.module:parse")


def test_plain_text_loads_no_third_party_parser(tmp_path: Path) -> None:
    """Neither in the worker that reads it nor in whoever asks."""
    (tmp_path / "a.md").write_text("# Title\nbody")
    (tmp_path / "a.html").write_text("<h1>Title</h1><p>body</p>")
    script = (
        "import sys, os, pathlib\n"
        "from ragsvc.text.worker_pool import *\n"
        "def libraries():\n"
        "    pid = os.getpid()\n"
        "    [child] = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()\n"
        "    return 'kreuzberg' in pathlib.Path(f'/proc/{child}/maps').read_text()\n"
        "with ParserPool(2, ParseLimits()) as pool:\n"
        "    seen = []\n"
        "    for name in ('a.md', 'a.html'):\n"
        f"        [(key, parsed)] = pool.parse([(1, {str(tmp_path)!r} + '/' + name)])\n"
        "        assert 'Title' in parsed.text, parsed\n"
        "        seen.append(libraries())\n"
        "heavy = {'kreuzberg', 'torch', 'faiss', 'sqlalchemy'} & set(sys.modules)\n"
        "sys.exit(f'{heavy} {seen}' if heavy or seen != [False, True] else 0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_a_small_memory_limit_still_reads_small_documents(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<h1>Title</h1><p>text</p>")
    with ParserPool(1, ParseLimits(memory_bytes=192 << 20)) as pool:
        [(_, outcome)] = pool.parse([(1, str(tmp_path / "a.html"))])
    assert code(outcome) == "ok", outcome


def test_random_bytes_under_any_name_are_an_outcome(tmp_path: Path) -> None:
    rng = random.Random(7)
    heads = [b"", b"%PDF-1.7\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf1 ", b"<html>"]
    files = []
    for suffix in SUFFIXES:
        for number, head in enumerate(heads):
            path = tmp_path / f"{number}.{suffix}"
            path.write_bytes(head + rng.randbytes(rng.choice([1, 50, 3000])))
            files.append((path.name, str(path)))
    with ParserPool(2, ParseLimits(timeout_s=20)) as pool:
        outcomes = dict(pool.parse(files))
    assert outcomes.keys() == {name for name, _ in files}
    fates = {code(outcome) for outcome in outcomes.values()}
    assert not fates & {"parser_timeout", "parser_out_of_memory"}, fates


def test_a_small_file_gets_less_time_and_a_longer_limit_reaches_it() -> None:
    usual = ParseLimits()
    assert usual.seconds_for(700, Pace.PICTURES) < usual.timeout_s / 3
    assert usual.seconds_for(1 << 20, Pace.PICTURES) == usual.timeout_s
    assert usual.seconds_for(200_000, Pace.TEXT) < usual.timeout_s / 3
    assert ParseLimits(timeout_s=1.5).seconds_for(0, Pace.TEXT) == 1.5
    assert ParseLimits(timeout_s=600).seconds_for(0, Pace.TEXT) > usual.seconds_for(0, Pace.TEXT)


def test_one_that_crashes_after_others_is_tried_alone_before_it_is_blamed(tmp_path: Path) -> None:
    """What an earlier file broke must not be laid at the next one's door."""
    names = ["good-1.txt", "good-2.txt", "dieonce.txt", "good-3.txt", "segfault-1.txt", "good-4.txt"]
    with ParserPool(1, PATIENT, parser=DOUBLE) as pool:
        outcomes = dict(pool.parse((name, str(tmp_path / name)) for name in names))
    assert {name for name, outcome in outcomes.items() if code(outcome) != "ok"} == {"segfault-1.txt"}
    assert code(outcomes["segfault-1.txt"]) == "parser_crashed"


def test_a_hang_costs_none_of_those_that_wait_behind_it() -> None:
    names = [f"good-{n}.txt" for n in range(20)] + ["hang-1.txt"] + [f"good-{n}.txt" for n in range(20, 40)]
    outcomes = run(names, workers=1, limits=ParseLimits(timeout_s=4.0, memory_bytes=256 << 20))
    assert [name for name, outcome in outcomes.items() if code(outcome) != "ok"] == ["hang-1.txt"]
    assert code(outcomes["hang-1.txt"]) == "parser_timeout"
