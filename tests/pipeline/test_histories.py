"""Any sequence of changes, rollbacks, tags, gc and reindexes: a sync finds what a fresh build finds, and
every commit that gc left gives what it gave when it was the head."""

from __future__ import annotations

import pytest
from doubles import CORPUS, ME, HashEmbedder, ingest, new_home, open_service, same_hits
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from test_incremental import QUERIES, Changes

from ragsvc.domain import Mode, SearchRequest, SearchResult
from ragsvc.errors import CommitCollected
from ragsvc.service.service import Service

labels = st.sampled_from(["v1", "v2"])
picks = st.integers(0, 100)


def embedder(name: str) -> HashEmbedder:
    """Two models: the same words point elsewhere in each."""
    return HashEmbedder(name, "" if name == "hash" else name)


def everything(service: Service, at: str | None = None) -> list[SearchResult]:
    requests = [
        SearchRequest(corpora=(CORPUS,), query=query, k=50, mode=mode, where=where, at=at)
        for query, mode in zip(QUERIES, Mode, strict=True)
        for where in (None, {"lang": "en"})
    ]
    return [service.search(ME, request) for request in requests]


class Histories(Changes):
    """Remembers of each commit what it found, and which uploads it held, when it was the head."""

    # Fewer kinds of steps, so that those below come more often; every second step ends with a sync.
    sync = follow = look = copy = None

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[int, list[SearchResult]] = {}
        self.sent_at: dict[int, dict[str, str]] = {}
        self.tags: dict[str, int] = {}
        self.collected: set[int] = set()
        self.steps = 0

    @initialize(share=st.sampled_from([100.0, 0.5, 0.0]))
    def begin(self, share: float) -> None:
        """Three commits, so that there is something to go back to from the first step on."""
        super().begin(share)
        self.note()
        self.tag("v1", 0)
        self.edit_front_matter("a.md", "de")
        (self.docs / "b.txt").unlink()
        ingest(self.service, self.docs)
        self.note()
        self.send("one", "The pear of an upload and a lemon.")

    def opened(self) -> Service:
        return open_service(self.home, embedder)

    def fresh(self) -> Service:
        """With the profile that the corpus has now."""
        spec = self.service.maintenance.details(ME, CORPUS).profile.spec
        home = new_home(self.base, "fresh")
        return open_service(
            home, embedder, embedder=spec.embedder.name, chunk_tokens=spec.chunker.size_tokens
        )

    @invariant()
    def remember(self) -> None:
        self.note()
        self.steps += 1
        if self.steps % 2:
            ingest(self.service, self.docs)
            self.note()

    def note(self) -> None:
        head = self.head()
        if head not in self.found:
            self.found[head] = everything(self.service)
            self.sent_at[head] = dict(self.sent)

    def head(self) -> int:
        return self.service.maintenance.log(ME, CORPUS, limit=1)[0].id

    def kept(self, pick: int) -> int:
        """One of the commits that can be gone back to."""
        found = sorted(self.found.keys() - self.collected)
        return found[pick % len(found)]

    @rule(label=labels, pick=picks | st.none())
    def tag(self, label: str, pick: int | None) -> None:
        if pick is not None:
            number = self.kept(pick)
            self.service.maintenance.set_tag(ME, CORPUS, label, at=str(number), move=True)
            self.tags[label] = number
        elif self.tags.pop(label, None) is not None:
            self.service.maintenance.delete_tag(ME, CORPUS, label)

    @rule(pick=picks)
    def go_back(self, pick: int) -> None:
        number = self.kept(pick)
        name = next((label for label, tagged in self.tags.items() if tagged == number), str(number))
        report = self.service.maintenance.rollback(ME, CORPUS, name)
        assert report.to == number
        assert (report.commit == report.previous) == (report.commit in self.found)
        self.sent = dict(self.sent_at[number])
        for one, other in zip(everything(self.service), self.found[number], strict=True):
            same_hits(one, other)

    @rule(keep=st.integers(1, 4))
    def collect(self, keep: int) -> None:
        numbers = [entry.id for entry in self.service.maintenance.log(ME, CORPUS, limit=1000)]
        doomed = set(numbers[keep:]) - set(self.tags.values()) - self.collected
        planned = self.service.maintenance.collect(ME, CORPUS, keep=keep, dry_run=True)
        report = self.service.maintenance.collect(ME, CORPUS, keep=keep)
        assert planned.commits == report.commits == len(doomed)
        assert report.postponed == ""
        self.collected |= doomed

    @rule(name=st.sampled_from(["hash", "other"]), chunk_tokens=st.sampled_from([24, 40]))
    def reindex(self, name: str, chunk_tokens: int) -> None:
        self.service.maintenance.reindex(ME, CORPUS, embedder=name, chunk_tokens=chunk_tokens)
        profile = self.service.maintenance.details(ME, CORPUS).profile.spec
        assert (profile.embedder.name, profile.chunker.size_tokens) == (name, chunk_tokens)

    @rule(pick=picks)
    def look_back(self, pick: int) -> None:
        for now, then in zip(everything(self.follower), self.found[self.head()], strict=True):
            same_hits(now, then)
        self.look_at(self.follower, self.kept(pick))

    def look_at(self, service: Service, number: int) -> None:
        for now, then in zip(everything(service, str(number)), self.found[number], strict=True):
            assert now.commit == then.commit
            same_hits(now, then)

    def compare(self) -> None:
        """What gc left first: the sync that follows is one more commit."""
        log = self.service.maintenance.log(ME, CORPUS, limit=1000)
        assert {entry.id for entry in log} == self.found.keys()
        assert {entry.id for entry in log if entry.collected} == self.collected
        with self.opened() as reopened:
            for entry in log:
                if entry.collected:
                    with pytest.raises(CommitCollected):
                        search_at(reopened, entry.id)
                else:
                    self.look_at(reopened, entry.id)
        super().compare()


def search_at(service: Service, number: int) -> SearchResult:
    return service.search(ME, SearchRequest(corpora=(CORPUS,), query=QUERIES[0], at=str(number)))


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=8,
    stateful_step_count=16,
    deadline=None,
    # A step costs too much to look for the shortest sequence that fails.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
