from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import BadInput
from rag.evaluate.gate import compare, load_run
from rag.evaluate.report import record, verdict_lines
from rag.evaluate.run import Result, Run
from tests.evaluate.build import declined, fabled, right, run_of, wrong


def _run(wrong_ones: int = 0, fabled_ones: int = 0) -> Run:
    """A run of 40 answerable and 20 unanswerable questions, the first few of each gone wrong."""
    results: list[Result] = [wrong(f"a{n}") if n < wrong_ones else right(f"a{n}") for n in range(40)]
    results += [fabled(f"u{n}") if n < fabled_ones else declined(f"u{n}") for n in range(20)]
    return run_of(results)


def test_no_change_passes() -> None:
    verdict = compare(_run(3, 2), _run(3, 2))
    assert verdict.passed
    assert verdict.better == verdict.worse == []
    assert all(change.difference == change.low == change.high == 0 for change in verdict.changes)
    assert verdict_lines(verdict)[-1] == "gate passed"


def test_a_significant_fall_fails_and_names_the_questions() -> None:
    verdict = compare(_run(), _run(12))
    assert not verdict.passed
    assert [result.id for result in verdict.worse] == [f"a{n}" for n in range(12)]
    assert verdict.better == []
    fallen = {change.name: change for change in verdict.changes if change.fell}
    assert {"answer accuracy@1", "first quote right", "passage hit@1", "outcome as wanted"} == set(fallen)
    assert fallen["answer accuracy@1"].difference == pytest.approx(-12 / 40)
    lines = verdict_lines(verdict)
    assert lines[-1].startswith("gate failed")
    assert sum(line.split()[:1] == ["worse"] for line in lines) == 12


def test_answering_the_unanswerable_fails() -> None:
    verdict = compare(_run(), _run(0, 8))
    assert not verdict.passed
    assert "abstained when unanswerable" in {change.name for change in verdict.changes if change.fell}


def test_a_single_question_that_turned_is_no_significant_fall() -> None:
    verdict = compare(_run(3), _run(4))
    assert verdict.passed
    assert [result.id for result in verdict.worse] == ["a3"]


def test_every_question_turned_fails() -> None:
    assert not compare(run_of([right("a"), right("b")]), run_of([wrong("a"), wrong("b")])).passed


def test_a_better_run_passes_and_names_the_questions() -> None:
    verdict = compare(_run(12, 4), _run())
    assert verdict.passed
    assert len(verdict.better) == 16
    assert verdict.worse == []


def test_a_quote_that_is_not_verbatim_fails() -> None:
    before = [right(f"a{n}") for n in range(20)]
    after = [right(f"a{n}", verbatim=int(n >= 6)) for n in range(20)]
    verdict = compare(run_of(before), run_of(after))
    assert [change.name for change in verdict.changes if change.fell] == ["quotes verbatim"]


def test_questions_that_are_not_in_the_baseline_are_counted_and_not_compared() -> None:
    newer = run_of([*_run().results, wrong("new"), wrong("a0", question="Where did another ferry sink?")])
    verdict = compare(_run(), newer)
    assert verdict.passed
    assert verdict.incomparable == 2
    assert any(line.startswith("2 questions are not in the baseline") for line in verdict_lines(verdict))


def test_a_question_that_became_unanswerable_is_not_compared() -> None:
    verdict = compare(run_of([right("a"), right("b")]), run_of([right("a"), declined("b")]))
    assert verdict.incomparable == 1


def test_runs_without_a_common_question_are_refused() -> None:
    with pytest.raises(BadInput, match="none of these questions"):
        compare(_run(), run_of([right("z")]))


def test_the_same_runs_give_the_same_intervals() -> None:
    assert compare(_run(2, 1), _run(4, 3)) == compare(_run(2, 1), _run(4, 3))


def test_a_run_is_read_from_what_eval_wrote(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(record(_run(1))), encoding="utf-8")
    assert load_run(path) == _run(1)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"run": {}}', '{"run": 5}'])
def test_what_is_no_run_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match="rag eval --out"):
        load_run(path)


def test_a_baseline_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not the result of an evaluation"):
        load_run(tmp_path / "none.json")
