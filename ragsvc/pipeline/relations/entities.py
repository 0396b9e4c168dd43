"""From what the structure of live documents names to entities: one for all spellings of a name."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import getaddresses
from urllib.parse import unquote, urlsplit

from ragsvc.domain import EntityKind, Mention, MentionKind, NamedDocument, VersionId
from ragsvc.pipeline.relations.names import fold, is_common, plain, spelling_of

MAX_SPELLINGS = 100_000
"""So many names of a corpus are looked for in its texts; those of documents and people come first."""
FORM_DOCUMENTS = 3
"""A heading that more documents have, and that nothing else is called by, is a form, such as "How to install
it": no entity. Nor is one of a single word, such as "Overview"."""

_FIELDS = {
    "author": EntityKind.AUTHOR,
    "authors": EntityKind.AUTHOR,
    "creator": EntityKind.AUTHOR,
    "tag": EntityKind.TAG,
    "tags": EntityKind.TAG,
    "keywords": EntityKind.TAG,
    "category": EntityKind.TAG,
    "categories": EntityKind.TAG,
    "from_email": EntityKind.PERSON,
    "to_emails": EntityKind.PERSON,
    "cc_emails": EntityKind.PERSON,
}
_PARENT, _REPLY, _MESSAGE = "parent", "in_reply_to", "message_id"
FIELDS = (*_FIELDS, _PARENT, _REPLY, _MESSAGE)
"""Names of the metadata fields that name somebody or something."""
_MENTIONED = {
    MentionKind.HEADING: EntityKind.HEADING,
    MentionKind.ROW: EntityKind.ROW,
    MentionKind.IDENTIFIER: EntityKind.IDENTIFIER,
}
# A single word of these is too often said in another sense.
_PLACES = frozenset({EntityKind.HEADING, EntityKind.ROW})
_MAX_PEOPLE = 100


@dataclass(slots=True)
class EntityDraft:
    """An entity while it is put together.

    documents: places of those whose structure names it. spellings: how it is looked for in texts.
    """

    key: str
    name: str
    kinds: dict[EntityKind, None] = field(default_factory=dict)
    documents: set[int] = field(default_factory=set)
    spellings: dict[str, None] = field(default_factory=dict)


class EntityDrafts:
    """All entities of some documents, and what they are called.

    drafts: by key. aliases: keys by folded name, for what is called otherwise too; "" where that is
    ambiguous.
    """

    def __init__(
        self, documents: Sequence[NamedDocument], mentions: Mapping[VersionId, Sequence[Mention]]
    ) -> None:
        self.drafts: dict[str, EntityDraft] = {}
        self.aliases: dict[str, str] = {}
        self._documents = documents
        self._keys = self._take_documents()
        self._targets = {each.document_id: place for place, each in enumerate(documents)}
        self._sources = {_address(each.source): place for place, each in enumerate(documents)}
        messages = {
            value: place
            for place, each in enumerate(documents)
            for name, value in each.fields
            if name == _MESSAGE
        }
        for place, each in enumerate(documents):
            for name, value in each.fields:
                self._take_field(place, name, value, messages)
            for mention in mentions.get(each.version, ()):
                self._take_mention(place, mention)
        self._drop_forms()

    def key_of(self, name: str) -> str | None:
        """The entity that is called so; None where none is, or several are."""
        folded = fold(name)
        return folded if folded in self.drafts else self.aliases.get(folded) or None

    def spellings(self) -> dict[str, list[str]]:
        """How entities are looked for in texts, each with the keys of what is called so; at most
        MAX_SPELLINGS."""
        kinds = list(EntityKind)
        ordered = sorted(self.drafts.values(), key=lambda draft: min(map(kinds.index, draft.kinds)))
        found: dict[str, list[str]] = {}
        for draft in ordered:
            for spelling in draft.spellings:
                if len(found) < MAX_SPELLINGS or spelling in found:
                    found.setdefault(spelling, []).append(draft.key)
        return found

    def _take_documents(self) -> list[str]:
        """A document is called by its title, where no other has it, by its file name and by its id."""
        titles = [fold(each.title) for each in self._documents]
        bare = [fold(_bare(each.title)) for each in self._documents]
        files = [fold(posixpath.basename(each.document_id)) for each in self._documents]
        counts, bare_counts, file_counts = Counter(titles), Counter(bare), Counter(files)
        keys: list[str] = []
        for place, each in enumerate(self._documents):
            own = counts[titles[place]] == 1
            name = each.title if own and titles[place] else each.document_id
            draft = self._draft(fold(name), plain(name), EntityKind.DOCUMENT, place)
            keys.append(draft.key)
            self._call(draft, each.document_id, looked_for=False)
            if own:
                self._call(draft, each.title)
                if bare_counts[bare[place]] == 1:
                    self._call(draft, _bare(each.title))
            if file_counts[files[place]] == 1:
                base = posixpath.basename(each.document_id)
                self._call(draft, base, looked_for="." in base)
                self._call(draft, posixpath.splitext(base)[0], looked_for=False)
        return keys

    def _take_field(self, place: int, name: str, value: str, messages: Mapping[str, int]) -> None:
        kind = _FIELDS.get(name)
        if kind is EntityKind.PERSON:
            for called, address in getaddresses([value])[:_MAX_PEOPLE]:
                self._take_person(place, plain(called), address)
        elif kind is EntityKind.TAG:
            for each in value.replace(";", ",").split(","):
                self._take_name(place, each, kind)
        elif kind is not None:
            self._take_name(place, value, kind)
        elif name == _PARENT:
            self._take_link(place, value)
        elif name == _REPLY and value in messages:
            self._point(place, messages[value])

    def _take_mention(self, place: int, mention: Mention) -> None:
        if mention.kind is MentionKind.LINK:
            self._take_link(place, mention.name)
        else:
            name = mention.name
            if mention.kind is MentionKind.IDENTIFIER:
                name = name.removesuffix("()")
            self._take_name(place, name, _MENTIONED[mention.kind])

    def _take_person(self, place: int, called: str, address: str) -> None:
        if "@" not in address:
            return
        draft = self._draft(fold(address), called or address, EntityKind.PERSON, place)
        if called and draft.name == plain(address):
            draft.name = called
        self._call(draft, address)
        if called:
            self._call(draft, called)

    def _take_name(self, place: int, name: str, kind: EntityKind) -> None:
        if key := fold(name):
            looked_for = kind not in _PLACES or not is_common(name)
            self._call(self._draft(key, plain(name), kind, place), name, looked_for=looked_for)

    def _take_link(self, place: int, target: str) -> None:
        """A link leads to a document, to somebody's mail box, or out into the web."""
        if target.startswith("[["):
            key = self.key_of(target[2:-2])
            if key is not None:
                self.drafts[key].documents.add(place)
            return
        scheme = target.partition(":")[0].casefold()
        if scheme == "mailto":
            self._take_person(place, "", unquote(target[7:].partition("?")[0]))
        elif scheme in ("http", "https"):
            address = _address(target)
            if address in self._sources:
                self._point(place, self._sources[address])
            elif address:
                self._draft(address, address, EntityKind.URL, place)
        elif (found := self._linked(place, target)) is not None:
            self._point(place, found)

    def _linked(self, place: int, target: str) -> int | None:
        """The document that a path leads to, as seen from another; a file name may lack its end."""
        path = unquote(target.partition("#")[0].partition("?")[0])
        if not path:
            return None
        own = self._documents[place].document_id
        # From the root of the documents, too: "/docs/a.md".
        for start in (posixpath.dirname(own), own.partition("/")[0]):
            whole = posixpath.normpath(posixpath.join(start, path.lstrip("/")))
            for each in (whole, f"{whole}.md", path):
                if each in self._targets:
                    return self._targets[each]
        return None

    def _point(self, place: int, other: int) -> None:
        self.drafts[self._keys[other]].documents.add(place)

    def _draft(self, key: str, name: str, kind: EntityKind, place: int) -> EntityDraft:
        draft = self.drafts.setdefault(key, EntityDraft(key, name))
        draft.kinds[kind] = None
        draft.documents.add(place)
        return draft

    def _call(self, draft: EntityDraft, name: str, *, looked_for: bool = True) -> None:
        alias = fold(name)
        if alias and alias != draft.key and self.aliases.setdefault(alias, draft.key) != draft.key:
            self.aliases[alias] = ""
        spelling = spelling_of(name) if looked_for else ""
        if spelling:
            draft.spellings[spelling] = None

    def _drop_forms(self) -> None:
        for key, draft in [*self.drafts.items()]:
            only_heading = draft.kinds.keys() == {EntityKind.HEADING}
            if only_heading and (len(draft.documents) > FORM_DOCUMENTS or is_common(draft.name)):
                del self.drafts[key]


def _bare(title: str) -> str:
    """A title without what tells it from others of its name: "Mercury (planet)"."""
    head, bracket, rest = title.rpartition(" (")
    return head if bracket and head.strip() and rest.endswith(")") else title


def _address(url: str) -> str:
    """A URL such that two of the same page are equal; "" for what is none."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme.casefold() not in ("http", "https") or not host:
        return ""
    path = parts.path.rstrip("/")
    return f"{host}{path}?{parts.query}" if parts.query else f"{host}{path}"
