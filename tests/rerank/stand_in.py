"""A reranker that needs no model: the share of a text's characters that are in words of the question."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from rag.rerank import RerankerInfo, Scores

_READS = 512


class WordOverlap:
    """A `Reranker` for tests: deterministic, and plausible enough to rank."""

    info = RerankerInfo(name="word-overlap", sha256=hashlib.sha256(b"word-overlap").hexdigest(), max_tokens=_READS)

    def score(self, question: str, texts: Sequence[str]) -> Scores:
        asked = set(question.lower().split())
        return np.array([_share(asked, text.lower().split()[:_READS]) for text in texts], np.float32)


def _share(asked: set[str], words: list[str]) -> float:
    shared = sum(len(word) for word in words if word in asked)
    return shared / (1 + sum(map(len, words)))
