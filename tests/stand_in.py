"""A deterministic stand-in for an embedding model, and articles ready to be stored. Neither loads a model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag import chunk
from rag.embed import ModelInfo, TextVectors
from rag.embed.base import Vectors
from rag.store import IndexedArticle, IndexedPassage
from rag.types import Article, Span

_WORD = re.compile(r"\S+")


class StandIn:
    """An `Embedder` whose vectors are sums of pseudo-random word vectors: texts that share words are near."""

    def __init__(self, name: str = "stand-in", dimension: int = 16) -> None:
        self._info = ModelInfo(name=name, sha256="5" * 64, dimension=dimension, pooling="mean", max_tokens=256)
        self.encoded = 0

    @property
    def info(self) -> ModelInfo:
        return self._info

    def encode_query(self, text: str) -> NDArray[np.float32]:
        return self._vector(text)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += len(texts)
        vectors = [self._vector(text) for text in texts]
        return np.stack(vectors) if vectors else np.empty((0, self._info.dimension), np.float32)

    def encode_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        return [
            TextVectors(vector, self.encode([text[span.start : span.end] for span in its]))
            for text, vector, its in zip(texts, self.encode(texts), spans, strict=True)
        ]

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in _WORD.finditer(text)]

    def _vector(self, text: str) -> NDArray[np.float32]:
        total = sum((self._word(word.strip(".,;:!?\"'“”").casefold()) for word in text.split()), self._word(""))
        return (total / np.linalg.norm(total)).astype(np.float32)

    def _word(self, word: str) -> NDArray[np.float64]:
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()[:8], "little")
        return np.random.default_rng(seed).standard_normal(self._info.dimension)


def indexed(
    article: Article, embedder: StandIn | None = None, *, location: str | None = None, max_tokens: int = 20
) -> IndexedArticle:
    """An article cut into passages, with the stand-in's vectors."""
    embedder = embedder or StandIn()
    pieces = chunk.passages(article, embedder.token_offsets, max_tokens)
    texts = [article.text[piece.start : piece.end] for piece in pieces]
    spans = [[Span(s.start - piece.start, s.end - piece.start) for s in piece.sentences] for piece in pieces]
    vectors = embedder.encode_spans(texts, spans)
    return IndexedArticle(
        article,
        [IndexedPassage(piece, *vector) for piece, vector in zip(pieces, vectors, strict=True)],
        location or article.id,
    )


def article(article_id: str, text: str | None = None, **fields: object) -> Article:
    """An article of a few sentences that name it."""
    text = text or f"The {article_id} committee met in Geneva on Monday. Its {article_id} report was not published."
    return Article.model_validate({"id": article_id, "text": text, **fields})
