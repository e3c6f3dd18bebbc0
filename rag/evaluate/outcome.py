"""What became of a question: exactly one class each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.evaluate.run import Result

OFF_COLLECTION_KINDS = frozenset({"off-topic", "off-collection"})
"""Kinds of unanswerable question whose topic is not in the collection; all others are near misses."""
TRAP = "trap"
"""The kind of question to which only somebody else's words could answer: any answer attributes them wrongly."""


class Outcome(StrEnum):
    """The classes, in the order in which they are reported."""

    RIGHT = "right"
    NOT_FIRST = "right sentence not first"
    WRONG_SENTENCE = "right article, wrong sentence"
    WRONG_ARTICLE = "wrong article"
    MISS = "retrieval miss"
    ABSTAINED = "abstained though answerable"
    NEAR_MISS = "answered though unanswerable: near miss"
    OFF_COLLECTION = "answered though unanswerable: off-collection"
    MISATTRIBUTED = "misattribution"
    UNJUDGED = "no evidence to judge by"


def outcome_of(result: Result) -> Outcome:
    """The class of a result, the first that applies.

    1. misattribution: a cited quote is one of the sentences that somebody else says, or a `trap` was answered;
    2. of an unanswerable question: right when abstained from, else answered though unanswerable;
    3. of an answerable one: abstained; right (the first quote is); right sentence not first; retrieval miss (none of the ten
       passages is relevant); right article, wrong sentence (the first quote's article holds an answer); wrong article.
    """
    if result.misattributed or (result.kind == TRAP and not result.answerable and not result.abstained):
        return Outcome.MISATTRIBUTED
    if not result.answerable:
        if result.abstained:
            return Outcome.RIGHT
        return Outcome.OFF_COLLECTION if result.kind in OFF_COLLECTION_KINDS else Outcome.NEAR_MISS
    return Outcome.UNJUDGED if not result.judged else _answerable(result)


def _answerable(result: Result) -> Outcome:
    if result.abstained:
        return Outcome.ABSTAINED
    if result.first_right:
        return Outcome.RIGHT
    if result.right:
        return Outcome.NOT_FIRST
    if not result.relevant:
        return Outcome.MISS
    return Outcome.WRONG_SENTENCE if result.right_article else Outcome.WRONG_ARTICLE
