"""A follow-up made to stand by itself: words of earlier questions are carried into it, without a model.

What leans on the conversation ("How do I use them?", "Regional differences") takes over the names and
content words that the user's last turns were about. What stands by itself is left as it is, so that
a change of topic does not drag the old topic along. The cues are English; a follow-up in another
language is completed when it is short: where the analyser knows more languages than English, that is
counted without the stop words of theirs. docs/multi-turn.md tells what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set

from ragsvc.domain import ContextDependence, RewrittenQuery, Role, Turn
from ragsvc.pipeline.word_coverage import names_in
from ragsvc.protocols import Analyser
from ragsvc.text.analyser import UNSPACED
from ragsvc.text.analysers import MULTILINGUAL
from ragsvc.text.languages import languages_of
from ragsvc.text.stopwords import ENGLISH, stop_words

# Chosen on half of the MTRAG conversations; 8 or 12 words and half or twice the shares do about as well.
MAX_CARRIED = 6
MAX_WORD_CHARS = 40
# How far back a chain of follow-ups is traced, and how much of each turn is read.
USER_TURNS = 8
TURN_CHARS = 2000

_WORD = re.compile(r"\w+(?:['’.\-/]\w+)*")
# Words that ask, chat or point rather than name; with the stop words they say nothing of the topic.
_CHAT = frozenset(
    """what which who whom whose when where why how many much can could should would may might must shall
    will one ones tell explain please want know need mean meant think help thanks thank ok okay yes well
    also like really just going go say said see sure hi hello question answer talk speak interested
    wonder wondering understand information info details detail something anything else other others
    another more most example examples idea ideas good better best lot different difference differences
    type types kind kinds way ways thing things any currently give new still already get got use used
    using call called make made do does name isn't i'm it's that's what's let's i'd i've""".split()  # noqa: SIM905
)
# Verbs that any topic can do: no use in another question.
_ANY_VERB = frozenset("work works worked working happen happens happened happening".split())  # noqa: SIM905
# "thanks!" and "ok, got it" ask for nothing, the old topic least of all.
_COURTESY = frozenset(
    """thanks thank thx ok okay great cool nice perfect wonderful awesome excellent brilliant hi hello hey bye
    goodbye cheers understood alright""".split()  # noqa: SIM905
)
_BESIDE_COURTESY = ENGLISH | {
    "much",
    "lot",
    "help",
    "helps",
    "helped",
    "helpful",
    "got",
    "see",
    "yes",
    "well",
}
_PRONOUN = re.compile(
    r"\b(?:it|its|itself|they|them|their|theirs|themselves|he|him|his|she|her|hers|this|these|those|ones"
    r"|such)\b"
    r"|\b(?:the|that|each|which|any|another|last|first|second) one\b"
    # "that" points only where it does not join clauses.
    r"|^\W*(?:(?:is|was|does|did|will|would|can) )?that\b"
    r"|\b(?:about|of|like|than|do|does|with|for|in|by|from) that\b"
    r"|\bthat\b(?= ?(?:[?.!,;]|$|(?:is|was|means?|does|did|works?|would|will|can)\b))",
    re.IGNORECASE,
)
# "Is it possible to ...", "it takes long to ...": this "it" points at what follows.
_EMPTY_IT = re.compile(
    r"\b(?:is|was|would|does|will|can|make) it (?:\w+ ){1,2}?(?:to|that|if|for|when)\b"
    r"|\bit(?:['’]s| is| was| takes?| would) (?:\w+ ){1,2}?(?:to|that|if)\b",
    re.IGNORECASE,
)
_OPENER = re.compile(
    r"^\W*(?:(?:and|but|or|so|no|then|ok|okay|yes|well|oh|also)\b[ ,]+)*"
    r"(?:(?:what|how) about|and|but|or|so|then|why(?: not)?(?=\W*$)|i meant?|no|what else|which ones?"
    r"|tell me more|more about|(?:any|are there|is there)(?: any)? (?:others?|more|another)"
    r"|what (?:others?|more))\b",
    re.IGNORECASE,
)
_COMPARISON = re.compile(
    r"\b(?:others?|another|else|former|latter|both|same|instead|more|also|too(?=\W*$)|as well|rather)\b",
    re.IGNORECASE,
)

# "What is a GAN?" and "Does Kubernetes cost anything?" are short, and whole.
_DEFINITION = re.compile(
    r"\W*(?:what|who)(?:['’]s| is| are| was| were) (?!the\b|my\b|our\b|your\b)", re.IGNORECASE
)
_ASKING = re.compile(
    r"\W*(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can|could"
    r"|will|would|should|may|must)\b",
    re.IGNORECASE,
)


# Chinese and Japanese: what is written in ideographs or katakana has content; of ideographs two make a word.
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff々]")
_IDEOGRAPHS = re.compile(r"[\u3400-\u9fff々]+")
_KATAKANA = re.compile(r"[ァ-ー]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")


class ContextRewriter:
    """Implements `QueryRewriter` by carrying words of the user's turns into a question that leans on them."""

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser

    def rewrite(self, question: str, history: Sequence[Turn]) -> RewrittenQuery:
        """Carry at most `MAX_CARRIED` words into a question, when it leans on the user's turns before it.

        Only the user's are read: what was answered quotes documents, and would make the next search go
        where the last one went.
        """
        analyser, turns = self._analyser, turns_read(history)
        empty = self._empty([question, *turns])
        lean = leaning(question, analyser, empty) if turns else ContextDependence.NONE
        if lean is ContextDependence.NONE:
            return RewrittenQuery(question)
        held = set(analyser.terms(question))
        carried = tuple(
            word for word in _focus(turns, analyser, empty) if not held.issuperset(analyser.terms(word))
        )
        return RewrittenQuery(question, carried, lean) if carried else RewrittenQuery(question)

    def _empty(self, said: Iterable[str]) -> Set[str]:
        """The stop words of the languages that a conversation may be in."""
        if self._analyser.version != MULTILINGUAL:
            return ENGLISH
        return ENGLISH.union(*map(stop_words, languages_of("\n".join(said))))


def turns_read(history: Sequence[Turn]) -> list[str]:
    """What of a conversation is read to complete a question: the user's last turns, overlong ones cut."""
    return [turn.content[:TURN_CHARS] for turn in history if turn.role is Role.USER][-USER_TURNS:]


def leaning(question: str, analyser: Analyser, empty: Set[str] = ENGLISH) -> ContextDependence:
    """Judge by its words how much a question needs what was said before it.

    :param empty: stop words of the languages of the conversation, English always among them.
    """
    text = " ".join(question.split())
    if _is_courtesy(text):
        return ContextDependence.NONE
    pointing = _EMPTY_IT.sub(" ", text)
    pronoun = _PRONOUN.search(pointing)
    # A pronoun after two words of content points, more often than not, at those.
    if pronoun is not None and _size(pointing[: pronoun.start()], analyser, empty) <= 1:
        return ContextDependence.MUCH
    if pronoun is not None or _OPENER.search(text) or _COMPARISON.search(text):
        return ContextDependence.SOME
    size = _size(text, analyser, empty)
    whole = _DEFINITION.match(text) or (_ASKING.match(text) and names_in(text))
    return ContextDependence.NONE if size > 2 or (size > 0 and whole) else ContextDependence.SOME


def _focus(turns: Sequence[str], analyser: Analyser, empty: Set[str]) -> list[str]:
    """What the turns were last about, latest first; one that stands by itself begins anew."""
    focus: list[str] = []
    for turn in turns:
        own = _carriable(turn, empty)
        if not own or _is_courtesy(turn):
            continue
        if leaning(turn, analyser, empty) is not ContextDependence.NONE:
            known = {word.lower() for word in own}
            own += [word for word in focus if word.lower() not in known]
        focus = own[:MAX_CARRIED]
    return focus


def _carriable(turn: str, empty: Set[str]) -> list[str]:
    """Distinct content words of a turn as they were written, names first."""
    found: dict[str, str] = {}
    for word in _content(turn, empty):
        if len(word) <= MAX_WORD_CHARS and word.lower() not in _ANY_VERB:
            found.setdefault(word.lower(), word)
    names = set(names_in(turn))
    return sorted(found.values(), key=lambda word: word not in names)


def _is_courtesy(text: str) -> bool:
    words = {word.lower() for word in _WORD.findall(text)}
    return "?" not in text and bool(words & _COURTESY) and words <= _COURTESY | _BESIDE_COURTESY


def _content(text: str, empty: Set[str]) -> list[str]:
    words = _WORD.findall(text)
    return [word for word in words if (low := word.lower().replace("’", "'")) not in empty | _CHAT and low]


def _size(text: str, analyser: Analyser, empty: Set[str]) -> int:
    """Number of content words; how many are in a run of a script without blanks is guessed."""
    words = {word.lower() for word in _content(text, empty)}
    if analyser.version == MULTILINGUAL:
        return sum(map(_words_in, words))
    return sum(1 if word.isascii() else max(1, len(analyser.terms(word))) for word in words)


def _words_in(word: str) -> int:
    if not _UNSPACED.search(word):
        return 1
    if not _EAST_ASIAN.search(word):
        return (len(word) + 3) // 4
    ideographs = sum((len(run) + 1) // 2 for run in _IDEOGRAPHS.findall(word))
    return ideographs + len(_KATAKANA.findall(word))
