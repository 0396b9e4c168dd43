"""Making derived rows anew, and telling readers that it was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select

from ragsvc.domain import Caller, CommitId, Corpus
from ragsvc.errors import InternalError
from ragsvc.store.commits import insert_commit
from ragsvc.store.engine import Repository, batches
from ragsvc.store.metadata_index import field_rows
from ragsvc.store.tables import field, membership


class Repair(Repository):
    """Repairs that leave documents as they are."""

    def mend(
        self, caller: Caller, corpus: Corpus, memberships: Sequence[int], stats: Mapping[str, Any], uid: str
    ) -> CommitId:
        """Write the filter fields of some memberships anew, and make a commit: servers then look again.

        The writer lock is held. No document changes.

        :param uid: of the commit; index files that were mended before bear it.
        """
        if not self._db.lock.held:
            raise InternalError("mend was called without the writer lock")
        with self._db.write("store.mend") as connection:
            for some in batches(list(memberships)):
                connection.execute(delete(field).where(field.c.membership_id.in_(some)))
                columns = (membership.c.id, membership.c.corpus_id, membership.c.metadata)
                statement = select(*columns).where(membership.c.id.in_(some))
                rows = [made for row in connection.execute(statement) for made in field_rows(*row)]
                if rows:
                    connection.execute(insert(field), rows)
            return insert_commit(connection, caller, corpus.id, "rebuild", stats, corpus.profile.id, uid)
