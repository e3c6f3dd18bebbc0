"""Which sentences answer: the best one, and up to two more that add something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rag.answer.features import FEATURES, Candidate
from rag.answer.question import Question
from rag.weights import weights

MAX_QUOTES = 3
_SAME_COSINE = 0.92
_SAME_WORDS = 0.8
_MARGIN = 2.0


class Choice(NamedTuple):
    """A sentence chosen, its score, and the other articles that print the same sentence."""

    candidate: Candidate
    score: float
    also_in: tuple[str, ...]


def pool(question: Question, listed: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that may answer: to `what did X say`, only sentences in which X speaks."""
    if not question.speakers:
        return list(listed)
    return [candidate for candidate in listed if candidate.speaks]


def score(candidate: Candidate) -> float:
    """How much speaks for a sentence: its features, and what the model says that read it with the question, if one did."""
    features = float(candidate.values @ weights("choice", FEATURES))
    if candidate.pair is None:
        return features
    return float(weights("reading", ("features", "pair")) @ (features, candidate.pair))


def choose(listed: Sequence[Candidate]) -> list[Choice]:
    """The best sentence and those that add to it, best first; none when there are no candidates.

    A further sentence must score nearly as well as the best and must not say what an earlier one says. Ties go to the earlier passage and the earlier sentence.
    """
    scored = sorted(((score(candidate), -number) for number, candidate in enumerate(listed)), reverse=True)
    chosen: list[Choice] = []
    for worth, number in scored:
        candidate = listed[-number]
        twin = next((at for at, choice in enumerate(chosen) if _same(choice.candidate, candidate)), None)
        if twin is not None:
            chosen[twin] = _with_copy(chosen[twin], candidate)
        elif not chosen or (len(chosen) < MAX_QUOTES and chosen[0].score - worth <= _MARGIN):
            chosen.append(Choice(candidate, worth, ()))
    return chosen


def _same(one: Candidate, other: Candidate) -> bool:
    """Whether two sentences say the same: nearly the same vector, or nearly the same words."""
    if float(np.dot(one.vector, other.vector)) >= _SAME_COSINE:
        return True
    union = len(one.stems | other.stems)
    return union > 0 and len(one.stems & other.stems) / union >= _SAME_WORDS


def _with_copy(choice: Choice, copy: Candidate) -> Choice:
    """Notes another article that prints the sentence; one that only says something alike does not count."""
    article = copy.hit.article.id
    verbatim = copy.stems == choice.candidate.stems
    if not verbatim or article == choice.candidate.hit.article.id or article in choice.also_in:
        return choice
    return choice._replace(also_in=(*choice.also_in, article))
