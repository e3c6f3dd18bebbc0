from __future__ import annotations

import pytest

from rag.evaluate.metrics import by_kind, figures
from rag.evaluate.report import record, table
from rag.evaluate.run import Run
from tests.evaluate.build import declined, fabled, right, run_of, wrong

# By hand: ranks 1, 2, 4, none; three of four answered rightly, two of them with the first quote.
_RUN = run_of(
    [
        right("q1", relevant=(1, 3), milliseconds=10.0),
        right("q2", relevant=(2,), milliseconds=20.0, quotes=3, verbatim=2),
        right("q3", relevant=(4,), first_right=False, kind="two-articles", milliseconds=30.0),
        wrong("q4", abstained=True, confidence=0.15, quotes=0, verbatim=0, kind="two-articles", milliseconds=40.0),
        declined("q5", milliseconds=50.0),
        fabled("q6", confidence=0.3, milliseconds=60.0),
    ]
)


def test_the_figures_of_a_small_run() -> None:
    assert figures(_RUN) == pytest.approx(
        {
            "passage hit@1": 1 / 4,
            "passage hit@5": 3 / 4,
            "passage MRR@10": (1 + 1 / 2 + 1 / 4) / 4,
            "answer accuracy@1": 3 / 4,
            "first quote right": 2 / 4,
            "both articles cited": 1 / 2,
            "quotes verbatim": 5 / 6,  # 1 + 3 + 1 + 1 quotes, one of them not
            "abstention precision": 1 / 2,  # of q4 and q5, q5
            "abstention recall": 1 / 2,  # of q5 and q6, q5
            "abstention AUROC": 7 / 8,  # of 8 pairs only q4 above q6 is the wrong way round
            "latency p50 ms": 35.0,
            "latency p95 ms": 60.0,
        }
    )


def test_a_perfect_run() -> None:
    found = figures(run_of([right("q1"), right("q2", kind="two-articles"), declined("q3")]))
    shares = {name: value for name, value in found.items() if not name.endswith(" ms")}
    assert shares == dict.fromkeys(shares, 1.0)


def test_a_passage_after_the_tenth_is_no_hit() -> None:
    assert figures(run_of([right("q1", relevant=(11,))]))["passage MRR@10"] == 0


def test_what_was_not_measured_is_none() -> None:
    found = figures(run_of([right("q1")]))
    assert found["abstention recall"] is found["abstention AUROC"] is found["both articles cited"] is None
    found = figures(run_of([declined("q1")]))
    assert found["passage hit@1"] is found["answer accuracy@1"] is found["quotes verbatim"] is None


def test_by_kind_counts_what_came_out_as_wanted() -> None:
    assert by_kind(_RUN) == {"where": (2, 2), "two-articles": (1, 2), "near-miss": (1, 2)}


def test_the_table_shows_every_figure_and_what_went_wrong() -> None:
    text = table(_RUN)
    assert text.startswith("gold.jsonl: 4 answerable, 2 unanswerable questions")
    for name in figures(_RUN):
        assert name in text
    wrong_ones = text[text.index("not as wanted:") :]
    assert [line.split()[0] for line in wrong_ones.splitlines()[1:]] == ["q4", "q6"]
    assert "not as wanted" not in table(run_of([right("q1")]))


def test_a_record_holds_the_run_again() -> None:
    recorded = record(_RUN)
    assert Run.model_validate(recorded["run"]) == _RUN
    assert recorded["figures"] == figures(_RUN)
