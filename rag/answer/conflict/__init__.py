"""Sentences that do not agree: another figure for the same thing, another date of the same event, or a denial of the same claim.

Precision before recall: two sentences conflict only if they speak of the same event, as far as names, dates and the words around
the figure tell, and if no rounding, bound or other scope explains the difference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from rag import words
from rag.answer.choose import Choice
from rag.answer.conflict.dating import dates_differ
from rag.answer.conflict.denial import denied
from rag.answer.conflict.event import newer_of, opening_of, revalues, same_event
from rag.answer.conflict.figures import figures_differ
from rag.answer.conflict.numbers import anyone_stems, class_stems, classes_of, money_stems
from rag.answer.features import Candidate, coverage
from rag.answer.question import Question
from rag.types import Conflict

__all__ = ["Disagreement", "conflicts"]

_COSINE = {"figure": 0.45, "date": 0.65, "denial": 0.6}
_COVERAGE = {"figure": 0.4, "date": 0.7, "denial": 0.5}
_COVERAGE_BY_OPENING = 0.6
_WHOLE = re.compile(r"\b(?:toll|total|confirmed|revised|claimed|put the number)\b", re.IGNORECASE)


class Disagreement(NamedTuple):
    """A chosen sentence, by its number among the chosen, and another that does not agree with it.

    `words` are the differing words of each, as they stand in the text; `newer` is 0 for the chosen sentence's article, 1 for the other's, None where
    the dates of publication do not tell.
    """

    kind: Literal["figure", "date", "denial"]
    chosen: int
    other: Candidate
    words: tuple[str, str]
    newer: Literal[0, 1] | None

    def between(self, first: int, second: int) -> Conflict:
        """The conflict of two citations, by the number of the chosen sentence's and of the other's."""
        newer = None if self.newer is None else (first, second)[self.newer]
        return Conflict(kind=self.kind, citations=(first, second), words=self.words, newer=newer)


def conflicts(question: Question, chosen: Sequence[Choice], others: Sequence[Candidate]) -> list[Disagreement]:
    """What does not agree with the chosen sentences, nearest first: each differing figure, date or denial once.

    Figures are compared for a question that asks for a number, dates for one that asks when; denials for any.

    Args:
        question: the question.
        chosen: the sentences that answer it, best first.
        others: further candidates of the same passages; those that are chosen are not compared again.
    """
    own = [choice.candidate for choice in chosen]
    rest = [candidate for candidate in others if all(candidate is not one for one in own)]
    found: list[tuple[float, Disagreement]] = []
    for number, one in enumerate(own):
        for other in [*own[number + 1 :], *rest]:
            cosine = float(np.dot(one.vector, other.vector))
            told = _told_apart(question, one, other, cosine)
            if told:
                kind, differing = told
                newer = newer_of(one.hit.article, other.hit.article)
                found.append((cosine, Disagreement(kind, number, other, differing, newer)))
    listed: list[Disagreement] = []
    seen: set[tuple[str, str]] = set()
    for _, disagreement in sorted(found, key=lambda pair: -pair[0]):
        mine, theirs = ((disagreement.kind, said.casefold()) for said in disagreement.words)
        if theirs not in seen:
            seen |= {mine, theirs}
            listed.append(disagreement)
    return listed


def _told_apart(
    question: Question, one: Candidate, other: Candidate, cosine: float
) -> tuple[Literal["figure", "date", "denial"], tuple[str, str]] | None:
    """How two sentences differ, and in which words; None when they do not, or may speak of different things."""
    for kind, asked, differing in (
        ("figure", question.kind == "number", figures_differ),
        ("date", question.kind == "time", dates_differ),
        ("denial", True, denied),
    ):
        if asked and cosine >= _COSINE[kind] and all(_on_topic(question, side, kind) for side in (one, other)):
            found = differing(question, one, other)
            if found and same_event(question, one, other):
                return kind, found  # type: ignore[return-value]
    return None


def _on_topic(question: Question, candidate: Candidate, kind: str) -> bool:
    """Whether a sentence holds enough of the question's words; a toll or a total is of what its article opens with, another value of what stands before."""
    classes = classes_of(question.text) if kind == "figure" else frozenset()
    if classes:  # that people died says nothing of where
        weights = {
            stem: w for stem, w in question.weights.items() if stem not in class_stems() and stem not in anyone_stems()
        }
        question = replace(question, weights=weights)
    stems = candidate.stems | money_stems(candidate.text) if kind == "figure" else candidate.stems
    if coverage(question, stems) >= _COVERAGE[kind]:
        return True
    around = set(words.stems(opening_of(candidate.hit.article)))
    whole = bool(classes and _WHOLE.search(candidate.text))
    if kind == "figure" and revalues(candidate):
        around.update(words.stems(candidate.before))
        whole = True
    return whole and coverage(question, stems | around) >= _COVERAGE_BY_OPENING
