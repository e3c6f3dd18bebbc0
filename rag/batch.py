"""Many questions, several at a time: answers appended to a file as they come, and a run that was killed goes on where it was."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any, NamedTuple

from rag.errors import BadInput, RagError

_JSON_SUFFIXES = {".jsonl", ".ndjson", ".json"}


class Asked(NamedTuple):
    """A question of a batch. `line` is where it stands in its file, from 1; where the file names no id, that is its id too."""

    id: str | int
    question: str
    line: int


Answerer = Callable[[str], Mapping[str, Any]]
"""A question to its answer in JSON schema version 1. What it raises is written down as the question's error. Called from several threads at once."""


@dataclass
class Totals:
    """What became of a batch's questions, those answered by an earlier run included.

    `kept` of them were answered by an earlier run. Requests, tokens and `cost` (US dollars, None where no price is known) are those that models were
    paid for: a reply from the cache, counted in `cached`, took none. `unpriced` answers took tokens at a price that is not known. What failed
    questions took is not known.
    """

    questions: int = 0
    answered: int = 0
    abstained: int = 0
    failed: int = 0
    kept: int = 0
    cached: int = 0
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    unpriced: int = 0

    @property
    def done(self) -> int:
        """The questions that have a line in the file."""
        return self.answered + self.abstained + self.failed

    def count(self, record: Mapping[str, Any]) -> None:
        """Adds one line of the file."""
        if "error" in record:
            self.failed += 1
            return
        if record.get("abstained"):
            self.abstained += 1
        else:
            self.answered += 1
        took = record.get("llm")
        if not isinstance(took, Mapping):
            return
        if took.get("cached"):
            self.cached += 1
            return
        self.requests += _number(took.get("requests"))
        self.input_tokens += _number(took.get("input_tokens"))
        self.output_tokens += _number(took.get("output_tokens"))
        cost = took.get("cost")
        if isinstance(cost, (int, float)):
            self.cost = (self.cost or 0.0) + cost
        elif took.get("requests"):
            self.unpriced += 1


def read_questions(path: Path) -> tuple[list[Asked], list[str]]:
    """The questions of a file, and what is wrong with the lines that hold none.

    Args:
        path: JSON lines with `question` and perhaps `id` (a text or a whole number), or plain text with one question a line. Which it is, its
            ending tells (`.jsonl`), else its first line.

    Raises:
        BadInput: it cannot be read, two questions have one id, or there is no question in it.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {(error.strerror or '').lower()}", "Correct the path") from error
    first = next((line for line in lines if line.strip()), b"")
    as_json = path.suffix.lower() in _JSON_SUFFIXES or first.lstrip().startswith(b"{")
    asked: dict[str, Asked] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = _asked(line, number) if as_json else Asked(number, _question(line.decode()), number)
        except (ValueError, RecursionError) as error:
            faults.append(f"{path.name}: line {number}: {_fault(error)}")
            continue
        if str(one.id) in asked:
            raise BadInput(
                f"{path.name}: lines {asked[str(one.id)].line} and {number} have the same id {one.id!r}",
                "Give every question an id of its own, or none of them one",
            )
        asked[str(one.id)] = one
    if not asked:
        raise BadInput(
            f"there is no question in {path}" + (f": {faults[0]}" if faults else ""),
            'Write one a line, as text or as JSON: {"id": "q1", "question": "Who said so?"}',
        )
    return list(asked.values()), faults


class Batch:
    """A run over questions.

    Args:
        questions: what to ask; no two have the same id.
        out: the file that a line is appended to for each question as it is answered, in JSON: `{"id": …, **answer}`, or `{"id", "question",
            "error", "passing"}` where it failed. Questions that have an answer in it are not asked again; those that failed are.
        answer: answers a question.
        concurrency: how many are asked at once.
    """

    def __init__(self, questions: Sequence[Asked], out: Path, answer: Answerer, *, concurrency: int = 4) -> None:
        self._questions = questions
        self._out = out.resolve()  # a link stays a link when the file behind it is replaced
        self._answer = answer
        self._concurrency = concurrency
        self._stopped = False
        self._todo: deque[Asked] = deque()
        self._results: SimpleQueue[_Result] = SimpleQueue()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped

    def stop(self) -> None:
        """Asks nothing more; what is under way is finished and written. Safe in a signal handler."""
        self._stopped = True
        self._results.put(_Result())  # wakes the writer, which tells of it

    def run(self, progress: Callable[[Totals], None] = lambda _: None) -> Totals:
        """Asks what has no answer yet.

        Args:
            progress: called with the totals at the start, after each answer, and on `stop`.

        Raises:
            BadInput: the file is not one of answers to these questions, cannot be used, or another run is writing it.
            OSError: the disk is full, or gone. What is in the file stays good.
        """
        totals = Totals(questions=len(self._questions))
        with _alone(self._out):
            done = _taken_up(self._out, self._questions, totals)
            self._todo.extend(one for one in self._questions if str(one.id) not in done)
            progress(totals)
            with _appending(self._out) as append:
                try:
                    for result in self._answers():
                        if result.asked is not None:
                            record = {"id": result.asked.id, **result.record, "question": result.asked.question}
                            append(record)
                            totals.count(record)
                        progress(totals)
                finally:
                    self._stopped = True  # for the threads, should writing have failed
        return totals

    def _answers(self) -> Iterator[_Result]:
        """Every answer as it comes, and an empty result on `stop`."""
        working = min(self._concurrency, len(self._todo))
        for _ in range(working):
            # A daemon, so that a second Ctrl-C need not wait for a model that does not reply.
            threading.Thread(target=self._work, daemon=True).start()
        while working:
            result = self._results.get()
            if result.last:
                working -= 1
            else:
                yield result

    def _work(self) -> None:
        try:
            while not self._stopped:
                try:
                    asked = self._todo.popleft()
                except IndexError:
                    return
                self._results.put(_Result(asked, self._answered(asked)))
        finally:
            self._results.put(_Result(last=True))

    def _answered(self, asked: Asked) -> Mapping[str, Any]:
        try:
            return self._answer(asked.question)
        except Exception as error:  # noqa: BLE001 - one question's trouble, whatever it is, must not end the others
            said = str(error) if isinstance(error, RagError) else f"unexpected {type(error).__name__}: {error}"
            return {
                "question": asked.question,
                "error": " ".join(said.split()),
                "passing": bool(getattr(error, "passing", False)),
            }


class _Result(NamedTuple):
    """A question and what to write of it; without a question it only wakes the writer; `last` is a thread's farewell."""

    asked: Asked | None = None
    record: Mapping[str, Any] = MappingProxyType({})
    last: bool = False


def _asked(line: bytes, number: int) -> Asked:
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("question"), str):
        raise ValueError('no JSON object with a text "question"')  # noqa: TRY004 - caught as what a bad line raises
    given = record.get("id")
    if given is not None and (isinstance(given, bool) or not isinstance(given, (str, int))):
        raise ValueError('"id" is neither a text nor a whole number')
    return Asked(number if given is None else given, _question(record["question"]), number)


def _question(text: str) -> str:
    """A question as it is asked and written down: trimmed, without halves of characters, which no file of text holds."""
    question = text.strip().encode("utf-8", "replace").decode()
    if not question:
        raise ValueError("the question is empty")
    return question


def _taken_up(out: Path, questions: Sequence[Asked], totals: Totals) -> set[str]:
    """The ids that an earlier run answered. What it left half written, and what failed, is removed from the file."""
    asked = {str(one.id): one.question for one in questions}
    done: set[str] = set()
    keep: list[bool] = []
    mend = False
    for number, line in enumerate(_lines(out), 1):
        record = _record(line)
        if record is None:
            if line.endswith(b"\n"):
                raise BadInput(f"line {number} of {out} is no answer of a batch", "Name another file with --out")
            keep.append(False)  # what was being written when the run was killed
            mend = True
            continue
        key = str(record["id"])
        if key in asked and record["question"] != asked[key]:
            raise BadInput(
                f"line {number} of {out} answers another question with the id {record['id']!r}",
                "Name another file with --out, or give the question another id",
            )
        failed = key in asked and "error" in record
        keep.append(not failed)
        mend = mend or failed or not line.endswith(b"\n")
        if key in asked and not failed and key not in done:
            done.add(key)
            totals.kept += 1
            totals.count(record)
    if mend:
        _rewrite(out, keep)
    return done


def _lines(out: Path) -> Iterator[bytes]:
    try:
        with out.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return


def _record(line: bytes) -> dict[str, Any] | None:
    """A line of the file; None where it is not one."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("id"), (str, int)) or "question" not in record:
        return None
    return record if "schema" in record or {"error", "passing"} <= record.keys() else None


def _rewrite(out: Path, keep: Iterable[bool]) -> None:
    """The file with some of its lines: the old one or the new one is there at any moment, and never a part of it."""
    work = out.with_name(f"{out.name}.tmp")
    with work.open("wb") as file:
        for line, kept in zip(_lines(out), keep, strict=True):
            if kept:
                file.write(line.rstrip(b"\n") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    work.chmod(out.stat().st_mode & 0o777)
    work.replace(out)
    _sync_folder(out)


@contextmanager
def _appending(out: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Appends lines that are on the disk when the call returns."""
    with out.open("ab", buffering=0) as file:
        _sync_folder(out)

        def append(record: Mapping[str, Any]) -> None:
            try:
                line = json.dumps(record, ensure_ascii=False).encode()
            except UnicodeEncodeError:  # half a character of an article; JSON can escape it
                line = json.dumps(record).encode()
            rest = memoryview(line + b"\n")
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())

        yield append


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """No other run writes the file meanwhile."""
    import filelock

    if not out.parent.is_dir():
        raise BadInput(f"there is no folder {out.parent}", "Make it, or name another file with --out")
    if out.exists() and not out.is_file():
        raise BadInput(f"{out} is not a file", "Name another file with --out")
    lock = filelock.FileLock(out.with_name(f"{out.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BadInput(
            f"another run is writing to {out}", "Wait until it has finished, or name another file with --out"
        ) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _sync_folder(out: Path) -> None:
    """Puts the file's name on the disk as well, where the system can."""
    if os.name == "posix":
        folder = os.open(out.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _fault(error: Exception) -> str:
    """Why a line holds no question."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
