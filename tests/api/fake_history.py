"""The history of the service in memory: commits 1 to 3 of every corpus, of which gc took the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragsvc.domain import (
    Caller,
    ChunkerSpec,
    Commit,
    CommitId,
    CorpusDetails,
    DuplicateGroup,
    DuplicateKind,
    EmbedderSpec,
    Entity,
    EntityEdge,
    EntityKind,
    NamedDocument,
    Outlier,
    Profile,
    ProfileId,
    ProfileSpec,
    RelationGraph,
    RollbackReport,
    Tag,
    VersionId,
)
from ragsvc.errors import CommitCollected, EntityNotFound, InvalidName, RefNotFound, TagExists

if TYPE_CHECKING:
    from fake import FakeService

TIME = "2025-01-31T09:00:00Z"
HEAD = CommitId(3)
EMBEDDER = EmbedderSpec(
    name="fake",
    weights="00",
    dimension=8,
    max_tokens=256,
    pooling="mean",
    query_prefix="",
    document_prefix="",
    backend="none",
    dtype="float32",
)
PROFILE = Profile(
    ProfileId(1), "ab" * 32, "cd" * 32, ProfileSpec(EMBEDDER, ChunkerSpec("1", 200, 0, 24), "standard-1")
)


class FakeRelations:
    """Every document names one person, who is named with one tag."""

    def __init__(self, service: FakeService) -> None:
        self._service = service

    def graph(
        self,
        caller: Caller,
        corpus: str,
        *,
        entity: str | None = None,
        limit: int = 50,
        at: str | None = None,
    ) -> RelationGraph:
        commit = self._service.maintenance.find(corpus, at)
        names = sorted(self._service._texts(corpus))
        ann = Entity("ann", "Ann", (EntityKind.PERSON,), len(names))
        tag = Entity("fees", "fees", (EntityKind.TAG, EntityKind.ROW), 1)
        if entity not in (None, "Ann"):
            raise EntityNotFound(f"no document names {entity!r}", hint="leave the name out")
        documents = [
            NamedDocument(membership=1, document_id=name, version=VersionId(1), title=name, source="upload")
            for name in names
        ]
        return RelationGraph(
            corpus=corpus,
            commit=commit,
            entity=ann if entity else None,
            entities=(tag,) if entity else (ann, tag)[:limit],
            total=1 if entity else 2,
            edges=(EntityEdge("ann", "fees", 1),) if entity or limit > 1 else (),
            documents=tuple(documents[:limit]) if entity else (),
            unread=0,
        )


class FakeLifecycle:
    """Tags are real; going back changes no text."""

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self._tags: dict[tuple[str, str], CommitId] = {}

    def find(self, corpus: str, at: str | None) -> CommitId:
        self._service._texts(corpus)
        if at is None or at == "head":
            return HEAD
        found = self._tags.get((corpus, at)) or {"1": 1, "2": 2, "3": 3, "head~1": 2, "head~2": 1}.get(at)
        if found is None:
            raise RefNotFound(f"{corpus} has no commit or tag {at!r}", hint="ragsvc log lists them")
        if found == 1:
            raise CommitCollected("commit 1 was removed by gc", hint="tags keep commits")
        return CommitId(found)

    def details(self, caller: Caller, corpus: str) -> CorpusDetails:
        summary = self._service.corpus(caller, corpus)
        log = tuple(self.log(caller, corpus, limit=5))
        return CorpusDetails(
            summary=summary, profile=PROFILE, index_bytes=4096, log=log, tags=tuple(self.tags(caller, corpus))
        )

    def outliers(self, caller: Caller, corpus: str, limit: int) -> list[Outlier]:
        names = sorted(self._service._texts(corpus))
        return [Outlier(name, 0.9124, names[0]) for name in names[1:]][:limit]

    def duplicates(self, caller: Caller, corpus: str) -> list[DuplicateGroup]:
        names = sorted(self._service._texts(corpus))
        return [DuplicateGroup(DuplicateKind.NEAR, 0.84375, tuple(names))] if len(names) > 1 else []

    def log(
        self, caller: Caller, corpus: str, *, limit: int = 20, before: CommitId | None = None
    ) -> list[Commit]:
        self._service._texts(corpus)
        numbers = [number for number in (3, 2, 1) if before is None or number < before]
        return [
            Commit(
                id=CommitId(number),
                created_at=TIME,
                principal="local",
                kind="ingest",
                stats={"added": 1},
                profile=PROFILE.fingerprint,
                embedder="fake",
                tags=tuple(name for (_, name), at in self._tags.items() if at == number),
                collected=number == 1,
            )
            for number in numbers[:limit]
        ]

    def tags(self, caller: Caller, corpus: str) -> list[Tag]:
        self._service._texts(corpus)
        return [Tag(name, at, "local", TIME) for (of, name), at in sorted(self._tags.items()) if of == corpus]

    def set_tag(self, caller: Caller, corpus: str, tag: str, *, at: str = "head", move: bool = False) -> Tag:
        if tag.isdigit() or tag == "head":
            raise InvalidName(f"{tag!r} cannot be a tag", hint="not a number, not head")
        commit = self.find(corpus, at)
        if self._tags.get((corpus, tag), commit) != commit and not move:
            raise TagExists(f"the tag {tag} names another commit", hint="move it")
        self._tags[corpus, tag] = commit
        return Tag(tag, commit, "local", TIME)

    def delete_tag(self, caller: Caller, corpus: str, tag: str) -> None:
        self._service._texts(corpus)
        if self._tags.pop((corpus, tag), None) is None:
            raise RefNotFound(f"{corpus} has no tag {tag!r}", hint="ragsvc tag lists them")

    def rollback(self, caller: Caller, corpus: str, to: str) -> RollbackReport:
        found = self.find(corpus, to)
        changed = int(found != HEAD)
        return RollbackReport(
            corpus=corpus,
            commit=CommitId(HEAD + changed),
            previous=HEAD,
            to=found,
            added=0,
            changed=changed,
            removed=0,
            profile_changed=False,
        )
