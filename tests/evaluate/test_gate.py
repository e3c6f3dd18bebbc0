from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import BadInput
from rag.evaluate.gate import compare, compare_all, load_runs
from rag.evaluate.report import as_file, gate_line, measured, record, verdict_lines
from rag.evaluate.run import Hidden, Result, Run
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
    assert verdict.changes
    assert all(change.difference == change.low == change.high == 0 for change in verdict.changes)
    assert not any(change.fell or change.rose for change in verdict.changes)
    assert gate_line([verdict]) == "gate passed"


def test_a_significant_fall_fails_and_names_the_questions() -> None:
    verdict = compare(_run(), _run(12))
    assert not verdict.passed
    assert [result.id for result in verdict.worse] == [f"a{n}" for n in range(12)]
    assert verdict.better == []
    fallen = {change.name: change for change in verdict.changes if change.fell and change.watched}
    assert set(fallen) == {
        "passage hit@1",
        "passage hit@5",
        "answer sentence @1",
        "answer accuracy@1",
        "first quote right",
        "outcome as wanted",
        "right of those given",
    }
    assert fallen["answer accuracy@1"].difference == pytest.approx(-12 / 40)
    assert gate_line([verdict]) == "gate failed: a figure fell significantly (news)"
    lines = verdict_lines([verdict])
    assert sum(line.split()[:1] == ["worse"] for line in lines) == 12


def test_answering_the_unanswerable_fails() -> None:
    verdict = compare(_run(), _run(0, 8))
    assert not verdict.passed
    assert "abstention recall" in {change.name for change in verdict.changes if change.fell}


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
    assert not verdict.passed


def test_a_figure_where_less_is_better_falls_when_it_grows() -> None:
    before = [right(f"a{n}", misattributed=False) for n in range(20)]
    after = [right(f"a{n}", misattributed=n < 6) for n in range(20)]
    verdict = compare(run_of(before), run_of(after))
    assert {change.name for change in verdict.changes if change.fell} == {"misattributed", "outcome as wanted"}
    assert not verdict.passed
    back = compare(run_of(after), run_of(before))
    assert {change.name for change in back.changes if change.rose} == {"misattributed", "outcome as wanted"}
    assert back.passed


def test_latency_never_fails_the_gate() -> None:
    before = [right(f"a{n}") for n in range(20)]
    after = [right(f"a{n}", milliseconds=500.0) for n in range(20)]
    verdict = compare(run_of(before), run_of(after))
    assert {change.name for change in verdict.changes if change.fell} == {"latency p50 ms", "latency p95 ms"}
    assert verdict.passed


def test_questions_that_turned_otherwise_are_listed() -> None:
    before = [right("a"), wrong("b", abstained=True, quotes=0)]
    after = [right("a", first_right=False), wrong("b")]
    verdict = compare(run_of(before), run_of(after))
    assert verdict.better == verdict.worse == []
    assert [(old.outcome, new.outcome) for old, new in verdict.changed] == [
        ("right", "right sentence not first"),
        ("abstained though answerable", "retrieval miss"),
    ]
    assert sum("→" in line for line in verdict_lines([verdict])) == 2


def test_several_sets_are_compared_by_name() -> None:
    one, two = run_of([right("a"), right("b")], gold="one"), run_of([right("c"), wrong("d")], gold="two")
    worse = run_of([wrong("c"), wrong("d")], gold="two")
    verdicts = compare_all([one, two], [worse, one, run_of([right("e")], gold="three")])
    assert [verdict.name for verdict in verdicts] == ["two", "one"]
    assert [result.id for result in verdicts[0].worse] == ["c"]
    with pytest.raises(BadInput, match="none of these sets; it has one, two"):
        compare_all([two, one], [run_of([right("e")], gold="three")])


def test_questions_that_are_not_in_the_baseline_are_counted_and_not_compared() -> None:
    newer = run_of([*_run().results, wrong("new"), wrong("a0", question="Where did another ferry sink?")])
    verdict = compare(_run(), newer)
    assert verdict.passed
    assert verdict.incomparable == 2
    assert any(line.startswith("2 questions are not in the baseline") for line in verdict_lines([verdict]))


def test_a_question_that_became_unanswerable_is_not_compared() -> None:
    verdict = compare(run_of([right("a"), right("b")]), run_of([right("a"), declined("b")]))
    assert verdict.incomparable == 1


def test_runs_without_a_common_question_are_refused() -> None:
    with pytest.raises(BadInput, match="none of these questions"):
        compare(_run(), run_of([right("z")]))


def test_the_same_runs_give_the_same_intervals() -> None:
    assert compare(_run(2, 1), _run(4, 3)) == compare(_run(2, 1), _run(4, 3))


def test_runs_are_read_from_what_eval_wrote(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    runs = [_run(1), run_of([right("é\u2028", hidden=Hidden(abstained=True, confidence=0.1))], gold="two")]
    written = record([measured(run) for run in runs])
    path.write_text(as_file(written), encoding="utf-8")
    assert load_runs(path) == runs
    assert json.loads(as_file(written)) == written
    lines = as_file(written).split("\n")
    assert sum('"id"' in line for line in lines) == 61  # one line a question


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sets": {}}', '{"sets": [5]}', '{"sets": []}', '{"run": {}}'])
def test_what_is_no_run_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match="rag eval --out"):
        load_runs(path)


def test_a_baseline_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not the result of an evaluation"):
        load_runs(tmp_path / "none.json")
