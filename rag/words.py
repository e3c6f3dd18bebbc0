"""Words as the index and the answers see them: folded, stemmed, without the words that carry no meaning.

One analysis serves the lexical index, the question and the choice of sentences, so that they agree.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import Stemmer

_PLACES = Path(__file__).with_name("places.tsv")
_ACRONYM = re.compile(r"\b(?:[A-Za-z]\.){2,}")
_POSSESSIVE = re.compile(r"['’]s\b|['’](?=\s|$)")
_HOW_MUCH = re.compile(r"\bhow (?P<measure>many|much|long|often|far|old|big|large|tall|high|fast)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[.,](?=\d)[^\W_]+)*")

# Function words of English, and the words that make a sentence a question.
STOPWORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being between both but by
    can could d did do does doing done during each few for from further had has have having he her here hers
    herself him himself his how i if in into is it its itself just ll m may me might more most must my myself no
    nor not of off on once only or other our ours ourselves out over own re s same shall she should so some such
    t than that the their theirs them themselves then there these they this those through to too under until up
    us ve very was we were what when where which while who whom whose why will with would you your yours
    yourself yourselves please tell""".split()  # noqa: SIM905 - a list of words reads best as words
)


class Word(NamedTuple):
    """One word of a text: its stem, its surface form and its offsets."""

    stem: str
    surface: str
    start: int
    end: int


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The Snowball English stem of a word, case and accents folded."""
    folded = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return str(_stemmer().stemWord(plain))


def words(text: str) -> list[Word]:
    """The words of a text in order. `U.S.` is one word, `US`; a possessive ending is dropped."""
    found: list[Word] = []
    at = 0
    for acronym in _ACRONYM.finditer(text):
        found += _plain_words(text, at, acronym.start())
        surface = acronym.group().replace(".", "").upper()
        found.append(Word(stem(surface), surface, acronym.start(), acronym.end()))
        at = acronym.end()
    return found + _plain_words(text, at, len(text))


def _plain_words(text: str, start: int, end: int) -> list[Word]:
    found: list[Word] = []
    skip = {m.start() + 1 for m in _POSSESSIVE.finditer(text, start, end)}
    for match in _WORD.finditer(text, start, end):
        if match.start() in skip:
            continue
        found.append(Word(stem(match.group()), match.group(), match.start(), match.end()))
    return found


_SHORTEST_ROOT = 3
_PEOPLE = re.compile(r"n|an|ian|ean|es|ese|i|er")


@lru_cache(maxsize=1)
def _countries() -> dict[str, frozenset[str]]:
    """For each stem of a country, its people or its capital: the stems that name the same country."""
    groups: dict[str, set[str]] = {}
    for line in _PLACES.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            alike = {stem(name) for name in line.split("\t") if name.strip()}
            for name in alike:
                groups.setdefault(name, set()).update(alike)
    return {name: frozenset(alike) for name, alike in groups.items()}


def is_country(stem: str) -> bool:
    """Whether a stem names a country, its people or its capital."""
    return stem in _countries()


@lru_cache(maxsize=50_000)
def related(name: str, other: str) -> bool:
    """Whether two stems are forms of one name: the same, or a country, its people or its capital (`china`, `chines`, `beij`)."""
    if name == other or other in _countries().get(name, ()):
        return True
    short, long = sorted((name, other), key=len)
    root = short.rstrip("aeioy")
    return len(root) >= _SHORTEST_ROOT and long.startswith(root) and _PEOPLE.fullmatch(long[len(root) :]) is not None


_MOST_SEEN = 100_000


@lru_cache(maxsize=128)
def _known_forms(_name: str) -> tuple[set[str], set[str]]:
    """The stems that have been held against a name, and those of them that are forms of it; both grow."""
    return set(), set()


def stands_in(name: str, stems: frozenset[str]) -> bool:
    """Whether one of the stems is a form of a name, as `related` tells."""
    if name in stems or not stems.isdisjoint(_countries().get(name, frozenset())):
        return True
    seen, forms = _known_forms(name)
    fresh = stems - seen
    if fresh:
        if len(seen) > _MOST_SEEN:
            seen.clear()
        seen |= fresh
        root = name[:_SHORTEST_ROOT]
        forms |= {stem for stem in fresh if stem.startswith(root) and related(name, stem)}
    return not forms.isdisjoint(stems)


def is_content(word: Word) -> bool:
    """Whether a word carries meaning: not a function word, unless it is the acronym `US`, `IT`, `WHO` and the like."""
    if word.surface.casefold() not in STOPWORDS:
        return True
    return len(word.surface) > 1 and word.surface.isupper()


def content_words(text: str) -> list[Word]:
    """The words of a text that carry meaning; `many` in `how many` is a question word."""
    found = words(text)
    measures = {m.start("measure") for m in _HOW_MUCH.finditer(text)}
    found = [word for word in found if word.start not in measures]
    if text.isupper():
        return [word for word in found if word.surface.casefold() not in STOPWORDS]
    return [word for word in found if is_content(word)]


def stems(text: str) -> list[str]:
    """The stems of all words of a text, in order: those of `words`, without the cost of where they stand."""
    plain = _ACRONYM.sub(lambda found: found.group().replace(".", "").upper() + " ", text)
    return [stem(word) for word in _WORD.findall(_POSSESSIVE.sub(" ", plain))]
