"""The second look at the passages found: how well the best sentence of each, and its phrases and words, meet the question.

The score is a weighted sum of `FEATURES`, scaled so that a passage that meets the question in every way has 1. The weights are those of a
conditional logit over the passages of a question, fitted by `eval/train/fit_answer.py` on the development sets.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag import words
from rag.types import Article, Passage
from rag.weights import weights

FEATURES = ("cosine", "sentence", "phrases", "bm25", "coverage")
"""The features of a passage, in order, each about 0..1.

`cosine`: of the sentence nearest to the question · `sentence`: the most that one sentence has of cosine and rarity-weighted coverage together (the
title counts as part of every sentence) · `phrases`: share of the question's pairs of neighbouring words that stand together · `bm25`: the lexical score
as a share of the most it can be · `coverage`: share of the question's words in the passage, weighted by rarity.
"""

_COVERAGE = 0.6
"""What the coverage of a sentence counts against its cosine."""
HIGHEST = np.array([1.0, 1.0 + _COVERAGE, 1.0, 1.0, 1.0])
_BM25_SATURATION = 2.0
_CACHED_PASSAGES = 4096


class PassageWords(NamedTuple):
    """The content stems of a passage's title, and of each of its sentences in order."""

    title: frozenset[str]
    sentences: tuple[tuple[str, ...], ...]


def words_of(passage: Passage, article: Article) -> PassageWords:
    """The content stems of a passage."""
    texts = tuple(article.text[sentence.start : sentence.end] for sentence in passage.sentences)
    return PassageWords(_title(article.title), tuple(_stems(text) for text in texts))


@lru_cache(maxsize=_CACHED_PASSAGES)
def _title(title: str) -> frozenset[str]:
    return frozenset(_stems(title))


@lru_cache(maxsize=_CACHED_PASSAGES)
def _stems(text: str) -> tuple[str, ...]:
    return tuple(word.stem for word in words.content_words(text))


def evidence(
    stems: Sequence[str],
    rarity: Mapping[str, float],
    cosines: NDArray[np.float32],
    bm25: float,
    said: PassageWords,
) -> NDArray[np.float64]:
    """The features of one passage, shape (features,).

    Args:
        stems: the question's content stems, in order.
        rarity: the inverse document frequency of each of them.
        cosines: of each sentence to the question, shape (sentences,).
        bm25: the passage's BM25 score, not normalised.
        said: the passage's words.
    """
    total = sum(rarity.values()) or 1.0
    sets = [frozenset(sentence) for sentence in said.sentences]
    whole = said.title.union(*sets)
    together = [
        float(c) + _COVERAGE * _share(rarity, s | said.title, total) for c, s in zip(cosines, sets, strict=True)
    ]
    return np.array(
        [
            float(cosines.max()),
            max(together),
            phrases(stems, rarity, said.sentences),
            bm25 / (_BM25_SATURATION * total),
            _share(rarity, whole, total),
        ]
    )


def score(features: NDArray[np.float64], without: frozenset[str] = frozenset()) -> float:
    """The score of a passage, 1 when it meets the question in every way; features named in `without` do not count."""
    model = weights("passage", FEATURES) * np.array([name not in without for name in FEATURES])
    return float(features @ model / (HIGHEST @ model))


def _share(rarity: Mapping[str, float], there: frozenset[str], total: float) -> float:
    return sum(weight for stem, weight in rarity.items() if stem in there) / total


def phrases(stems: Sequence[str], rarity: Mapping[str, float], sentences: Sequence[Sequence[str]]) -> float:
    """The share of neighbouring word pairs of the question that stand side by side, or one word apart, weighted by rarity."""
    pairs = list(itertools.pairwise(stems))
    if not pairs:
        return 0.0
    there = {pair for found in sentences for gap in (1, 2) for pair in zip(found, found[gap:], strict=False)}
    value = {pair: rarity.get(pair[0], 0.0) + rarity.get(pair[1], 0.0) for pair in pairs}
    total = sum(value.values())
    return sum(weight for pair, weight in value.items() if pair in there) / total if total else 0.0
