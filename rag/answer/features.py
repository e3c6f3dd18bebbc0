"""What speaks for a sentence as the answer to a question, as numbers that mean something."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag import words
from rag.answer.question import Kind, Question
from rag.answer.speech import attribution, speaks
from rag.evidence import phrases
from rag.retrieve import Found
from rag.types import Article, Hit, Sentence, Span

_OPENING_CHARS = 400
_AROUND_CHARS = 2500
_CACHED = 256
_NO_SPACE = re.compile(r"\S")
_TIME = re.compile(
    r"\b1?\d{3}s?\b|\b20\d\d\b|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
    r"|\b(?:yesterday|today|tomorrow|tonight|century|centuries|decades?|ago|spring|summer|autumn|winter|BC|AD"
    r"|(?:last|next|this|same|following) (?:week|weekend|month|year|morning|evening|night|day))\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|trillions?|half|third|quarter|several|few|once|twice"
    r"|days?|weeks?|months|years|hours|minutes)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:in|at|near|from|to|outside|inside|across|into|of) (?:the )?[A-ZÀ-Þ]")
_CAPITALISED = re.compile(r"(?<![.!?“\"] )(?<!^)\b[A-ZÀ-Þ][\w’'-]+")
_PATTERNS: dict[Kind, re.Pattern[str]] = {"time": _TIME, "number": _NUMBER, "place": _PLACE}

FEATURES = (
    "cosine",
    "coverage",
    "coverage_with_neighbour",
    "coverage_with_opening",
    "coverage_in_article",
    "phrases",
    "kind",
    "passage",
    "opening",
)
"""The features of a sentence, in order.

`cosine`: sentence vector and question vector · `coverage`: share of the question's words in the sentence, weighted by rarity ·
`coverage_with_neighbour`: with the sentence before it and the title · `coverage_with_opening`: with the title and the article's
opening · `coverage_in_article`: with the title, the opening and what stands around the passage · `phrases`: share of the question's neighbouring
word pairs that stand together in the sentence, weighted by rarity · `kind`: 1 when it holds what the question asks for (a date, a number, …) · `passage`: its passage's score, divided by the
best · `opening`: 1 for an article's first sentence.
"""


class _Setting(NamedTuple):
    """The stems of an article's title, and of its title and opening; and where its story starts."""

    title: frozenset[str]
    opening: frozenset[str]
    start: int


@dataclass(frozen=True)
class Candidate:
    """A sentence that may answer, and what speaks for it (`values` in the order of `FEATURES`).

    `names`: share of the question's names in the sentence or its surroundings; `speaks`: whether the asked speaker is who speaks;
    `before`: the sentence before it in the passage; `pair`: what a model says that read question and sentence together, None where none did.
    """

    hit: Hit
    sentence: Sentence
    vector: NDArray[np.float32]
    stems: frozenset[str]
    values: NDArray[np.float64]
    names: float
    speaks: bool
    before: str = ""
    pair: float | None = None

    @property
    def text(self) -> str:
        """The sentence."""
        return self.hit.article.text[self.sentence.start : self.sentence.end]

    def value(self, feature: str) -> float:
        """One feature."""
        return float(self.values[FEATURES.index(feature)])


def candidates(question: Question, query: NDArray[np.float32], found: Sequence[Found]) -> list[Candidate]:
    """The quotable sentences of some passages, each once, in the order of the passages and of the text.

    Args:
        question: the question.
        query: its unit vector, shape (dimension,).
        found: passages, best first, with the vectors of their sentences.
    """
    best = max((item.hit.score for item in found), default=1.0) or 1.0
    seen: dict[tuple[str, int, int], Candidate] = {}
    settings = {item.hit.article.id: _setting(item.hit.article) for item in found}
    for item in found:
        hit = item.hit
        for candidate in _of_passage(question, query, item, hit.score / best, settings[hit.article.id]):
            key = (hit.article.id, candidate.sentence.start, candidate.sentence.end)
            if key not in seen or seen[key].value("cosine") < candidate.value("cosine"):
                seen[key] = candidate
    return list(seen.values())


def _of_passage(
    question: Question,
    query: NDArray[np.float32],
    item: Found,
    passage: float,
    setting: _Setting,
) -> list[Candidate]:
    hit, rows, said, _ = item
    text = hit.article.text
    title, opening, story_start = setting
    around = opening | _around(article_text=text, start=hit.passage.start, end=hit.passage.end)
    # Of the passage, not of the sentence, so computed once; of the two, who speaks decides.
    there = {
        words_given: coverage(question, around, words_given)
        for words_given in (frozenset[str](), question.speakers | opening)
    }
    listed: list[Candidate] = []
    before = ""
    neighbour: frozenset[str] = frozenset()
    for sentence, row, content in zip(hit.passage.sentences, rows, said.sentences, strict=True):
        words_here = text[sentence.start : sentence.end]
        stems = frozenset(words.stems(words_here))
        if sentence.quotable:
            speaking = bool(question.speakers) and _speaks(question, hit.article, sentence)
            # Who speaks, and the setting that an article's opening gives, are not said again in each sentence of a speech.
            given = question.speakers | opening if speaking else frozenset()
            values = {
                "cosine": float(row @ query),
                "coverage": coverage(question, stems, given),
                "coverage_with_neighbour": coverage(question, stems | title | neighbour, given),
                "coverage_with_opening": coverage(question, stems | opening, given),
                "coverage_in_article": there[given],
                "phrases": phrases(tuple(question.weights), question.weights, [content]),
                "kind": float(answers_kind(question, words_here)),
                "passage": passage,
                "opening": float(sentence.start <= story_start),
            }
            listed.append(
                Candidate(
                    hit,
                    sentence,
                    row,
                    stems,
                    np.array([values[name] for name in FEATURES]),
                    names=_name_coverage(question.names, stems | neighbour | opening),
                    speaks=speaking,
                    before=before,
                )
            )
        neighbour = stems
        before = words_here
    return listed


@lru_cache(maxsize=_CACHED)
def _around(article_text: str, start: int, end: int) -> frozenset[str]:
    """The stems of a passage and of what stands around it."""
    return frozenset(words.stems(article_text[max(0, start - _AROUND_CHARS) : end + _AROUND_CHARS]))


def _speaks(question: Question, article: Article, sentence: Sentence) -> bool:
    """Whether one of those asked about is who speaks, by the whole article where it tells, else by the sentence alone."""
    said = attribution(article, Span(sentence.start, sentence.end))
    text = article.text[sentence.start : sentence.end]
    return speaks(question.speakers, text, speaker=said.speaker if said else None)


def coverage(question: Question, stems: frozenset[str], given: frozenset[str] = frozenset()) -> float:
    """The share of the question's words that are there, weighted by rarity, in 0..1.

    A name is there in any of its forms (`China`, `Chinese`); `given` are words that count as there.
    """
    total = sum(question.weights.values())
    there = sum(
        weight
        for stem, weight in question.weights.items()
        if stem in stems or stem in given or (stem in question.names and words.stands_in(stem, stems))
    )
    return there / total if total else 0.0


def answers_kind(question: Question, text: str) -> bool:
    """Whether a sentence holds something of the kind the question expects; for a person, a name the question does not hold."""
    if question.kind == "person":
        return any(words.stem(match.group()) not in question.weights for match in _CAPITALISED.finditer(text))
    pattern = _PATTERNS.get(question.kind)
    return pattern is None or pattern.search(text) is not None


def _name_coverage(names: frozenset[str], stems: frozenset[str]) -> float:
    """The share of the names that are there, in this form or a related one; 1 when there are none."""
    if not names:
        return 1.0
    return sum(words.stands_in(name, stems) for name in names) / len(names)


def _setting(article: Article) -> _Setting:
    title = frozenset(words.stems(article.title))
    first = article.story[0] if article.story else Span(0, 0)
    found = _NO_SPACE.search(article.text, first.start, first.end)
    opening = words.stems(article.text[first.start : first.start + _OPENING_CHARS]) if found else ()
    return _Setting(title, title | frozenset(opening), found.start() if found else -1)
