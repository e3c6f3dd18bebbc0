from __future__ import annotations

import pytest

from rag.evaluate.metrics import MEASURES, Figures, by_kind, figures, hidden_outcomes, outcomes, worst
from rag.evaluate.outcome import Outcome
from rag.evaluate.run import Hidden, Run
from tests.evaluate.build import declined, fabled, right, run_of, wrong


def _hidden(confidence: float) -> Hidden:
    return Hidden(abstained=confidence < 0.2, confidence=confidence)


# By hand: ranks 1, 2, 4, none; three of four answered rightly, two of them with the first quote; four are also asked without their article.
_RUN = run_of(
    [
        right("q1", relevant=(1, 3), milliseconds=10.0, hidden=_hidden(0.1)),
        right("q2", relevant=(2,), contained=(False,), milliseconds=20.0, quotes=3, verbatim=2, hidden=_hidden(0.1)),
        right(
            "q3",
            relevant=(4,),
            quoted=(False, True),
            contained=(False, True),
            first_right=False,
            kind="two-articles",
            milliseconds=30.0,
            hidden=_hidden(0.3),
        ),
        wrong(
            "q4",
            abstained=True,
            confidence=0.15,
            quoted=(True,),
            quotes=0,
            verbatim=0,
            kind="two-articles",
            milliseconds=40.0,
            hidden=_hidden(0.15),
        ),
        declined("q5", milliseconds=50.0),
        fabled("q6", confidence=0.3, milliseconds=60.0),
        declined("q7", kind="off-topic", confidence=0.05, milliseconds=70.0),
    ]
)


def _values(found: Figures) -> dict[str, float]:
    return {name: figure.value for name, figure in found.items() if figure.value is not None}


def test_the_figures_of_a_small_run() -> None:
    found = _values(figures(_RUN, resamples=50))
    assert found == pytest.approx(
        {
            "passage hit@1": 1 / 4,
            "passage hit@5": 3 / 4,
            "passage MRR@10": (1 + 1 / 2 + 1 / 4) / 4,
            "answer sentence @1": 3 / 4,  # q4's too, though it is not given
            "answer sentence @1, contained": 1 / 4,
            "any of three quotes": 4 / 4,
            "answer accuracy@1": 3 / 4,
            "first quote right": 2 / 4,
            "both articles cited": 1 / 2,
            "outcome as wanted": 5 / 7,
            "answers given": 4 / 7,
            "right of those given": 2 / 4,
            "quotes verbatim": 5 / 6,  # 1 + 3 + 1 + 1 quotes, one of them not
            "abstention precision": 2 / 3,  # of q4, q5 and q7, the last two
            "abstention recall": 2 / 3,  # of q5, q6 and q7, all but q6
            "AUROC near miss": 7 / 8,  # of 8 pairs only q4 under q6 is the wrong way round
            "off-collection: abstained": 4 / 5,  # three of those asked again, and q7
            # 20 pairs: .9 three times above all five; .15 above .1, .1 and .05, level with .15, under .3
            "AUROC off-collection": (15 + 3 + 0.5) / 20,
            # bins: (0, .1] with .1 and .05, wrong; (.1, .2] with .15, right; (.2, .3] with .3, wrong; (.8, .9] with .9, 2 of 3 right
            "ECE": (0.15 + 0.85 + 0.3 + abs(2 - 2.7)) / 7,
            "ECE, equal mass": (0.1 + 0.05 + 0.85 + 0.3 + 0.1 + 0.1 + 0.9) / 7,
            "ECE, off-collection too": (0.35 + abs(1 - 0.3) + 0.6 + 0.7) / 11,
            "Brier score": (0.1**2 + 0.05**2 + 0.85**2 + 0.3**2 + 2 * 0.1**2 + 0.9**2) / 7,
            "AURC": (1 / 3 + 1 / 3 + 1 / 3 + 2 / 4 + 2 / 5 + 3 / 6 + 4 / 7) / 7,
            "latency p50 ms": 40.0,
            "latency p95 ms": 67.0,
        }
    )


def test_every_value_lies_in_its_interval() -> None:
    # The calibration errors are biased upwards in resamples, so their values may lie at the edge.
    for name, figure in figures(_RUN).items():
        if figure.value is not None and "ECE" not in name:
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9, name


def test_a_perfect_run() -> None:
    hidden = Hidden(abstained=True, confidence=0.0)
    results = [
        right("q1", confidence=1.0, hidden=hidden),
        right("q2", confidence=1.0, kind="two-articles", hidden=hidden),
    ]
    found = _values(figures(run_of([*results, declined("q3", confidence=0.0)]), resamples=20))
    lower = {measure.name for measure in MEASURES if not measure.higher}
    shares = {name: value for name, value in found.items() if name != "answers given" and not name.endswith(" ms")}
    assert len(shares) > 15
    assert shares.pop("AURC") == pytest.approx(1 / 9)  # an unanswerable question is the third that would be answered
    assert shares == {name: float(name not in lower) for name in shares}


def test_a_passage_after_the_tenth_is_no_hit() -> None:
    assert figures(run_of([right("q1", relevant=(11,))]), resamples=20)["passage MRR@10"].value == 0


def test_what_was_not_measured_is_none() -> None:
    found = _values(figures(run_of([right("q1")]), resamples=20))
    for name in ("abstention recall", "AUROC near miss", "AUROC off-collection", "both articles cited", "token recall"):
        assert name not in found
    found = _values(figures(run_of([declined("q1")]), resamples=20))
    for name in ("passage hit@1", "answer accuracy@1", "quotes verbatim", "right of those given", "misattributed"):
        assert name not in found


def test_a_question_that_cannot_be_judged_counts_nowhere() -> None:
    with_it = run_of([right("q1"), wrong("q2", judged=False), declined("q3")])
    assert figures(with_it, 20) == figures(run_of([right("q1"), declined("q3")]), 20)
    assert outcomes(with_it) == {Outcome.RIGHT: 2, Outcome.UNJUDGED: 1}


def test_speakers_and_misattributions() -> None:
    results = [
        right("q1", speaker_named=True, speaker_right=True, misattributed=False),
        right("q2", speaker_named=True, speaker_right=False, misattributed=False),
        right("q3", speaker_named=False, speaker_right=False, misattributed=True),
        right("q4"),
        fabled("q5", kind="trap"),
        declined("q6", kind="trap"),
    ]
    found = _values(figures(run_of(results), resamples=20))
    assert found["speaker precision"] == pytest.approx(1 / 2)
    assert found["speaker recall"] == pytest.approx(1 / 3)
    assert found["misattributed"] == pytest.approx(2 / 5)


def test_token_figures_are_means_over_questions() -> None:
    results = [right("q1", excerpts=(10, 100, 0, 10)), right("q2", excerpts=(0, 100, 20, 20)), declined("q3")]
    run = Run.model_validate(run_of(results).model_dump())
    found = _values(figures(run, resamples=20))
    assert found["token recall"] == pytest.approx(1 / 2)
    assert found["token precision"] == pytest.approx(0.1 / 2)
    assert found["token IoU"] == pytest.approx(0.1 / 2)


def test_by_kind_counts_what_came_out_as_wanted_and_the_classes() -> None:
    kinds = by_kind(_RUN)
    assert {name: (kind.wanted, kind.total) for name, kind in kinds.items()} == {
        "near-miss": (1, 2),
        "off-topic": (1, 1),
        "two-articles": (1, 2),
        "where": (2, 2),
    }
    assert kinds["two-articles"].outcomes == {Outcome.NOT_FIRST: 1, Outcome.ABSTAINED: 1}


def test_classes_are_counted_and_those_asked_again_apart() -> None:
    assert outcomes(_RUN) == {Outcome.RIGHT: 4, Outcome.NOT_FIRST: 1, Outcome.ABSTAINED: 1, Outcome.NEAR_MISS: 1}
    assert hidden_outcomes(_RUN) == {Outcome.RIGHT: 3, Outcome.OFF_COLLECTION: 1}


def test_the_worst_are_misattributed_or_sure_and_wrong() -> None:
    results = [
        wrong("unsure", confidence=0.3),
        wrong("sure", confidence=0.9),
        right("stolen", confidence=0.4, misattributed=True),
        wrong("silent", abstained=True),
        right("fine"),
    ]
    assert [result.id for result in worst(run_of(results))] == ["stolen", "sure", "unsure"]
    assert [result.id for result in worst(run_of(results), 1)] == ["stolen"]
