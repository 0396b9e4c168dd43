"""Any sequence of changes and syncs finds what a fresh build of the last state finds."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from pathlib import Path

from doubles import CORPUS, ME, ingest, new_home, open_service, same_hits, search, upload
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ragsvc.domain import Collapse, Mode
from ragsvc.pipeline import index_files
from ragsvc.service.service import Service

WORDS = ["apple", "pear", "plum", "fig", "kiwi", "lemon", "the", "of", "running", "ran", "Äpfel", "42"]
words = st.sampled_from(WORDS)
texts = st.lists(st.lists(words, min_size=2, max_size=14).map(" ".join), min_size=1, max_size=4).map(
    lambda lines: ".\n\n".join(lines) + "."
)
langs = st.sampled_from(["", "en", "de"])
names = st.sampled_from(["a.md", "b.txt", "sub/c.md", "sub/d.txt"])
lines = st.sampled_from(["l.jsonl", "m.jsonl"])
ids = st.sampled_from(["one", "two", "three"])
QUERIES = ["running apple", "the lemon of Äpfel 42", "fig fig kiwi"]


def marked(text: str, lang: str) -> str:
    return f"---\nlang: {lang}\n---\n{text}" if lang and text else text


class Changes(RuleBasedStateMachine):
    """Files, lines and uploads change; `service` syncs, `follower` has been open all along."""

    @initialize(share=st.sampled_from([100.0, 0.5, 0.0]))
    def begin(self, share: float) -> None:
        self.share, index_files.LACKING_SHARE = index_files.LACKING_SHARE, share
        self.base = Path(tempfile.mkdtemp(prefix="ragsvc-incremental-"))
        self.docs = self.base / "docs"
        (self.docs / "sub").mkdir(parents=True)
        (self.docs / "anchor.md").write_text("# Anchor\n\nThe anchor holds an apple and a lemon.\n")
        for name in ("a.md", "b.txt", "sub/c.md"):
            (self.docs / name).write_text(marked(f"A fig and a lemon in {name}. The apple is running.", "en"))
        self.lines = {"one": ("l.jsonl", "plum kiwi apple", "de"), "two": ("m.jsonl", "fig of the pear", "")}
        self.write_lines()
        self.sent: dict[str, str] = {}
        self.home = new_home(self.base)
        self.service = self.opened()
        ingest(self.service, self.docs)
        self.follower = self.opened()
        search(self.follower, QUERIES[0])

    def opened(self) -> Service:
        """The home once more."""
        return open_service(self.home)

    def fresh(self) -> Service:
        """A new home for a fresh build."""
        return open_service(new_home(self.base, "fresh"))

    @rule(name=names, text=texts | st.just(""), lang=langs)
    def write(self, name: str, text: str, lang: str) -> None:
        (self.docs / name).write_text(marked(text, lang))

    @rule(name=names, lang=langs)
    def edit_front_matter(self, name: str, lang: str) -> None:
        path = self.docs / name
        if path.exists() and (old := path.read_text()):
            path.write_text(marked(old.rpartition("---\n")[2], lang))

    @rule(name=names)
    def remove(self, name: str) -> None:
        (self.docs / name).unlink(missing_ok=True)

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        if (self.docs / old).exists():
            (self.docs / old).replace(self.docs / new)

    @rule(name=names, other=names)
    def copy(self, name: str, other: str) -> None:
        if (self.docs / name).exists() and name != other:
            shutil.copyfile(self.docs / name, self.docs / other)

    @rule(document_id=ids, file=lines, text=texts, lang=langs)
    def put_line(self, document_id: str, file: str, text: str, lang: str) -> None:
        """A line that stood in the other file moves."""
        self.lines[document_id] = (file, text, lang)
        self.write_lines()

    @rule(document_id=ids)
    def drop_line(self, document_id: str) -> None:
        self.lines.pop(document_id, None)
        self.write_lines()

    def write_lines(self) -> None:
        for file in ("l.jsonl", "m.jsonl"):
            rows = [
                {"id": key, "title": key.title(), "text": text, "metadata": {"lang": lang}}
                for key, (home, text, lang) in self.lines.items()
                if home == file
            ]
            (self.docs / file).write_text("".join(json.dumps(row) + "\n" for row in rows))

    @rule(document_id=ids, text=texts)
    def send(self, document_id: str, text: str) -> None:
        self.sent[f"sent/{document_id}"] = text
        upload(self.service, {f"sent/{document_id}": text})

    @rule(pick=st.integers(0, 100))
    def delete(self, pick: int) -> None:
        """An upload is gone for good; a file's document comes back with the next sync."""
        found, _ = self.service.documents(ME, CORPUS, cursor=None, limit=100)
        if found:
            document_id = found[pick % len(found)].document_id
            self.sent.pop(document_id, None)
            self.service.delete_document(ME, CORPUS, document_id)

    @rule()
    def sync(self) -> None:
        ingest(self.service, self.docs)
        assert ingest(self.service, self.docs).documents.unchanged == self.count_files()

    def count_files(self) -> int:
        files = [path for path in self.docs.rglob("*") if path.is_file() and path.stat().st_size]
        return len([path for path in files if path.suffix != ".jsonl"]) + len(self.lines)

    @rule(query=st.sampled_from(QUERIES))
    @precondition(lambda self: hasattr(self, "follower"))
    def follow(self, query: str) -> None:
        search(self.follower, query)

    @rule(query=st.sampled_from(QUERIES))
    def look(self, query: str) -> None:
        search(self.service, query)

    def teardown(self) -> None:
        if not hasattr(self, "follower"):
            return
        try:
            self.compare()
        finally:
            index_files.LACKING_SHARE = self.share
            for service in (self.service, self.follower):
                service.close()
            shutil.rmtree(self.base)

    def compare(self) -> None:
        ingest(self.service, self.docs)
        with self.fresh() as fresh, self.opened() as reopened:
            ingest(fresh, self.docs)
            if self.sent:
                upload(fresh, self.sent)
            find_the_same(fresh, self.service, self.follower, reopened)


def find_the_same(fresh: Service, *others: Service) -> None:
    asked = itertools.product(QUERIES, Mode, [None, {"lang": "en"}, {"lang": {"$ne": "en"}}])
    for query, mode, where in asked:
        expected = search(fresh, query, mode, where=where)
        for other in others:
            same_hits(expected, search(other, query, mode, where=where))
    flat = search(fresh, "apple", k=200, collapse=Collapse.OFF)
    for other in others:
        same_hits(flat, search(other, "apple", k=200, collapse=Collapse.OFF))


TestIncremental = Changes.TestCase
TestIncremental.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
