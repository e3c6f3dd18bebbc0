"""How sure an answer is: a probability that the chosen sentence answers the question.

A logistic regression (`eval/train/fit_answer.py`), one for sentences that a reranker has read and one for those that none has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rag.answer.features import FEATURES, Candidate
from rag.weights import weights

SIGNALS = (*FEATURES, "names")
"""What the confidence rests on, all of the chosen sentence: its features, and the share of the question's names around it."""
READ_SIGNALS = (*SIGNALS, "pair", "best_pair", "second_pair")
"""With a reranker also its score of the sentence, and the highest and second highest of all it read."""


_LOWEST = -500.0  # below, the exponential overflows


def signals(candidate: Candidate, read: Sequence[Candidate] = ()) -> NDArray[np.float64]:
    """The signals of a chosen sentence, in the order of `SIGNALS`, or of `READ_SIGNALS` where it was read.

    Args:
        candidate: the chosen sentence.
        read: all sentences that were read beside it.
    """
    own = np.array([*candidate.values, candidate.names])
    if candidate.pair is None:
        return own
    pairs = sorted((one.pair for one in read if one.pair is not None), reverse=True) or [candidate.pair]
    return np.array([*own, candidate.pair, pairs[0], pairs[min(1, len(pairs) - 1)]])


def confidence(candidate: Candidate, read: Sequence[Candidate] = ()) -> float:
    """The probability, in 0..1, that a chosen sentence answers the question."""
    name, names = ("confidence", SIGNALS) if candidate.pair is None else ("confidence_read", READ_SIGNALS)
    model = weights(name, (*names, "intercept"))
    logit = float(signals(candidate, read) @ model[:-1] + model[-1])
    return 1.0 / (1.0 + math.exp(-max(logit, _LOWEST)))
