"""A text as the verifier reads it: its content words in order, and which of them are facts (numbers, dates, names)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Literal, NamedTuple

from rag import dates, words
from rag.answer.verify.numbers import Number, numbers_of, same

Kind = Literal["word", "name", "number", "date"]

MONTHS = tuple(month.casefold() for month in dates.MONTHS)
_WEEKDAYS = frozenset(day.casefold() for day in dates.WEEKDAYS)
_ALSO_WORDS = ("march", "may")
_SENTENCE_START = re.compile(r"\A\W*|[.!?:][\"”’)]*\s+[\"“‘(]*|[\"“]")
_NAME_RUN = re.compile(r"\b[A-Z][\w'’-]+(?: (?:of |the |and |for )*[A-Z][\w'’-]+)+")
_POSSESSIVE_START = re.compile(r"\W*[A-Z][\w-]+['’]s\b")
_SHORT_FORMS = (
    (re.compile(r"\bUnited States(?: of America)?\b|\bU\.S\.A?\.?(?=\W|$)"), "US"),
    (re.compile(r"\bUnited Kingdom\b|\bGreat Britain\b|\bU\.K\.(?=\W|$)"), "UK"),
    (re.compile(r"\bUnited Nations\b|\bU\.N\.(?=\W|$)"), "UN"),
    (re.compile(r"\bEuropean Union\b"), "EU"),
)
_NOT = re.compile(r"\b\w+n['’]t\b")  # function words, and the negation is read elsewhere
_NEIGHBOURS = 3
_LONGEST_RUN = 12


class Term(NamedTuple):
    """A content word or a number of a text: its stem, how it is written, where it stands among the others, and what it is.

    `run` numbers the names that stand side by side, which are one name; `counts` tells that a number stands right before a word.
    """

    stem: str
    surface: str
    at: int
    kind: Kind
    number: Number | None
    vague: bool
    run: int
    counts: bool = False


class Text(NamedTuple):
    """A text, read: its terms in order, their stems, and the initials of its names of several words (`un`)."""

    terms: tuple[Term, ...]
    stems: frozenset[str]
    initials: frozenset[str]

    def sides(self, at: int) -> tuple[frozenset[str], frozenset[str]]:
        """The stems of the terms before and after one, those of the same name left out."""
        run = self.terms[at].run
        around = [term for term in self.terms if term.at != at and (run < 0 or term.run != run)]
        before = [term.stem for term in around if term.at < at][-_NEIGHBOURS:]
        after = [term.stem for term in around if term.at > at][:_NEIGHBOURS]
        return frozenset(before), frozenset(after)

    def has(self, term: Term) -> bool:
        """Whether the text has a term of another text, perhaps in another form."""
        if term.number is not None:
            return any(other.number is not None and same(term.number, other.number) for other in self.terms)
        if term.kind == "date":
            return term.stem in self.stems
        if words.stands_in(term.stem, self.stems):
            return True
        return term.kind == "name" and term.surface.isupper() and term.surface.casefold() in self.initials


def shortened(text: str) -> str:
    """A text with the short forms of names that are written both ways everywhere (`UN`)."""
    for pattern, short in _SHORT_FORMS:
        text = pattern.sub(short, text)
    return text


@lru_cache(maxsize=4096)
def read(text: str, known: frozenset[str] = frozenset()) -> Text:
    """Reads a text.

    Args:
        text: a sentence, or several.
        known: stems that are names; what a sentence starts with is a capital either way, and is a name where it is among them.
    """
    text = _NOT.sub("", shortened(text))
    shouted = text.isupper()
    numbers = numbers_of(text)
    starts = {found.end() for found in _SENTENCE_START.finditer(text)}
    terms: list[Term] = []
    used: set[int] = set()
    last_name_end, run = -2, -1
    for word in words.words(text):
        number = next((one for one in numbers if one.start <= word.start < one.end), None)
        if number is not None:
            if number.start not in used:
                used.add(number.start)
                kind: Kind = "date" if number.is_year else "number"
                terms.append(
                    Term(
                        word.stem, number.text, len(terms), kind, number, number.vague, -1, _counts(kind, number, text)
                    )
                )
            continue
        kind = _kind(word, known, starts=word.start in starts, shouted=shouted)
        function = word.surface.casefold() in words.STOPWORDS if shouted else not words.is_content(word)
        if function and kind != "date":
            continue
        if kind == "name":
            run = run if text[last_name_end : word.start] in (" ", "-") else run + 1
            last_name_end = word.end
        terms.append(
            Term(word.stem, word.surface, len(terms), kind, None, vague=False, run=run if kind == "name" else -1)
        )
    return Text(tuple(terms), frozenset(term.stem for term in terms), _initials(text))


def _counts(kind: Kind, number: Number, text: str) -> bool:
    return kind == "number" and re.match(r"[ -]\w", text[number.end :]) is not None


def _kind(word: words.Word, known: AbstractSet[str], *, starts: bool, shouted: bool) -> Kind:
    low, capital = word.surface.casefold(), any(char.isupper() for char in word.surface)
    if low in _WEEKDAYS or (low in MONTHS and capital and not (starts and low in _ALSO_WORDS)):
        return "date"
    if not capital or not words.is_content(word):
        return "word"
    if shouted or (starts and not (len(word.surface) > 1 and word.surface.isupper())):
        return "name" if word.stem in known or words.is_country(word.stem) else "word"
    return "name"


@lru_cache(maxsize=256)
def names_in(text: str) -> frozenset[str]:
    """The stems of the names of a text, by what stands in it with a capital inside sentences, or with a possessive ending before all else."""
    found = {term.stem for term in read(text).terms if term.kind == "name"}
    if _POSSESSIVE_START.match(text):
        found.add(words.words(text)[0].stem)
    return frozenset(found)


def _initials(text: str) -> frozenset[str]:
    found: set[str] = set()
    for run in _NAME_RUN.finditer(text):
        letters = [word[0] for word in run.group().split() if word[0].isupper()][:_LONGEST_RUN]
        found.update(
            "".join(letters[first:last]).casefold()
            for first in range(len(letters))
            for last in range(first + 2, len(letters) + 1)
        )
    return frozenset(found)


@lru_cache(maxsize=20_000)
def content(text: str) -> frozenset[str]:
    """The stems of a text's content words."""
    return frozenset(word.stem for word in words.content_words(text))


def share(rarity: Mapping[str, float], there: frozenset[str]) -> float:
    """The share of some stems, weighted by their rarity, that are among others in some form; 1 where there are none."""
    total = sum(rarity.values())
    return sum(rare for stem, rare in rarity.items() if words.stands_in(stem, there)) / total if total else 1.0
