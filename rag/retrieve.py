"""A question to hits: dense and lexical candidates, fused by a convex sum.

The sum is `w * dense + (1 - w) * bm25 / max(bm25)` over the candidates of both (Bruch, Gai and Ingber, "An Analysis
of Fusion Functions for Hybrid Retrieval", 2023). Candidates come from the passages' vectors; their dense score is the
cosine of the sentence in them that is nearest to the question, which finds the passage that answers more often than
the passage's own cosine (figures in ARCHITECTURE.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag import words
from rag.store import Store
from rag.types import Filter, Hit


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
    """A hit with the vectors of its passage's sentences, shape (sentences, dimension)."""

    hit: Hit
    sentence_vectors: NDArray[np.float32]


def retrieve(
    store: Store,
    query: Query,
    *,
    k: int,
    where: Filter,
    candidates: int = 100,
    dense_weight: float = 0.75,
) -> list[Found]:
    """The k best passages, best first.

    Args:
        store: where to look.
        query: what to look for.
        k: how many passages to return at most.
        where: which articles count.
        candidates: how many passages each of the two retrievers proposes.
        dense_weight: the weight of the cosine in the sum, in 0..1.
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
    best = sorted(fused, key=lambda key: (-fused[key], key))[:k]
    passages = store.passages(best)
    articles = {article_id: store.article(article_id) for article_id in {p.article_id for p in passages.values()}}
    return [
        Found(
            Hit(
                rank=rank,
                passage=passages[key],
                article=articles[passages[key].article_id],
                score=fused[key],
                dense=dense[key],
                lexical=lexical.get(key, 0.0) / highest,
            ),
            sentences[key],
        )
        for rank, key in enumerate((key for key in best if key in passages), start=1)
    ]
