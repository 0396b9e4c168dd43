"""The catalog: the facade over all parts of the store."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from ragsvc.errors import HomeNotFound, HomeNotWritable
from ragsvc.store.chunks import Chunks
from ragsvc.store.corpora import Corpora
from ragsvc.store.deletion import Deletion
from ragsvc.store.documents import Documents
from ragsvc.store.engine import Database
from ragsvc.store.export_rows import ExportRows
from ragsvc.store.gc.collector import GarbageCollector
from ragsvc.store.gc.pins import Pins
from ragsvc.store.history import History
from ragsvc.store.home_files import Home
from ragsvc.store.integrity import Integrity
from ragsvc.store.jobs import Jobs
from ragsvc.store.lock import WriterLock
from ragsvc.store.memberships import Memberships
from ragsvc.store.models import Models
from ragsvc.store.passages import Passages
from ragsvc.store.publication import Publication
from ragsvc.store.records import Records
from ragsvc.store.relations import Relations
from ragsvc.store.sessions import Sessions
from ragsvc.store.setbacks import Setbacks
from ragsvc.store.signatures import Signatures
from ragsvc.store.vectors import Vectors
from ragsvc.store.versions import Versions


class Catalog:
    """The only truth: repositories over one database.

    Every method of theirs is one short transaction; use them from any thread.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self.corpora = Corpora(database)
        self.history = History(database)
        self.memberships = Memberships(database)
        self.publication = Publication(database)
        self.deletion = Deletion(database)
        self.versions = Versions(database)
        self.chunks = Chunks(database)
        self.vectors = Vectors(database)
        self.documents = Documents(database)
        self.passages = Passages(database)
        self.signatures = Signatures(database)
        self.relations = Relations(database)
        self.exports = ExportRows(database)
        self.setbacks = Setbacks(database)
        self.jobs = Jobs(database)
        self.sessions = Sessions(database)
        self.records = Records(database)
        self.models = Models(database)
        self.pins = Pins(database)
        self.gc = GarbageCollector(database)
        self.integrity = Integrity(database)

    @classmethod
    def open(cls, home: Path, *, create: bool = True) -> Self:
        """Open the catalog of a home folder, creating both where needed.

        :param create: False: nothing is made where there is no catalog.
        :raises HomeNotFound: if there is none and none may be made.
        :raises CatalogNewer: if a newer ragsvc wrote it.
        :raises CatalogDamaged: if it cannot be read; the hint says what to type.
        :raises HomeNotWritable: if the folder cannot be created or written.
        :raises DiskFull: if there is no room to create it.
        """
        # What stands in the way of a home is told below.
        nowhere = home.is_dir() or _is_missing(home)
        if not create and nowhere and _is_missing(Home(home).catalog):
            raise HomeNotFound(
                f"there is no catalog in the folder {home}",
                hint="name another folder with --home DIR, or make a catalog: ragsvc ingest CORPUS PATH",
            )
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HomeNotWritable(
                f"the home folder {home} cannot be created: {error.strerror}",
                hint="choose a folder that you may write to: --home DIR",
            ) from error
        return cls(Database.open(Home(home.resolve()).catalog))

    @property
    def home(self) -> Home:
        """The folder that holds the catalog, and all beside it."""
        return Home(self._db.path.parent)

    @property
    def lock(self) -> WriterLock:
        """The writer lock of this home."""
        return self._db.lock

    def forget_caches(self) -> None:
        """Drop texts and term numbers from memory: the file was put back, and gives ids out again."""
        self.passages.forget_texts()
        self.chunks.forget_terms()

    def close(self) -> None:
        """Release all connections; whatever was committed is safe without it."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_missing(path: Path) -> bool:
    """Whether nothing at all is there; what cannot be looked at is for whoever opens it to report."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
