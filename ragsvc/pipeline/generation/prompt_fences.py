"""Text that a prompt holds as data: no control token in it works, and no line of it ends the fence."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

# What chat templates and tokenisers give a meaning of its own, by family: ChatML, Llama 3, Phi and GPT
# (<|...|>), DeepSeek (the same with full-width bars), Llama 2 and Mistral, Gemma, T5, BERT.
CONTROL = re.compile(
    r"<[|｜][^|｜>]{1,80}[|｜]>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|SEP|CLS|MASK|PAD|UNK|BOS|EOS)\]"
    r"|<</?SYS>>"
    r"|</?(?:s|pad|unk|mask|bos|eos|start_of_turn|end_of_turn|think|tool_call|tool_response|extra_id_\d+)>"
)
# They look like what they stand for, and no form of Unicode normalisation turns them back.
_HARMLESS = {
    "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
    "[": "\N{LIGHT LEFT TORTOISE SHELL BRACKET ORNAMENT}",
}
_BOUNDARY_BYTES = 8


def neutralised(text: str) -> str:
    """Take the meaning out of control tokens: the first character of each becomes one that looks like it.

    :return: of the same length; a text without control tokens comes back as it is.
    """
    while CONTROL.search(text):
        # Again, since what is left of two tangled tokens may be one.
        text = CONTROL.sub(lambda found: _HARMLESS[found.group()[0]] + found.group()[1:], text)
    return text


def new_boundary(texts: Iterable[str]) -> str:
    """Random hex that none of the texts holds, for the lines around them."""
    whole = "\n".join(texts)
    while True:
        boundary = secrets.token_hex(_BOUNDARY_BYTES)
        if boundary not in whole:
            return boundary


def fenced(label: str, text: str, boundary: str) -> str:
    """A text between two lines that it cannot hold; the label stands over them."""
    return f"{label}\n<<{boundary}\n{text}\n{boundary}>>"
