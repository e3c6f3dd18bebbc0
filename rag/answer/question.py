"""What a question asks for: its words weighted by rarity, its names, whose words it wants, and the kind of answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rag import words
from rag.answer.speech.wanted import seeks_speaker, wanted
from rag.retrieve import idf

Kind = Literal["speech", "number", "time", "place", "person", "other"]

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
    `names` are the stems of words that are written as names; `speakers` are the stems of whoever's words are asked for (a verb that
    only asks for words is not among the words itself), and `speaker` is how the question calls them; `seeks_speaker` tells that
    it asks who said something.
    """

    text: str
    weights: Mapping[str, float]
    names: frozenset[str]
    speakers: frozenset[str]
    speaker: str | None
    kind: Kind
    seeks_speaker: bool = False


def analyse(text: str, frequencies: Mapping[str, int], passages: int) -> Question:
    """Analyses a question against a collection.

    Args:
        text: the question.
        frequencies: in how many passages each stem of the question stands.
        passages: how many passages there are.
    """
    content = words.content_words(text)
    asked = wanted(text)
    if asked and asked.asking:
        start, end = asked.asking
        content = [word for word in content if not start <= word.start < end]
    kind = kind_of(text)
    return Question(
        text=text,
        weights={word.stem: idf(frequencies.get(word.stem, 0), passages) for word in content},
        names=frozenset(_names(text, content)),
        speakers=speakers_of(text),
        speaker=asked.who if asked else None,
        kind="speech" if asked and kind in {"person", "other"} else kind,
        seeks_speaker=asked is None and seeks_speaker(text),
    )


def kind_of(text: str) -> Kind:
    """The kind of answer that a question expects, by its question words."""
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "other")


def speakers_of(text: str) -> frozenset[str]:
    """The stems of X in `what did X say …`; none where nobody's words are asked for."""
    asked = wanted(text)
    return frozenset(word.stem for word in words.content_words(asked.who)) if asked else frozenset()


def _names(text: str, content: list[words.Word]) -> set[str]:
    """Stems of capitalised words, where the question uses small letters too."""
    if not any(c.islower() for c in text):
        return set()
    return {word.stem for word in content if any(c.isupper() for c in word.surface)}
