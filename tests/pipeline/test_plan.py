"""What a sync changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ragsvc.domain import VersionId
from ragsvc.errors import IdConflict
from ragsvc.pipeline.ingestion.plan import Scope, make_plan
from ragsvc.store.rows import Membership, NewMembership


def row(
    document_id: str, version: int = 1, origin: str | None = None, root: str = "r", number: int = 1
) -> Membership:
    origin = origin or document_id
    return Membership(
        id=number,
        document_id=document_id,
        version_id=VersionId(version),
        metadata={},
        source=origin,
        origin=origin,
        root=root,
        owner="local",
    )


def claim(
    document_id: str, version: int = 1, origin: str | None = None, root: str = "r", **metadata: Any
) -> NewMembership:
    origin = origin or document_id
    return NewMembership(
        document_id=document_id,
        version_id=VersionId(version),
        metadata=metadata,
        source=origin,
        origin=origin,
        root=root,
        owner="local",
    )


def live(*rows: Membership) -> dict[str, Membership]:
    return {item.document_id: item for item in rows}


def scope(*kept: str, roots: frozenset[str] = frozenset({"r"}), prune: bool = True) -> Scope:
    return Scope(roots, frozenset(kept), prune)


def ids(items: Iterable[Membership | NewMembership]) -> list[str]:
    return [item.document_id for item in items]


def test_each_document_falls_in_one_count() -> None:
    held = live(row("r/same"), row("r/edited"), row("r/gone"), row("r/meta"))
    claims = [claim("r/edited", 2), claim("r/meta", lang="en"), claim("r/new"), claim("r/same")]
    plan = make_plan(held, claims, scope())
    assert (plan.added, plan.changed, plan.unchanged, plan.removed) == (1, 2, 1, 1)
    assert ids(plan.born) == ["r/edited", "r/meta", "r/new"]
    assert ids(plan.died) == ["r/edited", "r/meta", "r/gone"]


def test_values_of_other_types_are_a_change() -> None:
    held = live(
        Membership(
            id=1,
            document_id="r/a",
            version_id=VersionId(1),
            metadata={"n": 1},
            source="r/a",
            origin="r/a",
            root="r",
            owner="local",
        )
    )
    for value in (True, 1.0, "1"):
        assert make_plan(held, [claim("r/a", n=value)], scope()).changed == 1
    assert make_plan(held, [claim("r/a", n=1)], scope()).unchanged == 1


def test_an_id_stays_with_its_owner() -> None:
    held = live(row("x", origin="r/z.jsonl"))
    claims = [claim("x", 2, "r/a.jsonl"), claim("x", 1, "r/z.jsonl")]
    plan = make_plan(held, claims, scope())
    assert (plan.born, plan.died, plan.unchanged) == ((), (), 1)
    assert [(failure.source, failure.code) for failure in plan.conflicts] == [("r/a.jsonl", IdConflict.code)]
    assert "r/z.jsonl" in plan.conflicts[0].error


def test_of_two_new_claims_the_first_wins_and_the_other_is_listed() -> None:
    plan = make_plan({}, [claim("x", 1, "r/a"), claim("x", 2, "r/b")], scope())
    assert [item.origin for item in plan.born] == ["r/a"]
    assert [failure.source for failure in plan.conflicts] == ["r/b"]


def test_a_second_claim_of_the_same_origin_is_listed_too() -> None:
    plan = make_plan({}, [claim("x", 1, "upload", ""), claim("x", 2, "upload", "")], scope())
    assert [item.version_id for item in plan.born] == [1]
    assert len(plan.conflicts) == 1


def test_an_id_is_taken_over_when_its_owner_was_read_and_claims_it_no_more() -> None:
    held = live(row("x", origin="r/old.jsonl"))
    # The owner is gone, or it is there with other lines: nobody can tell the difference by the id.
    for others in ([], [claim("y", 3, "r/old.jsonl")]):
        plan = make_plan(held, [claim("x", 2, "r/new.jsonl"), *others], scope(prune=False))
        assert plan.changed == 1 and not plan.conflicts
        assert [item.origin for item in plan.born if item.document_id == "x"] == ["r/new.jsonl"]


def test_an_id_is_not_taken_over_when_its_owner_was_not_looked_for_or_not_readable() -> None:
    held = live(row("x", origin="r/old.jsonl"))
    elsewhere = make_plan(held, [claim("x", 2, "s/new.jsonl", "s")], scope(roots=frozenset({"s"})))
    broken = make_plan(held, [claim("x", 2, "r/new.jsonl")], scope("r/old.jsonl"))
    folder = make_plan(live(row("x", origin="r/f/o.jsonl")), [claim("x", 2, "r/n.jsonl")], scope("r/f"))
    for plan in (elsewhere, broken, folder):
        assert (plan.born, plan.died, len(plan.conflicts)) == ((), (), 1)


def test_what_could_not_be_read_is_not_pruned() -> None:
    held = live(row("r/broken"), row("line", origin="r/f.jsonl"), row("r/sub/a"), row("r/sub2/a"), row("r/b"))
    plan = make_plan(held, [], scope("r/broken", "r/f.jsonl", "r/sub"))
    assert ids(plan.died) == ["r/sub2/a", "r/b"]


def test_pruning_stays_inside_its_roots() -> None:
    held = live(row("r/a"), row("s/a", root="s"), row("sent", origin="upload", root=""))
    assert ids(make_plan(held, [], scope()).died) == ["r/a"]
    assert make_plan(held, [], scope(prune=False)).died == ()
    assert ids(make_plan(held, [], scope(roots=frozenset({"r", "s"}))).died) == ["r/a", "s/a"]


def test_uploads_replace_uploads_and_never_files() -> None:
    held = live(row("sent", origin="upload", root=""), row("r/a"))
    claims = [claim("r/a", 2, "upload", ""), claim("sent", 2, "upload", "")]
    plan = make_plan(held, claims, scope(roots=frozenset(), prune=False))
    assert ids(plan.born) == ids(plan.died) == ["sent"]
    assert len(plan.conflicts) == 1 and "'r/a'" in plan.conflicts[0].error
