"""Percentile bootstrap over questions: of figures, and of their differences between two runs (paired).

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. The draws are the same every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rag.evaluate.columns import Columns

_LEVEL = 0.95
_BLOCK = 200
_TAILS = (100 * (1 - _LEVEL) / 2, 100 * (1 + _LEVEL) / 2)

Statistic = Callable[[Columns], float | None]
Interval = tuple[float, float]


def mean_interval(values: NDArray[np.float64], resamples: int) -> Interval:
    """The 95 % interval of a mean over questions; values of shape (questions,), those that are NaN left out, at least one is not."""
    known = values[~np.isnan(values)]
    return _tails(np.concatenate([known[rows].mean(axis=1) for rows in _draws(len(known), resamples)]))


def ratio_interval(upper: NDArray[np.float64], lower: NDArray[np.float64], resamples: int) -> Interval:
    """The 95 % interval of `sum(upper) / sum(lower)` over cases, arrays of shape (cases,); resamples in which the latter is 0 are left out."""
    found = []
    for rows in _draws(len(upper), resamples):
        below = lower[rows].sum(axis=1)
        found.append(upper[rows].sum(axis=1)[below > 0] / below[below > 0])
    return _tails(np.concatenate(found))


def intervals(statistics: Mapping[str, Statistic], data: Columns, resamples: int) -> dict[str, Interval]:
    """The 95 % intervals of several figures by name. Resamples to which a figure does not apply are left out; it needs one to which it does."""
    found: dict[str, list[float]] = {name: [] for name in statistics}
    for rows in _draws(len(data), resamples):
        for row in rows:
            drawn = data.at(row)
            for name, statistic in statistics.items():
                value = statistic(drawn)
                if value is not None:
                    found[name].append(value)
    return {name: _tails(np.array(values)) for name, values in found.items() if values}


def paired_intervals(
    statistics: Mapping[str, Statistic], before: Columns, after: Columns, resamples: int
) -> dict[str, Interval]:
    """The 95 % intervals of the differences of figures, after minus before, the same questions drawn for both."""
    found: dict[str, list[float]] = {name: [] for name in statistics}
    for rows in _draws(len(before), resamples):
        for row in rows:
            old, new = before.at(row), after.at(row)
            for name, statistic in statistics.items():
                was, became = statistic(old), statistic(new)
                if was is not None and became is not None:
                    found[name].append(became - was)
    return {name: _tails(np.array(values)) for name, values in found.items() if values}


def _draws(size: int, resamples: int) -> Iterator[NDArray[np.intp]]:
    """Rows drawn with replacement, in blocks of shape (draws, size)."""
    random = np.random.default_rng(0)
    for start in range(0, resamples, _BLOCK):
        yield random.integers(0, size, (min(_BLOCK, resamples - start), size))


def _tails(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, _TAILS)
    return float(low), float(high)
