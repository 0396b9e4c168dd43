"""What models write instead of an answer: that they cannot answer, or that the documents do not say it."""

from __future__ import annotations

import re

from ragsvc.pipeline.generation.prompt import CANNOT
from ragsvc.pipeline.grounding.citations import bare
from ragsvc.pipeline.grounding.readable_text import readable

_TEXTS = (
    r"(?:the |these |those |this |my |your |any |all |given |provided |available |supplied |of ){0,8}"
    r"(?:passages?|documents?|documentation|texts?|sources?|excerpts?|context|information|materials?)"
)
_DO_NOT = r"(?:do(?:es)?|did) ?(?:not|n['’]t)|don['’]?t"
_TELL = (
    r"(?:state|specify|mention|say|tell|contain|include|provide|give|indicate|name|list|describe|explain|cover"
    r"|address|answer|disclose|reveal|identify|clarify|offer|hold|have|show|discuss|refer)"
)
_TOLD = r"(?:mentioned|stated|specified|indicated|disclosed|identified|clarified|named|known)"
# Much else is "not given" or "not listed" in the world: of these the documents must be named.
_GIVEN = r"(?:given|provided|listed|included|available|found|covered|shown|recorded|addressed|described)"
_IS_NOT = r"(?:(?:is|are|was|were)(?: not|n['’]t)|(?:has|have) not been|cannot be|can['’]t be|could not be)"
_QUITE = r"(?: (?:explicitly|specifically|clearly|directly|further|currently|yet|be)){0,4}"
_MATTER = r"(?:specific |further |any |enough |sufficient |direct |relevant |explicit ){0,4}"
_THING = (
    r"(?:information|mention|details?|data|indication|record|reference|evidence|answer)"
    r"(?=\W*\Z| (?:about|on|regarding|concerning|as to|of|for|in|that|whether|who|when|where|what|which)\b"
    r"| (?:(?:is|are|was|were) )?(?:given|provided|available|found|mentioned|stated|included|listed)\b)"
)

_CANNOT = re.compile(
    r"\W*(?:(?:i['’]m|i am) sorry\W+(?:but )?|unfortunately\W+)?(?:i|we) "
    r"(?:cannot|can['’]t|can not|could not|couldn['’]t|am unable to|am not able to|was unable to"
    r"|was not able to|(?:do not|don['’]t|did not|didn['’]t) (?:know|find|see))(?: how to)?"
    r"(?: (?:answer|find|determine|tell|see|locate|identify)\b|\W*\Z)"
    r"|\W*(?:i|we) (?:do not|don['’]t|did not|didn['’]t) (?:know|find|see)\b",
    re.IGNORECASE,
)
_SAYS_NOT = re.compile(
    rf"\b{_TEXTS} (?:(?:and|or) ){{0,2}}(?:{_DO_NOT}){_QUITE} {_TELL}\b"
    rf"|\b{_IS_NOT}{_QUITE} {_TOLD}\b|\b(?:is|are|remains?) (?:unknown|unclear|unspecified|undisclosed)\b"
    rf"|\b{_IS_NOT}{_QUITE} (?:{_GIVEN}|determined)\b.{{0,300}}\b{_TEXTS}"
    rf"|\b{_TEXTS}\b.{{0,300}}\b{_IS_NOT}{_QUITE} {_GIVEN}\b"
    rf"|\bthere (?:is|are|was|were) no {_MATTER}{_THING}\b|^\W*no {_MATTER}{_THING}\b"
    rf"|\b(?:i|we) (?:{_DO_NOT}) have (?:access to )?{_MATTER}{_THING}\b"
    rf"|\b(?:i|we) have no {_MATTER}{_THING}\b"
    rf"|\b{_TEXTS} (?:and )*(?:provides?|gives?|contains?|has|have|holds?|offers?|makes?|includes?) no "
    rf"{_MATTER}{_THING}"
    rf"|\b(?:none|neither) of {_TEXTS} \w+|\b(?:no|neither) (?:passage|document|source) {_TELL}s\b"
    rf"|\bnothing in {_TEXTS}\b",
    re.IGNORECASE,
)
# Of a passage, which may say so in fewer words.
_LEFT_OPEN = re.compile(
    rf"\b(?:not|n['’]t|never){_QUITE} (?:{_TOLD}|{_GIVEN}|determined)\b"
    rf"|\b(?:{_DO_NOT}){_QUITE} {_TELL}\b"
    rf"|\b(?:unknown|unclear|unspecified|undisclosed|undetermined|tbd|tba)\b"
    rf"|\bno {_MATTER}{_THING}\b",
    re.IGNORECASE,
)
# What follows may be an answer.
_TURNS = re.compile(
    r"(?!\A);|\b(?:but|however|whereas|except|instead)\b|(?<=\w)[,;]? (?:al)?though\b", re.IGNORECASE
)
_BEGINS = re.compile(
    r"\W*(?:(?:i['’]m|i am) sorry"
    r"|(?:i|we) (?:cannot|can['’]t|can not|could not|couldn['’]t|am unable|do not|don['’]t)"
    rf"|{_TEXTS} (?:{_DO_NOT}))\b",
    re.IGNORECASE,
)


def declines(sentence: str) -> bool:
    """Whether a sentence says that there is no answer, in its own name or that of the documents."""
    said = " ".join(bare(sentence).split())
    if _CANNOT.match(said):
        return True
    return _SAYS_NOT.search(said) is not None and _TURNS.search(said) is None


def may_decline(beginning: str) -> bool:
    """Whether a sentence that was cut off may have been going to say so."""
    said = beginning.strip()
    return CANNOT.lower().startswith(said.lower()) or _BEGINS.match(said) is not None or declines(said)


def leaves_open(text: str) -> bool:
    """Whether a text of a document says itself that something is not said."""
    said = readable(text)
    return declines(said) or _LEFT_OPEN.search(said) is not None
