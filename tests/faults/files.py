"""Files that come, change and go, added and removed through the library's front door, batch by batch."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, cast

from rag.add import run
from rag.config import Settings
from rag.index import Index
from rag.store import EmbeddedStore
from tests.faults import sequence
from tests.faults.process import Say, forked

BATCH_PASSAGES = 10
"""In place of the real bound, so that a run has several batches."""
SETTINGS = Settings(passage_tokens=20, rerank="none", min_confidence=0)
ALIKE = ("digest", "articles", "digests", "locations", "fingerprints")
"""What an index tells that does not depend on how its contents were divided into batches."""


def _text(name: str, version: int = 0) -> str:
    return sequence.piece(name, version).article.text


@cache
def _stages() -> tuple[dict[str, str], ...]:
    """Which files there are, one stage after the other, and what they say."""
    lines = [json.dumps({"id": f"line{number}", "text": _text(f"line{number}")}) for number in range(4)]
    first = {f"n{number}.txt": _text(f"n{number}") for number in range(7)} | {"lines.jsonl": "\n".join(lines)}
    second = first | {"n1.txt": _text("n1", 1), "deep/n7.txt": _text("n7"), "copy.txt": first["n2.txt"]}
    del second["n3.txt"]
    third = second | {"lines.jsonl": "\n".join(lines[1:]), "moved.txt": second["n5.txt"], "n0.txt": _text("n0", 1)}
    del third["n5.txt"]
    return first, second, third


def warm() -> None:
    """Makes batches small, and every file."""
    run._BATCH_PASSAGES = BATCH_PASSAGES
    _stages()


def _lay(folder: Path, files: dict[str, str]) -> None:
    """Puts files into a folder, and takes others out."""
    for path in folder.rglob("*.*"):
        if str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _stage(folder: Path, stage: int, wrote: Callable[[Any], None]) -> None:
    """One stage: the files are there, and are added; after the last, two are removed."""
    news = folder.parent / "news"
    _lay(news, _stages()[stage])
    with Index.create(folder, settings=SETTINGS, embedder=sequence.STAND_IN) as index:
        store: Any = index.store
        write = store.write

        def counted(*args: Any, **kwargs: Any) -> list[str]:
            gone: list[str] = write(*args, **kwargs)
            wrote(store)
            return gone

        store.write = counted
        index.add(news, sync=True)
        there = [path for path in (news / "n2.txt", news / "n4.txt") if store.at(str(path)) is not None]
        if there and stage == len(_stages()) - 1:
            index.remove(*there)


@cache
def _gone_through() -> tuple[list[sequence.Told], list[int]]:
    """What the index tells before the first write and after each; and how many writes there were before each stage."""

    def work(say: Say) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "index"
            with closing(_made(folder)) as store:
                say([0, sequence.tell(store)])
            for stage in range(len(_stages())):
                _stage(folder, stage, lambda store, stage=stage: say([stage, sequence.tell(store)]))  # type: ignore[misc]

    said = forked(work).sound().said
    befores = [sum(stage < number for stage, _ in said[1:]) for number in range(len(_stages()))]
    return [told for _, told in said], befores


def _made(folder: Path) -> EmbeddedStore:
    index = Index.create(folder, settings=SETTINGS, embedder=sequence.STAND_IN)
    return cast("EmbeddedStore", index.store)


def _run(folder: Path, say: Say, after: int) -> None:
    """Everything from the beginning of the stage on in which a write was the last."""
    _, befores = _gone_through()
    numbers = count(after + 1)
    _made(folder).close()
    say(after)
    for stage in range(max(at for at, before in enumerate(befores) if before <= after), len(befores)):
        _stage(folder, stage, lambda _: say(next(numbers)))


FILES = sequence.Course(lambda: _gone_through()[0], _run, ALIKE)
