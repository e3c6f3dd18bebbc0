"""Whether the dates of two sentences agree, the days on which they were only said left out."""

from __future__ import annotations

import re

from rag.answer.conflict.attribution import without_days_of_saying
from rag.answer.conflict.days import Day, apart, days_of, slack
from rag.answer.features import Candidate
from rag.answer.question import Question

_VAGUE_TIME = re.compile(
    r"\b(?:BCE?|AD|CE|century|centuries|decades?|\d{3,4}s|ago|earlier|later|following|previous|(?:last|next) (?:week|month|year|night|weekend))\b"
)
NEGATION = re.compile(r"\b(?:not|never|no|none|neither|nor|without)\b|n['’]t\b", re.IGNORECASE)


def dates_differ(question: Question, one: Candidate, other: Candidate) -> tuple[str, str] | None:
    """The differing dates, where each sentence gives the event just one."""
    days, others = _event_days(one), _event_days(other)
    if len(days) != 1 or len(others) != 1 or NEGATION.search(one.text) or NEGATION.search(other.text):
        return None
    mine, theirs = days[0], others[0]
    zones = int(mine.relative or theirs.relative)  # a weekday may be told in another time zone
    if mine.bound != theirs.bound or not mine.first or not theirs.first or apart(mine, theirs) <= zones:
        return None
    # The event is the same only if both sentences name it: all the question's words that are no names, or nearly.
    event = {stem for stem in question.weights if stem not in question.names}
    if not event <= one.stems & other.stems or _VAGUE_TIME.search(one.text) or _VAGUE_TIME.search(other.text):
        return None
    return mine.text, theirs.text


def dates_agree(one: Candidate, other: Candidate) -> bool:
    """Whether no date of one sentence speaks against the other: a year or a day that only one names may be another occasion."""
    days, others = _event_days(one), _event_days(other)
    if bool(days) != bool(others):
        return all(day.relative for day in days + others)
    return not days or any(
        day.text == at.text or (day.first and at.first and apart(day, at) <= slack(day, at))
        for day in days
        for at in others
    )


def _event_days(candidate: Candidate) -> list[Day]:
    return list(days_of(without_days_of_saying(candidate.text), candidate.hit.article))
