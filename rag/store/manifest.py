"""What an index says of itself: format, model, chunker, counts, digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rag.embed.base import ModelInfo
from rag.types import Article, Passage

FORMAT = 1


class Chunker(BaseModel):
    """How articles were cut into passages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    max_tokens: int


class Manifest(BaseModel):
    """The index in a few lines. `generation` counts writes; `digest` depends on the contents alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    model: ModelInfo
    chunker: Chunker
    vectors: Literal["float32"] = "float32"
    sentence_vectors: Literal["float16"] = "float16"
    articles: int = 0
    passages: int = 0
    undated: int = 0
    generation: int = 0
    digest: str = hashlib.sha256().hexdigest()


def article_digest(article: Article, passages: Iterable[Passage]) -> str:
    """SHA-256 over an article's text, metadata and passage boundaries; where its file stands does not count."""
    digest = hashlib.sha256()
    digest.update(article.model_dump_json(exclude={"path"}).encode("utf-8", "surrogatepass"))
    for passage in passages:
        digest.update(f"\n{passage.start} {passage.end}".encode())
        for sentence in passage.sentences:
            digest.update(f" {sentence.start}-{sentence.end}{'' if sentence.quotable else 'h'}".encode())
    return digest.hexdigest()


def index_digest(digests: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over (article id, article digest) pairs sorted by id."""
    total = hashlib.sha256()
    for article_id, digest in digests:
        total.update(f"{article_id} {digest}\n".encode())
    return total.hexdigest()
