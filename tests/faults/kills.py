"""kill -9 at every kind of durable step, in the midst of writes, and at random times; then open, verify, ask and go on."""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rag.errors import IndexMissing
from rag.store import EmbeddedStore, dense
from rag.store.catalog import Catalog
from rag.store.lexical import LexicalIndex
from tests.faults import files, sequence
from tests.faults.process import Say, forked, in_lanes
from tests.faults.sequence import Course

RANDOM, WITHIN_WRITE = "at a random time", "within a write, at a size that a file may not exceed"
_OPCODES = 50
"""SQLite is interrupted after so many steps of its machine."""
_SIZES = (1, 100, 512, 3_000, 9_000, 20_000, 50_000, 100_000, 150_000, 200_000, 300_000)
_AUDITED = {
    "os.rename": "before a file is renamed",
    "os.remove": "before a file is removed",
    "os.mkdir": "before a folder is made",
    "os.truncate": "before a file is cut",
}


class Point(NamedTuple):
    """When to kill: at the so-manieth time of a kind; for random times after so many thousandths of the whole."""

    kind: str
    number: int


class Points:
    """Counts what happens, and kills this process at one of it."""

    def __init__(self, target: Point | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._target = target

    def at(self, kind: str) -> None:
        """Something of a kind happens now."""
        self.counts[kind] += 1
        if self._target == (kind, self.counts[kind]):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """A function with a point before and after it."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.at(f"before {kind}")
            result = call(*args, **kwargs)
            self.at(f"after {kind}")
            return result

        return watched


class _Watched:
    """An object of tantivy's, with points around some of its methods."""

    def __init__(self, inner: Any, points: Points, kinds: dict[str, str]) -> None:
        self._inner, self._points, self._kinds = inner, points, kinds

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "writer":
            return lambda *args: _Watched(found(*args), self._points, self._kinds)
        return self._points.around(self._kinds[name], found) if name in self._kinds else found


_OF_WORDS = {
    "add_document": "a document is added to the words",
    "delete_documents_by_query": "a document is taken out of the words",
    "commit": "the words are committed",
    "wait_merging_threads": "the words are merged",
    "reload": "the words are loaded",
}


def watch(folder: Path, points: Points) -> None:
    """From here on, what this process does to a folder is counted."""
    import faiss

    def audited(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str | os.PathLike) and args[2] & (os.O_WRONLY | os.O_RDWR):
            if str(folder) in os.fspath(args[0]):
                points.at("before a file is opened for writing")
        elif event in _AUDITED and str(folder) in str(args[0]):
            points.at(_AUDITED[event])

    def connected(catalog: Catalog) -> Any:
        db = connect(catalog)
        db.set_trace_callback(
            lambda sql: points.at("before a COMMIT" if sql == "COMMIT" else "before an SQL statement")
        )
        db.set_progress_handler(lambda: points.at("within an SQL statement"), _OPCODES)
        return db

    def opened(index: LexicalIndex) -> None:
        open_words(index)
        if not isinstance(index._index, _Watched):
            index._index = _Watched(index._index, points, _OF_WORDS)

    connect, open_words = Catalog._connect, LexicalIndex._open
    synced = points.around("an fsync", os.fsync)
    for owner, name, instead in (
        (os, "fsync", synced),
        (dense.replace, "__defaults__", (synced,)),
        (faiss, "write_index", points.around("vectors are written", faiss.write_index)),
        (Catalog, "write", points.around("the catalog is written", Catalog.write)),
        (Catalog, "close", points.around("the catalog is closed", Catalog.close)),
        (Catalog, "_connect", connected),
        (LexicalIndex, "_open", opened),
    ):
        setattr(owner, name, instead)
    sys.addaudithook(audited)


def _doomed(course: Course, folder: Path, point: Point | None, say: Say) -> None:
    """Runs the course and dies at a point; without one, says at its end what was counted."""
    if point is not None and point.kind == WITHIN_WRITE:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # else Python ignores it
        resource.setrlimit(resource.RLIMIT_FSIZE, (point.number, resource.RLIM_INFINITY))
    if point is not None and point.kind in (WITHIN_WRITE, RANDOM):
        course.run(folder, say, 0)
        return
    points = Points(point)
    watch(folder, points)
    course.run(folder, say, 0)
    if point is None:
        say(points.counts)


def recovered(course: Course, folder: Path, low: int, say: Say) -> None:
    """Opens what a fault left behind, and says what was lost: a list of sentences, empty where nothing was.

    Args:
        course: what was done to it, and is done from there on.
        folder: of the index.
        low: the last step that was acknowledged; -1 where not even the making of the index was.
        say: told the number of the step that the index was found after, then what was lost.
    """
    states = course.states()
    try:
        store = EmbeddedStore.open(folder)
    except IndexMissing:
        if low >= 0:
            raise
        store = sequence.made(folder)
    with closing(store):
        told = sequence.tell(store)
        alike = [number for number, state in enumerate(states) if not sequence.differences(told, state)]
        found = next((number for number in alike if max(low, 0) <= number <= low + 1), None)
    if found is None:
        near = sequence.differences(told, states[max(low, 0)])
        say([None, [f"after step {low} the index is in the state {alike or 'of no step'}: differs in {near}"]])
        return
    lost = sequence.wrong(folder)
    course.run(folder, lambda _: None, found)
    with closing(EmbeddedStore.open(folder)) as store:
        ends = sequence.differences(sequence.tell(store), states[-1])
    lost += [
        f"what was done from there on ends with other {name}" for name in course.alike or states[-1] if name in ends
    ]
    say([found, lost + sequence.wrong(folder)])


def _tried(course: Course, point: Point, seconds: float) -> list[Any]:
    """Whether a child died at a point, the last step it acknowledged, and what was lost."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "index"
        after = seconds * point.number / 1000 if point.kind == RANDOM else None
        ended = forked(partial(_doomed, course, folder, point), killed_after=after)
        died, low = ended.signal != 0, max(ended.said, default=-1)
        if ended.hung or ended.trace:
            return [died, low, [f"{point}: {ended.fault}"]]
        then = forked(partial(recovered, course, folder, low))
        return [died, low, [f"{point}: {what}" for what in ([then.fault] if then.fault else then.said[0][1])]]


def chosen(counts: Counter[str], number: int, draw: random.Random) -> list[Point]:
    """So many points, spread evenly over what happens of each kind; no kind is left out, where there are points enough."""
    kinds = sorted(counts)[:: -(-len(counts) // number)]
    room = dict.fromkeys(kinds, 1)
    while sum(room.values()) < min(number, sum(counts[kind] for kind in kinds)):
        kind = max(kinds, key=lambda one: (counts[one] > room[one]) * counts[one] ** 0.5 / room[one])
        room[kind] += 1
    found = []
    for kind, places in room.items():
        width = counts[kind] / places
        found += [Point(kind, 1 + int(width * (place + draw.random()))) for place in range(places)]
    return found


def kills(course: str, points: int, random_times: int, sizes: int, lanes: int) -> dict[str, Any]:
    """Kills so many children at points, at random times, and within writes.

    Args:
        course: `steps` of the store, or `files` added and removed.
        points: how many at points.
        random_times: how many at random times.
        sizes: how many within writes.
        lanes: how many at the same time.

    Returns:
        `possible`: how many points of each kind there are; `tried`, `died`: at how many of each a child was to die, and died; `steps`: how often each step was
        the last one acknowledged, -1 where none was; `lost`: what was lost, in sentences.
    """
    sequence.warm()
    files.warm()
    of = {"steps": sequence.STEPS, "files": files.FILES}[course]
    of.states()
    draw = random.Random(points)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as place:
        counts = Counter(forked(partial(_doomed, of, Path(place) / "index", None)).sound().said[-1])
    with tempfile.TemporaryDirectory() as place:
        started = time.monotonic()
        forked(lambda say: of.run(Path(place) / "index", say, 0)).sound()
        seconds = time.monotonic() - started
    tasks = chosen(counts, points, draw)
    tasks += [Point(RANDOM, int(1000 * (number + draw.random()) / random_times)) for number in range(random_times)]
    tasks += [
        Point(WITHIN_WRITE, int(_SIZES[number % len(_SIZES)] * draw.uniform(0.5, 1.5))) for number in range(sizes)
    ]
    results = in_lanes(lambda point: _tried(of, point, seconds), tasks, lanes)
    return {
        "possible": dict(counts),
        "tried": dict(Counter(point.kind for point in tasks)),
        "died": dict(Counter(point.kind for point, result in zip(tasks, results, strict=True) if result[0])),
        "steps": dict(sorted(Counter(result[1] for result in results).items())),
        "lost": [what for result in results for what in result[2]],
    }
