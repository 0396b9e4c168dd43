"""Shared data: frozen dataclasses, enums and ids. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType, TypeAlias

import numpy as np
from numpy.typing import NDArray

F32Matrix: TypeAlias = NDArray[np.float32]
F32Vector: TypeAlias = NDArray[np.float32]
F64Matrix: TypeAlias = NDArray[np.float64]
F64Vector: TypeAlias = NDArray[np.float64]
I32Vector: TypeAlias = NDArray[np.int32]
I64Vector: TypeAlias = NDArray[np.int64]
I32Matrix: TypeAlias = NDArray[np.int32]
I64Matrix: TypeAlias = NDArray[np.int64]
BoolVector: TypeAlias = NDArray[np.bool_]
U16Matrix: TypeAlias = NDArray[np.uint16]
U16Vector: TypeAlias = NDArray[np.uint16]
Metadata: TypeAlias = Mapping[str, Any]

CorpusId = NewType("CorpusId", int)
CommitId = NewType("CommitId", int)
ProfileId = NewType("ProfileId", int)
VersionId = NewType("VersionId", int)
ChunkId = NewType("ChunkId", int)

SIGNATURE_VALUES = 128
"""Numbers of 16 bits in the signature of a text, see `text.signature`."""


class Mode(StrEnum):
    """Which legs answer a query."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Fusion(StrEnum):
    """How the two legs become one ranking."""

    CONVEX = "convex"
    RRF = "rrf"


class Collapse(StrEnum):
    """Whether passages of nearly the same text are shown once (the others in `duplicates`)."""

    DUPLICATES = "duplicates"
    OFF = "off"


class DuplicateKind(StrEnum):
    """Whether documents share their stored text and title, or nearly all of their text."""

    EXACT = "exact"
    NEAR = "near"


class Role(StrEnum):
    """Who says a turn of a conversation."""

    USER = "user"
    ASSISTANT = "assistant"


class JobKind(StrEnum):
    """What a job does."""

    INGEST = "ingest"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobPause(StrEnum):
    """Why a running job goes back into the queue: its process died, its server stopped, others have a turn.

    Only a death counts as an attempt.
    """

    DEATH = "death"
    STOP = "stop"
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf something is read or written. Today everybody is allowed everything."""

    principal: str = "local"
    groups: frozenset[str] = frozenset()
    tenant: str = "default"


# --- text -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
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
class Skipped:
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


@dataclass(frozen=True, slots=True)
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
    """

    title: str
    text: str
    media_type: str
    pages: tuple[int, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    warnings: tuple[Caveat, ...] = ()
    parts: tuple[ParsedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class LineDocument:
    """What a line of a JSON Lines file holds. document_id: "" when the line names none."""

    document_id: str
    parsed: ParsedDocument


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Span:
    """Code point offsets, half open."""

    start: int
    end: int


# --- profile ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChunkerSpec:
    """All that decides where a text is cut. Sizes are embedder tokens."""

    version: str
    size_tokens: int
    overlap_tokens: int
    header_tokens: int


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """All that decides an embedding.

    name: what to load: "bundled:all-MiniLM-L6-v2", a hub name or a folder.
    weights: sha256 hex of the weights file(s).
    """

    name: str
    weights: str
    dimension: int
    max_tokens: int
    pooling: str
    query_prefix: str
    document_prefix: str
    backend: str
    dtype: str


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """Embedder + chunker + analyser: what a corpus was indexed with."""

    embedder: EmbedderSpec
    chunker: ChunkerSpec
    analyser: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A stored profile. fingerprint: hex sha256 of the canonical JSON of `spec`."""

    id: ProfileId
    fingerprint: str
    embedder_fingerprint: str
    spec: ProfileSpec


# --- catalog ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Corpus:
    """A named collection of documents at a commit, with the profile of that commit.

    commit: the head, unless an earlier one was asked for; 0: nothing yet.
    commit_uid: random hex of the commit; numbers come again after a backup was put back.
    """

    id: CorpusId
    uid: str
    name: str
    created_at: str
    commit: CommitId
    profile: Profile
    commit_uid: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of a corpus's history.

    kind: what made it: "ingest", "delete", "rollback", "reindex", "import".
    stats: what it changed, such as {"added": 2}; of a rollback also {"to": number}.
    collected: gc took away what only this commit needed: it cannot be read or gone back to.
    """

    id: CommitId
    created_at: str
    principal: str
    kind: str
    stats: Mapping[str, Any]
    profile: str
    embedder: str
    tags: tuple[str, ...]
    collected: bool


@dataclass(frozen=True, slots=True)
class Tag:
    """A name for a commit; gc keeps what it needs."""

    name: str
    commit: CommitId
    principal: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """Versions that a corpus's uncollected history holds and that are chunked under a profile.

    versions: (n,) int64, ascending. chunks: (n,) int64. live: (n,) bool, whether live at the head.
    cuts: (n,) int64, sum of the ids of its chunks; it tells one cutting from another.
    """

    versions: I64Vector
    chunks: I64Vector
    live: BoolVector
    cuts: I64Vector


@dataclass(frozen=True, slots=True)
class CorpusSummary:
    """What a listing shows of a corpus."""

    name: str
    created_at: str
    commit: CommitId
    documents: int
    chunks: int
    characters: int
    embedder: str


@dataclass(frozen=True, slots=True)
class CorpusDetails:
    """A corpus looked at closely.

    index_bytes: of its index files on disk. log: its last commits, newest first. tags: by name.
    """

    summary: CorpusSummary
    profile: Profile
    index_bytes: int
    log: tuple[Commit, ...]
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Membership:
    """A live membership row as the planner compares it.

    origin: what claims the id: root name + "/" + relative path of the file, or "upload".
    root: root name; "" for uploads.
    """

    id: int
    document_id: str
    version_id: VersionId
    metadata: Metadata
    source: str
    origin: str
    root: str
    owner: str
    warnings: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True)
class NewMembership:
    """A membership about to be born. ingested_at: ISO 8601 UTC as stored; "": the time of its commit."""

    document_id: str
    version_id: VersionId
    metadata: Metadata
    source: str
    origin: str
    root: str
    owner: str
    ingested_at: str = ""
    warnings: tuple[Caveat, ...] = ()


@dataclass(frozen=True, slots=True)
class CachedParse:
    """What an earlier parse of the same bytes gave: a version, or a stable failure code.

    version_id: None when the parse failed; then code and error say why.
    """

    version_id: VersionId | None
    metadata: Metadata
    code: str = ""
    error: str = ""
    warnings: tuple[Caveat, ...] = ()
    parts: tuple[CachedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class CachedPart:
    """A document inside a document, as it is stored; see Part."""

    suffix: str
    parent: str
    result: CachedParse


@dataclass(frozen=True, slots=True)
class VersionText:
    """A stored document version as the chunker reads it."""

    id: VersionId
    title: str
    text: str
    media_type: str
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CutterSpec:
    """All that a worker process needs to cut texts as a profile asks.

    tokeniser: what makes it there, "module:callable", and tokeniser_source, what that is called with.
    max_tokens: the embedder's limit, special tokens included.
    """

    chunker: ChunkerSpec
    tokeniser: str
    tokeniser_source: str
    max_tokens: int


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
    """A whole text in chunks, in order. signature: of the text; b"" for one without words."""

    chunks: tuple[CutChunk, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk as it is stored.

    embedded_hash: digest of exactly what was embedded; the key of its vector.
    terms: analysed terms in order, repeats kept; or each with its count.
    signature: of the chunk's own text without its header; b"" when unknown.
    """

    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    embedded_hash: bytes
    terms: Sequence[str] | Mapping[str, int]
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class CarriedDocument:
    """A live document as an export holds it; see docs/export.md.

    version: public hex id. title: what a hit shows. metadata, warnings: canonical JSON.
    """

    document_id: str
    version: str
    title: str
    source: str
    origin: str
    root: str
    owner: str
    media_type: str
    ingested_at: str
    metadata: str
    warnings: str = "[]"


@dataclass(frozen=True, slots=True)
class CarriedVersion:
    """A document version as an export holds it. signature: of the whole text; b"" when unknown."""

    version: str
    title: str
    text: str
    media_type: str
    pages: Sequence[int]
    signature: bytes


@dataclass(frozen=True, slots=True)
class CarriedChunk:
    """A chunk as an export holds it.

    version: public hex id; ordinal: place among the chunks of the version, from 0.
    start, end: code points of the version's text. page: 1-based; None without pages.
    terms: distinct, ascending; counts: aligned, at least 1; length: their sum.
    """

    version: str
    ordinal: int
    start: int
    end: int
    page: int | None
    headings: Sequence[str]
    embedded_hash: bytes
    terms: Sequence[str]
    counts: Sequence[int]
    length: int
    signature: bytes


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class DocumentSignatures:
    """Live documents with their versions and signatures, rows aligned, ascending document id.

    versions: (n,) int64. signatures: (n, 128) uint16; zeros where unknown.
    """

    document_ids: tuple[str, ...]
    versions: I64Vector
    signatures: U16Matrix


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as one live document holds it: everything a hit shows but rank and score.

    page: 1-based page of `start`; None without pages.
    page_breaks: offsets inside the chunk at which further pages begin, ascending.
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

    def page_at(self, offset: int) -> int | None:
        """Page of a code point of the stored text inside the passage."""
        return None if self.page is None else self.page + sum(at <= offset for at in self.page_breaks)

    @property
    def chunk_id(self) -> str:
        """Public id: version, start and end, so it survives a rebuild."""
        return f"{self.version}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Which live document holds a chunk, and which code points of its text that is."""

    chunk: ChunkId
    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Job:
    """Long work that survives the client that asked for it. Times are ISO 8601 UTC.

    attempts: how often it was begun, without those that were stopped for no fault of its own.
    turns: how often it made room for jobs of other corpora.
    salvage: how far its documents are that are taken apart after deaths; None before that.
    """

    id: str
    kind: JobKind
    corpus: str
    state: JobState
    done: int
    total: int
    unit: str
    payload: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    owner: str
    created_at: str
    updated_at: str
    pid: int | None
    cancel_requested: bool
    attempts: int = 0
    turns: int = 0
    salvage: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; None: of every corpus, state or kind."""

    corpus: str | None = None
    state: JobState | None = None
    kind: JobKind | None = None


# --- results ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Live documents that say the same.

    similarity: (0, 1], estimated, of the least similar one to the first; 1 for exact ones.
    documents: at least two ids, ascending.
    """

    kind: DuplicateKind
    similarity: float
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result; score: higher is better, comparable within one response.

    duplicates: documents that hold the same or nearly the same text, left out for it; best first,
        each once; the hit's own when it says the same again elsewhere.
    """

    rank: int
    score: float
    corpus: str
    passage: Passage
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkText:
    """The words of a chunk; title and headings: of the place where it stands."""

    title: str
    headings: tuple[str, ...]
    text: str

    @property
    def whole(self) -> str:
        """Title, headings and text."""
        return "\n".join((self.title, *self.headings, self.text))


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best candidates of one query for a second look, best first.

    question: the stand-alone query. vector: its embedding, (dim,) float32, L2-normalised.
    texts: of each.
    scores: (m,) float64, of the fusion. dense: (m,) cosines. lexical: (m,) BM25.
    lexical_best: the highest BM25 of any chunk that the query may find, at least 0.
    vectors: (m, dim) float32, rows L2-normalised.
    weight_of: inverse frequency of a term in the corpus, at least 0.
    dense_weight: [0, 1], share of the dense leg in the fusion.
    """

    question: str
    vector: F32Vector
    texts: tuple[ChunkText, ...]
    scores: F64Vector
    dense: F64Vector
    lexical: F64Vector
    lexical_best: float
    vectors: F32Matrix
    weight_of: Callable[[str], float]
    dense_weight: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of one query, all from one commit.

    searched: the stand-alone query that was searched for, its slips put right; None when it is the query.
    """

    corpus: str
    commit: CommitId
    query: str
    mode: Mode
    hits: tuple[Hit, ...]
    searched: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence, or a row of a table, of a passage that may answer the question.

    number: 1-based number of its passage; [number] is its marker.
    start, end: code points of the stored text. text: what stands there; of a row, with its columns' names.
    score: higher is better, comparable within a question. cosine: of question and sentence, in [-1, 1].
    replies_to: what announces it, right before it; "" when nothing does. compared: as it was embedded, after
    the titles over it.
    """

    number: int
    start: int
    end: int
    text: str
    score: float
    cosine: float
    replies_to: str = ""
    compared: str = ""

    @property
    def said(self) -> str:
        """The text after the question that it replies to."""
        return f"{self.replies_to} {self.text}" if self.replies_to else self.text


class UnsupportedSentence(StrEnum):
    """What becomes of sentences of an answer that no passage bears out."""

    FLAG = "flag"
    REMOVE = "remove"


class InputKind(StrEnum):
    """Which prefix of the embedder a text gets."""

    DOCUMENT = "document"
    QUERY = "query"


class FinishReason(StrEnum):
    """Why a generator stopped."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What a generator is asked to write.

    question: the stand-alone question. history: the turns before it, oldest first.
    evidence: sentences of the passages, best first.
    max_tokens: at least 1, of the answer; None: as the generator is set up.
    temperature: at least 0; 0 always takes the likeliest token. stop: texts before which the answer ends.
    instructions: what the caller asks of the manner of writing; a generator without a language model
    takes no notice.
    count: tokens of a text, for a generator whose model does not tell them; None: nobody asks for them.
    """

    question: str
    passages: tuple[Hit, ...]
    evidence: tuple[Evidence, ...]
    history: tuple[Turn, ...] = ()
    max_tokens: int | None = None
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    instructions: str = ""
    count: Callable[[str], int] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReaderText:
    """A text to read, and the titles over it; "" for none."""

    header: str
    text: str


@dataclass(frozen=True, slots=True)
class ReaderFinding:
    """What a reader says of a question and a text; all numbers are log-odds or differences of logits.

    spans: code points of the best answers in the text with how much better each is than none, best first.
    margin: that of the best. answerable: of the text answering the question. relevance: of it bearing on it.
    """

    spans: tuple[tuple[int, int, float], ...]
    margin: float
    answerable: float
    relevance: float


class Speaker(StrEnum):
    """Whose words a message of a prompt holds."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One part of the prompt of a chat model."""

    role: Speaker
    content: str


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it is written.

    finish: with the last piece, why it is the last. prompt_tokens, completion_tokens: with the last piece,
    in the generator's own tokens; 0 where it tells none.
    """

    text: str
    finish: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Citation:
    """A span of an immutable version that supports the answer where `marker` stands.

    hidden: whether the quote holds characters that nobody sees, or that change the direction of others.
    """

    marker: int
    document_id: str
    version: str
    source: str
    title: str
    start: int
    end: int
    quote: str
    page: int | None
    corpus: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A grounded answer, or the statement that there is none.

    confidence: [0, 1], fitted probability that the passages answer the question.
    searched: as in SearchResult.
    unsupported: code points of `answer` that no passage bears out, ascending; () for a refusal.
    finish: why the generator stopped. prompt_tokens, completion_tokens: of what was read and written, as
    the generator tells them, else in the tokens of the first corpus's embedder; see docs/chat.md.
    """

    corpus: str
    commit: CommitId
    question: str
    answered: bool
    answer: str
    confidence: float
    citations: tuple[Citation, ...]
    passages: tuple[Hit, ...]
    generator: str
    timings_s: Mapping[str, float]
    searched: str | None = None
    unsupported: tuple[Span, ...] = ()
    finish: FinishReason = FinishReason.STOP
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class DocumentCounts:
    """Every source of an ingest is in exactly one count."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did, or with a dry run would do. commit: the head afterwards."""

    corpus: str
    commit: CommitId
    documents: DocumentCounts
    chunks_added: int
    chunks_removed: int
    embedded: int
    seconds: float
    failures: tuple[Failure, ...]
    skipped: tuple[Skipped, ...]
    warnings: tuple[SourceCaveat, ...] = ()


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What a rollback did.

    commit: the head afterwards, a new one unless nothing changed. previous: the head before.
    """

    corpus: str
    commit: CommitId
    previous: CommitId
    to: CommitId
    added: int
    changed: int
    removed: int
    profile_changed: bool


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What a reindex did. commit: the head afterwards. embedded: texts sent through the model.

    profile, previous: fingerprints; equal when there was nothing to do.
    """

    corpus: str
    commit: CommitId
    profile: str
    previous: str
    embedder: str
    documents: int
    chunks: int
    embedded: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What a gc removed, or with a dry run would remove.

    commits: that cannot be read any more. documents: states of documents that only they had.
    versions, chunks, vectors, terms: content that nothing needs. indexes: folders of index files.
    freed_bytes: given back to the disk. reusable_bytes: free inside the catalog, filled by what comes.
    kept: commits that can be read, and why. postponed: why content was left for the next gc; "": it was not.
    """

    commits: int
    documents: int
    versions: int
    chunks: int
    vectors: int
    terms: int
    indexes: int
    freed_bytes: int
    reusable_bytes: int
    kept: tuple[str, ...]
    postponed: str
    dry_run: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class VerifyProblem:
    """What a check found. repair: what to type."""

    corpus: str
    code: str
    message: str
    repair: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was looked at, by name, and what is wrong with it."""

    checked: Mapping[str, int]
    problems: tuple[VerifyProblem, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild looked at, and what it made anew besides the index files.

    texts: of the kept commits under the head's profile; documents may share one.
    rechunked: texts whose chunks were damaged. embedded: chunks whose vectors were.
    unmended: why something that only earlier commits need stays as it is.
    """

    corpus: str
    commit: CommitId
    texts: int
    chunks: int
    rechunked: int
    embedded: int
    unmended: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class CarryReport:
    """What an export wrote or an import read."""

    corpus: str
    commit: CommitId
    folder: str
    documents: int
    chunks: int
    vectors: int
    size_bytes: int
    seconds: float


# --- requests ---------------------------------------------------------------------------


class Prune(StrEnum):
    """What an ingest does with live documents of its roots that are gone."""

    KEEP = "keep"
    REMOVE = "remove"
    REMOVE_ALLOW_EMPTY = "remove_allow_empty"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One query. corpora: at least one name. k: 1..200. where: a filter as JSON, or None.

    at: a commit number, tag, "head" or "head~N" of every corpus; None: the head.
    history: the turns before the query, oldest first, at most 200.
    """

    corpora: tuple[str, ...]
    query: str
    k: int = 10
    mode: Mode = Mode.HYBRID
    where: Mapping[str, Any] | None = None
    collapse: Collapse = Collapse.DUPLICATES
    at: str | None = None
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """One question. k: passages to read, 1..200. at, history: as in SearchRequest.

    max_tokens, temperature, stop, instructions: as in Generation; None: as is set.
    """

    corpora: tuple[str, ...]
    question: str
    k: int = 6
    where: Mapping[str, Any] | None = None
    at: str | None = None
    history: tuple[Turn, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    instructions: str = ""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far long work is; total 0 while unknown."""

    stage: str
    done: int
    total: int
    unit: str


# --- what streams and serves ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassagesEvent:
    """First event of a streamed answer: what was found."""

    passages: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """A piece of the answer; all pieces joined are `Answer.answer`.

    An empty one says that the answer is being written, but that nothing of it can be shown yet.
    """

    text: str


@dataclass(frozen=True, slots=True)
class CitationEvent:
    """A citation whose marker was just sent."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """Last event of a streamed answer: all of it."""

    answer: Answer


AnswerEvent: TypeAlias = PassagesEvent | TokenEvent | CitationEvent | DoneEvent


@dataclass(frozen=True, slots=True)
class TextSlice:
    """Stored text of one immutable version, code points [start, end)."""

    document_id: str
    version: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether questions can be answered now, and why not."""

    ready: bool
    reason: str
    embedder: str
    commit: CommitId
