"""A full disk at each write: a limit on the size of files, or a small file system that is filled up; then room again."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rag.errors import IndexMissing, RagError
from rag.store import EmbeddedStore
from tests.faults import sequence
from tests.faults.kills import recovered
from tests.faults.process import Say, forked, in_lanes

_LARGEST = 400_000
"""No file of the sequence's index is larger."""
_FILE_SYSTEM_BYTES = 8 << 20
_PAGE = 4096


class Point(NamedTuple):
    """How much room there is: `limit` bytes for each file, or on the whole disk. The sequence has it all until `step`, whose write it may have too."""

    step: int
    limit: int
    sync_alone: bool
    whole_disk: bool


class _Disk(NamedTuple):
    """Where an index is, and how to take its room."""

    folder: Path
    filler: Path
    point: Point

    def fill(self) -> None:
        """From here on there is no more room than the point says: for this process, or on this disk."""
        if not self.point.whole_disk:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.point.limit, resource.RLIM_INFINITY))
        elif not self.filler.exists():
            free = os.statvfs(self.filler.parent)
            with self.filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(_PAGE, free.f_bavail * free.f_frsize - self.point.limit))

    def clear(self) -> None:
        """There is room again."""
        self.filler.unlink(missing_ok=True)


def _writer(disk: _Disk, say: Say) -> None:
    """Runs the sequence into the full disk; says each operation with what it raised and the last step that is in the catalog."""
    at = disk.point.step
    if not at:
        disk.fill()
    try:
        store = sequence.made(disk.folder)
    except RagError as error:
        say(["making the index", type(error).__name__, -1])
        return
    say(["making the index", None, 0])
    with closing(store):
        for number, step in enumerate(sequence.steps(), 1):
            if number == at and not disk.point.sync_alone:
                disk.fill()
            try:
                store.write(*step)
            except RagError as error:
                say(["a write", type(error).__name__, number - 1])
                _asked_twice(store, say)
                return
            say(["a write", None, number])
            if number == at and disk.point.sync_alone:
                disk.fill()
            try:
                store.sync()
                say(["a sync", None, number])
            except RagError as error:
                say(["a sync", type(error).__name__, number])
            if number >= at:
                say(sequence.tell(store))


def _asked_twice(store: EmbeddedStore, say: Say) -> None:
    """A process whose write failed goes on answering, and writing again raises nothing worse."""
    say(sequence.tell(store))
    with contextlib.suppress(RagError):
        store.sync()
    say(sequence.tell(store))


def _reader(disk: _Disk, say: Say) -> None:
    """A new process asks while there is no room."""
    disk.fill()
    try:
        store = EmbeddedStore.open(disk.folder)
    except IndexMissing:
        say(None)
        return
    with closing(store):
        say(sequence.tell(store))


def _numbers(told: sequence.Told, states: Sequence[sequence.Told]) -> list[int]:
    return [number for number, state in enumerate(states) if not sequence.differences(told, state)]


def _tried(disk: _Disk, states: Sequence[sequence.Told]) -> tuple[Counter[str], list[str]]:
    """What operations came to, and what was lost."""
    ended = forked(partial(_writer, disk))
    came, lost, at = Counter[str](), [ended.fault] if ended.fault else [], -1
    for said in ended.said:
        if isinstance(said, dict):
            if at not in _numbers(said, states):
                near = sequence.differences(said, states[max(at, 0)])
                lost.append(f"the writer answers from {_numbers(said, states)} after step {at}: {near}")
            continue
        operation, raised, at = said
        came[f"{operation}: {raised or 'done'}"] += 1
    asked = forked(partial(_reader, disk))
    if asked.fault:
        lost.append(f"a reader while there is no room: {asked.fault}")
    elif asked.said[0] is None:
        came["a reader: no index yet"] += 1
        lost += [] if at < 0 else ["a reader finds no index"]
    else:
        came["a reader: answers"] += 1
        if not {at, at + 1} & set(_numbers(asked.said[0], states)):
            lost.append(f"a reader answers from {_numbers(asked.said[0], states)} after step {at}")
    disk.clear()
    after = forked(partial(recovered, sequence.STEPS, disk.folder, at))
    return came, [*lost, *([after.fault] if after.fault else after.said[0][1])]


def _one(point: Point, states: Sequence[sequence.Told], mount: Path | None) -> list[Any]:
    where = mount if point.whole_disk else None
    with tempfile.TemporaryDirectory(dir=where) as place:
        came, lost = _tried(_Disk(Path(place) / "index", Path(place) / "filler", point), states)
    return [came, [f"{point}: {what}" for what in lost]]


@contextlib.contextmanager
def _mounted() -> Iterator[Path | None]:
    """A small file system, where this user may mount one."""
    with tempfile.TemporaryDirectory() as place:
        command = ["mount", "-t", "tmpfs", "-o", f"size={_FILE_SYSTEM_BYTES}", "tmpfs", place]
        try:
            mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            mounted = False
        try:
            yield Path(place) if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", place], check=True)


def full(limits: int, disks: int, lanes: int) -> dict[str, Any]:
    """Tries so many limits on the size of files, and so many full file systems where one may be mounted.

    Returns:
        `tried`: how many points of each kind; `came`: how often each operation was done or raised what; `mounted`: whether there was a real full disk; `lost`: what was lost, in sentences.
    """
    sequence.warm()
    states = sequence.STEPS.states()
    draw = random.Random(limits)  # noqa: S311 - no secret
    last = len(states) - 1
    tasks = [_point(number, limits, last, draw, whole_disk=False) for number in range(limits)]
    with _mounted() as mount:
        whole = [_point(number, disks, last, draw, whole_disk=True) for number in range(disks if mount else 0)]
        results = in_lanes(lambda point: _one(point, states, mount), tasks, lanes)
        results += [_one(point, states, mount) for point in whole]  # one after the other: there is one disk
    came = sum((Counter(result[0]) for result in results), Counter[str]())
    return {
        "tried": {"a limit on the size of files": len(tasks), "a full file system": len(whole)},
        "came": dict(sorted(came.items())),
        "mounted": mount is not None,
        "lost": [what for result in results for what in result[1]],
    }


def _point(number: int, of: int, last: int, draw: random.Random, *, whole_disk: bool) -> Point:
    """Steps in turn, and room from none upwards, more of it with every round of the steps."""
    step, sync_alone = number % (last + 1), bool(number % 2)
    share = number / max(1, of - 1)
    limit = int(_LARGEST * share**3 * draw.uniform(0.9, 1)) if share else 0
    return Point(step, limit, sync_alone and step > 0, whole_disk)
