"""What the verifier reads and what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.types import Article, Sentence, Verdict


@dataclass(frozen=True)
class Source:
    """A sentence that may support a claim: where it stands, and its unit vector, shape (dimension,).

    `passages` are the numbers of the passages that hold it, as a model was given them.
    """

    article: Article
    sentence: Sentence
    vector: NDArray[np.float32]
    passages: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The sentence."""
        return self.article.text[self.sentence.start : self.sentence.end]


@dataclass(frozen=True)
class Judgement:
    """What speaks for a claim and against it.

    `sources` are the sentences that support it best, the best first, at most two, none where nothing comes near; `support` is the probability, in
    0..1, that they support it; `reasons` say in words what of the claim they lack.
    """

    verdict: Verdict
    support: float
    sources: tuple[Source, ...]
    reasons: tuple[str, ...] = ()


class Verifier(Protocol):
    """Holds claims against sentences. The same claim and sentences always give the same judgement; no language model takes part."""

    def judge(self, claim: str, sources: Sequence[Source]) -> Judgement:
        """Whether some of the sentences support a claim.

        A claim without words, or without sentences to hold it against, is unsupported.
        """
