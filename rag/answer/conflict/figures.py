"""Sentences that give different figures for the same thing."""

from __future__ import annotations

import re

from rag import words
from rag.answer.conflict.event import newer_of, places_of
from rag.answer.conflict.numbers import CURRENCIES, NOT_SAID, Figure, classes_of, figures_of, money_of
from rag.answer.features import Candidate
from rag.answer.question import Question

_ASKED_COUNT = re.compile(
    r"\b(?:how many|(?:the|what) number of)\s+(?P<noun>[^?,]+?)(?=\s+(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|in|on|at|of|by|from"
    r"|during|with|that|who|to|for)\b|\W*$)",
    re.IGNORECASE,
)
_ASKED_PERCENT = re.compile(r"\bpercent|\bper cent|\bshare\b", re.IGNORECASE)
_RAISED = 1.1
# Words that make a count that of a whole or of a part of it.
_SCOPE = re.compile(
    r"\b(?:nationwide|countrywide|worldwide|globally|nationally|statewide|citywide|alone|(?:across|throughout|around|in) the (?:country|nation|world|globe"
    r"|region|province|state|city|capital|area|island|islands|continent|district|town|county|village|suburbs?)|(?:across|throughout|elsewhere in) (?:the )?[A-ZÀ-Þ]\w+)\b"
)
_ASKED_MONEY = re.compile(r"\bhow much\b|\bwhat amount\b|\bprice|\bcost", re.IGNORECASE)


def figures_differ(question: Question, one: Candidate, other: Candidate) -> tuple[str, str] | None:
    """The differing figures, where each sentence gives just one of what is asked, of one scope."""
    if re.search(NOT_SAID, one.text) or re.search(NOT_SAID, other.text):
        return None
    figures = [figure for figure in figures_of(one.text) if _is_asked(question, figure)]
    others = [figure for figure in figures_of(other.text) if _is_asked(question, figure)]
    if len(figures) != 1 or len(others) != 1:
        return None
    mine, theirs = figures[0], others[0]
    if mine.unit != theirs.unit or mine.counted != theirs.counted or mine.classes != theirs.classes:
        return None
    if not _same_scope(question, one.text, other.text):
        return None
    if mine.unit in CURRENCIES.values() and not _same_money(question, one.text, other.text):
        return None
    apart = mine.low > theirs.high or theirs.low > mine.high
    return (mine.text, theirs.text) if apart or _raised(one, mine, other, theirs) else None


def _raised(one: Candidate, mine: Figure, other: Candidate, theirs: Figure) -> bool:
    """Whether a later article's lower bound is clearly above an earlier one's: `at least 20`, then `at least 35`."""
    if not (mine.high == theirs.high == float("inf")):
        return False
    newer = newer_of(one.hit.article, other.hit.article)
    if newer is None:
        return False
    late, early = (theirs, mine) if newer else (mine, theirs)
    return late.low > early.low * _RAISED


def _same_scope(question: Question, one: str, other: str) -> bool:
    """Whether two sentences count in one place: no wider or narrower scope, and no further place, in only one of them."""
    if {found.casefold() for found in _SCOPE.findall(one)} != {found.casefold() for found in _SCOPE.findall(other)}:
        return False
    places, others = places_of(one), places_of(other)
    return not places or not others or (places ^ others) <= question.weights.keys()


def _same_money(question: Question, one: str, other: str) -> bool:
    """Whether two sentences speak of the sum that is asked for: a loss, a cost, …; any where the question does not tell."""
    asked = money_of(question.text)
    return asked <= money_of(one) and asked <= money_of(other)


def _is_asked(question: Question, figure: Figure) -> bool:
    """Whether a figure is of the kind that a question asks for."""
    if _ASKED_PERCENT.search(question.text):
        return figure.unit == "%"
    asked = _ASKED_COUNT.search(question.text)
    if asked is None:
        return bool(_ASKED_MONEY.search(question.text)) and figure.unit in CURRENCIES.values()
    classes = classes_of(question.text)
    if classes:
        return not figure.unit and bool(figure.classes) and figure.classes <= classes
    noun = [word.stem for word in words.content_words(asked["noun"])]
    return not figure.unit and bool(figure.counted) and figure.counted[-1] in noun
