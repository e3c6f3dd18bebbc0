"""A question to hits: dense and lexical candidates, fused by a convex sum.

The sum is `w * cosine + (1 - w) * bm25 / max(bm25)` over the candidates of both (Bruch, Gai and Ingber, "An Analysis
of Fusion Functions for Hybrid Retrieval", 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def retrieve(
    store: Store,
    query: Query,
    *,
    k: int,
    where: Filter,
    candidates: int = 100,
    dense_weight: float = 0.65,
) -> tuple[list[Hit], list[int]]:
    """The k best passages, best first, and their keys in the store.

    Args:
        store: where to look.
        query: what to look for.
        k: how many passages to return at most.
        where: which articles count.
        candidates: how many passages each of the two retrievers proposes.
        dense_weight: the weight of the cosine in the sum, in 0..1.
    """
    lexical = {key: score for key, score in store.matching(query.stems, candidates, where)}
    dense = {key: score for key, score in store.nearest(query.vector, candidates, where)}
    dense |= store.cosines(query.vector, [key for key in lexical if key not in dense])
    highest = max(lexical.values(), default=0.0) or 1.0
    fused = {
        key: dense_weight * cosine + (1 - dense_weight) * lexical.get(key, 0.0) / highest
        for key, cosine in dense.items()
    }
    best = sorted(fused, key=lambda key: (-fused[key], key))[:k]
    return _hits(store, best, fused, dense, {key: score / highest for key, score in lexical.items()})


def _hits(
    store: Store, keys: Sequence[int], fused: dict[int, float], dense: dict[int, float], lexical: dict[int, float]
) -> tuple[list[Hit], list[int]]:
    passages = store.passages(keys)
    articles = {article_id: store.article(article_id) for article_id in {p.article_id for p in passages.values()}}
    kept = [key for key in keys if key in passages]
    hits = [
        Hit(
            rank=rank,
            passage=passages[key],
            article=articles[passages[key].article_id],
            score=fused[key],
            dense=dense[key],
            lexical=lexical.get(key, 0.0),
        )
        for rank, key in enumerate(kept, start=1)
    ]
    return hits, kept
