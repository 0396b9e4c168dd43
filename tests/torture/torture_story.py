"""Seeded sequences of edits and verbs, with what a fresh build of their last state needs."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doubles import CORPUS
from torture_truth import State
from torture_verbs import CARRIED, OTHER

WORDS = ("apple", "pear", "plum", "fig", "kiwi", "lemon", "the", "of", "running", "ran", "Äpfel", "42")
NAMES = ("a.md", "b.txt", "sub/c.md", "sub/d.txt", "deep/er/f.md")
# Read by a process of its own, which takes time to start.
SLOW_NAMES = ("e.html",)
LINES = ("l.jsonl", "m.jsonl")
IDS = ("one", "two", "three", "four")
LANGS = ("", "en", "de")
# The head of every story, so that a single one does everything at least once.
TOUR = (
    "sync",
    "sync_part",
    "send",
    "tag",
    "sync",
    "job",
    "delete",
    "cancelled_job",
    "sync_keep",
    "reindex",
    "rebuild",
    "carry",
    "rollback",
    "untag",
    "gc",
    "delete_corpus",
)
WEIGHTS = {
    "sync": 6,
    "sync_keep": 2,
    "send": 3,
    "delete": 3,
    "job": 2,
    "sync_part": 2,
    "delete_corpus": 1,
    "dry_run": 1,
    "cancelled_job": 1,
    "tag": 2,
    "untag": 1,
    "rollback": 2,
    "gc": 2,
    "reindex": 2,
    "rebuild": 1,
    "carry": 1,
}


@dataclass(frozen=True)
class Step:
    """One verb and its arguments; the folder has been edited before it."""

    verb: str
    arguments: dict[str, Any]


@dataclass
class Story:
    """A folder that changes, and what was sent beside it.

    names: files that come and go. sent: uploads that are to be in the corpus, by id.
    other: what the second corpus was made of. profile: settings that the first has been indexed with.
    tags: what had been sent when a tag was set, and the profile.
    """

    seed: int
    folder: Path
    names: tuple[str, ...] = NAMES
    sent: dict[str, str] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, tuple[dict[str, str], dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.told = 0
        self.lines: dict[str, dict[str, tuple[str, str]]] = {name: {} for name in LINES}
        self.folder.mkdir(parents=True)
        (self.folder / "anchor.md").write_text("# Anchor\n\nThe anchor holds an apple and a lemon.\n")
        for number in range(10):
            (self.folder / f"still{number}.txt").write_text(f"Number {number} never changes. {self.text()}")
        for _ in range(8):
            self.edit()

    def text(self) -> str:
        """A few paragraphs of few words, so that texts meet again."""
        paragraphs = [
            " ".join(self.random.choices(WORDS, k=self.random.randint(2, 14)))
            for _ in range(self.random.randint(1, 4))
        ]
        return ".\n\n".join(paragraphs) + "."

    def edit(self) -> None:
        """Change one thing in the folder."""
        change = self.random.choice(
            (self._write, self._write, self._remove, self._rename, self._copy, self._put_line, self._put_line)
        )
        change()

    def next(self, now: State) -> Step:
        """Edit the folder, then choose what to do; `now` is what the home holds."""
        for _ in range(self.random.randint(1, 4)):
            self.edit()
        verb = TOUR[self.told] if self.told < len(TOUR) else self._any_verb(now)
        self.told += 1
        maker = getattr(self, f"_step_{verb}", None)
        return Step(verb, {} if maker is None else maker(now))

    def last(self) -> list[Step]:
        """Steps after which the home must equal a fresh build."""
        if not self.other.get("file"):
            return [Step("sync", {})]
        return [Step("sync", {}), Step("sync_part", {"file": self.other["file"]})]

    def _any_verb(self, now: State) -> str:
        while True:
            verb = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            possible: dict[str, Any] = now.documents[CORPUS]
            if verb in ("untag", "rollback"):
                possible = self.tags
            if verb == "carry" and now.documents[CARRIED]:
                verb = "delete_corpus"
            if possible or verb.startswith("sync"):
                return verb

    # --- arguments of verbs -------------------------------------------------------------

    def _step_send(self, now: State) -> dict[str, Any]:
        documents = {f"sent/{self.random.choice(IDS)}": self.text() for _ in range(self.random.randint(1, 3))}
        if self.random.random() < 0.3:
            self.other.setdefault("sent", {}).update(documents)
            return {"documents": documents, "corpus": OTHER}
        self.sent |= documents
        return {"documents": documents}

    def _step_job(self, now: State) -> dict[str, Any]:
        documents = {f"sent/{self.random.choice(IDS)}": self.text()}
        self.sent |= documents
        return {"documents": documents}

    def _step_sync_part(self, now: State) -> dict[str, Any]:
        self.other.setdefault("file", self.random.choice(LINES))
        self.lines[self.other["file"]].setdefault("one", (self.text(), "en"))
        self._write_lines()
        return {"file": self.other["file"]}

    def _step_delete(self, now: State) -> dict[str, Any]:
        """A file's document comes back with the next sync, an upload is gone for good."""
        chosen = self.random.choice(sorted(now.documents.get(CORPUS, {})) or ["nothing"])
        self.sent.pop(chosen, None)
        return {"document_id": chosen}

    def _step_tag(self, now: State) -> dict[str, Any]:
        label = self.random.choice(("v1", "v2"))
        self.tags[label] = (dict(self.sent), self.profile)
        return {"label": label}

    def _step_untag(self, now: State) -> dict[str, Any]:
        label = self.random.choice(sorted(self.tags))
        del self.tags[label]
        return {"label": label}

    def _step_rollback(self, now: State) -> dict[str, Any]:
        label = self.random.choice(sorted(self.tags))
        self.sent, self.profile = dict(self.tags[label][0]), self.tags[label][1]
        return {"label": label}

    def _step_reindex(self, now: State) -> dict[str, Any]:
        embedder, tokens = self.random.choice(("hash", "second")), self.random.choice((16, 24, 40))
        self.profile = {"embedder": embedder, "chunk_tokens": tokens}
        return dict(self.profile)

    def _step_carry(self, now: State) -> dict[str, Any]:
        return {"label": f"export{self.told}"}

    def _step_gc(self, now: State) -> dict[str, Any]:
        first = self.told <= len(TOUR)
        return {"keep": self.random.randint(1, 3), "vacuum": first or self.random.random() < 0.5}

    def _step_delete_corpus(self, now: State) -> dict[str, Any]:
        name = self.random.choice([name for name, held in now.documents.items() if held])
        if name == CORPUS:
            self.sent.clear()
            self.tags.clear()
            self.profile = {}
        if name == OTHER:
            self.other.clear()
        return {"corpus": name}

    # --- edits --------------------------------------------------------------------------

    def _pick(self) -> Path:
        return self.folder / self.random.choice(self.names)

    def _write(self) -> None:
        path, text, lang = self._pick(), self.text(), self.random.choice(LANGS)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".html":
            path.write_text(f"<html><body><p>{text}</p></body></html>")
        else:
            path.write_text(f"---\nlang: {lang}\n---\n{text}" if lang else text)

    def _remove(self) -> None:
        self._pick().unlink(missing_ok=True)

    def _rename(self) -> None:
        old, new = self._pick(), self._pick()
        if old.exists() and old.suffix == new.suffix:
            new.parent.mkdir(parents=True, exist_ok=True)
            old.replace(new)

    def _copy(self) -> None:
        old, new = self._pick(), self._pick()
        if old.exists() and old != new and old.suffix == new.suffix:
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(old.read_bytes())

    def _put_line(self) -> None:
        """A line is new, or changes, or goes, or moves to the other file."""
        name, file = self.random.choice(IDS), self.random.choice(LINES)
        for lines in self.lines.values():
            lines.pop(name, None)
        if self.random.random() < 0.8:
            self.lines[file][name] = (self.text(), self.random.choice(LANGS))
        self._write_lines()

    def _write_lines(self) -> None:
        for file, lines in self.lines.items():
            rows = [
                {"id": name, "title": name.title(), "text": text, "metadata": {"lang": lang}}
                for name, (text, lang) in lines.items()
            ]
            (self.folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
