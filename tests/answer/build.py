"""Passages found and candidates, made without a model."""

from __future__ import annotations

import numpy as np

from rag import chunk, words
from rag.answer.features import FEATURES, Candidate
from rag.evidence import FEATURES as EVIDENCE
from rag.evidence import words_of
from rag.retrieve import Found
from rag.types import Article, Hit
from rag.weights import weights
from tests.stand_in import StandIn


def found(*articles: Article, scores: tuple[float, ...] = ()) -> list[Found]:
    """All passages of some articles, each article's with one score (1 where none is given)."""
    embedder = StandIn()
    listed: list[Found] = []
    for number, article in enumerate(articles):
        score = scores[number] if scores else 1.0
        for passage in chunk.passages(article, embedder.token_offsets):
            hit = Hit(rank=len(listed) + 1, passage=passage, article=article, score=score, dense=score, lexical=0.0)
            rows = embedder.encode([article.text[s.start : s.end] for s in passage.sentences])
            listed.append(Found(hit, rows, words_of(passage, article), np.full(len(EVIDENCE), score)))
    return listed


def scored(article: Article, score: float, *, speaks: bool = False) -> Candidate:
    """An article's first sentence, as a candidate whose choice score is the one given."""
    hit, rows, *_ = found(article)[0]
    sentence = hit.passage.sentences[0]
    model = weights("choice", FEATURES)
    return Candidate(
        hit=hit,
        sentence=sentence,
        vector=rows[0],
        stems=frozenset(words.stems(article.text[sentence.start : sentence.end])),
        values=model * score / float(np.dot(model, model)),
        names=1.0,
        speaks=speaks,
    )
