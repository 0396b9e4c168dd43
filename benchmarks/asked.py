"""Questions of which it is known whether they can be answered, and what the service sees of each.

Groups: the tuning half of the golden questions of the handbook, questions about it that were written for
the fit, and SQuAD 2.0's own questions, whose articles are divided by a hash of their title.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.asked_corpus import NAME as OTHERS
from benchmarks.asked_corpus import QUESTIONS, write
from ragsvc.domain import Caller, IngestRequest, Mode, SearchRequest
from ragsvc.evaluation.questions import load
from ragsvc.service.service import Service

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = Path("tests/golden/handbook.jsonl")
WRITTEN = {
    "written answerable": Path("benchmarks/answerable.txt"),
    "written near": Path("benchmarks/unanswerable.txt"),
}
HANDBOOK = "handbook"
SQUAD = "squad2-dev-half"
PASSAGES = 6
HANDBOOK_STEP = 3
SQUAD_STEP = 12
# Whatever decides a feature: when one of these files changes, features are collected anew.
_DECIDING = ("ragsvc/pipeline", "ragsvc/index", "ragsvc/text", "ragsvc/models", "ragsvc/service")
_CALLER = Caller()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a known group; article: of SQuAD, or "" for the handbook."""

    corpus: str
    text: str
    group: str
    article: str = ""

    @property
    def held_out(self) -> bool:
        """Whether it belongs to an article that nothing is fitted on."""
        return bool(self.article) and hashlib.sha256(self.article.encode()).digest()[-1] % 2 == 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A question with the features of what was found for it."""

    asked: Asked
    features: dict[str, float]


def handbook() -> list[Asked]:
    """The tuning half of the golden questions, and the written ones."""
    golden = load(ROOT / GOLDEN, "tune").questions
    asked = [Asked(HANDBOOK, q.text, "answerable" if q.answerable else str(q.kind)) for q in golden]
    for group, path in WRITTEN.items():
        lines = (ROOT / path).read_text("utf-8").splitlines()
        asked += [Asked(HANDBOOK, line, group) for line in lines if line and not line.startswith("#")]
    return asked


def other_people() -> list[Asked]:
    """The tuning half of the asked questions, but for small talk and follow-ups."""
    chosen = [q for q in load(QUESTIONS, "tune").questions if q.kind != "smalltalk" and not q.history]
    return [Asked(OTHERS, q.text, "asked answerable" if q.answerable else "asked near") for q in chosen]


def squad(data: Path) -> list[Asked]:
    """All questions of SQuAD's half, each once."""
    stored = json.loads((data / SQUAD / "dev-v2.0.json").read_text("utf-8"))
    found = {
        Asked(
            SQUAD,
            each["question"],
            "squad near" if each["is_impossible"] else "squad answerable",
            one["title"],
        ): None
        for one in stored["data"]
        for paragraph in one["paragraphs"]
        for each in paragraph["qas"]
    }
    return list(found)


def questions(data: Path) -> list[Asked]:
    """Those that are looked at: all of other people's texts, and evenly drawn ones of the larger sets.

    Each costs about a second, for the reader reads its passages and its best units.
    """
    return [*handbook()[::HANDBOOK_STEP], *other_people(), *squad(data)[::SQUAD_STEP]]


def collect(service: Service, home: Path, data: Path) -> list[Seen]:
    """Ingest both corpora and look at every question, or read what an equal run found."""
    folder = home.resolve() / "benchmarks" / OTHERS
    write(folder)
    sources = {
        HANDBOOK: ROOT / "corpora" / HANDBOOK,
        SQUAD: data / SQUAD / "corpus.jsonl",
        OTHERS: folder,
    }
    asked = questions(data)
    parts = [_code()]
    for corpus, source in sources.items():
        service.ingest(_CALLER, IngestRequest(corpus=corpus, paths=(str(source),)))
        summary = service.corpus(_CALLER, corpus)
        parts.append(f"{corpus} {summary.commit} {summary.chunks} {summary.embedder}")
    parts += [repr(each) for each in asked]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    cache = home / "benchmarks" / f"answerability-{key}.jsonl"
    if cache.is_file():
        return _read(cache)
    seen = _look(service, asked)
    cache.parent.mkdir(exist_ok=True)
    for old in cache.parent.glob("answerability-*.jsonl"):
        old.unlink()
    lines = [json.dumps([asdict(each.asked), each.features]) for each in seen]
    cache.write_text("\n".join(lines) + "\n", "utf-8")
    return seen


def _look(service: Service, asked: Sequence[Asked]) -> list[Seen]:
    """Questions without evidence are left out: they are refused whatever the model says."""
    seen: list[Seen] = []
    started = time.perf_counter()
    for number, each in enumerate(asked, start=1):
        request = SearchRequest(corpora=(each.corpus,), query=each.text, k=PASSAGES, mode=Mode.HYBRID)
        grounds = service.queries.grounds(_CALLER, request)[0]
        if grounds is not None:
            seen.append(Seen(each, dict(grounds.features)))
        if number % 500 == 0:
            print(
                f"{number} of {len(asked)}, {time.perf_counter() - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return seen


def _code() -> str:
    digest = hashlib.sha256()
    for folder in _DECIDING:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(cache: Path) -> list[Seen]:
    rows = [json.loads(line) for line in cache.read_text("utf-8").splitlines()]
    return [Seen(Asked(**asked), features) for asked, features in rows]
