"""What a question asks for: its words weighted by rarity, its names, whose words it wants, and the kind of answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rag import words

Kind = Literal["speech", "number", "time", "place", "person", "other"]

_SAY = (
    r"say|said|saying|tell|told|telling|stated|claim|claimed|claiming|think|thought|argue|argued|describe|described"
    r"|urge|urged|urging|warn|warned|warning|propose|proposed|proposing|comment|commented|announce|announced|emphasi[sz]e|emphasi[sz]ed"
    r"|stress|stressed|express|expressed|advocate|advocated|advocating|insist|insisted|pledge|pledged|suggest|suggested"
    r"|call for|called for|calling for|complain|complained|promise|promised"
)
_ASKED_SPEAKER = re.compile(
    rf"\b(?:what|how(?! many| much| long))\b(?: else| exactly)? (?:did|does|do|has|have|had|is|was|are|were)\s+(?P<who>(?:\S+\s+){{1,6}}?)"
    rf"(?P<verb>{_SAY})\b",
    re.IGNORECASE,
)
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|often|old|far|large|big|tall|high|fast)\b"
            r"|\bwhat (?:percent|percentage|number|share|amount)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "time",
        re.compile(
            r"^(?:\W*(?:and|but|so|since|until|by|from)\W+)?when\b|\bwhen\W*$"
            r"|\b(?:what|which) (?:day|date|month|year|time|week|decade|century)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "place",
        re.compile(
            r"\bwhere\b|\b(?:what|which) (?:city|country|countries|place|town|state|location|venue|region)\b",
            re.IGNORECASE,
        ),
    ),
    ("person", re.compile(r"\bwho(?:m|se)?\b", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Question:
    """A question, analysed.

    `weights` maps each content stem to its inverse document frequency in the collection;
    `names` are the stems of words that are written as names; `speakers` are the stems of whoever's words are asked for (the verb of
    asking for them is not among the words), and `speaker` is how the question calls them.
    """

    text: str
    weights: Mapping[str, float]
    names: frozenset[str]
    speakers: frozenset[str]
    speaker: str | None
    kind: Kind


def analyse(text: str, frequencies: Mapping[str, int], passages: int) -> Question:
    """Analyses a question against a collection.

    Args:
        text: the question.
        frequencies: in how many passages each stem of the question stands.
        passages: how many passages there are.
    """
    content = words.content_words(text)
    speakers = speakers_of(text)
    asked = _ASKED_SPEAKER.search(text) if speakers else None
    if asked:
        content = [word for word in content if not asked.start("verb") <= word.start < asked.end("verb")]
    return Question(
        text=text,
        weights={word.stem: idf(frequencies.get(word.stem, 0), passages) for word in content},
        names=frozenset(_names(text, content)),
        speakers=speakers,
        speaker=asked["who"].strip() if asked else None,
        kind="speech" if speakers else kind_of(text),
    )


def idf(frequency: int, passages: int) -> float:
    """Inverse document frequency as in BM25: `ln(1 + (N - n + 0.5) / (n + 0.5))`."""
    return math.log1p((max(passages, frequency) - frequency + 0.5) / (frequency + 0.5))


def kind_of(text: str) -> Kind:
    """The kind of answer that a question expects, by its question words."""
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "other")


def speakers_of(text: str) -> frozenset[str]:
    """The stems of X in `what did X say …`, X being a name where the question is written with capitals."""
    found = _ASKED_SPEAKER.search(text)
    if not found:
        return frozenset()
    asked = words.content_words(found["who"])
    named = any(word.surface[0].isupper() for word in asked) or not any(c.isupper() for c in text[1:])
    return frozenset(word.stem for word in asked) if named else frozenset()


def _names(text: str, content: list[words.Word]) -> set[str]:
    """Stems of capitalised words, where the question uses small letters too."""
    if not any(c.islower() for c in text):
        return set()
    return {word.stem for word in content if any(c.isupper() for c in word.surface)}
