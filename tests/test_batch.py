from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import pytest

from rag.batch import Answerer, Asked, Batch, Totals, read_questions
from rag.errors import BadInput, BadQuestion, LLMFailed

_DEADLINE = 30
_KILLED = """
import sys, threading
from pathlib import Path
from rag.batch import Batch, read_questions
def answer(question):
    if int(question.split()[1]) >= 5:
        threading.Event().wait()  # until it is killed
    return {"schema": 1, "question": question, "answer": "first run", "abstained": False}
folder = Path(sys.argv[1])
Batch(read_questions(folder / "questions.jsonl")[0], folder / "answers.jsonl", answer, concurrency=3).run()
"""


def _answer(question: str, **more: object) -> dict[str, Any]:
    return {"schema": 1, "question": question, "answer": f"to {question}", "abstained": False, **more}


def _questions(count: int) -> list[Asked]:
    return [Asked(f"q{number}", f"question {number} – ü?", number) for number in range(count)]


def _written(out: Path) -> dict[str | int, dict[str, Any]]:
    """The lines of the file by their ids, each there once."""
    content = out.read_bytes()
    assert content.endswith(b"\n")
    records = [json.loads(line) for line in content.splitlines()]
    found = {record["id"]: record for record in records}
    assert len(found) == len(records)
    return found


class Recorder:
    """An answerer that remembers what it was asked."""

    def __init__(self, answer: Callable[[str], Mapping[str, Any]] = _answer) -> None:
        self.asked: list[str] = []
        self._answer = answer

    def __call__(self, question: str) -> Mapping[str, Any]:
        self.asked.append(question)
        return self._answer(question)


def _run(questions: list[Asked], out: Path, answer: Answerer = _answer, concurrency: int = 3) -> Totals:
    return Batch(questions, out, answer, concurrency=concurrency).run()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def _file(tmp_path: Path, content: str | bytes, name: str = "questions.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_questions_from_json_lines(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        '\ufeff{"id": "a", "question": " Who? "}\r\n\n{"question": "Where?", "gold": []}\n{"id": 7, "question": "Why?"}',
    )
    assert read_questions(path) == ([Asked("a", "Who?", 1), Asked(3, "Where?", 3), Asked(7, "Why?", 4)], [])


@pytest.mark.parametrize("name", ["questions.txt", "questions"])
def test_questions_from_plain_text(tmp_path: Path, name: str) -> None:
    path = _file(tmp_path, "Who?\r\n\n  Where?\n", name)
    assert read_questions(path) == ([Asked(1, "Who?", 1), Asked(3, "Where?", 3)], [])


def test_json_lines_are_known_by_their_look_too(tmp_path: Path) -> None:
    path = _file(tmp_path, '\n{"id": "a", "question": "Who?"}\n', "questions.txt")
    assert read_questions(path)[0] == [Asked("a", "Who?", 2)]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"question": "Who?"', "not JSON"),
        (b'["Who?"]', 'no JSON object with a text "question"'),
        (b'{"id": 1}', 'no JSON object with a text "question"'),
        (b'{"question": 5}', 'no JSON object with a text "question"'),
        (b'{"question": " "}', "the question is empty"),
        (b'{"id": 1.5, "question": "Who?"}', '"id" is neither a text nor a whole number'),
        (b'{"id": true, "question": "Who?"}', '"id" is neither a text nor a whole number'),
        (b'{"question": "Who\xff?"}', "not UTF-8"),
        (b"[" * 100_000, ""),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_asked(tmp_path: Path, line: bytes, fault: str) -> None:
    path = _file(tmp_path, b'{"question": "Who?"}\n' + line + b'\n{"question": "Where?"}\n')
    questions, (said,) = read_questions(path)
    assert [one.id for one in questions] == [1, 3]
    assert said.startswith(f"questions.jsonl: line 2: {fault}")


@pytest.mark.parametrize("ids", [('"a"', '"a"'), ('"3"', "3"), ("2", "null")], ids=str)
def test_one_id_for_two_questions_is_an_error(tmp_path: Path, ids: tuple[str, str]) -> None:
    path = _file(tmp_path, "".join(f'{{"id": {one}, "question": "Who?"}}\n' for one in ids))
    with pytest.raises(BadInput, match=r"lines 1 and 2 have the same id .*\. Give every question an id of its own"):
        read_questions(path)


@pytest.mark.parametrize("content", ["", "\n\n", "{\n"])
def test_a_file_without_a_question_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadInput, match="there is no question in"):
        read_questions(_file(tmp_path, content))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: no such file"):
        read_questions(tmp_path / "none.jsonl")


def test_every_question_gets_its_line(out: Path) -> None:
    questions = _questions(20)
    totals = _run(questions, out)
    written = _written(out)
    assert {one.id: one.question for one in questions} == {key: line["question"] for key, line in written.items()}
    assert all(line["answer"] == f"to {line['question']}" for line in written.values())
    assert (totals.questions, totals.answered, totals.done, totals.kept) == (20, 20, 20, 0)
    assert [path.name for path in out.parent.iterdir()] == ["answers.jsonl"]


def test_as_many_as_asked_for_run_at_once_and_no_more(out: Path) -> None:
    together = threading.Barrier(4)
    lock = threading.Lock()
    running = 0
    most = 0

    def answer(question: str) -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(_DEADLINE)  # passes only when four are here; a question alone would break it
        with lock:
            running -= 1
        return _answer(question)

    totals = _run(_questions(12), out, answer, concurrency=4)
    assert (totals.answered, totals.failed) == (12, 0)
    assert most == 4


def test_a_line_is_written_as_soon_as_its_answer_is_there(out: Path) -> None:
    fast = threading.Event()

    def answer(question: str) -> dict[str, Any]:
        if question.startswith("question 0"):
            assert fast.wait(_DEADLINE)
        return _answer(question)

    def progress(totals: Totals) -> None:
        if totals.done == 4:
            seen.extend(json.loads(line)["id"] for line in out.read_bytes().splitlines())
            fast.set()

    seen: list[str] = []
    Batch(_questions(5), out, answer, concurrency=2).run(progress)
    assert sorted(seen) == ["q1", "q2", "q3", "q4"]
    assert list(_written(out))[-1] == "q0"


def test_a_second_run_asks_nothing(out: Path) -> None:
    _run(_questions(5), out)
    before = out.read_bytes()
    recorder = Recorder()
    totals = _run(_questions(5), out, recorder)
    assert recorder.asked == []
    assert (totals.answered, totals.kept) == (5, 5)
    assert out.read_bytes() == before


def test_questions_may_be_added_reordered_and_left_out(out: Path) -> None:
    _run(_questions(4), out)
    recorder = Recorder()
    totals = _run(_questions(6)[:1:-1], out, recorder)
    assert sorted(recorder.asked) == ["question 4 – ü?", "question 5 – ü?"]
    assert (totals.questions, totals.answered, totals.kept) == (4, 4, 2)
    assert sorted(map(str, _written(out))) == ["q0", "q1", "q2", "q3", "q4", "q5"]


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, out: Path) -> None:
    questions = _file(
        tmp_path, "".join(json.dumps({"id": one.id, "question": one.question}) + "\n" for one in _questions(12))
    )
    with subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)]) as process:
        until = time.monotonic() + _DEADLINE
        while not (out.exists() and out.read_bytes().count(b"\n") == 5):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        with pytest.raises(BadInput, match="another run is writing to"):
            _run(_questions(12), out)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    recorder = Recorder()
    totals = _run(read_questions(questions)[0], out, recorder)
    assert sorted(recorder.asked) == sorted(f"question {number} – ü?" for number in range(5, 12))
    assert (totals.answered, totals.kept) == (12, 5)
    answers = [line["answer"] for line in _written(out).values()]
    assert len(answers) == 12
    assert answers.count("first run") == 5


def test_a_file_cut_anywhere_is_completed(out: Path) -> None:
    questions = _questions(3)
    _run(questions, out, concurrency=1)
    whole = out.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole)):
        out.write_bytes(whole[:cut])
        recorder = Recorder()
        totals = _run(questions, out, recorder, concurrency=1)
        assert out.read_bytes() == whole
        complete = sum(cut >= end - 1 for end in ends)  # a line that lacks its line feed alone is whole
        assert (totals.kept, len(recorder.asked)) == (complete, 3 - complete)


def test_what_failed_is_asked_again(out: Path) -> None:
    def flaky(question: str) -> dict[str, Any]:
        if "1" in question:
            raise LLMFailed("no connection\nat all", "Try again", passing=True)
        if "2" in question:
            raise BadQuestion("no words", "Write some")
        if "3" in question:
            raise KeyError("bug")
        return _answer(question)

    questions = _questions(5)
    totals = _run(questions, out, flaky)
    written = _written(out)
    assert written["q1"] == {
        "id": "q1",
        "question": "question 1 – ü?",
        "error": "no connection at all. Try again",
        "passing": True,
    }
    assert (written["q2"]["error"], written["q2"]["passing"]) == ("no words. Write some", False)
    assert (written["q3"]["error"], written["q3"]["passing"]) == ("unexpected KeyError: 'bug'", False)
    assert (totals.answered, totals.failed, totals.done) == (2, 3, 5)
    recorder = Recorder()
    totals = _run(questions, out, recorder)
    assert sorted(recorder.asked) == [f"question {number} – ü?" for number in (1, 2, 3)]
    assert not any("error" in line for line in _written(out).values())
    assert (totals.answered, totals.failed, totals.kept) == (5, 0, 2)


def test_a_failure_of_a_question_that_is_not_asked_now_stays(out: Path) -> None:
    def fail(question: str) -> dict[str, Any]:
        raise LLMFailed(question)

    _run(_questions(2), out, fail)
    totals = _run(_questions(2)[:1], out)
    assert totals.failed == 0
    assert "error" in _written(out)["q1"]


def test_the_file_is_rewritten_as_a_whole(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(_questions(3), out)
    cut = out.read_bytes()[:-5]
    out.write_bytes(cut)

    def crash(work: Path, target: Path) -> Path:
        raise OSError(f"power cut before {work} was {target}")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match="power cut"):
            _run(_questions(3), out)
    assert out.read_bytes() == cut
    assert _run(_questions(3), out).kept == 2
    assert [path.name for path in out.parent.iterdir()] == ["answers.jsonl"]


def test_an_id_with_another_question_is_an_error(out: Path) -> None:
    _run(_questions(2), out)
    before = out.read_bytes()
    with pytest.raises(BadInput, match=r"answers another question with the id 'q1'\. Name another file with --out"):
        _run([Asked("q1", "What else?", 1)], out)
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"some notes\nof mine\n",
        b'{"id": "q1", "question": "question 1", "answer": "gold"}\n',
        b'{"id": "q1", "question": "question 1"}\n',
        b'{"schema": 1, "answer": null}\n',
        b"\x00\x00\n",
    ],
)
def test_a_file_of_something_else_is_left_as_it_is(out: Path, content: bytes) -> None:
    out.write_bytes(content)
    with pytest.raises(BadInput, match=r"line 1 of .* is no answer of a batch\. Name another file with --out"):
        _run(_questions(2), out)
    assert out.read_bytes() == content


def test_a_place_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a file"):
        _run(_questions(1), tmp_path)
    with pytest.raises(BadInput, match="there is no folder"):
        _run(_questions(1), tmp_path / "none" / "answers.jsonl")


def test_two_runs_do_not_write_one_file(out: Path) -> None:
    with filelock.FileLock(f"{out}.lock"), pytest.raises(BadInput, match="another run is writing to"):
        _run(_questions(1), out)
    assert not out.exists()
    assert _run(_questions(1), out).answered == 1


def test_a_link_stays_a_link(tmp_path: Path, out: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "real.jsonl"
    out.symlink_to(real)
    _run(_questions(2), out)
    real.write_bytes(real.read_bytes()[:-3])
    real.chmod(0o600)
    assert _run(_questions(2), out).kept == 1
    assert out.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert len(_written(real)) == 2


def test_half_a_character_does_not_stop_the_run(tmp_path: Path, out: Path) -> None:
    questions, _ = read_questions(_file(tmp_path, '{"id": "a", "question": "Who \\ud83c?"}\n'))
    _run(questions, out, lambda question: _answer(question, answer="half \ud83c"))
    recorder = Recorder()
    totals = _run(questions, out, recorder)
    assert (totals.kept, recorder.asked) == (1, [])
    assert _written(out)["a"]["answer"] == "half \ud83c"


def test_the_question_is_written_as_it_was_asked(out: Path) -> None:
    _run(_questions(1), out, lambda question: _answer(question.upper()))
    assert _run(_questions(1), out).kept == 1


def test_stopping_finishes_what_is_under_way(out: Path) -> None:
    both_run = threading.Barrier(3)
    go_on = threading.Event()

    def answer(question: str) -> dict[str, Any]:
        both_run.wait(_DEADLINE)
        assert go_on.wait(_DEADLINE)
        return _answer(question)

    def progress(totals: Totals) -> None:
        if batch.stopped:
            told.append(totals.done)
            go_on.set()

    def stop() -> None:
        both_run.wait(_DEADLINE)
        batch.stop()

    told: list[int] = []
    batch = Batch(_questions(10), out, answer, concurrency=2)
    stopper = threading.Thread(target=stop)
    stopper.start()
    totals = batch.run(progress)
    stopper.join()
    assert told[0] == 0
    assert (totals.questions, totals.done, totals.answered) == (10, 2, 2)
    assert len(_written(out)) == 2
    assert _run(_questions(10), out).kept == 2


def test_a_full_disk_ends_the_run_and_the_file_stays_good(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = 0
    fsync = os.fsync

    def full(number: int) -> None:
        nonlocal synced
        synced += 1
        if synced == 4:
            raise OSError(28, "No space left on device")
        fsync(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            _run(_questions(50), out)
    before = _written(out)
    assert 1 < len(before) < 50
    assert _run(_questions(50), out).kept == len(before)


def test_totals_add_up_what_models_took_over_all_runs(out: Path) -> None:
    def took(**more: object) -> dict[str, Any]:
        return {"requests": 1, "input_tokens": 100, "output_tokens": 10, "cost": 0.5, "cached": False, **more}

    answers: dict[str, dict[str, Any]] = {
        "q0": {"llm": took()},
        "q1": {"llm": took(cost=None, requests=2)},
        "q2": {"llm": took(cached=True)},
        "q3": {"llm": None, "abstained": True, "answer": None},
        "q4": {"llm": took(cost=0.25)},
    }
    questions = [Asked(key, key, 1) for key in answers]
    _run(questions[:3], out, lambda question: _answer(question, **answers[question]))
    totals = _run(questions, out, lambda question: _answer(question, **answers[question]))
    assert totals == Totals(
        questions=5,
        answered=4,
        abstained=1,
        kept=3,
        cached=1,
        requests=4,
        input_tokens=300,
        output_tokens=30,
        cost=0.75,
        unpriced=1,
    )


def test_a_cost_that_no_one_knows_is_not_zero(out: Path) -> None:
    took = {"requests": 1, "input_tokens": 5, "output_tokens": 5, "cost": None, "cached": False}
    assert _run(_questions(2), out, lambda question: _answer(question, llm=took)).cost is None
