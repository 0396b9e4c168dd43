"""Documents as JSON, written to the spool one by one as the body comes in: memory stays bounded."""

from __future__ import annotations

from typing import Protocol

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request

from ragsvc.api.elements import Elements
from ragsvc.api.limits import WorkGate
from ragsvc.api.memory_budget import Lease, json_cost, lease_of
from ragsvc.api.schemas import MAX_DOCUMENTS, DocumentBody, DocumentsBody
from ragsvc.api.strict_route import MAX_DEPTH, check_encoding, parse_json, validate
from ragsvc.domain import InlineDocument
from ragsvc.errors import InvalidRequest, TooLarge

# Of one document.
MAX_VALUES = 200_000
MAX_COST_BYTES = 256 << 20


class DocumentSpool(Protocol):
    """Where documents go until they are ingested."""

    def add(self, document: InlineDocument) -> None:
        """Keep a document; its id was checked."""
        ...


async def receive_documents(request: Request, shelf: DocumentSpool, gate: WorkGate) -> None:
    """Put every document of a JSON body on a shelf.

    :raises InvalidRequest: if the body is not strict JSON, is compressed, or gives an id twice.
    :raises RequestValidationError: if it holds something else than documents.
    :raises TooLarge: if one document takes too much memory.
    :raises Overloaded: if all requests together do.
    :raises DiskFull: if there is no room.
    """
    check_encoding(request)
    reader = _Reader(shelf, lease_of(request.scope))
    async for piece in request.stream():
        if piece:
            await gate.thread(reader.take, piece)
    await gate.thread(reader.finish)


class _Reader:
    """Parses each document as soon as it is whole."""

    def __init__(self, shelf: DocumentSpool, lease: Lease) -> None:
        self._shelf = shelf
        self._lease = lease
        self._elements = Elements(MAX_VALUES, MAX_DEPTH, lambda count: lease.set(2 * count))
        self._ids: set[str] = set()
        self._count = 0

    def take(self, piece: bytes) -> None:
        for raw in self._elements.feed(piece):
            self._one(raw)
            self._lease.set(0)

    def finish(self) -> None:
        frame = self._elements.frame()
        self._lease.set(json_cost(frame))
        value = parse_json(frame)
        if self._count and isinstance(value, dict) and value.get("documents") == []:
            # They are on the shelf; what is wrong besides is still to be told.
            value["documents"] = [{"id": "a", "text": "b"}]
            validate(DocumentsBody, value)
            return
        for document in validate(DocumentsBody, value).documents:
            self._put(document)

    def _one(self, raw: bytes) -> None:
        self._count += 1
        if self._count > MAX_DOCUMENTS:
            raise InvalidRequest(
                f"documents: more than {MAX_DOCUMENTS} in one body", hint="send several requests"
            )
        cost = json_cost(raw, self._elements.values)
        if cost > MAX_COST_BYTES:
            raise TooLarge(
                f"document {self._count} of the body would take {cost >> 20} MiB of memory, more than "
                f"{MAX_COST_BYTES >> 20}",
                hint="send it as a file: curl -F files=@notes.md ...",
            )
        self._lease.set(cost)
        value = parse_json(raw, f"document {self._count} of the body")
        try:
            document = DocumentBody.model_validate(value)
        except ValidationError as error:
            place = ("body", "documents", self._count - 1)
            details = [{**item, "loc": (*place, *item["loc"])} for item in error.errors(include_url=False)]
            raise RequestValidationError(details) from error
        self._put(document)

    def _put(self, document: DocumentBody) -> None:
        if document.id in self._ids:
            raise InvalidRequest("documents: an id is given twice", hint="give each id once")
        self._ids.add(document.id)
        self._shelf.add(InlineDocument(document.id, document.text, document.title, document.metadata))
