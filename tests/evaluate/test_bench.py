from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from rag.config import Settings
from rag.errors import BadInput
from rag.evaluate.bench import cold_page, first_page, run_cold
from rag.index import Index

_QUESTION = "who launched xAI"


def _python(code: str, *arguments: str) -> str:
    return shlex.join([sys.executable, "-c", code, *arguments])


def _settings(index: Index) -> Settings:
    return Settings(index=Path(index.info.path))


def test_each_command_runs_once_unmeasured_and_once_a_round_with_the_question(
    seeds_index: Index, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')"
    seconds = run_cold(_settings(seeds_index), _QUESTION, {"other": _python(code, str(log), "{question}")}, rounds=1)
    assert {name: len(times) for name, times in seconds.items()} == {"ask": 1, "other": 1}
    assert all(time > 0 for times in seconds.values() for time in times)
    assert log.read_text(encoding="utf-8").splitlines() == [_QUESTION] * 2


def test_an_abstention_is_a_result_and_not_a_failure(seeds_index: Index) -> None:
    assert len(run_cold(_settings(seeds_index), "Who won the World Cup?", {}, rounds=1)["ask"]) == 1


def test_a_command_that_fails_is_named_with_its_last_words(seeds_index: Index) -> None:
    failing = _python("import sys; sys.exit('out of cheese')")
    with pytest.raises(BadInput, match="out of cheese"):
        run_cold(_settings(seeds_index), _QUESTION, {"other": failing}, rounds=1)


def test_the_page_of_cold_starts() -> None:
    page = cold_page({"ask": [0.5, 0.7, 0.6], "other": [7.0, 6.0, 9.0]}, _QUESTION)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert rows == [
        "| command | median s | fastest s | slowest s | median, times `ask` |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| ask | 0.60 | 0.50 | 0.70 | 1.0 |",
        "| other | 7.00 | 6.00 | 9.00 | 11.7 |",
    ]
    assert page.startswith("# Cold start\n")
    assert f"`{_QUESTION}`" in page
    assert "3 rounds" in page


def test_the_page_of_first_uses() -> None:
    page = first_page([20.0, 22.5, 21.0])
    assert page.startswith("# First use\n")
    assert page.splitlines()[-1] == "| 3 | 21.0 | 22.5 |"
