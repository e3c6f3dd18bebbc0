from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rag.answer.confidence import READ_SIGNALS, SIGNALS, confidence, signals
from rag.answer.features import FEATURES
from rag.types import Article
from rag.weights import weights
from tests.answer.build import scored

_ARTICLE = Article(id="a", text="The ferry Aurora sank near Oslo.")


def test_the_signals_are_what_the_sentence_is_like() -> None:
    candidate = replace(
        scored(_ARTICLE, 1.0), values=np.arange(len(FEATURES), dtype=np.float64) / len(FEATURES), names=0.5
    )
    found = dict(zip(SIGNALS, signals(candidate), strict=True))
    assert found["names"] == 0.5
    assert [found[name] for name in FEATURES] == candidate.values.tolist()


def test_it_is_the_logistic_of_the_weighted_signals() -> None:
    candidate = scored(_ARTICLE, 2.0)
    *model, intercept = weights("confidence", (*SIGNALS, "intercept"))
    total = float(np.dot(signals(candidate), model)) + intercept
    assert confidence(candidate) == pytest.approx(1 / (1 + np.exp(-total)))


@pytest.mark.parametrize("pair", [None, -1e6, 0.0, 1e6])
@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_it_is_a_probability_whatever_the_features(pair: float | None, value: float) -> None:
    candidate = replace(scored(_ARTICLE, 0.0), values=np.full(len(FEATURES), value), names=abs(value), pair=pair)
    assert 0 <= confidence(candidate) <= 1


@pytest.mark.parametrize("pairs", [(None, None), (-4.0, 4.0)])
def test_a_better_sentence_makes_surer(pairs: tuple[float | None, float | None]) -> None:
    poor = replace(scored(_ARTICLE, 0.0), values=np.zeros(len(FEATURES)), names=0.0, pair=pairs[0])
    good = replace(poor, values=np.ones(len(FEATURES)), names=1.0, pair=pairs[1])
    assert confidence(good) > 0.5 > confidence(poor)


@pytest.mark.parametrize(
    ("model", "names"),
    [("choice", FEATURES), ("confidence", (*SIGNALS, "intercept")), ("confidence_read", (*READ_SIGNALS, "intercept"))],
)
def test_the_fitted_weights_are_finite_numbers(model: str, names: tuple[str, ...]) -> None:
    found = weights(model, names)
    assert found.shape == (len(names),)
    assert np.isfinite(found).all()
    assert found.any()


def test_weights_are_read_by_name() -> None:
    assert list(weights("choice", FEATURES[::-1])) == list(weights("choice", FEATURES))[::-1]
    with pytest.raises(KeyError):
        weights("choice", ("no such feature",))
