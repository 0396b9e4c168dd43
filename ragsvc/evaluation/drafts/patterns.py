"""Rules that turn a sentence or a heading into a question: few and grammatical rather than many and odd."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from ragsvc.evaluation.drafts.question_words import (
    ACTS,
    DEEDS,
    GERUNDS,
    MONTHS,
    NO_GENUS,
    NO_NOUN,
    NUMBER_WORDS,
    VAGUE,
    words,
)
from ragsvc.evaluation.drafts.subjects import SubjectQuestion, bare, is_identifier, is_subject

_S = r"(?P<s>[^\s,;:()]+(?: [^\s,;:()]+){0,6}?)"
_DEED = "|".join(DEEDS)
_MID = r"(?P<mid>(?: [^\s,;:()]+){0,8}?)"
_NUMBER = rf"(?:\d[\d,.]*\d|\d|{NUMBER_WORDS})"
_DEFINED = re.compile(rf"{_S} (?P<be>is|are|was|were) (?P<p>(?:an?|any) (?P<rest>(?P<genus>[\w-]+) .+))\.")
_PROCESS = re.compile(
    rf"{_S} (?P<be>is|are) (?P<p>the (?:process|practice|task|ability|act|science|study|removal|measure|use|"
    r"technique|art) (?:of|that|by) .+)\."
)
_MEANT = re.compile(rf"{_S} (?P<verb>refer to|refers to|stands for|means|denotes) (?P<p>(?!that ).+)\.")
_ALSO = re.compile(
    rf"{_S},? (?:is |are )?also (?:known|referred to) as "
    r"(?P<p>[^\s,;]+(?: [^\s,;.]+){{0,4}})[,.]"
)
_USED = re.compile(
    rf"{_S} (?P<be>is|are) (?:mostly |mainly |often |commonly |typically )?used "
    r"(?P<p>(?:to|for) .+)\."
)
_ALLOWS = re.compile(
    rf"{_S} (?P<verb>allows|enables|lets) (?:you|users|developers) (?:to )?"
    r"(?P<p>[a-z].+)\."
)
_WHEN = re.compile(
    rf"{_S} (?P<be>was|were) (?P<how>first |originally |officially )?(?P<deed>{_DEED})\b{_MID} "
    rf"(?P<p>(?:in|on) (?:(?:\d\d? )?(?:{MONTHS})(?: \d\d?,)? )?(?:1\d\d\d|20\d\d))(?P<tail>[ ,.;].*|)$"
)
_WHO = re.compile(
    rf"{_S} (?P<be>was|were) (?P<how>first |originally )?(?P<deed>{_DEED}) by "
    r"(?P<p>(?:the )?[A-Z][\w.'’-]*(?: (?:[A-Z][\w.'’-]*|of|de|von|van|and|the))*)"
    r"(?=[,.;]| in | at | on | for | as )"
)
_DID = re.compile(
    rf"{_S} (?P<past>{'|'.join(sorted({past for past, _ in DEEDS.values()}))}) "
    rf"(?P<o>(?:the |its |a |an |his |her )?[^\s,;:()]+(?: [^\s,;:()]+){{0,5}}?) "
    rf"(?P<p>in (?:(?:{MONTHS}) )?(?:1\d\d\d|20\d\d))[,.;]"
)
_COUNT = re.compile(
    rf"{_S} (?P<verb>has|have|had|contains|contain) "
    r"(?:about |around |approximately |over |more than |exactly )?"
    rf"(?P<p>{_NUMBER}(?: (?:million|billion|thousand))?) (?P<n>(?:[a-z-]+ ){{0,2}}[a-z-]+s)"
    r"(?=[,.;:]| in | of | with | that | which | and | on | for )"
)
_WHERE = re.compile(
    rf"{_S} (?P<be>is|are|was|were) (?P<deed>located|based|headquartered|situated) "
    r"(?P<p>(?:in|at|near) [^,;.]+)[,;.]"
)
_DEFAULT = re.compile(
    r"(?P<s>The default [a-z][^\s,;:()]*(?: [^\s,;:()]+){0,4}?) (?P<be>is|are) (?P<p>[^,;]+)\."
)
_VAGUE_DEFAULT = re.compile(r"\b(?:it|this|that|these|them|its|here)\b")
_CONSISTS = re.compile(rf"{_S} (?P<verb>consists? of|offers?) (?P<p>.+)\.")
_SHORT = re.compile(r"(?P<long>[A-Za-z][\w-]{0,40}+(?: [\w-]{1,40}+){0,6}) \((?P<s>[A-Z]{2,6})s?\)")
_ASIDE = re.compile(
    r"(?: (?:in|of|with|by|for|to|on|from|not|just|only)){0,4} (?:that|which|who|where|when|because|so)\b|, "
)
_PERSON = re.compile(
    r"\b(?:politician|physicist|mathematician|scientist|writer|composer|engineer|painter|philosopher|singer|"
    r"actor|actress|author|poet|king|queen|general|economist|historian|theologian)\b"
)
_PLURAL = re.compile(r"[a-z]{3,}[^siu]s$")


Rule = Callable[[str, Callable[[str], str]], SubjectQuestion | None]
_OPENERS = words(
    "what who whom whose which when where why how is are can could do does did should will would may"
)
_POINTING = words("it this that they them these those he she his her its their here there i'm we our")
_JOINING = frozenset({"and", "or", "&"})
_NO_OBJECT = NO_NOUN - words("your to with from into as") | words("is and or vs of in behind")


def from_sentence(sentence: str, spoken: Callable[[str], str]) -> Iterator[SubjectQuestion]:
    """Questions that one English sentence answers, the best rule first.

    :param sentence: without Markdown's marks, white space single blanks.
    :param spoken: gives a subject as it stands inside a sentence: "Deduplication" -> "deduplication".
    """
    for rule in _RULES:
        asked = rule(sentence, spoken)
        if asked is not None:
            yield asked


def _many(subject: str) -> bool:
    last = subject.split()[-1]
    return bool(_PLURAL.fullmatch(last.lower()))


def _do(subject: str, verb: str) -> str:
    """ "does" or "do", as the verb of the sentence went with its subject."""
    head = verb.split()[0]
    return "does" if head.endswith("s") or (head == "had" and not _many(subject)) else "do"


def _whole(text: str) -> str:
    """Up to the next clause."""
    whole = text.strip().rstrip(".")
    return _closed(re.split(r"[;:] |, (?=[^,]{0,40}? (?:is|are|means|was) )", whole)[0])


def _closed(part: str) -> str:
    """Up to a bracket that is not closed."""
    for opening, closing in ("()", "[]"):
        while part.count(opening) > part.count(closing):
            part = part[: part.rindex(opening)].rstrip()
    return part


def _phrase(text: str) -> str:
    """The salient part: up to the first aside, unless hardly a word stands before it."""
    part = _closed(_ASIDE.split(whole := _whole(text))[0])
    # A comma early on rather parts two adjectives.
    least = 4 if whole[len(part) :].startswith(",") else 3
    return part if len(part.split()) > least else whole


def _defined(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _DEFINED.fullmatch(sentence) or _PROCESS.fullmatch(sentence)
    if match is None or not is_subject(match["s"]):
        return None
    genus = match.groupdict().get("genus")
    if genus and (genus.lower() in NO_GENUS or len(match["rest"].split()) < 3):
        return None
    person = genus is not None and _PERSON.search(match["rest"][:60]) is not None
    if not person and match["be"] == "was" and match["s"].count(" ") and match["s"].istitle():
        # Perhaps somebody, so neither "what" nor "who" is safe.
        return None
    named = spoken(match["s"])
    asked = f"{'Who' if person else 'What'} {match['be']} {named}?"
    return SubjectQuestion(
        asked, "definition", bare(match["s"]), _phrase(match["p"]), "" if person else named
    )


def _meant(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _MEANT.fullmatch(sentence)
    if match is None or not is_subject(match["s"]):
        return None
    verb = {"refers to": "refer to", "stands for": "stand for", "means": "mean", "denotes": "denote"}
    does = _do(match["s"], match["verb"])
    return SubjectQuestion(
        f"What {does} {spoken(match['s'])} {verb.get(match['verb'], match['verb'])}?",
        "definition",
        bare(match["s"]),
        _phrase(match["p"]),
    )


def _also(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _ALSO.match(sentence)
    if match is None or not is_subject(match["s"]):
        return None
    return SubjectQuestion(
        f"What is another name for {spoken(match['s'])}?", "name", bare(match["s"]), _phrase(match["p"])
    )


def _used(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _USED.fullmatch(sentence)
    if match is None or not is_subject(match["s"]):
        return None
    return SubjectQuestion(
        f"What {match['be']} {spoken(match['s'])} used for?", "purpose", bare(match["s"]), _whole(match["p"])
    )


def _allows(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _ALLOWS.fullmatch(sentence)
    if match is None or not is_subject(match["s"]):
        return None
    verb = {"allows": "allow you to do", "enables": "enable you to do", "lets": "let you do"}[match["verb"]]
    return SubjectQuestion(
        f"What does {spoken(match['s'])} {verb}?", "purpose", bare(match["s"]), _phrase(match["p"])
    )


def _when(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _WHEN.match(sentence)
    if (
        match is None
        or not is_subject(match["s"])
        or re.search(r"\b(?:1\d\d\d|20\d\d|and|but)\b", match["mid"])
    ):
        return None
    how = (match["how"] or "").replace("officially ", "")
    return SubjectQuestion(
        f"When {match['be']} {spoken(match['s'])} {how}{match['deed']}{match['mid']}?",
        "date",
        bare(match["s"]),
        re.sub(r"^(?:in|on) ", "", match["p"]),
    )


def _who(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _WHO.match(sentence)
    if match is None or not is_subject(match["s"]):
        return None
    past = DEEDS[match["deed"]][0]
    return SubjectQuestion(
        f"Who {(match['how'] or '')}{past} {spoken(match['s'])}?",
        "name",
        bare(match["s"]),
        _phrase(match["p"]),
    )


def _did(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _DID.match(sentence)
    if (
        match is None
        or not is_subject(match["s"])
        or {"by", "and", "in", "but", "to"} & set(match["o"].split())
    ):
        return None
    base = next(base for past, base in DEEDS.values() if past == match["past"])
    return SubjectQuestion(
        f"When did {spoken(match['s'])} {base} {match['o']}?",
        "date",
        bare(match["s"]),
        match["p"].removeprefix("in "),
    )


def _count(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _COUNT.match(sentence)
    if (
        match is None
        or not is_subject(match["s"])
        or set(match["n"].split()) & {"of", "times", "years", "and", "others"}
    ):
        return None
    verb = "contain" if match["verb"].startswith("contain") else "have"
    do = "did" if match["verb"] == "had" else _do(match["s"], match["verb"])
    return SubjectQuestion(
        f"How many {match['n']} {do} {spoken(match['s'])} {verb}?", "number", bare(match["s"]), match["p"]
    )


def _where(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _WHERE.match(sentence)
    if match is None or not is_subject(match["s"]) or match["p"].split()[1] == "a":
        return None
    return SubjectQuestion(
        f"Where {match['be']} {spoken(match['s'])} {match['deed']}?", "place", bare(match["s"]), match["p"]
    )


def _default(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:  # noqa: ARG001 - as every rule
    match = _DEFAULT.fullmatch(sentence)
    if match is None or len(match["s"].split()) < 4 or _VAGUE_DEFAULT.search(match["s"]):
        return None
    subject = match["s"].removeprefix("The ")
    return SubjectQuestion(f"What {match['be']} the {subject}?", "default", subject, _phrase(match["p"]))


def _consists(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:
    match = _CONSISTS.fullmatch(sentence)
    if match is None or not is_subject(match["s"]) or len(match["p"].split()) < 3:
        return None
    does = _do(match["s"], match["verb"])
    if does == "do" and not _many(match["s"]):
        return None
    head, _, tail = match["verb"].partition(" ")
    head = head.removesuffix("s") if does == "does" else head
    return SubjectQuestion(
        f"What {does} {spoken(match['s'])} {' '.join([head, tail]).strip()}?",
        "parts",
        bare(match["s"]),
        _whole(match["p"]),
    )


def _short(sentence: str, spoken: Callable[[str], str]) -> SubjectQuestion | None:  # noqa: ARG001 - as every rule
    for match in _SHORT.finditer(sentence):
        letters = match["s"].lower()
        words = re.split(r"[ -]", match["long"])
        for size in range(min(len(letters), len(words)), 1, -1):
            tail = words[-size:]
            if "".join(word[:1].lower() for word in tail) == letters:
                long = match["long"][-len(" ".join(tail)) :]
                return SubjectQuestion(f"What does {match['s']} stand for?", "abbreviation", match["s"], long)
    return None


_RULES: tuple[Rule, ...] = (
    _when,
    _who,
    _did,
    _count,
    _where,
    _default,
    _also,
    _short,
    _used,
    _allows,
    _defined,
    _meant,
    _consists,
)


def from_heading(heading: str, common: Callable[[str], bool]) -> SubjectQuestion | None:
    """The question that an English heading asks or stands for: "Installing X" -> "How do I install X?".

    :param common: whether a word with a capital is an ordinary word, as in a heading In Title Case.
    """
    found = re.sub(r" \([^()]*\)$", "", heading).rstrip(" .:?").split()
    if not 2 <= len(found) <= 14 or ":" in heading or _POINTING.intersection(word.lower() for word in found):
        return None
    first = found[0].lower()
    if heading.endswith("?"):
        body = " ".join(found)
        known = first in _OPENERS and len(found) > 3
        return SubjectQuestion(f"{body[0].upper()}{body[1:]}?", "heading-question", body) if known else None
    rest = found[1:]
    base = GERUNDS.get(first)
    if first == "how" and found[1].lower() == "to" and len(found) > 3:
        base, rest = found[2].lower(), found[3:]
    elif base is None or rest[0].lower() in _NO_OBJECT or (len(rest) == 1 and rest[0].lower() in VAGUE):
        return None
    if any(one.lower() in _JOINING and other.lower().endswith("ing") for one, other in pairwise(rest)):
        return None
    object_ = " ".join(word.lower() if word.istitle() and common(word) else word for word in rest)
    return SubjectQuestion(f"How do I {base} {object_}?", "heading-howto", " ".join(rest))


def deed_of(identifier: str, sentence: str) -> SubjectQuestion | None:
    """What a named thing does, from a first sentence such as "Routes data based on conditions."."""
    word = sentence.split(" ", 1)[0]
    if word.lower() not in ACTS or not word[0].isupper() or not is_identifier(identifier):
        return None
    return SubjectQuestion(f"What does {identifier} do?", "purpose", identifier, sentence.rstrip("."))
