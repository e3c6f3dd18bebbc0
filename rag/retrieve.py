"""A question to hits: dense and lexical candidates, fused by a convex sum, the best of them looked at again.

The sum is `w * dense + (1 - w) * bm25 / max(bm25)` over the candidates of both (Bruch, Gai and Ingber, "An Analysis
of Fusion Functions for Hybrid Retrieval", 2023). Candidates come from the passages' vectors; their dense score is the
cosine of the sentence in them that is nearest to the question, which finds the passage that answers more often than
the passage's own cosine (figures in ARCHITECTURE.md). The best `SHORTLIST` are then scored by what their sentences,
phrases and words have of the question (`rag.evidence`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag import words
from rag.evidence import PassageWords, evidence, score, words_of
from rag.store import Store
from rag.types import Filter, Hit

SHORTLIST = 30
"""How many passages, the best by the convex sum, are looked at again."""


@dataclass(frozen=True)
class Query:
    """A question as retrieval sees it: its words, and its unit vector of shape (dimension,)."""

    text: str
    content: tuple[words.Word, ...]
    vector: NDArray[np.float32]

    @property
    def stems(self) -> list[str]:
        """The stems of its content words, each once, in order."""
        return list(dict.fromkeys(word.stem for word in self.content))


class Found(NamedTuple):
    """A hit with the vectors of its passage's sentences, shape (sentences, dimension), and the passage's words."""

    hit: Hit
    sentence_vectors: NDArray[np.float32]
    words: PassageWords


def idf(frequency: int, passages: int) -> float:
    """Inverse document frequency as in BM25: `ln(1 + (N - n + 0.5) / (n + 0.5))`."""
    return math.log1p((max(passages, frequency) - frequency + 0.5) / (frequency + 0.5))


def rarity(store: Store, stems: list[str]) -> Mapping[str, float]:
    """The inverse document frequency of each stem in a store."""
    passages = store.manifest.passages
    return {stem: idf(frequency, passages) for stem, frequency in store.frequencies(stems).items()}


def retrieve(
    store: Store,
    query: Query,
    *,
    k: int,
    where: Filter,
    candidates: int = 100,
    dense_weight: float = 0.75,
    without: frozenset[str] = frozenset(),
) -> list[Found]:
    """The k best passages, best first.

    Args:
        store: where to look.
        query: what to look for.
        k: how many passages to return at most.
        where: which articles count.
        candidates: how many passages each of the two retrievers proposes.
        dense_weight: the weight of the cosine in the sum, in 0..1.
        without: features of the second look that do not count.
    """
    lexical = dict(store.matching(query.stems, candidates, where))
    proposed = dict.fromkeys([*lexical, *(key for key, _ in store.nearest(query.vector, candidates, where))])
    sentences = store.sentence_vectors(list(proposed))
    dense = {key: float((rows @ query.vector).max()) for key, rows in sentences.items() if len(rows)}
    highest = max(lexical.values(), default=0.0) or 1.0
    fused = {
        key: dense_weight * cosine + (1 - dense_weight) * lexical.get(key, 0.0) / highest
        for key, cosine in dense.items()
    }
    listed = sorted(fused, key=lambda key: (-fused[key], key))[: max(k, SHORTLIST)]
    passages = store.passages(listed)
    articles = {article_id: store.article(article_id) for article_id in {p.article_id for p in passages.values()}}
    said = {key: words_of(passage, articles[passage.article_id]) for key, passage in passages.items()}
    rare = rarity(store, query.stems)
    scores = {
        key: score(evidence(query.stems, rare, sentences[key] @ query.vector, lexical.get(key, 0.0), said[key]), without)
        for key in listed
        if key in passages
    }
    best = sorted(scores, key=lambda key: (-scores[key], key))[:k]
    return [
        Found(
            Hit(
                rank=rank,
                passage=passages[key],
                article=articles[passages[key].article_id],
                score=scores[key],
                dense=dense[key],
                lexical=lexical.get(key, 0.0) / highest,
            ),
            sentences[key],
            said[key],
        )
        for rank, key in enumerate(best, start=1)
    ]
