from __future__ import annotations

import pytest

from rag.evaluate.outcome import Outcome
from rag.evaluate.run import Result
from tests.evaluate.build import declined, fabled, right, wrong

_CASES = [
    (right("q"), Outcome.RIGHT),
    (right("q", first_right=False), Outcome.NOT_FIRST),
    (wrong("q", relevant=(3,), right_article=True), Outcome.WRONG_SENTENCE),
    (wrong("q", relevant=(3,)), Outcome.WRONG_ARTICLE),
    (wrong("q"), Outcome.MISS),
    (wrong("q", right_article=True), Outcome.MISS),
    (wrong("q", abstained=True, quotes=0), Outcome.ABSTAINED),
    (declined("q"), Outcome.RIGHT),
    (fabled("q"), Outcome.NEAR_MISS),
    (fabled("q", kind="off-topic"), Outcome.OFF_COLLECTION),
    (fabled("q", kind="trap"), Outcome.MISATTRIBUTED),
    (declined("q", kind="trap"), Outcome.RIGHT),
    (right("q", misattributed=True), Outcome.MISATTRIBUTED),
    (right("q", misattributed=False, kind="trap-both"), Outcome.RIGHT),
    (wrong("q", judged=False), Outcome.UNJUDGED),
]


@pytest.mark.parametrize(("result", "outcome"), _CASES)
def test_every_result_is_of_one_class(result: Result, outcome: Outcome) -> None:
    assert result.outcome is outcome


def test_every_class_is_met_here() -> None:
    assert {outcome for _, outcome in _CASES} == set(Outcome)


@pytest.mark.parametrize(("result", "outcome"), _CASES)
def test_a_right_outcome_is_the_one_wanted(result: Result, outcome: Outcome) -> None:
    assert result.correct == (outcome in {Outcome.RIGHT, Outcome.NOT_FIRST})
