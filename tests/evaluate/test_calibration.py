"""Every figure against one reckoned by hand, or against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from rag.evaluate.calibration import (
    Floats,
    aurc,
    auroc,
    brier,
    calibration_error,
    equal_mass_error,
    equal_width_bins,
    selective_risk,
)

_ANSWERS = st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=60)


def _arrays(answers: list[tuple[int, bool]]) -> tuple[Floats, Floats]:
    return np.array([sure / 100 for sure, _ in answers]), np.array([float(right) for _, right in answers])


def test_the_error_is_the_mean_gap_of_the_bins_weighted_by_size() -> None:
    confidence = np.array([0.05, 0.05, 0.55, 0.55, 0.55, 0.95])
    right = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    # gaps: |.5 - .05| of two, |2/3 - .55| of three, |1 - .95| of one
    assert calibration_error(confidence, right) == pytest.approx((2 * 0.45 + 3 * (2 / 3 - 0.55) + 0.05) / 6)


def test_bins_are_closed_above_and_nought_is_in_the_first() -> None:
    confidence = np.array([0.0, 0.1, 0.3, 0.30001, 1.0])
    bins = equal_width_bins(confidence, np.array([0.0, 1.0, 1.0, 0.0, 1.0]))
    assert [(round(part.low, 1), round(part.high, 1), part.answers) for part in bins] == [
        (0.0, 0.1, 2),
        (0.2, 0.3, 1),
        (0.3, 0.4, 1),
        (0.9, 1.0, 1),
    ]
    assert [part.accuracy for part in bins] == [0.5, 1, 0, 1]
    assert bins[0].confidence == pytest.approx(0.05)


@given(_ANSWERS)
def test_the_error_is_that_of_the_bins_drawn(answers: list[tuple[int, bool]]) -> None:
    confidence, right = _arrays(answers)
    bins = equal_width_bins(confidence, right)
    gaps = sum(part.answers * abs(part.accuracy - part.confidence) for part in bins) / len(confidence)
    assert calibration_error(confidence, right) == pytest.approx(gaps)
    assert sum(part.answers for part in bins) == len(answers)


def test_bins_of_equal_mass_hold_equally_many() -> None:
    confidence = np.linspace(0.01, 0.2, 20)
    right = np.tile([1.0, 0.0], 10)
    pairs = confidence.reshape(10, 2).mean(axis=1)
    assert equal_mass_error(confidence[::-1], right[::-1]) == pytest.approx(np.abs(0.5 - pairs).mean())
    assert equal_mass_error(np.array([0.4]), np.array([1.0])) == pytest.approx(0.6)


@given(_ANSWERS)
def test_the_brier_score_is_that_of_scikit_learn(answers: list[tuple[int, bool]]) -> None:
    confidence, right = _arrays(answers)
    assert brier(confidence, right) == pytest.approx(brier_score_loss(right, confidence, labels=[0, 1]))


def test_risk_at_each_coverage_counts_the_surest_first() -> None:
    risk = selective_risk(np.array([0.2, 0.9, 0.5, 0.7]), np.array([0.0, 1.0, 1.0, 0.0]))
    assert risk == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    assert aurc(np.array([0.2, 0.9, 0.5, 0.7]), np.array([0.0, 1.0, 1.0, 0.0])) == pytest.approx(
        (1 / 2 + 1 / 3 + 1 / 2) / 4
    )


def test_answers_as_sure_as_each_other_share_their_risk() -> None:
    for right in ([1.0, 0.0, 1.0], [0.0, 1.0, 1.0]):
        assert selective_risk(np.array([0.5, 0.5, 0.1]), np.array(right)) == pytest.approx([1 / 2, 1 / 2, 1 / 3])


@given(_ANSWERS)
def test_the_risk_of_answering_everything_is_the_share_of_errors(answers: list[tuple[int, bool]]) -> None:
    confidence, right = _arrays(answers)
    assert selective_risk(confidence, right)[-1] == pytest.approx(1 - right.mean())


@given(_ANSWERS)
def test_auroc_is_that_of_scikit_learn(answers: list[tuple[int, bool]]) -> None:
    confidence, right = _arrays(answers)
    found = auroc(confidence[right == 1], confidence[right == 0])
    if right.min() == right.max():
        assert found is None
    else:
        assert found == pytest.approx(roc_auc_score(right, confidence))
