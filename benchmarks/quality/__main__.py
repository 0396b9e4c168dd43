"""Every number of the README's quality tables, through the code of `ragsvc eval`.

    RAGSVC_TEST_DATA=folder python -m benchmarks.quality [PART ...] [--home DIR] [--out DIR]

What is not in the home yet is ingested first; another run embeds hardly anything. Prints the tables as
Markdown, and writes every report as JSON and all of them as one page. Of the golden questions, and of the
half `report` of the asked ones, only sums are printed or written; of the half `tune` (--split tune) there is
asked-tune.md to read, with each question, its answer and what became of it. With --write the README's tables
are replaced. Exit code 4 when a line of the acceptance is missed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from benchmarks.quality import abstention, asked, golden, multiturn, retrieval, spans
from benchmarks.quality.jobs import HELD_OUT, Bench, Job, Part, run, settings_of
from benchmarks.sets import BASELINES, data_folder
from ragsvc.evaluation.page.render import render
from ragsvc.evaluation.report import Report, to_json
from ragsvc.service.service import Service

PARTS: dict[str, Part] = {
    "golden": golden.PART,
    "asked": asked.PART,
    "retrieval": retrieval.PART,
    "abstention": abstention.PART,
    "spans": spans.PART,
    "multiturn": multiturn.PART,
}
README = golden.ROOT / "README.md"
PROCESSES = 2
MISSED = 4


def prepare(home: Path, parts: Sequence[str], bench: Bench) -> dict[str, list[Job]]:
    """Ingest one part after another: there is one writer, and embedding uses all cores."""
    jobs = {}
    for name in parts:
        started = time.perf_counter()
        with Service.open(settings_of(home, threads=None)) as service:
            jobs[name] = PARTS[name].prepare(service, bench)
        say(f"{name}: ingested in {time.perf_counter() - started:.1f} s")
    return jobs


def measure(home: Path, jobs: Sequence[Job]) -> dict[str, Report]:
    """Run all jobs, two at a time and the longest first."""
    os.environ["OMP_NUM_THREADS"] = "1"
    reports = {}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(PROCESSES, len(jobs)), mp_context=spawn) as pool:
        running = {
            pool.submit(run, home, job): job for job in sorted(jobs, key=lambda job: job.size, reverse=True)
        }
        for future in as_completed(running):
            name = running[future].name
            reports[name] = future.result()
            say(f"{name}: {len(reports[name].items)} questions in {reports[name].seconds:.1f} s")
    return reports


def write(out: Path, jobs: Sequence[Job], reports: Mapping[str, Report]) -> None:
    """Keep the reports, without the questions of those that are private."""
    out.mkdir(parents=True, exist_ok=True)
    kept = [
        replace(reports[job.name], items=(), malformed=()) if job.private else reports[job.name]
        for job in jobs
    ]
    for job, report in zip(jobs, kept, strict=True):
        text = json.dumps(to_json(report), ensure_ascii=False)
        (out / f"{job.name}.json").write_text(text, "utf-8")
    (out / "quality.html").write_text(render(kept), "utf-8")


def replaced(readme: str, name: str, body: str) -> str:
    """The README with another table of a part; what stands around it is left alone."""
    begin, end = f"<!-- quality: {name} -->\n", "\n<!-- quality: end -->"
    before, found, rest = readme.partition(begin)
    # A place without a table yet has one line end, and must not be taken to reach to the end of the next.
    _, closed, after = f"\n{rest}".partition(end)
    if not found or not closed:
        raise SystemExit(f"README.md has no place for {name}: {begin.strip()} ... {end.strip()}")
    return before + begin + body + end + after


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.quality", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--home", type=Path, default=Path("indexes/quality"))
    parser.add_argument("--out", type=Path, default=Path("indexes/quality-reports"))
    parser.add_argument("--sets", nargs="+", choices=BASELINES, default=list(BASELINES), metavar="SET")
    parser.add_argument("--reranker", metavar="NAME", help="another RAGSVC_RERANKER to measure too")
    parser.add_argument(
        "--split", choices=(HELD_OUT, "tune"), default=HELD_OUT, help="half of the asked questions"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    given = parser.parse_args()
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; known: {', '.join(PARTS)}")
    if given.write and (given.reranker is not None or set(given.sets) != set(BASELINES)):
        parser.error("--write is of all sets, and of the service as it comes")
    if given.write and given.split != HELD_OUT:
        parser.error("--write is of the half that nothing was tuned on")
    return given


def main() -> int:
    """Run from the command line."""
    given = arguments()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        parts = given.parts or list(PARTS)
        for name in parts if given.write else ():
            # Found out now, not after minutes.
            replaced(README.read_text("utf-8"), name, "")
        # Their questions are in the repository, and so are their corpora, or the machine has them.
        data = data_folder() if set(parts) - {"golden", "asked"} else Path()
        bench = Bench(data, Path(scratch), given.sets, given.reranker, given.split, given.home)
        jobs = prepare(given.home, parts, bench)
        every = [job for some in jobs.values() for job in some]
        reports = measure(given.home, every)
    write(given.out, every, reports)
    for name in jobs:
        for page, text in PARTS[name].pages(reports).items():
            (given.out / page).write_text(text, "utf-8")
    sections = {name: PARTS[name].conclude(reports) for name in jobs}
    print("\n\n".join(section.text for section in sections.values()))
    if given.write:
        text = README.read_text("utf-8")
        for name, section in sections.items():
            text = replaced(text, name, section.body)
        README.write_text(text, "utf-8")
    say(f"\n{time.perf_counter() - started:.0f} s; page: {given.out / 'quality.html'}")
    return 0 if all(check.held for section in sections.values() for check in section.checks) else MISSED


if __name__ == "__main__":
    sys.exit(main())
