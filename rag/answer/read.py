"""The sentences that the features rank first, read together with the question by a reranker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.answer.choose import score
from rag.answer.features import Candidate
from rag.rerank import Reranker

READ = 6
"""How many sentences are read."""

_TITLE_WORDS = 10
_BEFORE_WORDS = 10


def read(reranker: Reranker, question: str, listed: Sequence[Candidate]) -> list[Candidate]:
    """The best `READ` candidates, in their order, each with the reranker's score."""
    best = sorted(range(len(listed)), key=lambda number: (-score(listed[number]), number))[:READ]
    kept = [listed[number] for number in sorted(best)]
    pairs = reranker.score(question, [text_to_read(candidate) for candidate in kept])
    return [replace(candidate, pair=float(pair)) for candidate, pair in zip(kept, pairs, strict=True)]


def text_to_read(candidate: Candidate) -> str:
    """A sentence as the shipped reranker was trained to read it: then the title's first words and the last words before the sentence."""
    title = " ".join(candidate.hit.article.title.split()[:_TITLE_WORDS])
    before = " ".join(candidate.before.split()[-_BEFORE_WORDS:])
    return f"{candidate.text} [SEP] {title} : {before}"
