"""Documents as resources: their addresses, pages of them, and what is read."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, unquote

from ragsvc.api.state import AppState
from ragsvc.api.strict_route import check_text
from ragsvc.domain import Caller
from ragsvc.errors import InvalidRequest
from ragsvc.service.json_values import JsonObject, encodable, plain

SCHEME = "ragsvc://"
TEMPLATE = "ragsvc://{corpus}/{+document_id}"
PAGE = 100
MAX_ADDRESS_CHARS = 16_384
_HINT = f"an address is {TEMPLATE}; resources/list and the tool list_documents have the documents"


@dataclass(frozen=True, slots=True)
class DocumentAddress:
    """Where a document is: its corpus and its id."""

    corpus: str
    document_id: str

    @classmethod
    def parse(cls, uri: str) -> DocumentAddress:
        """Read an address; slashes of the id may be as they are or percent-encoded.

        :raises InvalidRequest: if it is none of ours.
        """
        if len(uri) > MAX_ADDRESS_CHARS or not uri.startswith(SCHEME):
            raise InvalidRequest("this is no address of a document", hint=_HINT)
        corpus, _, rest = uri.removeprefix(SCHEME).partition("/")
        document_id = unquote(rest, errors="replace")
        check_text(document_id, "the address")
        if not corpus or not document_id:
            raise InvalidRequest("this is no address of a document", hint=_HINT)
        return cls(corpus, document_id)

    def __str__(self) -> str:
        return f"{SCHEME}{self.corpus}/{quote(encodable(self.document_id), safe='/')}"


@dataclass(frozen=True, slots=True)
class DocumentShelf:
    """All documents of all corpora."""

    state: AppState

    async def page(self, caller: Caller, cursor: str | None) -> JsonObject:
        """A page of documents of one corpus, and where the next one begins.

        :raises InvalidRequest: if the cursor is none of ours.
        """
        state = self.state
        names = [corpus.name for corpus in await state.catalog.run(state.service.corpora, caller)]
        name, inner = _place(cursor)
        # The corpus of a cursor may be gone meanwhile; the next one is as good.
        rest = [other for other in names if name is None or other >= name]
        if not rest:
            return {"documents": [], "next_cursor": None}
        inner = inner if rest[0] == name else None
        read = partial(state.service.documents, caller, rest[0], cursor=inner, limit=PAGE)
        found, following = await state.catalog.run(read)
        documents = [
            {
                "uri": str(DocumentAddress(rest[0], document.document_id)),
                "name": document.document_id,
                "title": document.title,
                "mime_type": document.media_type,
                "characters": document.characters,
            }
            for document in found
        ]
        page: JsonObject = plain({"documents": documents, "next_cursor": _following(rest, following)})
        return page

    async def read(self, caller: Caller, uri: str) -> JsonObject:
        """The whole stored text of a live document.

        :raises InvalidRequest: if the address is none of ours.
        :raises NotFound: if there is no such document.
        """
        address, service = DocumentAddress.parse(uri), self.state.service
        found = await self.state.catalog.run(
            partial(service.document, caller, address.corpus, address.document_id)
        )
        version = found.version
        read = partial(service.text, caller, address.corpus, address.document_id, version, 0, None)
        text = await self.state.catalog.run(read)
        contents: JsonObject = plain({"mime_type": found.media_type, "text": text.text, "version": version})
        return contents


def _following(rest: list[str], inner: str | None) -> str | None:
    if inner is not None:
        return _cursor(rest[0], inner)
    return _cursor(rest[1], None) if len(rest) > 1 else None


def _cursor(name: str, inner: str | None) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, inner]).encode()).decode()


def _place(cursor: str | None) -> tuple[str | None, str | None]:
    """Corpus and inner cursor of a cursor."""
    if cursor is None:
        return None, None
    try:
        name, inner = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise InvalidRequest("the cursor is none of ours", hint="begin without a cursor") from error
    if not isinstance(name, str) or not (inner is None or isinstance(inner, str)):
        raise InvalidRequest("the cursor is none of ours", hint="begin without a cursor")
    return name, inner
