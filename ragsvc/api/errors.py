"""The one table from error classes to HTTP, and how an error becomes a neutral `Problem`."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Scope

from ragsvc import errors as e
from ragsvc.api.redaction import Redactor

log = logging.getLogger("ragsvc.api")


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """What an error class looks like over HTTP. retry_after_s: sent as `Retry-After` when given.

    final: OpenAI's clients repeat whatever got 5xx, unless they are told that it changes nothing.
    """

    status: int
    title: str
    retry_after_s: int | None = None
    final: bool = False


TABLE: Mapping[type[e.RagsvcError], ErrorRow] = MappingProxyType(
    {
        e.RagsvcError: ErrorRow(500, "Error"),
        e.InvalidRequest: ErrorRow(422, "Invalid request"),
        e.InvalidName: ErrorRow(422, "Invalid name"),
        e.InvalidFilter: ErrorRow(422, "Invalid filter"),
        e.InvalidSetting: ErrorRow(500, "A setting of the server cannot be used"),
        e.UnsupportedOperation: ErrorRow(422, "Models of this kind cannot do that"),
        e.RootEmpty: ErrorRow(409, "Root is missing or empty"),
        e.NotFound: ErrorRow(404, "Not found"),
        e.CorpusNotFound: ErrorRow(404, "Corpus not found"),
        e.DocumentNotFound: ErrorRow(404, "Document not found"),
        e.EntityNotFound: ErrorRow(404, "Entity not found"),
        e.VersionNotFound: ErrorRow(404, "Version not found"),
        e.RefNotFound: ErrorRow(404, "Commit or tag not found"),
        e.CommitCollected: ErrorRow(410, "Commit was collected"),
        e.TrainedModelNotFound: ErrorRow(404, "Trained model not found"),
        e.JobNotFound: ErrorRow(404, "Job not found"),
        e.SessionNotFound: ErrorRow(404, "Session not found"),
        e.RecordNotFound: ErrorRow(404, "Record not found"),
        e.SourceNotFound: ErrorRow(404, "Source not found"),
        e.Conflict: ErrorRow(409, "Conflict"),
        e.RootConflict: ErrorRow(409, "Root name is taken"),
        e.WriterBusy: ErrorRow(503, "Another writer is at work", retry_after_s=5),
        e.StaleContent: ErrorRow(503, "Content went away while it was prepared", retry_after_s=1),
        e.TagExists: ErrorRow(409, "Tag exists"),
        e.CorpusExists: ErrorRow(409, "Corpus exists"),
        e.TargetExists: ErrorRow(409, "Target exists"),
        e.RecordsOff: ErrorRow(409, "Records are off"),
        e.TrainingUnfinished: ErrorRow(409, "A training was interrupted"),
        e.ProfileMismatch: ErrorRow(409, "Indexed with another profile"),
        e.AccessDenied: ErrorRow(403, "Access denied"),
        e.Unauthenticated: ErrorRow(401, "API key missing or wrong"),
        e.HostRefused: ErrorRow(403, "Host or Origin refused"),
        e.TooManyLogins: ErrorRow(429, "Too many wrong keys", retry_after_s=60),
        e.TooLarge: ErrorRow(413, "Too large"),
        e.Overloaded: ErrorRow(503, "Overloaded", retry_after_s=1),
        e.ModelError: ErrorRow(503, "Model cannot answer now", retry_after_s=5),
        e.ModelNotFound: ErrorRow(500, "Model not found", final=True),
        e.ModelRefused: ErrorRow(502, "Model refused", final=True),
        e.TrainingDiverged: ErrorRow(500, "Training diverged"),
        e.ModelMismatch: ErrorRow(500, "Model differs from the recorded one"),
        e.StorageError: ErrorRow(500, "Storage error"),
        e.CatalogNewer: ErrorRow(500, "Catalog was written by a newer version"),
        e.CatalogDamaged: ErrorRow(500, "Catalog is damaged"),
        e.IndexDamaged: ErrorRow(503, "Index is being rebuilt", retry_after_s=5),
        e.ExportDamaged: ErrorRow(422, "Export is damaged"),
        e.ModelDamaged: ErrorRow(500, "Files of the model are damaged", final=True),
        e.HomeNotFound: ErrorRow(500, "Home folder not found"),
        e.HomeNotWritable: ErrorRow(500, "Home folder is not writable"),
        e.DiskFull: ErrorRow(507, "Disk is full"),
        e.DocumentError: ErrorRow(422, "Document cannot be read"),
        e.EncryptedDocument: ErrorRow(422, "Document is encrypted"),
        e.BrokenDocument: ErrorRow(422, "Document is broken"),
        e.EmptyDocument: ErrorRow(422, "Document is empty"),
        e.NoText: ErrorRow(422, "Document has no text"),
        e.DocumentTooLarge: ErrorRow(413, "Document is too large"),
        e.ParserTimeout: ErrorRow(422, "Document took too long to read"),
        e.ParserCrashed: ErrorRow(422, "Parser crashed on the document"),
        e.ParserOutOfMemory: ErrorRow(422, "Document took too much memory to read"),
        e.UnsupportedType: ErrorRow(415, "Unsupported document type"),
        e.InvalidLine: ErrorRow(422, "Invalid line"),
        e.IdConflict: ErrorRow(409, "Document id is taken"),
        e.UnreadableFile: ErrorRow(422, "File cannot be read"),
        e.JobError: ErrorRow(500, "Job failed"),
        e.JobCrashed: ErrorRow(500, "Job crashed"),
        e.JobStalled: ErrorRow(500, "Job made no progress"),
        e.AddressUnavailable: ErrorRow(500, "Address cannot be used"),
        e.ServerFailed: ErrorRow(500, "Server processes cannot start"),
        e.Cancelled: ErrorRow(409, "Cancelled"),
        e.MissingExtra: ErrorRow(501, "An optional package is missing"),
        e.InternalError: ErrorRow(500, "Internal error"),
    }
)

# What the framework itself raises, by status: (code, title, hint).
FRAMEWORK: Mapping[int, tuple[str, str, str]] = MappingProxyType(
    {
        400: ("invalid_request", "Invalid request", ""),
        404: ("not_found", "Not found", "GET /openapi.json lists all routes"),
        405: ("method_not_allowed", "Method not allowed", "the Allow header lists the methods of this path"),
        408: ("request_timeout", "Request timed out", "send the body without long pauses"),
        415: ("unsupported_media_type", "Unsupported media type", "send -H 'Content-Type: application/json'"),
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as every renderer needs it.

    instance: path of the request, percent-encoded.
    extra: further members, such as `errors` with one entry per wrong field.
    cause: of the first wrong field, what the schema calls the mistake; "" without one.
    param: the wrong field, where no schema found it; "" without one.
    """

    status: int
    title: str
    code: str
    detail: str
    hint: str
    instance: str
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""
    param: str = ""


def instance_of(scope: Scope) -> str:
    """Percent-encoded path of a request: ASCII whatever was sent."""
    raw: bytes | None = scope.get("raw_path")
    return quote(
        raw if raw is not None else scope["path"].encode("utf-8", "replace"), safe="/%:@!$&'()*+,;=~"
    )


def row_of(error: type[e.RagsvcError]) -> ErrorRow:
    """Row of the class, or of its nearest ancestor."""
    return next(TABLE[cls] for cls in error.__mro__ if cls in TABLE)


def problem_of(error: e.RagsvcError, scope: Scope, redactor: Redactor | None = None) -> Problem:
    """Describe one of our own errors.

    :param redactor: of what is not shown; None: that of the scope's server.
    """
    row = row_of(type(error))
    headers: dict[str, str] = {}
    if row.retry_after_s is not None:
        headers["Retry-After"] = str(row.retry_after_s)
    if row.final:
        headers["x-should-retry"] = "false"
    if row.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ragsvc"'
    param = error.param if isinstance(error, e.InvalidRequest | e.TooLarge) else ""
    redactor = redactor or Redactor.of_scope(scope)
    if row.status >= 500:
        message, hint = redactor.over_error(error)
    else:
        message, hint = redactor.known(error.message), redactor.known(error.hint)
    instance = instance_of(scope)
    return Problem(row.status, row.title, error.code, message, hint, instance, headers, param=param)


def framework_problem(error: HTTPException, request: Request) -> Problem:
    """Describe what the framework refused: no such path, method or media type."""
    code, title, hint = FRAMEWORK.get(error.status_code, ("error", "Error", ""))
    headers = dict(error.headers or {})
    if error.status_code == 404:
        detail = "there is nothing at this path"
    elif error.status_code == 405:
        allowed = allowed_methods(request)
        headers["Allow"] = ", ".join(allowed)
        detail = f"{request.method} is not among the methods of this path: {', '.join(allowed)}"
    else:
        detail = str(error.detail)
    return Problem(error.status_code, title, code, detail, hint, instance_of(request.scope), headers)


def allowed_methods(request: Request) -> list[str]:
    """Methods of all routes that share the request's path; the router itself names only the first."""
    methods: set[str] = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0].value == 2 for route in request.app.routes):
            methods.add(method)
    return sorted(methods)


def validation_problem(error: RequestValidationError, scope: Scope) -> Problem:
    """Describe wrong fields; what was sent is not echoed, it may be huge or hostile."""
    found: dict[str, str] = {}
    for item in error.errors():
        # A field that may be one of several types has a message for each; the first is the likely one.
        found.setdefault(_field_name(item["loc"]), str(item["msg"]))
    fields = [{"field": name, "message": message} for name, message in list(found.items())[:20]]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in fields[:3])
    # A wrong corpus name is the same mistake whether the service or the schema notices it.
    kind = e.InvalidName if fields and all(f["field"] == "corpus" for f in fields) else e.InvalidRequest
    row = TABLE[kind]
    hint = "/docs describes every field; GET /openapi.json is the same for programs"
    if kind is e.InvalidName:
        hint = "a corpus name is 1 to 64 of a-z, 0-9, dot, underscore and hyphen; the first a letter or digit"
    cause = str(error.errors()[0]["type"]) if fields else ""
    instance = instance_of(scope)
    return Problem(
        row.status, row.title, kind.code, detail, hint, instance, extra={"errors": fields}, cause=cause
    )


def unexpected_problem(error: BaseException, scope: Scope) -> Problem:
    """Log a bug under a new reference and describe it without its details."""
    reference = secrets.token_hex(6)
    log.error("unexpected error, reference %s: %s", reference, instance_of(scope), exc_info=error)
    row = TABLE[e.InternalError]
    detail = f"an unexpected error; the server's log has it under reference {reference}"
    hint = "search the server's log for the reference"
    code = e.InternalError.code
    return Problem(
        row.status, row.title, code, detail, hint, instance_of(scope), extra={"reference": reference}
    )


def short_of_memory(error: MemoryError, scope: Scope) -> e.Overloaded:
    """Log that memory ran out and describe it as what it is: too much at once, and no bug."""
    log.error("out of memory: %s", instance_of(scope), exc_info=error)
    return e.Overloaded(
        "the server has not enough memory for this request",
        hint="send less at a time, or try again when it has less to do",
    )


def _field_name(location: Sequence[Any]) -> str:
    """Such as `documents[3].id`; without the part of the request and pydantic's names of union members."""
    name = ""
    for part in location[1:]:
        if isinstance(part, int):
            name += f"[{part}]"
        elif part.isidentifier() or not name:
            name += f".{part}" if name else str(part)
    # An unknown field's name is the caller's own text: keep it short and printable.
    return name.encode("ascii", "backslashreplace").decode()[:100] or str(location[0] if location else "body")
