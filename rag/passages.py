"""What of an article's passages is embedded: the title, then the passage."""

from __future__ import annotations

from collections.abc import Sequence

from rag.embed.base import TextVectors
from rag.store.base import IndexedArticle, IndexedPassage
from rag.types import Article, Passage, Span

_TITLE_CHARS = 200


def texts(article: Article, pieces: Sequence[Passage]) -> tuple[list[str], list[list[Span]]]:
    """The text of each passage as it is embedded, and where in it the passage's sentences are."""
    title = f"{article.title[:_TITLE_CHARS]}\n" if article.title else ""
    shifts = [len(title) - piece.start for piece in pieces]
    spans = [
        [Span(sentence.start + shift, sentence.end + shift) for sentence in piece.sentences]
        for piece, shift in zip(pieces, shifts, strict=True)
    ]
    return [title + article.text[piece.start : piece.end] for piece in pieces], spans


def indexed(
    article: Article,
    pieces: Sequence[Passage],
    vectors: Sequence[TextVectors],
    location: str,
    fingerprint: str | None = None,
) -> IndexedArticle:
    """An article with its passages and their vectors, ready to be stored."""
    passages = [IndexedPassage(piece, *vector) for piece, vector in zip(pieces, vectors, strict=True)]
    return IndexedArticle(article, passages, location, fingerprint)
