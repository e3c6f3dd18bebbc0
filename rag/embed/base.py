"""What an embedder is: anything that turns texts into unit vectors and knows its own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rag.types import Span

Vectors = NDArray[np.float32]
"""Unit vectors, shape (n, dimension)."""


class ModelInfo(BaseModel):
    """Which model made the vectors. Two vectors compare only if all of it is equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str
    dimension: int
    pooling: str
    max_tokens: int


class TextVectors(NamedTuple):
    """The vector of a text, and one for each span asked for."""

    text: NDArray[np.float32]
    spans: Vectors


class Embedder(Protocol):
    """Turns texts into unit vectors of float32.

    Any implementation passes the suite in `tests/conformance/embedder.py`.
    """

    @property
    def info(self) -> ModelInfo:
        """The model's identity."""

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question, shape (dimension,)."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, shape (len(texts), dimension), in the order of the texts."""

    def encode_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        """The vectors of texts and of spans inside them, each span read in the context of its text."""

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """The offsets of the text's tokens, special tokens left out, nothing truncated."""
