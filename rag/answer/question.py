"""What a question asks for: its words weighted by rarity, its names, whose words it wants, and the kind of answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rag import words
from rag.retrieve import idf

Kind = Literal["speech", "number", "time", "place", "person", "other"]

_GENERIC = r"say|said|saying|tell|told|telling|stated|comment|commented|write|written|note|noted|reply|replied|think|thought|describe|described"
_SAY = (
    rf"{_GENERIC}|claim|claimed|claiming|argue|argued|urge|urged|urging|warn|warned|warning|propose|proposed|proposing|announce|announced"
    r"|emphasi[sz]e|emphasi[sz]ed|stress|stressed|express|expressed|advocate|advocated|advocating|insist|insisted|pledge|pledged"
    r"|suggest|suggested|call for|called for|calling for|complain|complained|promise|promised|deny|denied|reject|rejected|accuse"
    r"|accused|blame|blamed|critici[sz]e|critici[sz]ed|demand|demanded|confirm|confirmed|admit|admitted|acknowledge|predict|predicted"
)
_ASKED_SPEAKER = re.compile(
    rf"\b(?:what|how(?! many| much| long))\b(?: else| exactly)? (?:did|does|do|has|have|had|is|was|are|were)\s+(?P<who>(?:\S+\s+){{1,6}}?)"
    rf"(?P<verb>{_SAY})\b",
    re.IGNORECASE,
)
_ASKED_WORDS = re.compile(
    r"\b(?:what|how) (?:is|are|was|were)\s+(?P<who>(?:\S+\s+){0,4}?\S+)['’]s?\s+"
    r"(?P<verb>views?|comments?|opinions?|reactions?|responses?|statements?|remarks?)\b",
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
    `names` are the stems of words that are written as names; `speakers` are the stems of whoever's words are asked for (a verb that
    only asks for words is not among the words itself), and `speaker` is how the question calls them.
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
    asked = _asked(text) if speakers else None
    if asked and (asked.re is _ASKED_WORDS or re.fullmatch(_GENERIC, asked["verb"], re.IGNORECASE)):
        content = [word for word in content if not asked.start("verb") <= word.start < asked.end("verb")]
    return Question(
        text=text,
        weights={word.stem: idf(frequencies.get(word.stem, 0), passages) for word in content},
        names=frozenset(_names(text, content)),
        speakers=speakers,
        speaker=asked["who"].strip() if asked else None,
        kind="speech" if speakers else kind_of(text),
    )


def kind_of(text: str) -> Kind:
    """The kind of answer that a question expects, by its question words."""
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "other")


def speakers_of(text: str) -> frozenset[str]:
    """The stems of X in `what did X say …`, X being a name where the question is written with capitals."""
    found = _asked(text)
    if not found:
        return frozenset()
    asked = words.content_words(found["who"])
    named = any(word.surface[0].isupper() for word in asked) or not any(c.isupper() for c in text[1:])
    return frozenset(word.stem for word in asked) if named else frozenset()


def _asked(text: str) -> re.Match[str] | None:
    return _ASKED_SPEAKER.search(text) or _ASKED_WORDS.search(text)


def _names(text: str, content: list[words.Word]) -> set[str]:
    """Stems of capitalised words, where the question uses small letters too."""
    if not any(c.islower() for c in text):
        return set()
    return {word.stem for word in content if any(c.isupper() for c in word.surface)}
