from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rag.batch import Totals
from rag.cli.batch import run, summary
from rag.errors import BadInput, LLMFailed
from rag.index import Index

_DEADLINE = 30
_INTERRUPTED = """
import sys, threading
from pathlib import Path
from rag.cli.batch import run
go_on = threading.Event()
running = threading.Barrier(2, action=lambda: print("running", flush=True))
def answer(question):
    running.wait()
    go_on.wait()
    return {"schema": 1, "question": question, "answer": "yes", "abstained": False}
def listen():
    sys.stdin.readline()
    go_on.set()
threading.Thread(target=listen, daemon=True).start()
folder = Path(sys.argv[1])
sys.exit(run(folder / "questions.txt", folder / "answers.jsonl", answer, concurrency=2))
"""


def _answer(question: str) -> dict[str, Any]:
    return {"schema": 1, "question": question, "answer": "yes", "abstained": False}


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text("".join(f"question {number}\n" for number in range(6)))
    return path


def test_a_run_writes_answers_and_tells_totals(questions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = questions.with_name("answers.jsonl")
    assert run(questions, out, _answer, concurrency=2) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "answered 6, abstained 0\n")
    assert sorted(json.loads(line)["id"] for line in out.read_text().splitlines()) == [1, 2, 3, 4, 5, 6]
    assert run(questions, out, _answer, concurrency=2) == 0
    assert capsys.readouterr().err == "answered 6, abstained 0 (6 by an earlier run)\n"


def test_a_failed_question_and_a_bad_line_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(question: str) -> dict[str, Any]:
        raise LLMFailed(question)

    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Who?"}\n' + "nothing\n" * 22)
    assert run(questions, tmp_path / "answers.jsonl", fail, concurrency=1) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("skipped questions.jsonl: line 2: not JSON")
    assert lines[20:] == [
        "and 2 more lines skipped",
        "answered 0, abstained 0, failed 1, skipped 22",
        "run the same command again to ask once more what failed",
    ]
    assert run(questions, tmp_path / "answers.jsonl", _answer, concurrency=1) == 1  # the bad lines are there still


def test_answers_never_go_into_the_file_of_the_questions(questions: Path) -> None:
    link = questions.with_name("link.jsonl")
    link.symlink_to(questions)
    before = questions.read_bytes()
    with pytest.raises(BadInput, match="the file of the questions"):
        run(questions, link, _answer, concurrency=1)
    assert questions.read_bytes() == before


def _interrupted(questions: Path) -> subprocess.Popen[str]:
    """A run whose first two questions are under way, and that has been sent a first Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, str(questions.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "running\n"
    os.kill(process.pid, signal.SIGINT)
    assert process.stderr.readline() == "finishing what is under way; Ctrl-C again ends at once\n"
    return process


def test_an_interrupt_finishes_what_is_under_way(questions: Path) -> None:
    process = _interrupted(questions)
    _, err = process.communicate("\n", timeout=_DEADLINE)
    assert process.returncode == 130
    assert err.splitlines() == [
        "answered 2, abstained 0, not asked 4",
        "interrupted: run the same command again to go on",
    ]
    out = questions.with_name("answers.jsonl")
    assert len(out.read_text().splitlines()) == 2
    assert run(questions, out, _answer, concurrency=2) == 0
    assert len(out.read_text().splitlines()) == 6


def test_a_second_interrupt_ends_at_once(questions: Path) -> None:
    process = _interrupted(questions)
    until = time.monotonic() + _DEADLINE
    while process.poll() is None:
        os.kill(process.pid, signal.SIGINT)
        assert time.monotonic() < until
        time.sleep(0.05)
    assert process.returncode != 0
    process.communicate()
    assert run(questions, questions.with_name("answers.jsonl"), _answer, concurrency=2) == 0


def test_threads_share_an_index(seeds_index: Index, tmp_path: Path) -> None:
    asked = [
        "what did China say in Geneva?",
        "who launched xAI?",
        "Where did the ferry Aurora sink?",
        "what is OpenAI?",
    ]
    questions = tmp_path / "questions.txt"
    questions.write_text("".join(f"{question}\n" for question in asked * 6))
    out = tmp_path / "answers.jsonl"
    assert run(questions, out, lambda question: seeds_index.ask(question).as_json(), concurrency=8) == 0
    alone = {question: seeds_index.ask(question).as_json() for question in asked}
    for line in out.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for part in ("answer", "citations", "passages", "confidence"):
            assert record[part] == json.loads(json.dumps(alone[record["question"]][part]))


def test_a_terminal_is_shown_how_far_it_is(
    questions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(questions, questions.with_name("answers.jsonl"), _answer, concurrency=2) == 0
    printed = capsys.readouterr()
    assert "6/6" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("totals", "lines"),
    [
        (Totals(questions=3, answered=1, abstained=2), ["answered 1, abstained 2"]),
        (
            Totals(questions=9, answered=3, failed=1, kept=2, requests=3, input_tokens=12_345, output_tokens=67),
            [
                "answered 3, abstained 0, failed 1, not asked 5 (2 by an earlier run)",
                "requests 3, tokens 12,345 in and 67 out, cost $0, from the cache 0",
            ],
        ),
        (
            Totals(questions=2, answered=2, cached=1, requests=1, unpriced=1),
            ["answered 2, abstained 0", "requests 1, tokens 0 in and 0 out, cost not known, from the cache 1"],
        ),
        (
            Totals(questions=2, answered=2, requests=2, cost=0.25, unpriced=1),
            ["answered 2, abstained 0", "requests 2, tokens 0 in and 0 out, cost at least $0.2500, from the cache 0"],
        ),
    ],
)
def test_totals_in_words(totals: Totals, lines: list[str]) -> None:
    assert summary(totals) == lines
