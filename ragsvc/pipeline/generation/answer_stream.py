"""An answer while it is written: markers checked, then every sentence held against the passages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ragsvc.domain import (
    Answer,
    Citation,
    Delta,
    FinishReason,
    Hit,
    Span,
    SupportState,
    SupportVerdict,
    UnsupportedSentence,
)
from ragsvc.pipeline.generation.output_filters.reference_list import without_sources
from ragsvc.pipeline.generation.refusals import declines, leaves_open, may_decline
from ragsvc.pipeline.generation.sentence_stream import SentenceStream, is_head, is_row
from ragsvc.pipeline.grounding.citations import (
    MarkerCheck,
    bare,
    citation_of,
    distinct,
    numbers_in,
    placed,
    words_of,
)
from ragsvc.pipeline.grounding.passage_ground import CitedSpans
from ragsvc.pipeline.grounding.support import BLANK_LINE
from ragsvc.pipeline.iterators import closed_after
from ragsvc.protocols import SupportChecker

_SIGNS_BACKWARDS = re.compile(r"[\W_]*+")
_ENDS = frozenset(".!?…:。！？｡")
_LAST_WORD = re.compile(r"\w[^\s\[]{0,100}(?:\s{0,4}\[\d{0,4}\]?){0,8}\s{0,4}\Z")
_WORD = re.compile(r"\w")
_WORDS = re.compile(r"\w+")
# Before the last one: "Yes, at 1".
_FEW_WORDS = 2
_HEADING_MARKS = re.compile(r"^\s*#{1,6}\s")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence that was shown: its code points, its markers' numbers and how it stands.

    cut: it was not written to its end.
    """

    start: int
    end: int
    numbers: tuple[int, ...]
    verdict: SupportVerdict
    cut: bool


class AnswerStream:
    """One answer of one generator, read once.

    Nothing is shown before a sentence is supported: an answer without any, or one that says itself that
    it is none, becomes the refusal. A sentence that was cut off is judged by what there is of it; where that
    claims nothing yet and is the first, it is shown, unless it begins as a refusal does. An answer that ends
    before its first word, at a text given for that, is empty.

    refusal: what is said instead of an answer. stops: whether a text was given at which an answer ends.
    """

    def __init__(
        self,
        pieces: Iterator[Delta],
        passages: Sequence[Hit],
        support: SupportChecker,
        spans: CitedSpans,
        unsupported: UnsupportedSentence,
        refusal: str,
        *,
        stops: bool = False,
    ) -> None:
        self._pieces = pieces
        self._passages = passages
        self._support = support
        self._spans = spans
        self._unsupported = unsupported
        self._refusal = refusal
        self._stops = stops
        self._segments = SentenceStream()
        self._sentences: list[_Sentence] = []
        # _failed: a sentence was not supported. _row_left_out: one of the table that is being written was.
        self._row_left_out = False
        # What is not shown yet, and how much of the answer the sentences so far are.
        self._held = ""
        self._waiting: list[tuple[str, SupportVerdict, bool]] = []
        self._length = 0
        self._shown: list[str] = []
        self._begun = self._worded = self._answered = self._refused = self._failed = False
        self._last = Delta("", FinishReason.STOP)

    def pieces(self) -> Iterator[str]:
        """The answer as the client may see it; a marker that names no passage never comes out.

        An empty piece says that the generator writes, but that nothing of it can be shown yet: there a
        client that went away is noticed. Closing ends the generator's work. A list of
        sources at its end is left out.
        """
        check = MarkerCheck(len(self._passages))
        listing = without_sources(self._passages, self._support)
        with closed_after(self._pieces) as pieces:
            for piece in pieces:
                if piece.finish is not None:
                    self._last = piece
                # After a refusal only the counts of the last piece are waited for.
                yield "" if self._refused else self._take(listing.feed(check.feed(piece.text)))
            if not self._refused:
                yield self._take(listing.feed(check.end()) + listing.end(), last=True)

    def finished(self, answer: Answer) -> Answer:
        """The whole answer, after the last of `pieces`."""
        text = "".join(self._shown)
        flagged = (each for each in self._sentences if each.verdict.standing is SupportState.UNSUPPORTED)
        return replace(
            answer,
            answered=self._answered,
            answer=text,
            citations=self._citations(text) if self._answered else (),
            unsupported=tuple(Span(each.start, each.end) for each in flagged) if self._answered else (),
            finish=self._last.finish or FinishReason.STOP,
            prompt_tokens=self._last.prompt_tokens,
            completion_tokens=self._last.completion_tokens,
        )

    def _take(self, text: str, *, last: bool = False) -> str:
        """Take in more of the answer; what may be shown now."""
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        segments = [(segment, False) for segment in self._segments.feed(text)]
        if last and (rest := self._segments.end()):
            segments += [(segment, False) for segment in rest[:-1]]
            segments.append((rest[-1], self._is_cut(rest[-1])))
        if self._unsupported is UnsupportedSentence.REMOVE:
            shown = self._supported_only(segments)
        else:
            shown = self._all_once_supported(text, segments)
        self._worded = self._worded or _WORD.search(text) is not None
        if last and self._stops and not self._worded and self._last.finish is not FinishReason.LENGTH:
            # It begins with a text at which it ends: there is an answer, and nothing of it may be said.
            self._answered = True
        if not self._answered and (self._refused or last):
            self._refused, shown = True, self._refusal
        self._shown.append(shown)
        return shown

    def _all_once_supported(self, text: str, segments: Iterable[tuple[str, bool]]) -> str:
        self._held += text
        for segment, cut in segments:
            self._place(segment, self._judge(segment, cut=cut), cut=cut)
            if self._refused:
                break
        return self._ready() if self._answered else ""

    def _supported_only(self, segments: Iterable[tuple[str, bool]]) -> str:
        """Sentences that are supported, with what claims nothing before them."""
        for segment, cut in segments:
            before = self._answered
            verdict = self._judge(segment, cut=cut)
            if self._refused:
                break
            all_there_is = cut and self._answered and not before
            if is_head(segment) or not is_row(segment):
                self._end_table()
            if verdict.standing is SupportState.UNSUPPORTED:
                self._leave_out(segment)
                self._row_left_out = self._row_left_out or is_row(segment)
            else:
                self._waiting.append((segment, verdict, cut))
            if verdict.standing is SupportState.SUPPORTED or all_there_is:
                for waiting, known, open_end in self._waiting:
                    self._place(waiting, known, cut=open_end)
                    self._held += waiting
                self._waiting.clear()
        return self._ready()

    def _end_table(self) -> None:
        """Rows that are still waiting are of a table of which no row is supported, and one was left out."""
        while self._row_left_out and self._waiting and is_row(self._waiting[-1][0]):
            self._leave_out(self._waiting.pop()[0])
        self._row_left_out = False

    def _leave_out(self, segment: str) -> None:
        """Keep the line breaks after what is left out: a list, a heading or a table may follow."""
        breaks = segment[len(segment.rstrip()) :]
        before = self._waiting[-1][0] if self._waiting else self._held
        shown = before.rstrip()
        if before[len(shown) :].count("\n") >= breaks.count("\n"):
            return
        if self._waiting:
            self._waiting[-1] = (shown + breaks, *self._waiting[-1][1:])
        elif self._length:
            self._held = shown + breaks
            self._length += len(self._held) - len(before)

    def _ready(self) -> str:
        """What is held, but for white space: it waits for what it stands before."""
        shown = self._held.rstrip()
        self._held = self._held[len(shown) :]
        return shown

    def _judge(self, segment: str, *, cut: bool) -> SupportVerdict:
        if is_head(segment):
            return SupportVerdict(SupportState.NOTHING_CLAIMED)
        numbers = numbers_in(segment)
        if cut and not self._answered and may_decline(segment) and not self._open_itself(segment, numbers):
            self._refused = True
            return SupportVerdict(SupportState.NOTHING_CLAIMED)
        verdict = self._support.verdict(segment, numbers)
        if cut:
            verdict = self._cut_verdict(segment, verdict)
        if declines(segment) and not self._open_itself(segment, numbers):
            # After an answer to a part of the question it is a fair remark.
            self._refused = not self._answered
            return SupportVerdict(SupportState.NOTHING_CLAIMED)
        begins = cut and not self._failed and verdict.standing is SupportState.NOTHING_CLAIMED
        if verdict.standing is SupportState.SUPPORTED or (begins and _WORD.search(bare(segment))):
            self._answered = True
        self._failed = self._failed or verdict.standing is SupportState.UNSUPPORTED
        return verdict

    def _open_itself(self, segment: str, numbers: Sequence[int]) -> bool:
        """Whether the passages themselves say that what a sentence is about is not said."""
        verdict = self._support.verdict(segment, numbers)
        return verdict.standing is SupportState.SUPPORTED and any(
            leaves_open(self._passages[number - 1].passage.text[span.start : span.end])
            for number, span in verdict.spans
        )

    def _cut_verdict(self, segment: str, verdict: SupportVerdict) -> SupportVerdict:
        """How a sentence without its end stands: its last word may be the beginning of another one.

        A heading that is all there is of an answer is held against the passages like a sentence.
        """
        said, numbers = _HEADING_MARKS.sub("", segment), numbers_in(segment)
        if said != segment:
            verdict = self._support.verdict(said, numbers)
        last = _LAST_WORD.search(said)
        if verdict.standing is not SupportState.UNSUPPORTED or not last or not self._may_go_on(last.group()):
            return verdict
        rest = said[: last.start()]
        if self._last.finish is FinishReason.LENGTH and len(_WORDS.findall(bare(rest))) <= _FEW_WORDS:
            return SupportVerdict(SupportState.NOTHING_CLAIMED)
        return self._support.verdict(rest, numbers)

    def _may_go_on(self, last: str) -> bool:
        """Whether a last word is perhaps not whole.

        At the limit of tokens any may be, but for a number that none of the passages' begins with: it stays
        wrong. Elsewhere it was cut by a text in its midst, if at all: some word of the passages begins so.
        """
        word = (_WORDS.findall(bare(last)) or [""])[-1].lower()
        if self._last.finish is FinishReason.LENGTH and not word[:1].isdigit():
            return True
        return any(
            known.startswith(word)
            for hit in self._passages
            for known in words_of("\n".join((hit.passage.title, *hit.passage.headings, hit.passage.text)))
        )

    def _is_cut(self, segment: str) -> bool:
        """Whether the last sentence is one because no more was allowed."""
        limited = self._stops or self._last.finish is FinishReason.LENGTH
        # Backwards, because a search for the signs at the end would begin at every sign before.
        signs = _SIGNS_BACKWARDS.match(bare(segment)[::-1])
        return limited and not (signs and _ENDS.intersection(signs.group()))

    def _place(self, segment: str, verdict: SupportVerdict, *, cut: bool) -> None:
        start = self._length + len(segment) - len(segment.lstrip())
        end = self._length + len(segment.rstrip())
        self._length += len(segment)
        self._sentences.append(_Sentence(start, end, numbers_in(segment), verdict, cut))

    def _citations(self, text: str) -> tuple[Citation, ...]:
        """Of every marker, and of the supported sentences for which no marker speaks."""
        marked = list(placed(text, self._passages, self._spans.choose))
        rows = [(end, citation) for end, citation in marked]
        for place, sentence in enumerate(self._sentences):
            if sentence.numbers or sentence.cut or not sentence.verdict.spans:
                continue
            if sentence.verdict.standing is SupportState.SUPPORTED and not self._spoken_for(
                place, text, marked
            ):
                number, span = sentence.verdict.spans[0]
                rows.append((sentence.end, citation_of(number, self._passages[number - 1], span)))
        return distinct(citation for _, citation in sorted(rows, key=lambda row: row[0]))

    def _spoken_for(self, place: int, text: str, marked: Sequence[tuple[int, Citation]]) -> bool:
        """Whether the next markers of its paragraph cite what holds a sentence without any."""
        sentence = self._sentences[place]
        for later in self._sentences[place + 1 :]:
            if BLANK_LINE.search(text[sentence.end : later.start]):
                return False
            if later.numbers:
                quotes = [cited.quote for end, cited in marked if later.start < end <= later.end]
                return self._spans.holds(quotes, text[sentence.start : sentence.end])
        return False
