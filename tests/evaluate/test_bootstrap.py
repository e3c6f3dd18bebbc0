from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from rag.evaluate.bootstrap import intervals, mean_interval, paired_intervals, ratio_interval
from rag.evaluate.columns import Columns

_VALUES = np.random.default_rng(7).normal(0.4, 0.2, 80)


def _columns(values: np.ndarray) -> Columns:
    return Columns(["x"], values[None, :])


def _mean(data: Columns) -> float | None:
    return float(data["x"].mean())


def test_the_interval_of_a_mean_is_about_that_of_scipy() -> None:
    theirs = bootstrap((_VALUES,), np.mean, n_resamples=4_000, method="percentile", rng=np.random.default_rng(1))
    low, high = mean_interval(_VALUES, 4_000)
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.005)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.005)


def test_every_way_to_the_same_interval_gives_the_same() -> None:
    mean = mean_interval(_VALUES, 500)
    assert intervals({"mean": _mean}, _columns(_VALUES), 500)["mean"] == pytest.approx(mean)
    assert ratio_interval(_VALUES, np.ones(80), 500) == pytest.approx(mean)
    assert mean_interval(np.append(_VALUES, np.nan), 500) == pytest.approx(mean)


def test_a_difference_that_every_question_shares_is_sure() -> None:
    low, high = paired_intervals({"mean": _mean}, _columns(_VALUES), _columns(_VALUES + 0.1), 500)["mean"]
    assert (low, high) == pytest.approx((0.1, 0.1))


def test_pairing_leaves_out_what_the_questions_share() -> None:
    noise = np.random.default_rng(8).normal(0.02, 0.02, 80)
    low, high = paired_intervals({"mean": _mean}, _columns(_VALUES), _columns(_VALUES + noise), 500)["mean"]
    alone = mean_interval(_VALUES, 500)
    assert 0 < low < high
    assert high - low < (alone[1] - alone[0]) / 4


def test_resamples_without_a_figure_are_left_out() -> None:
    def positive(data: Columns) -> float | None:
        above = data["x"][data["x"] > 0]
        return float(above.mean()) if len(above) else None

    data = _columns(np.array([1.0, -1.0]))
    assert intervals({"p": positive, "none": lambda _: None}, data, 200) == {"p": (1.0, 1.0)}
