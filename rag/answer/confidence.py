"""How sure an answer is: a probability that the chosen sentence answers the question."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rag.answer.features import Candidate
from rag.weights import weights

SIGNALS = ("score", "cosine", "coverage", "coverage_with_opening", "names", "kind")
"""What the confidence rests on, all of the chosen sentence: its score, four features, and the share of the question's names around it."""


def signals(candidate: Candidate, score: float) -> NDArray[np.float64]:
    """The signals of a chosen sentence, in the order of `SIGNALS`."""
    return np.array(
        [
            score,
            candidate.value("cosine"),
            candidate.value("coverage"),
            candidate.value("coverage_with_opening"),
            candidate.names,
            candidate.value("kind"),
        ]
    )


def confidence(candidate: Candidate, score: float) -> float:
    """The probability, in 0..1, that a chosen sentence answers the question."""
    model = weights("confidence", (*SIGNALS, "intercept"))
    return 1.0 / (1.0 + math.exp(-float(signals(candidate, score) @ model[:-1] + model[-1])))
