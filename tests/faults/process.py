"""Children that may be killed: forked from a process in which everything is imported and no thread was started."""

from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

Say = Callable[[Any], None]
HANGS_AFTER = 120.0
"""Seconds after which a child that has not ended is said to hang."""
_BYTES = 1 << 16
_FAILED = 70


@dataclass(frozen=True)
class Ended:
    """How a child ended: by a signal (0: none), and what it said until then. `trace`: of what it raised."""

    signal: int
    said: tuple[Any, ...]
    trace: str = ""
    hung: bool = False

    def sound(self) -> Ended:
        """Itself, where nothing is wrong with it.

        Raises:
            RuntimeError: something is.
        """
        if self.fault:
            raise RuntimeError(self.trace or self.fault)
        return self

    @property
    def fault(self) -> str:
        """What is wrong with such an end, where nobody killed it; empty where nothing is."""
        if self.hung:
            return "a process hung"
        if self.signal:
            return f"a process died of {signal.Signals(self.signal).name}"
        return f"a process raised: {self.trace.strip().splitlines()[-1]}" if self.trace else ""


def forked(work: Callable[[Say], None], *, killed_after: float | None = None) -> Ended:
    """Does work in a child. What it says, as JSON, reaches the parent at once, whatever happens to the child then.

    Args:
        work: what the child does.
        killed_after: seconds after which it is killed.
    """
    child, reading = _started(work)
    return _ended(child, reading, killed_after, HANGS_AFTER)


def forked_together(works: Sequence[Callable[[Say], None]], hangs_after: float = HANGS_AFTER) -> list[Ended]:
    """Does several works in as many children at the same time. What each says is short enough for its pipe, or waits there."""
    started = [_started(work) for work in works]
    with ThreadPoolExecutor(len(started)) as pool:  # all have forked
        return list(pool.map(lambda one: _ended(one[0], one[1], None, hangs_after), started))


def _started(work: Callable[[Say], None]) -> tuple[int, int]:
    """A child, and what it says."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _work(work, writing)
    os.close(writing)
    return child, reading


def _ended(child: int, reading: int, killed_after: float | None, hangs_after: float) -> Ended:
    """Waits for a child."""
    started, data, hung, shot = time.monotonic(), b"", False, False
    while True:
        limit = hangs_after if killed_after is None or shot else killed_after
        ready, _, _ = select.select([reading], [], [], max(0.0, limit - (time.monotonic() - started)))
        if ready:
            block = os.read(reading, _BYTES)
            data += block
            if not block:
                break
            continue
        os.kill(child, signal.SIGKILL)
        hung = hung or killed_after is None or shot
        shot = True
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    *lines, _ = data.split(b"\n")  # the last is empty, or was cut off by a kill
    said = [json.loads(line) for line in lines]
    trace = said.pop()["trace"] if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _FAILED else ""
    return Ended(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, tuple(said), trace, hung)


def _work(work: Callable[[Say], None], writing: int) -> None:
    def say(something: Any) -> None:
        data = json.dumps(something).encode() + b"\n"
        while data:
            data = data[os.write(writing, data) :]

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)  # what libraries print when they are made to fail
    code = 0
    try:
        work(say)
    except BaseException:  # noqa: BLE001 - whatever it is, the parent is told
        say({"trace": traceback.format_exc()})
        code = _FAILED
    os._exit(code)


def _lane(work: Callable[[Any], Any], tasks: Sequence[tuple[int, Any]], say: Say) -> None:
    for number, task in tasks:
        say([number, work(task)])


def in_lanes(work: Callable[[Any], Any], tasks: Sequence[Any], lanes: int) -> list[Any]:
    """Results of tasks, done in so many children at a time, in the order of the tasks."""
    pipes = []
    for lane in range(lanes):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _work(partial(_lane, work, list(enumerate(tasks))[lane::lanes]), writing)
        os.close(writing)
        pipes.append((child, reading))
    results: dict[int, Any] = {}
    for child, reading in pipes:
        with os.fdopen(reading) as lines:
            for line in lines:
                said = json.loads(line)
                if isinstance(said, dict):
                    raise RuntimeError(said["trace"])  # noqa: TRY004 - the child's own error
                results[said[0]] = said[1]
        os.waitpid(child, 0)
    return [results[number] for number in range(len(tasks))]
