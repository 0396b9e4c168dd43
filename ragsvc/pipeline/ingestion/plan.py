"""What a sync changes: a pure difference between what lives and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragsvc.domain import Failure
from ragsvc.errors import IdConflict
from ragsvc.fingerprints import canonical_json
from ragsvc.store.rows import Membership, NewMembership


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an ingest looked.

    roots: names of the roots that were looked at.
    kept: origins, and folders of origins, that could not be read now; what they claimed before stays.
    prune: whether live documents of `roots` that were not found go away.
    """

    roots: frozenset[str]
    kept: frozenset[str]
    prune: bool

    def covers(self, row: Membership) -> bool:
        """Whether everything that may claim this document was read."""
        if row.root not in self.roots:
            return False
        parts = row.origin.split("/")
        return not any("/".join(parts[:size]) in self.kept for size in range(1, len(parts) + 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """Membership changes, and in which count each document falls."""

    born: tuple[NewMembership, ...] = ()
    died: tuple[Membership, ...] = ()
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    conflicts: tuple[Failure, ...] = field(default=())


def make_plan(live: Mapping[str, Membership], claims: Sequence[NewMembership], scope: Scope) -> Plan:
    """Compare claims with live memberships.

    An id belongs to one origin. Another origin may take it over only when the owner was read and claims
    it no more; otherwise the claim is a listed conflict and the owner stays.

    :param live: live memberships by document id.
    :param claims: what was read, in canonical order; for one id the owner's first claim wins, then the
        first of all.
    """
    chosen, conflicts = _settle(live, claims, scope)
    born: list[NewMembership] = []
    died: list[Membership] = []
    added = changed = unchanged = 0
    for document_id, claim in chosen.items():
        current = live.get(document_id)
        if current is None:
            added += 1
            born.append(claim)
        elif _same(current, claim):
            unchanged += 1
        else:
            changed += 1
            born.append(claim)
            died.append(current)
    gone = _gone(live, chosen, scope) if scope.prune else []
    return Plan(tuple(born), (*died, *gone), added, changed, unchanged, len(gone), tuple(conflicts))


def _settle(
    live: Mapping[str, Membership], claims: Sequence[NewMembership], scope: Scope
) -> tuple[dict[str, NewMembership], list[Failure]]:
    owners: dict[str, str] = {}
    made = {(claim.document_id, claim.origin) for claim in claims}
    for claim in claims:
        current = live.get(claim.document_id)
        if current is not None and (
            (current.document_id, current.origin) in made or not scope.covers(current)
        ):
            owners[claim.document_id] = current.origin
        else:
            owners.setdefault(claim.document_id, claim.origin)
    chosen: dict[str, NewMembership] = {}
    conflicts: list[Failure] = []
    for claim in claims:
        if owners[claim.document_id] == claim.origin and claim.document_id not in chosen:
            chosen[claim.document_id] = claim
        else:
            conflicts.append(
                Failure(
                    claim.source,
                    IdConflict.code,
                    f"document id {claim.document_id!r} belongs to {owners[claim.document_id]!r}; "
                    "give one of them another id",
                )
            )
    return chosen, conflicts


def _same(current: Membership, claim: NewMembership) -> bool:
    return (
        current.version_id == claim.version_id
        and current.source == claim.source
        and current.origin == claim.origin
        and current.root == claim.root
        and current.warnings == claim.warnings
        and canonical_json(current.metadata) == canonical_json(claim.metadata)
    )


def _gone(
    live: Mapping[str, Membership], chosen: Mapping[str, NewMembership], scope: Scope
) -> list[Membership]:
    return [row for row in live.values() if row.document_id not in chosen and scope.covers(row)]
