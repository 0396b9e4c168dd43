"""An answer while it is written: markers checked, then every sentence held against the passages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ragsvc.domain import Answer, Citation, FinishReason, Hit, Piece, Span, Unsupported
from ragsvc.pipeline.closing import closed_after
from ragsvc.pipeline.markers import MarkerCheck, citation_of, distinct, numbers_in, placed
from ragsvc.pipeline.segments import Segments
from ragsvc.pipeline.support import Standing, Support, Verdict

# What models write instead of an answer; the first is what the prompt asks for. What else they may say
# is an answer of which nothing is supported.
_NO_ANSWER = re.compile(
    r"\W*(?:(?:i['’]m|i am) sorry\W+(?:but )?)?(?:i|we) "
    r"(?:cannot|can['’]t|can not|could not|am unable to|(?:do not|don['’]t) know)(?: how to)?"
    r"(?: (?:answer|find|determine|tell)\b|\W*\Z)",
    re.IGNORECASE,
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence that was shown: its code points, its markers' numbers and how it stands."""

    start: int
    end: int
    numbers: tuple[int, ...]
    verdict: Verdict


class Writing:
    """One answer of one generator, read once.

    Nothing is shown before a sentence is supported: an answer without any, or one that says itself that
    it is none, becomes the refusal.

    refusal: what is said instead of an answer.
    """

    def __init__(
        self,
        pieces: Iterator[Piece],
        passages: Sequence[Hit],
        support: Support,
        unsupported: Unsupported,
        refusal: str,
    ) -> None:
        self._pieces = pieces
        self._passages = passages
        self._support = support
        self._unsupported = unsupported
        self._refusal = refusal
        self._segments = Segments()
        self._sentences: list[_Sentence] = []
        # What is not shown yet, and how much of the answer the sentences so far are.
        self._held = ""
        self._waiting: list[tuple[str, tuple[int, ...], Verdict]] = []
        self._length = 0
        self._shown: list[str] = []
        self._begun = self._answered = self._refused = False
        self._last = Piece("", FinishReason.STOP)

    def pieces(self) -> Iterator[str]:
        """The answer as the client may see it; a marker that names no passage never comes out.

        An empty piece says that the generator writes, but that nothing of it can be shown yet: there a
        client that went away is noticed. Closing ends the generator's work.
        """
        check = MarkerCheck(len(self._passages))
        with closed_after(self._pieces) as pieces:
            for piece in pieces:
                if piece.finish is not None:
                    self._last = piece
                # After a refusal only the counts of the last piece are waited for.
                yield "" if self._refused else self._take(check.feed(piece.text))
            if not self._refused:
                yield self._take(check.end(), last=True)

    def finished(self, answer: Answer) -> Answer:
        """The whole answer, after the last of `pieces`."""
        text = "".join(self._shown)
        flagged = (each for each in self._sentences if each.verdict.standing is Standing.UNSUPPORTED)
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
        segments = self._segments.feed(text)
        if last:
            segments += self._segments.end()
        if self._unsupported is Unsupported.REMOVE:
            shown = self._supported_only(segments)
        else:
            shown = self._all_once_supported(text, segments)
        if not self._answered and (self._refused or last):
            self._refused, shown = True, self._refusal
        self._shown.append(shown)
        return shown

    def _all_once_supported(self, text: str, segments: Iterable[str]) -> str:
        self._held += text
        for segment in segments:
            self._place(segment, *self._judge(segment))
            if self._refused:
                break
        if not self._answered:
            return ""
        shown, self._held = self._held, ""
        return shown

    def _supported_only(self, segments: Iterable[str]) -> str:
        """Sentences that are supported, with what claims nothing before them."""
        for segment in segments:
            numbers, verdict = self._judge(segment)
            if self._refused:
                break
            if verdict.standing is not Standing.UNSUPPORTED:
                self._waiting.append((segment, numbers, verdict))
            if verdict.standing is Standing.SUPPORTED:
                for each in self._waiting:
                    self._place(*each)
                    self._held += each[0]
                self._waiting.clear()
        # White space waits for what it stands before.
        shown = self._held.rstrip()
        self._held = self._held[len(shown) :]
        return shown

    def _judge(self, segment: str) -> tuple[tuple[int, ...], Verdict]:
        numbers = numbers_in(segment)
        verdict = self._support.verdict(segment, numbers)
        if verdict.standing is Standing.SUPPORTED:
            self._answered = True
        elif not numbers and _NO_ANSWER.match(segment):
            # After an answer to a part of the question it is a fair remark.
            self._refused = not self._answered
            verdict = Verdict(Standing.NOTHING_CLAIMED)
        return numbers, verdict

    def _place(self, segment: str, numbers: tuple[int, ...], verdict: Verdict) -> None:
        start = self._length + len(segment) - len(segment.lstrip())
        end = self._length + len(segment.rstrip())
        self._length += len(segment)
        self._sentences.append(_Sentence(start, end, numbers, verdict))

    def _citations(self, text: str) -> tuple[Citation, ...]:
        """Of every marker, and of the supported sentences for which no marker speaks."""
        marked = list(placed(text, self._passages, self._support.choose))
        rows = [(end, citation) for end, citation in marked]
        for place, sentence in enumerate(self._sentences):
            if sentence.numbers or not sentence.verdict.spans:
                continue
            if sentence.verdict.standing is Standing.SUPPORTED and not self._spoken_for(place, text, marked):
                number, span = sentence.verdict.spans[0]
                rows.append((sentence.end, citation_of(number, self._passages[number - 1], span)))
        return distinct(citation for _, citation in sorted(rows, key=lambda row: row[0]))

    def _spoken_for(self, place: int, text: str, marked: Sequence[tuple[int, Citation]]) -> bool:
        """Whether the next markers of its paragraph cite what holds a sentence without any."""
        sentence = self._sentences[place]
        for later in self._sentences[place + 1 :]:
            if _BLANK_LINE.search(text[sentence.end : later.start]):
                return False
            if later.numbers:
                quotes = [cited.quote for end, cited in marked if later.start < end <= later.end]
                return self._support.holds(quotes, text[sentence.start : sentence.end])
        return False
