"""Signatures of whole documents, from which near-duplicates are told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import select

from ragsvc.domain import SIGNATURE_VALUES, Caller, Corpus, U16Matrix
from ragsvc.store.engine import Repository
from ragsvc.store.permissions import live_at, readable
from ragsvc.store.rows import DocumentSignatures
from ragsvc.store.tables import membership, signature

_U16 = np.dtype("<u2")
_UNKNOWN = bytes(SIGNATURE_VALUES * _U16.itemsize)


class Signatures(Repository):
    """What the report of duplicates is made from."""

    def of_documents(self, corpus: Corpus, caller: Caller) -> DocumentSignatures:
        """Documents live at the commit of `corpus` that may be read, with the signatures of their texts."""
        m = membership.c
        statement = (
            select(m.document_id, m.version_id, signature.c.data)
            .outerjoin(signature, signature.c.version_id == m.version_id)
            .where(m.corpus_id == int(corpus.id), live_at(corpus.commit), readable(caller))
            .order_by(m.document_id)
        )
        with self._db.read() as connection:
            rows = connection.execute(statement).all()
        return DocumentSignatures(
            document_ids=tuple(row[0] for row in rows),
            versions=np.fromiter((row[1] for row in rows), dtype=np.int64, count=len(rows)),
            signatures=unpacked([row[2] for row in rows]),
        )


def unpacked(blobs: Sequence[bytes | None]) -> U16Matrix:
    """Stored signatures as (n, 128) uint16; zeros where one is missing or empty."""
    joined = b"".join([blob if blob and len(blob) == len(_UNKNOWN) else _UNKNOWN for blob in blobs])
    return np.frombuffer(joined, dtype=_U16).astype(np.uint16, copy=False).reshape(-1, SIGNATURE_VALUES)
