"""All errors, one tree. Each carries a stable code, and a hint: what to type now.

RagsvcError
├── InvalidRequest            the caller's words are wrong
│   ├── InvalidName
│   ├── InvalidFilter
│   ├── InvalidSetting        of the server's, found when it is needed
│   ├── UnsupportedOperation
│   └── RootEmpty
├── NotFound
│   ├── CorpusNotFound
│   ├── DocumentNotFound
│   ├── VersionNotFound
│   ├── RefNotFound
│   ├── CommitCollected
│   ├── JobNotFound
│   ├── TrainedModelNotFound
│   ├── SessionNotFound
│   ├── RecordNotFound
│   ├── EntityNotFound
│   └── SourceNotFound
├── Conflict                  the state forbids it
│   ├── RootConflict
│   ├── WriterBusy
│   ├── StaleContent
│   ├── TagExists
│   ├── CorpusExists
│   ├── TargetExists
│   ├── RecordsOff
│   ├── TrainingUnfinished
│   └── ProfileMismatch
├── AccessDenied
│   ├── Unauthenticated
│   ├── HostRefused
│   └── TooManyLogins
├── TooLarge
├── Overloaded
├── ModelError
│   ├── ModelNotFound
│   ├── ModelRefused
│   ├── TrainingDiverged
│   └── ModelMismatch
├── StorageError              the home folder or what is in it
│   ├── CatalogNewer
│   ├── CatalogDamaged
│   ├── IndexDamaged
│   ├── ExportDamaged
│   ├── ModelDamaged
│   ├── HomeNotFound
│   ├── HomeNotWritable
│   └── DiskFull
├── DocumentError             one file, listed and never fatal
│   ├── EncryptedDocument
│   ├── BrokenDocument
│   ├── EmptyDocument
│   ├── NoText
│   ├── DocumentTooLarge
│   ├── ParserTimeout
│   ├── ParserCrashed
│   ├── ParserOutOfMemory
│   ├── UnsupportedType
│   ├── InvalidLine
│   ├── IdConflict
│   └── UnreadableFile
├── JobError                  a job that was given up
│   ├── JobCrashed
│   └── JobStalled
├── AddressUnavailable
├── ServerFailed
├── Cancelled
├── MissingExtra
└── InternalError             a bug: shown without a traceback
"""

from __future__ import annotations

from typing import ClassVar


class RagsvcError(Exception):
    """Base of every error that ragsvc raises on purpose.

    message: what went wrong, with the name of the file, corpus or field.
    hint: what to do or type now; "" when there is nothing to advise.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidRequest(RagsvcError):
    """param: which field of a request is wrong; "" where none is."""

    code = "invalid_request"

    def __init__(self, message: str, *, hint: str = "", param: str = "") -> None:
        super().__init__(message, hint=hint)
        self.param = param


class InvalidName(InvalidRequest):
    code = "invalid_name"


class InvalidFilter(InvalidRequest):
    code = "invalid_filter"


class InvalidSetting(InvalidRequest):
    """A setting cannot be used; over HTTP it is no mistake of whoever asks."""

    code = "invalid_setting"


class UnsupportedOperation(InvalidRequest):
    """A model of this kind has no such thing: an adversarial network cannot encode."""

    code = "unsupported_operation"


class RootEmpty(InvalidRequest):
    """Pruning a root that is missing or has become empty."""

    code = "root_empty"


class NotFound(RagsvcError):
    code = "not_found"


class CorpusNotFound(NotFound):
    code = "corpus_not_found"


class DocumentNotFound(NotFound):
    code = "document_not_found"


class VersionNotFound(NotFound):
    code = "version_not_found"


class EntityNotFound(NotFound):
    """Nothing in the documents of a corpus is called so, or several things are."""

    code = "entity_not_found"


class RefNotFound(NotFound):
    """No commit has this number or tag."""

    code = "ref_not_found"


class CommitCollected(NotFound):
    """The commit is known, but gc has removed what it held."""

    code = "commit_collected"


class JobNotFound(NotFound):
    code = "job_not_found"


class TrainedModelNotFound(NotFound):
    """No model of this name, or not of this version, was trained in this home."""

    code = "trained_model_not_found"


class SessionNotFound(NotFound):
    code = "session_not_found"


class RecordNotFound(NotFound):
    code = "record_not_found"


class SourceNotFound(NotFound):
    """A path given to ingest does not exist."""

    code = "source_not_found"


class Conflict(RagsvcError):
    code = "conflict"


class RootConflict(Conflict):
    """The root name already belongs to another folder."""

    code = "root_conflict"


class WriterBusy(Conflict):
    """Another process held the writer lock for too long."""

    code = "writer_busy"


class StaleContent(Conflict):
    """Prepared content went away before it was published; preparing again helps."""

    code = "stale_content"


class TagExists(Conflict):
    """The tag names another commit."""

    code = "tag_exists"


class CorpusExists(Conflict):
    """An import would mix two corpora."""

    code = "corpus_exists"


class TargetExists(Conflict):
    """An export would write into something that is there."""

    code = "target_exists"


class RecordsOff(Conflict):
    """Nothing is kept here: RAGSVC_RECORDS is off."""

    code = "records_off"


class TrainingUnfinished(Conflict):
    """A training of this name was interrupted: it is gone on with or thrown away first."""

    code = "training_unfinished"


class ProfileMismatch(Conflict):
    """The corpus was indexed with another profile."""

    code = "profile_mismatch"


class AccessDenied(RagsvcError):
    code = "access_denied"


class Unauthenticated(AccessDenied):
    code = "unauthenticated"


class HostRefused(AccessDenied):
    """Host or Origin is not this machine."""

    code = "host_refused"


class TooManyLogins(AccessDenied):
    """Too many wrong keys were typed into the page of late."""

    code = "too_many_logins"


class TooLarge(RagsvcError):
    """A request, field or upload is over its limit. param: as in InvalidRequest."""

    code = "too_large"

    def __init__(self, message: str, *, hint: str = "", param: str = "") -> None:
        super().__init__(message, hint=hint)
        self.param = param


class Overloaded(RagsvcError):
    code = "overloaded"


class ModelError(RagsvcError):
    code = "model_error"


class ModelNotFound(ModelError):
    code = "model_not_found"


class ModelRefused(ModelError):
    """The model's server does not take the request; asking again changes nothing."""

    code = "model_refused"


class TrainingDiverged(ModelError):
    """A loss is no finite number."""

    code = "training_diverged"


class ModelMismatch(ModelError):
    """The weights are not the ones recorded."""

    code = "model_mismatch"


class StorageError(RagsvcError):
    code = "storage_error"


class CatalogNewer(StorageError):
    """The catalog was written by a newer ragsvc."""

    code = "catalog_newer"


class CatalogDamaged(StorageError):
    code = "catalog_damaged"


class IndexDamaged(StorageError):
    """A derived index file is missing or damaged; it is rebuilt from the catalog."""

    code = "index_damaged"


class ExportDamaged(StorageError):
    """An exported folder is incomplete, altered, or none."""

    code = "export_damaged"


class ModelDamaged(StorageError):
    """The files of a trained model, or of a checkpoint, are missing or not what was written."""

    code = "model_damaged"


class HomeNotFound(StorageError):
    """There is no catalog where one is to be read; nothing was made."""

    code = "home_not_found"


class HomeNotWritable(StorageError):
    code = "home_not_writable"


class DiskFull(StorageError):
    code = "disk_full"


class DocumentError(RagsvcError):
    """One document could not be read."""

    code = "document_error"


class EncryptedDocument(DocumentError):
    code = "encrypted"


class BrokenDocument(DocumentError):
    code = "broken"


class EmptyDocument(DocumentError):
    """A text file that holds white space only; it is skipped like a file of no bytes."""

    code = "empty"


class NoText(DocumentError):
    """Nothing to read: a scan without OCR, a picture."""

    code = "no_text"


class DocumentTooLarge(DocumentError):
    code = "document_too_large"


class ParserTimeout(DocumentError):
    code = "parser_timeout"


class ParserCrashed(DocumentError):
    code = "parser_crashed"


class ParserOutOfMemory(DocumentError):
    code = "parser_out_of_memory"


class UnsupportedType(DocumentError):
    code = "unsupported_type"


class InvalidLine(DocumentError):
    """A JSONL line that is not a document."""

    code = "invalid_line"


class IdConflict(DocumentError):
    """The document id already belongs to another source."""

    code = "id_conflict"


class UnreadableFile(DocumentError):
    """The operating system refused to open it, or it changed while it was read."""

    code = "unreadable"


class JobError(RagsvcError):
    code = "job_error"


class JobCrashed(JobError):
    """The process of a job died, as often as it was tried."""

    code = "job_crashed"


class JobStalled(JobError):
    """A job made no progress for too long, as often as it was tried."""

    code = "job_stalled"


class AddressUnavailable(RagsvcError):
    """The address to serve on is taken, or not of this machine."""

    code = "address_unavailable"


class ServerFailed(RagsvcError):
    """A server process died while it started, again and again."""

    code = "server_failed"


class Cancelled(RagsvcError):
    code = "cancelled"


class MissingExtra(RagsvcError):
    """An optional package is needed; the hint has the install command."""

    code = "missing_extra"


class InternalError(RagsvcError):
    code = "internal"
