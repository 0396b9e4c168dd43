"""Finds in one document the questions that its own text answers, each with the span that does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ragsvc.evaluation.drafts.patterns import deed_of, from_heading, from_sentence
from ragsvc.evaluation.drafts.subjects import SubjectQuestion, is_identifier
from ragsvc.text.headings import Heading, outline
from ragsvc.text.sentences import sentences
from ragsvc.text.stopwords import ENGLISH

MIN_CHARS, MAX_CHARS, MIN_WORDS = 35, 320, 6
SECTION_CHARS = 500
MAX_OF_DOCUMENT = 60
# Running English has 35 to 50 % of these words, tables and code fewer, other languages under 10 %.
ENGLISH_SHARE = 0.15

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# A word after a word, and not in code, where names have no capital.
_INSIDE = re.compile(r"(?<=[a-z,] )[A-Za-z][a-z]+(?![\w./(=-])")
_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_CAPITAL = re.compile(r"[A-Z][a-z’'-]+")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\](?:\([^()\n]*\)|\[[^\[\]\n]*\])")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_MARKS = re.compile(
    r"(?<!`)(?P<ticks>`++)(?P<code>[^`\n]+)(?P=ticks)|(?<![\w*])[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?![\w*])|`|\[\d{1,3}\]"
)
_LIST = re.compile(r"[ \t]*(?:[-*+•–][ \t]+|\(?\d{1,3}[.)][ \t]+|>[ \t]*)+")
_NOT_PROSE = re.compile(r"[|{}<>=\\]|https?:|^(?:```|~~~|#|import |from |:::)|\.\.\.|…")


@dataclass(frozen=True, slots=True)
class DraftSource:
    """A live document; markdown: whether its headings are marked as such."""

    document_id: str
    title: str
    text: str
    markdown: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question and the span of the document that answers it.

    answer: the span as it is read, without marks and line ends.
    """

    asked: SubjectQuestion
    document_id: str
    start: int
    end: int
    quote: str
    answer: str


@dataclass(slots=True)
class DraftVocabulary:
    """Words of a corpus: in how many documents each stands, by its lower case.

    inside: the same of words inside sentences, in the case that they have there.
    """

    count: int = 0
    documents: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)

    def add(self, source: DraftSource) -> None:
        """Take in the words of a document."""
        self.count += 1
        self.documents.update(set(words_of(f"{source.title}\n{source.text}")))
        self.inside.update(set(_INSIDE.findall(_CODE.sub("", source.text))))

    def is_common(self, word: str) -> bool:
        """Whether a word that stands here with a capital is no name."""
        return self.inside[word.lower()] > 0 and self.inside[word.lower()] >= 2 * self.inside[word]

    def spoken(self, subject: str) -> str:
        """A subject as it stands inside a sentence: names keep their capital."""
        words = subject.split()
        if words[0] in {"A", "An", "The"}:
            return f"{words[0].lower()} {' '.join(words[1:])}"
        if not _CAPITAL.fullmatch(words[0]) or any(word[0].isupper() for word in words[1:]):
            return subject
        new = len(words) > 1 and not self.inside[words[0]]
        return subject[0].lower() + subject[1:] if new or self.is_common(words[0]) else subject


def words_of(text: str) -> list[str]:
    """Words in order, in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def content_words(text: str) -> list[str]:
    """Words in order, in lower case, without those that carry no topic."""
    return [word for word in words_of(text) if word not in ENGLISH]


def is_english(text: str) -> bool:
    """Whether a text reads as English; rules for English are no use elsewhere."""
    words = words_of(text[:6000])
    return bool(words) and sum(word in ENGLISH for word in words) >= ENGLISH_SHARE * len(words)


def candidates(source: DraftSource, vocabulary: DraftVocabulary) -> list[Candidate]:
    """All questions that the document answers, in the order of their spans; at most MAX_OF_DOCUMENT."""
    english = is_english(source.text)
    found: list[Candidate] = []
    if source.markdown:
        found += _from_headings(source, vocabulary, english=english)
    if english:
        found += _from_sentences(source, vocabulary)
    return found[:MAX_OF_DOCUMENT]


def _from_sentences(source: DraftSource, vocabulary: DraftVocabulary) -> Iterator[Candidate]:
    for span in sentences(source.text):
        raw = source.text[span.start : span.end]
        if not MIN_CHARS <= len(raw) <= MAX_CHARS or "\n\n" in raw:
            continue
        start = span.start + (mark.end() if (mark := _LIST.match(raw)) else 0)
        quote = source.text[start : span.end]
        clean = _clean(quote)
        if not _is_prose(clean):
            continue
        for asked in from_sentence(clean, vocabulary.spoken):
            yield Candidate(asked, source.document_id, start, span.end, quote, clean)
            break


def _from_headings(source: DraftSource, vocabulary: DraftVocabulary, *, english: bool) -> Iterator[Candidate]:
    headings = outline(source.text).headings
    for number, heading in enumerate(headings):
        stop = headings[number + 1].start if number + 1 < len(headings) else len(source.text)
        body = _first_paragraph(source.text, heading.end, stop)
        if body is None:
            continue
        asked = _of_heading(
            source, heading, _clean(source.text[slice(*body)]), vocabulary if english else None
        )
        if asked is not None:
            quote = source.text[slice(*body)]
            yield Candidate(asked, source.document_id, *body, quote, _clean(quote))


def _of_heading(
    source: DraftSource, heading: Heading, body: str, english: DraftVocabulary | None
) -> SubjectQuestion | None:
    title = heading.title
    if english is None:
        # A question is one in every language; anything else would need its grammar.
        return (
            SubjectQuestion(title, "heading-question", title)
            if re.fullmatch(r".{8,150}[?？]", title)
            else None
        )
    if is_identifier(title):
        return deed_of(title, _first_sentence(body))
    asked = from_heading(title, english.is_common)
    if asked is None or asked.kind == "heading-question":
        return asked
    # "Writing a prompt" alone may be about anything: the title tells what it is about.
    about = set(content_words(asked.subject))
    return asked if len(about) >= 2 or about & set(content_words(source.title)) else None


def _first_sentence(text: str) -> str:
    spans = sentences(text)
    return text[spans[0].start : spans[0].end] if spans else ""


def _first_paragraph(text: str, start: int, stop: int) -> tuple[int, int] | None:
    """The sentences that open a section, as far as they are prose; None when it opens with something else."""
    section = text[start:stop]
    opening = start + len(section) - len(section.lstrip())
    end = text.find("\n\n", opening, stop)
    end = stop if end < 0 else end
    last = None
    for span in sentences(text[opening:end]):
        raw = text[opening + span.start : opening + span.end]
        piece = _clean(raw)
        if (
            span.end > SECTION_CHARS
            or _FENCE.search(raw)
            or piece.endswith((":", "："))
            or _NOT_PROSE.search(piece)
        ):
            break
        last = opening + span.end
    return (opening, last) if last is not None and last - opening >= MIN_CHARS else None


def _clean(raw: str) -> str:
    """A text as it is read; what code holds stays as it is."""
    bare = _MARKS.sub(lambda mark: mark["code"] or "", _LINK.sub(r"\1", raw))
    return " ".join(bare.split())


def _is_prose(sentence: str) -> bool:
    return (
        sentence.endswith(".")
        and (sentence[0].isupper() or sentence[0].isdigit())
        and len(sentence.split()) >= MIN_WORDS
        and not _NOT_PROSE.search(sentence)
        and sentence.count("(") == sentence.count(")")
    )
