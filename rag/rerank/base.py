"""What a reranker is: anything that reads a question and a text together and says how well the text answers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Scores = NDArray[np.float32]
"""One score a text, shape (texts,). Higher is better; scores of two models do not compare."""


class RerankerInfo(BaseModel):
    """Which model scores. Two scores compare only if all of it is equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    max_tokens: int = Field(ge=8)


class Reranker(Protocol):
    """Scores texts for a question.

    Any implementation passes the suite in `tests/conformance/reranker.py`.
    """

    @property
    def info(self) -> RerankerInfo:
        """The model's identity."""

    def score(self, question: str, texts: Sequence[str]) -> Scores:
        """How well each text answers the question, in the order of the texts.

        A text's score does not depend on the texts beside it. What is longer than the model reads is cut from the
        text's end; the question is cut only where it would leave the text no room.
        """
