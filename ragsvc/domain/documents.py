"""Documents: from a file to the passages of a stored version."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ragsvc.domain.arrays import (
    ChunkId,
    CommitId,
    F32Matrix,
    I32Vector,
    I64Vector,
    Metadata,
    U16Matrix,
    VersionId,
)
from ragsvc.domain.corpora import ChunkerSpec
from ragsvc.domain.places import Places
from ragsvc.domain.relations import Mention


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that an ingest will read.

    document_id: root name + "/" + relative posix path; a lone file's base name.
    path: absolute path to open.
    root: name of the root it belongs to.
    shown: what a person would open, where that is not `path`: the place inside an archive; "": `path`.
    """

    document_id: str
    path: str
    root: str
    size_bytes: int
    shown: str = ""


@dataclass(frozen=True, slots=True)
class SkippedSource:
    """A path that was deliberately not read, with a stable code."""

    source: str
    code: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be read, with a stable code and words for a person."""

    source: str
    code: str
    error: str


@dataclass(frozen=True, slots=True)
class Caveat:
    """What the reader of a document should know: something was seen and not read, or read by a guess.

    code: stable, such as "page_without_text". message: for a person, with counts and places.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SourceCaveat:
    """A caveat of one document, told by its source."""

    source: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ParsedPart:
    """A document inside a document, such as the attachment of a mail.

    suffix: what the id of the whole file gets for it, such as "#offer.txt". parent: the suffix of the
        document it is attached to; "": the file itself.
    document: it has no parts of its own.
    """

    suffix: str
    parent: str
    document: ParsedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """What a parser made of one file.

    title: from the document itself (metadata, front matter, first heading); "" when it has
        none. Never the file name: a rename must not change what is embedded.
    text: LF line ends, no BOM, no NUL, no lone surrogate, front matter removed.
    pages: character offset at which each page starts, ascending, first 0; () when the
        format has no pages.
    media_type: such as "text/markdown"; decides how the text is split.
    metadata: front matter and document properties; JSON values only.
    warnings: what was not read, or only by a guess. parts: documents inside it, suffixes distinct.
    places: where stretches of the text stand in the original; () where nobody knows.
    """

    title: str
    text: str
    media_type: str
    pages: tuple[int, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    warnings: tuple[Caveat, ...] = ()
    parts: tuple[ParsedPart, ...] = ()
    places: Places = ()


@dataclass(frozen=True, slots=True)
class LineDocument:
    """What a line of a JSON Lines file holds. document_id: "" when the line names none."""

    document_id: str
    parsed: ParsedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDraft:
    """One chunk before it is stored.

    start, end: code point offsets into the stored text, 0 <= start < end <= len(text).
    page: 1-based page of `start`; None without pages.
    embedded_text: exactly what the embedder gets (header + chunk).
    """

    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    embedded_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One live document of a corpus at a commit.

    version: public hex id of the immutable version. born: the commit that made it live.
    """

    corpus: str
    document_id: str
    version: str
    title: str
    source: str
    media_type: str
    characters: int
    metadata: Metadata
    owner: str
    born: CommitId
    ingested_at: str
    warnings: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CutterSpec:
    """All that a worker process needs to cut texts as a profile asks.

    tokeniser: what makes it there, "module:callable", and tokeniser_source, what that is called with.
    max_tokens: the embedder's limit, special tokens included. analyser: its version.
    """

    chunker: ChunkerSpec
    tokeniser: str
    tokeniser_source: str
    max_tokens: int
    analyser: str


@dataclass(frozen=True, slots=True)
class CutChunk:
    """A chunk that a text was cut into, analysed.

    terms: of the embedded text, in order, repeats kept.
    signature: of the chunk's own text without its header; b"" for one without words.
    """

    draft: ChunkDraft
    terms: tuple[str, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class CutText:
    """A whole text in chunks, in order. signature: of the text; b"" for one without words.

    mentions: what its structure names.
    """

    chunks: tuple[CutChunk, ...]
    signature: bytes
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk as one live document holds it: everything a hit shows but rank and score.

    page: 1-based page of `start`; None without pages.
    page_breaks: offsets inside the chunk at which further pages begin, ascending.
    placed: whether its version has places.
    """

    chunk: ChunkId
    document_id: str
    version: str
    version_id: VersionId
    source: str
    title: str
    start: int
    end: int
    text: str
    page: int | None
    headings: tuple[str, ...]
    metadata: Metadata
    page_breaks: tuple[int, ...] = ()
    placed: bool = False

    def page_at(self, offset: int) -> int | None:
        """Page of a code point of the stored text inside the passage."""
        return None if self.page is None else self.page + sum(at <= offset for at in self.page_breaks)

    @property
    def chunk_id(self) -> str:
        """Public id: version, start and end, so it survives a rebuild."""
        return f"{self.version}:{self.start}-{self.end}"


class Prune(StrEnum):
    """What an ingest does with live documents of its roots that are gone."""

    KEEP = "keep"
    REMOVE = "remove"
    REMOVE_ALLOW_EMPTY = "remove_allow_empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest:
    """Files and folders to bring a corpus in step with.

    retry: read again what ran out of time or memory before, or ended its parser.
    exclude: patterns of gitignore, relative to each path; what they match is left out.
    encoding: of text files that are not UTF-8 and do not say; "": it is guessed.
    """

    corpus: str
    paths: tuple[str, ...]
    root_name: str | None = None
    prune: Prune = Prune.KEEP
    dry_run: bool = False
    retry: bool = False
    exclude: tuple[str, ...] = ()
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class InlineDocument:
    """A document given as text. document_id: 1..512 characters, none of them control characters."""

    document_id: str
    text: str
    title: str = ""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSlice:
    """Stored text of one immutable version, code points [start, end). places: that these overlap."""

    document_id: str
    version: str
    start: int
    end: int
    text: str
    places: Places = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionText:
    """A stored document version as the chunker reads it."""

    id: VersionId
    title: str
    text: str
    media_type: str
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkBatch:
    """Columns of n chunks, rows aligned, ascending chunk id; what the index is built from.

    chunk_ids, versions: (n,) int64. vectors: (n, dim) float32, rows L2-normalised.
    lengths: (n,) int32, analysed terms in the chunk.
    term_offsets: (n + 1,) int64 into terms and counts (row i is [offsets[i], offsets[i+1])).
    terms: int32 term ids, counts: int32 >= 1.
    signatures: (n, 128) uint16; zeros where unknown.
    """

    chunk_ids: I64Vector
    versions: I64Vector
    vectors: F32Matrix
    lengths: I32Vector
    term_offsets: I64Vector
    terms: I32Vector
    counts: I32Vector
    signatures: U16Matrix
