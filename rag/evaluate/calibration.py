"""How far a confidence can be trusted: calibration error, Brier score, risk at each coverage, and ranking (AUROC).

Throughout, `confidence` is an array of shape (answers,) in 0..1 and `right` one of the same shape, 1 where the answer was right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 10


class Bin(NamedTuple):
    """The answers of one range of confidence: how many, their mean confidence, and the share that was right."""

    low: float
    high: float
    answers: int
    confidence: float
    accuracy: float


def equal_width_bins(confidence: Floats, right: Floats) -> list[Bin]:
    """Answers by ten ranges of confidence of the same width, (0, 0.1], (0.1, 0.2], …; empty ranges are left out."""
    numbers = _numbers(confidence)
    return [
        Bin(
            number / BINS,
            (number + 1) / BINS,
            int(part.sum()),
            float(confidence[part].mean()),
            float(right[part].mean()),
        )
        for number in range(BINS)
        if (part := numbers == number).any()
    ]


def calibration_error(confidence: Floats, right: Floats) -> float:
    """Expected calibration error over ten bins of equal width: the gap between confidence and accuracy, weighted by the bins' sizes.

    The usual figure (Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3).
    """
    gaps = np.bincount(_numbers(confidence), weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def equal_mass_error(confidence: Floats, right: Floats) -> float:
    """The same over ten bins that differ in size by one at most, the answers in order of confidence (Nguyen and O'Connor, 2015)."""
    order = np.argsort(confidence, kind="stable")
    first = np.unique(np.linspace(0, len(order), BINS, endpoint=False).astype(np.intp))
    return float(np.abs(np.add.reduceat((right - confidence)[order], first)).sum() / len(order))


def brier(confidence: Floats, right: Floats) -> float:
    """Mean squared distance of the confidence to what came out (Brier, 1950)."""
    return float(np.mean((confidence - right) ** 2))


def selective_risk(confidence: Floats, right: Floats) -> Floats:
    """The share of wrong answers among the n surest, for n = 1 … all; shape (answers,).

    The risk-coverage curve of Geifman and El-Yaniv ("Selective Classification for Deep Neural Networks", 2017). Answers of the same
    confidence come in no order, so each counts as the mean of its group.
    """
    order = np.argsort(-confidence, kind="stable")
    errors = 1.0 - right[order]
    _, group, counts = np.unique(-confidence[order], return_inverse=True, return_counts=True)
    smoothed = (np.bincount(group, weights=errors) / counts)[group]
    risk: Floats = np.cumsum(smoothed) / np.arange(1, len(errors) + 1)
    return risk


def aurc(confidence: Floats, right: Floats) -> float:
    """Area under the risk-coverage curve: the mean of the selective risk over all coverages; lower is better."""
    return float(np.mean(selective_risk(confidence, right)))


def auroc(high: Floats, low: Floats) -> float | None:
    """The chance that one of `high` exceeds one of `low`, ties counting half (Mann and Whitney); None where either is empty."""
    if not len(high) or not len(low):
        return None
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left")
    level = np.searchsorted(ordered, high, side="right") - below
    return float((below + 0.5 * level).sum() / (len(high) * len(low)))


def _numbers(confidence: Floats) -> NDArray[np.intp]:
    """The number of each answer's bin, 0 to 9; 0 belongs to the first."""
    return np.clip(np.ceil(np.round(confidence * BINS, 9)).astype(np.intp) - 1, 0, BINS - 1)
