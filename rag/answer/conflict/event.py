"""Whether two sentences may speak of one event, as far as names, dates and places tell."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

from rag import dates, words
from rag.answer.conflict.attribution import ATTRIBUTION, without_days_of_saying
from rag.answer.conflict.dating import dates_agree
from rag.answer.conflict.days import MONTHS, Day, apart, days_of, slack
from rag.answer.features import Candidate
from rag.answer.question import Question
from rag.dates import WEEKDAYS
from rag.types import Article

_DAYS_OF_ONE_EVENT = 45
_OPENING_CHARS = 400
_REFERS_WITHIN = 600
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w’'-]*")
_PLACED = re.compile(r"\b(?:in|at|near|of|outside|from)\s+(?:the\s+)?(?P<name>[A-ZÀ-Þ][\w’'-]+)")
# A time that only one of two sentences names is another occasion.
_OTHER_TIME = re.compile(
    r"\b(?:before (?:this|that|the)|previously|formerly|(?:so far|earlier|later) (?:this|that) year|BCE?|century|centuries|decades?|\d{3,4}s|ago|(?:last|next|previous|following) (?:week|month|year|night|weekend))\b",
    re.IGNORECASE,
)
# `estimated the loss at …`: the loss that was spoken of just before, on its date.
_REVALUES = re.compile(
    r"\b(?:estimate[sd]?|put|puts|valued|calculated|reckoned|revised|assessed) (?:the|its|that|this|their) (?:\w+ ){0,2}?(?:loss(?:es)?|costs?|damages?|price|bill|value|total)\b"
)
_AS_ONE = 0.5


def same_event(question: Question, one: Candidate, other: Candidate) -> bool:
    """Whether two sentences may speak of one event: the question's names in both, no differing dates or places, articles alike."""
    if min(one.names, other.names) < 1 and question.names:
        return False
    first, second = (_named(ATTRIBUTION.sub(" ", side.text)) - question.names for side in (one, other))
    same_article = one.hit.article.id == other.hit.article.id
    if same_article and first - second and second - first:
        return False
    places, other_places = places_of(one.text), places_of(other.text)
    if places and other_places and not places & other_places:
        return False
    if bool(_OTHER_TIME.search(one.text)) != bool(_OTHER_TIME.search(other.text)):
        return False
    if question.kind != "time" and not (dates_agree(one, other) or refers_back(one, other)):
        return False
    return same_article or _same_story(one.hit.article, other.hit.article, same_day=question.kind != "time")


def _same_story(one: Article, other: Article, *, same_day: bool) -> bool:
    """Whether two articles tell one story: near in time, the same day where they open with one, and names in common."""
    if one.published and other.published:
        (first, last), (other_first, other_last) = dates.bounds(one.published), dates.bounds(other.published)
        if max(first, other_first) - min(last, other_last) > dt.timedelta(_DAYS_OF_ONE_EVENT):
            return False
    opening, other_opening = opening_of(one), opening_of(other)
    day = next((day for day in days_of(without_days_of_saying(opening), one) if day.first), None)
    other_day = next((day for day in days_of(without_days_of_saying(other_opening), other) if day.first), None)
    if same_day and day and other_day and apart(day, other_day) > _opening_slack(day, other_day):
        return False
    # A word that starts a sentence is a name where the other article writes it as one, or where nothing else is.
    names, other_names = _named(opening), _named(other_opening)
    capitalised, other_capitalised = _named(opening, initial=True), _named(other_opening, initial=True)
    if not names or not other_names:
        names, other_names = capitalised, other_capitalised
    shared = (names & other_capitalised) | (other_names & capitalised)
    return bool(shared) and len(shared) >= _AS_ONE * min(len(names), len(other_names))


def _opening_slack(one: Day, other: Day) -> int:
    """Openings may date the event and its discovery a day apart, but not by two weekdays, as the reports of a series do."""
    weekdays = one.text in WEEKDAYS and other.text in WEEKDAYS
    return slack(one, other) if weekdays else 1


def revalues(candidate: Candidate) -> bool:
    """Whether a sentence puts another value on what was spoken of before: `estimated the loss at …`."""
    return _REVALUES.search(candidate.text) is not None


def refers_back(one: Candidate, other: Candidate) -> bool:
    """Whether the later of two sentences that stand close together puts another value on what the earlier speaks of."""
    if one.hit.article.id != other.hit.article.id:
        return False
    earlier, later = sorted((one, other), key=lambda side: side.sentence.start)
    return later.sentence.start - earlier.sentence.end <= _REFERS_WITHIN and revalues(later)


def newer_of(one: Article, other: Article) -> Literal[0, 1] | None:
    """Which of two articles is newer, 0 or 1; None where their dates of publication do not tell."""
    if not one.published or not other.published or one.id == other.id:
        return None
    (first, last), (other_first, other_last) = dates.bounds(one.published), dates.bounds(other.published)
    return 1 if last < other_first else 0 if other_last < first else None


def opening_of(article: Article) -> str:
    """An article's title and the start of its story."""
    start = article.story[0].start if article.story else 0
    return f"{article.title}. {article.text[start : start + _OPENING_CHARS]}"


def _named(text: str, *, initial: bool = False) -> frozenset[str]:
    """The stems of capitalised words, but for function words, months and weekdays; those that start a sentence only if asked for."""
    return frozenset(
        word.stem
        for found in _CAPITALISED.finditer(text)
        for word in words.words(found.group())
        if words.is_content(word) and word.surface not in WEEKDAYS and not re.fullmatch(MONTHS, word.surface)
        if initial or (found.start() > 0 and not re.search(r"[.!?“\"]\s*$", text[: found.start()][-3:]))
    )


def places_of(text: str) -> frozenset[str]:
    """The stems of names that follow a preposition of place."""
    return frozenset(
        words.stem(found["name"]) for found in _PLACED.finditer(text) if not re.fullmatch(MONTHS, found["name"])
    )
