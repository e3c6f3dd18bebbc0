"""A question to hits: dense and lexical candidates, fused by a convex sum, the best of them looked at again.

The sum is `w * dense + (1 - w) * bm25 / max(bm25)` over the candidates of both (Bruch, Gai and Ingber, "An Analysis
of Fusion Functions for Hybrid Retrieval", 2023). Candidates come from the passages' vectors; their dense score is the
cosine of the sentence in them that is nearest to the question, which finds the passage that answers more often than
the passage's own cosine (figures in ARCHITECTURE.md). The best `SHORTLIST` are then scored by what their sentences,
phrases and words have of the question (`rag.evidence`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag import words
from rag.evidence import PassageWords, evidence, score, words_of
from rag.rerank import Reranker
from rag.store import Store
from rag.types import Filter, Hit

SHORTLIST = 24
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
    """A hit with the vectors of its passage's sentences, shape (sentences, dimension), the passage's words, and what it has of the question.

    `evidence` has shape (features,), in the order of `rag.evidence.FEATURES`.
    """

    hit: Hit
    sentence_vectors: NDArray[np.float32]
    words: PassageWords
    evidence: NDArray[np.float64]


def idf(frequency: int, passages: int) -> float:
    """Inverse document frequency as in BM25: `ln(1 + (N - n + 0.5) / (n + 0.5))`."""
    return math.log1p((max(passages, frequency) - frequency + 0.5) / (frequency + 0.5))


def rarity(store: Store, stems: list[str]) -> Mapping[str, float]:
    """The inverse document frequency of each stem in a store."""
    passages = store.manifest.passages
    return {stem: idf(frequency, passages) for stem, frequency in store.frequencies(stems).items()}


class Lead(NamedTuple):
    """A passage's key with its convex sum, and what went into it: cosine of the nearest sentence, BM25 score, and that over the highest."""

    key: int
    fused: float
    dense: float
    bm25: float
    lexical: float


def shortlist(
    store: Store,
    query: Query,
    *,
    n: int,
    where: Filter,
    candidates: int = 100,
    dense_weight: float = 0.75,
) -> tuple[list[Lead], Mapping[int, NDArray[np.float32]]]:
    """The n passages with the highest convex sum, best first, and the sentence vectors of all that were looked at, by key.

    Args:
        store: where to look.
        query: what to look for.
        n: how many passages to return at most.
        where: which articles count.
        candidates: how many passages each of the two retrievers proposes.
        dense_weight: the weight of the cosine in the sum, in 0..1.
    """
    matched = dict(store.matching(query.stems, candidates, where))
    proposed = dict.fromkeys([*matched, *(key for key, _ in store.nearest(query.vector, candidates, where))])
    sentences = store.sentence_vectors(list(proposed))
    highest = max(matched.values(), default=0.0) or 1.0
    leads = []
    for key, rows in sentences.items():
        if len(rows):
            dense, bm25 = float((rows @ query.vector).max()), matched.get(key, 0.0)
            fused = dense_weight * dense + (1 - dense_weight) * bm25 / highest
            leads.append(Lead(key, fused, dense, bm25, bm25 / highest))
    return sorted(leads, key=lambda lead: (-lead.fused, lead.key))[:n], sentences


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
        dense_weight: the weight of the cosine in the sum by which the shortlist is made, in 0..1.
        without: features of the second look that do not count.
    """
    leads, sentences = shortlist(
        store, query, n=max(k, SHORTLIST), where=where, candidates=candidates, dense_weight=dense_weight
    )
    passages = store.passages([lead.key for lead in leads])
    articles = {article_id: store.article(article_id) for article_id in {p.article_id for p in passages.values()}}
    rare = rarity(store, query.stems)
    found = []
    for lead in leads:
        passage = passages.get(lead.key)
        if passage is None:  # removed meanwhile
            continue
        article, rows = articles[passage.article_id], sentences[lead.key]
        said = words_of(passage, article)
        features = evidence(query.stems, rare, rows @ query.vector, lead.bm25, said)
        hit = Hit(
            rank=1,
            passage=passage,
            article=article,
            score=score(features, without),
            dense=lead.dense,
            lexical=lead.lexical,
        )
        found.append((lead.key, Found(hit, rows, said, features)))
    found.sort(key=lambda pair: (-pair[1].hit.score, pair[0]))
    return [
        item._replace(hit=item.hit.model_copy(update={"rank": rank})) for rank, (_, item) in enumerate(found[:k], 1)
    ]


def reordered(reranker: Reranker, question: str, found: Sequence[Found], n: int) -> list[Found]:
    """The passages with the first n in the order in which a cross-encoder puts them, ties as they were; their scores stay.

    The scores of those n are dealt out anew, the highest to the first, since what a cross-encoder gives compares with nothing else.
    """
    head = list(found[:n])
    scores = reranker.score(question, [f"{item.hit.article.title}\n{item.hit.text}" for item in head])
    order = sorted(range(len(head)), key=lambda number: (-float(scores[number]), number))
    dealt = [item.hit.score for item in head]
    first = [
        head[number]._replace(hit=head[number].hit.model_copy(update={"rank": rank, "score": dealt[rank - 1]}))
        for rank, number in enumerate(order, start=1)
    ]
    return [*first, *found[n:]]
