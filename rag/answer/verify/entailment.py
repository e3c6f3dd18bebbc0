"""Entailment models: how surely a premise entails a claim, as a second opinion on claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from rag.rerank import OnnxReranker, RerankerInfo, Scores
from rag.rerank import load as load_cross_encoder


class Entailment(Protocol):
    """Gives the probability that a premise entails claims."""

    @property
    def info(self) -> RerankerInfo:
        """The model's identity."""

    def score(self, premise: str, claims: Sequence[str]) -> Scores:
        """The probability, in 0..1, that the premise entails each claim, shape (claims,), in their order."""


class OnnxEntailment:
    """An `Entailment` over an exported cross-encoder.

    What is longer than the model reads is cut from the premise's end, never from a claim.

    Args:
        model: gives the probability of entailment for a premise and claims.
    """

    def __init__(self, model: OnnxReranker) -> None:
        self._model = model

    @property
    def info(self) -> RerankerInfo:
        """The model's identity."""
        return self._model.info

    def score(self, premise: str, claims: Sequence[str]) -> Scores:
        """See `Entailment`. A claim that the model cannot read whole, beside something of the premise, has 0."""
        whole = np.array([self._model.fits(claim) for claim in claims], np.float32)
        return np.clip(self._model.score(premise, claims), 0.0, 1.0) * whole


def load_entailment(name: str | Path, cache: Path, notice: Callable[[str], None] = lambda _: None) -> OnnxEntailment:
    """An entailment model by name or folder, exported first if the cache does not have it.

    Args:
        name: the name or folder of a sentence-transformers cross-encoder or a transformers sequence classifier with two
            labels or more, one of which is entailment; or a folder that is ready to run.
        cache: the folder of exports.
        notice: told in a line when something takes long.

    Raises:
        ModelMissing: the model is not on this machine, or cannot be read.
        BadInput: it is no such model, or does not tell which label is entailment.
    """
    return OnnxEntailment(load_cross_encoder(name, cache, notice=notice, entailment=True))
