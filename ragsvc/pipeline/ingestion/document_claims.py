"""From files and lines to claims: which document ids now stand for which stored texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ragsvc.domain import (
    Failure,
    ParsedDocument,
    Progress,
    SkippedSource,
    SourceCaveat,
    SourceFile,
    VersionId,
)
from ragsvc.errors import Cancelled, DocumentError, EmptyDocument, NoText, UnreadableFile
from ragsvc.pipeline.ingestion.items import batches, chars, shown, url_of
from ragsvc.pipeline.ingestion.line_reader import LINES_AT_ONCE, LineReader
from ragsvc.pipeline.ingestion.parse_cache import INLINE_KIND, RECORDING_KIND, ParseCache, ParseKey
from ragsvc.pipeline.ingestion.setbacks import KnownSetbacks
from ragsvc.store.rows import CachedParse, NewMembership
from ragsvc.text.file_parser import display_name
from ragsvc.text.file_types import extension, is_archive, is_recording
from ragsvc.text.jsonl import is_jsonl
from ragsvc.text.limits import SPEECH_HINT, ParseLimits
from ragsvc.text.members import unpack
from ragsvc.text.readers.sqlite_file import log_of
from ragsvc.text.scratch import private_folder
from ragsvc.text.sources import SkipCode
from ragsvc.text.worker_pool import TRANSIENT_CODES, ParserPool

FILES_AT_ONCE = 256
UPLOAD = "upload"


@dataclass(slots=True)
class DocumentClaims:
    """What has been read so far.

    kept: origins whose earlier documents stay because they could not be read.
    """

    claims: list[NewMembership] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: list[SkippedSource] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    warnings: list[SourceCaveat] = field(default_factory=list)

    @property
    def notices(self) -> tuple[str, ...]:
        """What is to be said of the files as a whole."""
        unread = sum(skip.code == SkipCode.RECORDING_UNREAD for skip in self.skipped)
        return (f"audio is not read (files: {unread}): {SPEECH_HINT}",) if unread else ()

    def drop(self, failures: Mapping[VersionId, Failure]) -> None:
        """Give up the claims of texts that could not be cut: each is a failure of its source."""
        dropped = [claim for claim in self.claims if claim.version_id in failures]
        self.claims = [claim for claim in self.claims if claim.version_id not in failures]
        for claim in dropped:
            failure = failures[claim.version_id]
            sent = claim.origin == UPLOAD
            source = claim.document_id if sent else claim.source
            self.failures.append(Failure(source, failure.code, failure.error))
            if not sent:
                self.kept.add(claim.origin)


@dataclass(frozen=True, slots=True)
class _HashedFile:
    file: SourceFile
    key: ParseKey
    stamp: tuple[int, ...]


class ClaimReader:
    """Reads the files of one ingest; unchanged bytes are never parsed twice.

    upload: the files were sent, not found: nothing owns their ids but "upload".
    encoding: of text files that are not UTF-8 and do not say; "": it is guessed.
    """

    def __init__(
        self,
        shelf: ParseCache,
        setbacks: KnownSetbacks,
        pool: ParserPool,
        *,
        owner: str,
        upload: bool,
        encoding: str,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._shelf = shelf
        self._setbacks = setbacks
        self._pool = pool
        self._limits = replace(pool.limits, encoding=encoding)
        self._owner = owner
        self._upload = upload
        self._progress = progress
        self._cancelled = cancelled
        self._done = self._total = 0
        self._unit = "files"
        self._lines = LineReader(shelf, setbacks, pool, lambda: self._step(0))
        self.reading = DocumentClaims()

    def read(self, found: Sequence[SourceFile | SkippedSource | Failure]) -> DocumentClaims:
        """Read everything found; each item ends in exactly one of claims, skipped and failures.

        :raises Cancelled: when asked to stop; what was parsed is kept.
        """
        files = self._sorted_out(found)
        self._done, self._total, self._unit = 0, len(files), "files"
        for some in batches(files, FILES_AT_ONCE):
            self._step(0)
            self._read_some(some)
        return self.reading

    def _read_some(self, files: Sequence[SourceFile]) -> None:
        plain = [file for file in files if not is_jsonl(file.path) and not is_archive(file.path)]
        for _ in self._read_files(plain):
            self._step(1)
        for file in files:
            if is_jsonl(file.path):
                self._read_jsonl(file)
                self._step(1)
            elif is_archive(file.path):
                self._read_archive(file)
                self._step(1)

    def _read_archive(self, file: SourceFile) -> None:
        """Read the members of an archive as if they lay in a folder of its name."""
        before = self._found()
        with TemporaryDirectory(prefix="members-", dir=private_folder()) as folder:
            try:
                for some in batches(unpack(file, Path(folder), self._limits), FILES_AT_ONCE):
                    self._total += sum(isinstance(item, SourceFile) for item in some)
                    self._read_some(self._sorted_out(some))
            except DocumentError as error:
                self._fail(file, Failure(shown(file), error.code, error.message))
                return
        if self._found() == before:
            self._fail(file, Failure(shown(file), NoText.code, "it holds no document"))

    def _found(self) -> int:
        """How many outcomes there are."""
        return len(self.reading.claims) + len(self.reading.failures) + len(self.reading.skipped)

    def _sorted_out(self, found: Sequence[SourceFile | SkippedSource | Failure]) -> list[SourceFile]:
        """The files among what was found; the rest has its outcome."""
        for item in found:
            if isinstance(item, SkippedSource):
                self.reading.skipped.append(item)
            elif isinstance(item, Failure):
                self.reading.failures.append(item)
        files = [item for item in found if isinstance(item, SourceFile)]
        if self._limits.speech_model:
            return files
        for file in filter(lambda file: is_recording(file.path), files):
            source = file.document_id if self._upload else shown(file)
            self.reading.skipped.append(SkippedSource(source, SkipCode.RECORDING_UNREAD))
            if not self._upload:
                self.reading.kept.add(file.document_id)
        return [file for file in files if not is_recording(file.path)]

    def add_inline(self, documents: Sequence[tuple[str, ParsedDocument]]) -> None:
        """Take documents that were given as text."""
        self._done, self._total, self._unit = 0, len(documents), "documents"
        for some in batches(documents, LINES_AT_ONCE):
            keyed = [((_digest_of(parsed), INLINE_KIND), parsed) for _, parsed in some]
            for (document_id, parsed), stored in zip(some, self._shelf.put(keyed), strict=True):
                self._claim(document_id, stored, UPLOAD, url_of(parsed.metadata) or UPLOAD, root="")
            self._step(len(some))

    def _step(self, files: int) -> None:
        self._done += files
        self._progress(Progress("reading", self._done, self._total, self._unit))
        if self._cancelled():
            raise Cancelled("the ingest was cancelled", hint="run it again: what was read is kept")

    def _read_files(self, files: Sequence[SourceFile]) -> Iterator[None]:
        hashed: list[_HashedFile] = []
        for file in files:
            made = _hash(file, self._limits)
            if isinstance(made, Failure):
                self._fail(file, made)
                yield
            else:
                hashed.append(made)
        known = self._shelf.find([item.key for item in hashed])
        for item in hashed:
            if item.key in known:
                self._take(item.file, known[item.key])
                yield
        fresh = [item for item in hashed if item.key not in known]
        tried = self._setbacks.known([item.key for item in fresh])
        for item in fresh:
            if item.key in tried:
                self._fail(item.file, tried[item.key])
                yield
        pending: list[tuple[_HashedFile, ParsedDocument | Failure]] = []
        paths = ((item, item.file.path) for item in fresh if item.key not in tried)
        with closing(self._pool.parse(paths, lambda: self._step(0), self._limits.encoding)) as outcomes:
            for item, outcome in outcomes:
                yield
                pending.append((item, _unless_changed(item, outcome)))
                if len(pending) >= 64 or chars(pending) > 8_000_000:
                    self._store(pending)
                    pending = []
        self._store(pending)

    def _store(self, pending: Sequence[tuple[_HashedFile, ParsedDocument | Failure]]) -> None:
        lasting = [
            (item, outcome)
            for item, outcome in pending
            if not (isinstance(outcome, Failure) and outcome.code in TRANSIENT_CODES)
        ]
        stored = self._shelf.put([(item.key, outcome) for item, outcome in lasting])
        for (item, _), result in zip(lasting, stored, strict=True):
            self._take(item.file, result)
        passing = {
            item: outcome
            for item, outcome in pending
            if isinstance(outcome, Failure) and outcome.code in TRANSIENT_CODES
        }
        self._setbacks.remember({item.key: outcome for item, outcome in passing.items()})
        for item, outcome in passing.items():
            self._fail(item.file, outcome)

    def _take(self, file: SourceFile, result: CachedParse) -> None:
        if result.version_id is None:
            self._fail(file, Failure(shown(file), result.code, result.error))
            return
        source = url_of(result.metadata) or UPLOAD if self._upload else shown(file)
        self._claim_from(file, file.document_id, result, source)
        for part in result.parts:
            parent = {"parent": file.document_id + part.parent}
            inner = replace(part.result, metadata={**part.result.metadata, **parent})
            inner_source = source if self._upload else source + part.suffix
            self._claim_from(file, file.document_id + part.suffix, inner, inner_source)

    def _claim_from(self, file: SourceFile, document_id: str, result: CachedParse, source: str) -> None:
        origin, root = (UPLOAD, "") if self._upload else (file.document_id, file.root)
        self._claim(document_id, result, origin, source, root)

    def _claim(self, document_id: str, result: CachedParse, origin: str, source: str, root: str) -> None:
        assert result.version_id is not None
        text, losses = VersionId(result.version_id), result.warnings
        self.reading.claims.append(
            NewMembership(
                document_id=document_id,
                version_id=text,
                metadata=result.metadata,
                source=source,
                origin=origin,
                root=root,
                owner=self._owner,
                warnings=losses,
            )
        )
        told = document_id if self._upload else source
        self.reading.warnings.extend(SourceCaveat(told, made.code, made.message) for made in result.warnings)

    def _fail(self, file: SourceFile, failure: Failure) -> None:
        source = file.document_id if self._upload else shown(file)
        if failure.code == EmptyDocument.code:
            self.reading.skipped.append(SkippedSource(source, failure.code))
            return
        # An upload waits under a name of the spool, which nobody knows it by.
        words = failure.error.replace(Path(file.path).name, source) if self._upload else failure.error
        self.reading.failures.append(Failure(source, failure.code, words))
        if not self._upload:
            self.reading.kept.add(file.document_id)

    def _read_jsonl(self, file: SourceFile) -> None:
        place = UPLOAD if self._upload else shown(file)
        item = None
        for item in self._lines.read(file):
            if isinstance(item, Failure):
                self._fail_line(file, item)
            else:
                self._claim_from(file, item.document_id, item.stored, url_of(item.stored.metadata) or place)
        if item is None:
            self._fail(file, Failure(place, EmptyDocument.code, "it holds blank lines only"))

    def _fail_line(self, file: SourceFile, failure: Failure) -> None:
        # Which document a broken line was cannot be known, so none of this file's lines is pruned.
        if self._upload:
            line = failure.source.rpartition(":")[2]
            self.reading.failures.append(Failure(f"{file.document_id}:{line}", failure.code, failure.error))
            return
        words = f"{failure.error}; until it is mended no line of this file is pruned"
        self.reading.failures.append(Failure(failure.source, failure.code, words))
        self.reading.kept.add(file.document_id)


def kind_key(path: str) -> str:
    """The part of a file's name that may decide how its bytes are read."""
    return extension(path) or Path(path).name.lower()


def _kind(path: str, limits: ParseLimits) -> str:
    """All that decides how the bytes of a file are read, besides the parsers."""
    if is_recording(path):
        # Not for another version of other parsers: writing it down takes as long as listening does.
        return f"{RECORDING_KIND};{limits.speech_reading};{limits.timeout_s:g} s"
    return kind_key(path) + limits.reading


def _hash(file: SourceFile, limits: ParseLimits) -> _HashedFile | Failure:
    try:
        with Path(file.path).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
        if (log := log_of(file.path)) is not None:
            with log.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return _HashedFile(file, (digest.hexdigest(), _kind(file.path, limits)), _stamp(file.path))
    except OSError as error:
        return Failure(
            display_name(file.path), UnreadableFile.code, f"cannot be read: {error.strerror or error}"
        )


def _stamp(path: str) -> tuple[int, ...]:
    found = [each.stat() for each in (Path(path), log_of(path)) if each is not None]
    return tuple(n for each in found for n in (each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns))


def _unless_changed(item: _HashedFile, outcome: ParsedDocument | Failure) -> ParsedDocument | Failure:
    """A text must be stored under the hash of the very bytes that it was read from."""
    try:
        same = _stamp(item.file.path) == item.stamp
    except OSError:
        same = False
    if same:
        return outcome
    return Failure(
        display_name(item.file.path),
        UnreadableFile.code,
        "changed while it was read; run the ingest again when it is done",
    )


def _digest_of(parsed: ParsedDocument) -> str:
    content = "\x00".join((parsed.title, parsed.media_type, parsed.text, repr(parsed.metadata)))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
