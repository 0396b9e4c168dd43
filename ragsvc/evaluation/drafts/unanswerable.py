"""Questions that a corpus does not answer: near ones about its own subjects, far ones about anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ragsvc.evaluation.drafts.candidates import DraftVocabulary, content_words
from ragsvc.evaluation.drafts.question_words import LIGHT


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that can be asked of a subject. words: none of them may stand in a document about it."""

    question: str
    words: frozenset[str]


def _attribute(question: str, words: str) -> Attribute:
    return Attribute(question, frozenset(words.split()))


_OF_ANYTHING = (
    _attribute("Who first came up with the name of {}?", "term coined name named coin called"),
    _attribute(
        "In which year was {} first described?", "year described introduced proposed published invented"
    ),
    _attribute("Which company holds a patent on {}?", "patent patents patented"),
    _attribute(
        "Which textbook is recommended for learning about {}?", "textbook textbooks book books course"
    ),
    _attribute("Which university first did research on {}?", "university universities professor researchers"),
)
_OF_SOFTWARE = (
    _attribute("How much does {} cost a month?", "cost costs price prices pricing month monthly paid free"),
    _attribute(
        "Under which licence is {} published?", "licence license licensed licences licenses apache mit gpl"
    ),
    _attribute("When was the first version of {} released?", "released release version versions year since"),
    _attribute(
        "Who is the main author of {}?", "author authors maintainer maintainers developer creator wrote"
    ),
    _attribute("How much memory does {} need?", "memory ram gb gib mb megabytes gigabytes"),
)
_SOFTWARE = re.compile(
    r"\b(?:library|framework|tool|database|component|class|server|service|application|program|platform|"
    r"package|plugin|integration|engine|wrapper|converter|retriever|generator|embedder|store)\b",
    re.IGNORECASE,
)
_FAR = """How do I crochet a beanie?|How long do hedgehogs hibernate?|What temperature melts dark chocolate?
Which wine goes with oysters?|How do I unclog a bathtub drain?|When should I prune hydrangeas?
How do I remove a splinter?|How is mozzarella stretched?|Which vaccines does a puppy need?
How do I knead sourdough?|Why do cats purr?|How often should I rotate my mattress?
What is the offside rule in football?|How do I whistle with two fingers?|How do bees produce honey?
How do I iron a linen shirt?|How deep should tulip bulbs be planted?|What causes hiccups?
How do I tie a bow tie?|Why do onions make eyes water?|How do I descale a kettle?
Which muscles does rowing strengthen?|How do I poach an egg?|How is maple syrup harvested?
What is the best bait for catching trout?|How do I wax skis?|How do I repot an orchid?
Why do geese fly in formation?|How do I get candle wax out of a carpet?|How do I darn a sock?
How do glaciers carve valleys?|How do I tune a ukulele?|What do koalas eat?
How do I paint a ceiling without streaks?|How is porcelain glazed?|How do I bleed a radiator?""".replace(
    "\n", "|"
).split("|")

ATTRIBUTE_WORDS = frozenset(word for attribute in (*_OF_ANYTHING, *_OF_SOFTWARE) for word in attribute.words)


def near(named: str, definition: str, beside: frozenset[str]) -> list[Attribute]:
    """What may be asked of a subject because no document that holds it says anything of the kind.

    :param named: the subject inside a sentence. definition: the sentence that it comes from.
    :param beside: those of ATTRIBUTE_WORDS that stand in documents with the subject.
    """
    named_thing = any(letter.isupper() for letter in named)
    software = named_thing and _SOFTWARE.search(definition[:100]) is not None
    own = set(content_words(named))
    return [
        attribute
        for attribute in (_OF_SOFTWARE if software else _OF_ANYTHING)
        if not attribute.words & (beside | own)
    ]


def far(vocabulary: DraftVocabulary) -> Iterator[str]:
    """Everyday questions that share no word of content with the corpus."""
    held: Mapping[str, int] = vocabulary.documents
    for question in _FAR:
        words = [word for word in content_words(question) if word not in LIGHT]
        if not any(form in held for word in words for form in (word, word + "s", word.removesuffix("s"))):
            yield question
