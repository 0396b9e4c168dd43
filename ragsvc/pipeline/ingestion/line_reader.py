"""Lines of JSON Lines files: known ones are found by their hash, the others are read by a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ragsvc.domain import Failure, LineDocument, ParsedDocument, SourceFile
from ragsvc.errors import IdConflict
from ragsvc.pipeline.ingestion.items import shown
from ragsvc.pipeline.ingestion.parse_cache import LINE_KIND, ParseCache, ParseKey
from ragsvc.pipeline.ingestion.setbacks import KnownSetbacks
from ragsvc.store.rows import CachedParse
from ragsvc.text.jsonl import LineIds, RawLine, split_lines
from ragsvc.text.worker_pool import TRANSIENT_CODES, ParserPool

LINES_AT_ONCE = 512
_BYTES_AT_ONCE = 16 << 20
_ID, _METADATA = "id", "metadata"


@dataclass(frozen=True, slots=True)
class JsonLine:
    """A line as a document."""

    document_id: str
    stored: CachedParse


class LineReader:
    """Reads one file after another; unchanged lines are not looked into again."""

    def __init__(
        self, shelf: ParseCache, setbacks: KnownSetbacks, pool: ParserPool, pulse: Callable[[], None]
    ) -> None:
        self._shelf = shelf
        self._setbacks = setbacks
        self._pool = pool
        self._pulse = pulse

    def read(self, file: SourceFile) -> Iterator[JsonLine | Failure]:
        """The lines of a file, in order. A failure's source is "path:line"."""
        ids = LineIds(file.document_id)
        for some in _batches(split_lines(file.path, source=shown(file))):
            self._pulse()
            yield from self._read(shown(file), some, ids)

    def _read(
        self, source: str, some: Sequence[RawLine | Failure], ids: LineIds
    ) -> Iterator[JsonLine | Failure]:
        lines = [item for item in some if isinstance(item, RawLine)]
        known: dict[ParseKey, CachedParse | Failure] = {}
        known |= self._shelf.find([_key(line) for line in lines])
        fresh = {_key(line): line for line in lines if _key(line) not in known}
        known |= self._setbacks.known(list(fresh))
        known |= self._parse(source, [line for key, line in fresh.items() if key not in known])
        for item in some:
            if isinstance(item, Failure):
                yield item
            else:
                yield _settle(f"{source}:{item.number}", item, known[_key(item)], ids)

    def _parse(self, source: str, lines: Sequence[RawLine]) -> dict[ParseKey, CachedParse | Failure]:
        asked = ((_key(line), line.body, f"{source}:{line.number}") for line in lines)
        made = dict(self._pool.read_lines(asked, self._pulse)) if lines else {}
        lasting: list[tuple[ParseKey, ParsedDocument | Failure]] = [
            (key, outcome if isinstance(outcome, Failure) else _with_id(outcome))
            for key, outcome in made.items()
            if not (isinstance(outcome, Failure) and outcome.code in TRANSIENT_CODES)
        ]
        stored = self._shelf.put(lasting)
        results: dict[ParseKey, CachedParse | Failure] = {
            key: result for (key, _), result in zip(lasting, stored, strict=True)
        }
        failed = {key: made[key] for key in made.keys() - results.keys()}
        costly = {key: outcome for key, outcome in failed.items() if isinstance(outcome, Failure)}
        self._setbacks.remember(costly)
        return results | costly


def _key(line: RawLine) -> ParseKey:
    return line.digest, LINE_KIND


def _with_id(line: LineDocument) -> ParsedDocument:
    """As it is kept: an unchanged line must give its id without being read."""
    return replace(line.parsed, metadata={_ID: line.document_id, _METADATA: dict(line.parsed.metadata)})


def _settle(source: str, line: RawLine, found: CachedParse | Failure, ids: LineIds) -> JsonLine | Failure:
    if isinstance(found, Failure):
        return replace(found, source=source)
    if found.version_id is None:
        return Failure(source, found.code, found.error)
    try:
        document_id = ids.claim(str(found.metadata[_ID]), line.digest)
    except IdConflict as error:
        return Failure(source, error.code, error.message)
    return JsonLine(document_id, replace(found, metadata=found.metadata[_METADATA]))


def _batches(items: Iterator[RawLine | Failure]) -> Iterator[list[RawLine | Failure]]:
    """So many at once that their bytes and their number are bounded."""
    some: list[RawLine | Failure] = []
    size = 0
    for item in items:
        some.append(item)
        size += len(item.body) if isinstance(item, RawLine) else 0
        if len(some) >= LINES_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some
