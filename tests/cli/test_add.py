"""What `rag add` and `rag remove` print, what Ctrl-C does to them, and a folder that is watched."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.config import Settings
from rag.index import Index
from tests.cli.process import Commands, _command
from tests.stand_in import StandIn

_DEADLINE = 120
_STORIES = {
    "ferry.txt": "Ferry sinks\n\nThe ferry Aurora sank near Oslo on Monday, the coast guard said.\n",
    "dam.txt": "Dam holds\n\nThe dam above Lima held on Tuesday, the ministry said.\n",
}
_SLOW = """
import sys
from pathlib import Path
from rag.cli import entry
from rag.cli.contents import Adding
from rag.config import Settings
from rag.index import Index
from tests.stand_in import StandIn

class Slow(StandIn):
    def encode_spans(self, texts, spans):
        print("embedding", flush=True)
        sys.stdin.readline()
        return super().encode_spans(texts, spans)

def add():
    import rag.add.run
    rag.add.run._BATCH_PASSAGES = 4
    folder = Path(sys.argv[1])
    with Index.create(folder / "index", settings=Settings(), embedder=Slow()) as index:
        sys.exit(Adding(index, [folder / "news"], sync=True).once())

entry._run(add)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = (tmp_path / "news").resolve()
    folder.mkdir()
    for name, text in _STORIES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _numbered(folder: Path, count: int) -> None:
    for number in range(count):
        text = f"The {number}th company was sold on Monday. Nobody said why."
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")


def _ids(commands: Commands) -> dict[str, str]:
    return {one["title"]: one["id"] for one in json.loads(commands.rag("list", "--json").out)}


def test_each_article_of_a_few_has_its_line(fresh: Commands, folder: Path) -> None:
    (folder / "picture.png").write_bytes(b"\x89PNG")
    done = fresh.rag("add", "news")
    ids = _ids(fresh)
    assert done.out.splitlines() == [
        f"added     {ids['Dam holds']}  Dam holds",
        f"added     {ids['Ferry sinks']}  Ferry sinks",
        "added 2, updated 0, unchanged 0, skipped 1",
    ]
    assert done.err == f"skipped {folder / 'picture.png'}: .png files are not read; convert to plain text\n"
    again = fresh.rag("add", "news", "--sync")
    assert again.out.splitlines() == [
        f"unchanged {ids['Dam holds']}  {folder / 'dam.txt'}",
        f"unchanged {ids['Ferry sinks']}  {folder / 'ferry.txt'}",
        "added 0, updated 0, unchanged 2, skipped 1, removed 0",
    ]


def test_of_many_articles_the_lines_are_shown_when_asked_for(fresh: Commands, folder: Path) -> None:
    _numbered(folder, 21)
    assert fresh.rag("add", "news").out == "added 23, updated 0, unchanged 0, skipped 0\n"
    for flag in ("--verbose", "-v"):
        lines = fresh.rag("add", "news", flag).out.splitlines()
        assert len(lines) == 24
        assert {line.split()[0] for line in lines[:-1]} == {"unchanged"}


def test_skipped_files_are_named_and_counted(fresh: Commands, folder: Path) -> None:
    for number in range(25):
        (folder / f"{number}.png").touch()
    few = fresh.rag("add", "news").err.splitlines()
    assert len(few) == 21
    assert few[-1] == "and 5 more skipped; --verbose shows them all"
    assert len(fresh.rag("add", "news", "--verbose").err.splitlines()) == 25


def test_sync_tells_what_it_removed_and_what_it_did_not(fresh: Commands, folder: Path) -> None:
    fresh.rag("add", "news")
    ids = _ids(fresh)
    (folder / "dam.txt").unlink()
    done = fresh.rag("add", "news", "--sync")
    assert done.code == 0
    assert done.out.splitlines()[1:] == [
        f"removed   {ids['Dam holds']}  Dam holds",
        "added 0, updated 0, unchanged 1, skipped 0, removed 1",
    ]
    (folder / "ferry.txt").unlink()
    empty = fresh.rag("add", "news", "--sync")
    assert (empty.code, empty.out) == (1, "")
    note, error = empty.err.splitlines()
    assert note == f"note: {folder}: 1 article stays, as nothing there can be read; to remove: rag remove {folder}"
    assert error.startswith("error: there is nothing to read")
    (folder / "picture.png").touch()
    assert json.loads(fresh.rag("add", "news", "--sync", "--json").out)["notes"] == [note.removeprefix("note: ")]
    assert fresh.rag("remove", "news").out == f"removed  {ids['Ferry sinks']}  Ferry sinks\n"


def test_remove_tells_what_stays(fresh: Commands, folder: Path) -> None:
    (folder / "copy.txt").write_text(_STORIES["dam.txt"], encoding="utf-8")
    fresh.rag("add", "news")
    ids = _ids(fresh)
    kept = fresh.rag("remove", "news/copy.txt")
    assert kept.out == f"kept     {ids['Dam holds']}  Dam holds (stands in {folder / 'dam.txt'} too)\n"
    removed = json.loads(fresh.rag("remove", ids["Dam holds"][:6], "news/ferry.txt", "--json").out)
    assert (removed["removed"], removed["kept"]) == (2, 0)
    assert {one["title"] for one in removed["outcomes"]} == set(ids)


def test_a_terminal_gets_lines_that_fit(fresh: Commands, folder: Path) -> None:
    long = " ".join(["A headline of uncommonly many uncommonly long words"] * 3)
    (folder / "long.txt").write_text(f"{long}\n\nThe dam broke on Monday.\n", encoding="utf-8")
    code, sent = fresh.on_terminal("rag", "add", "news")
    assert code == 0
    line = next(line for line in sent.splitlines() if "A headline" in line and line.startswith("added"))
    assert len(line) == 80
    assert line.endswith("…")
    assert any(long in one for one in fresh.rag("remove", "news").out.splitlines())


@pytest.mark.usefixtures("folder")
def test_vectors_are_stored_as_asked(fresh: Commands) -> None:
    assert fresh.rag("add", "news", "--vectors", "float16", "--device", "cpu").code == 0
    assert json.loads(fresh.rag("status", "--json").out)["vectors"] == "float16"
    assert fresh.rag("add", "news", "--vectors", "float32").code == 0
    assert json.loads(fresh.rag("status", "--json").out)["vectors"] == "float16"


class Process:
    """A command that runs on, and what it prints, a line at a time."""

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=environment,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line.rstrip("\n"))

    def line(self) -> str:
        return self._lines.get(timeout=_DEADLINE)

    def type(self, line: str = "") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def interrupt(self) -> None:
        os.kill(self._process.pid, signal.SIGINT)

    def end(self) -> int:
        return self._process.wait(_DEADLINE)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._listening.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def slow(tmp_path: Path, folder: Path) -> Iterator[Process]:
    """A run whose second batch of a few passages is being embedded, and that has been sent a first Ctrl-C."""
    _numbered(folder, 20)
    process = Process([sys.executable, "-c", _SLOW, str(tmp_path)], Path(__file__).parents[2])
    for _ in range(5):
        assert process.line() == "embedding"
        process.type()
    assert process.line() == "embedding"
    process.interrupt()
    assert process.line() == "finishing the current batch; Ctrl-C again ends at once"
    yield process
    process.close()


def test_an_interrupt_ends_after_the_batch_and_the_next_run_goes_on(
    slow: Process, tmp_path: Path, folder: Path
) -> None:
    lines = []
    for _ in range(3):
        slow.type()
        lines.append(slow.line())
    while lines[-1] == "embedding":
        slow.type()
        lines.append(slow.line())
    lines = [line for line in lines if line != "embedding"]
    while "interrupted" not in lines[-1]:
        lines.append(slow.line())
    assert slow.end() == 130
    assert "interrupted: run the same command again to go on" in lines
    with Index.open(tmp_path / "index", settings=Settings(), embedder=StandIn()) as index:
        done = index.manifest.articles
        assert 0 < done < 22
        assert len(index.search("company", k=100)) == done
        report = index.add(folder)
        assert (report.count("unchanged"), report.count("added")) == (done, 22 - done)


def test_a_second_interrupt_ends_at_once_and_keeps_what_was_written(
    slow: Process, tmp_path: Path, folder: Path
) -> None:
    slow.interrupt()
    assert slow.line() == "error: interrupted"
    assert slow.end() == 130
    with Index.open(tmp_path / "index", settings=Settings(), embedder=StandIn()) as index:
        assert 0 < index.manifest.articles < 22
        assert not index.add(folder).skipped
        assert index.manifest.articles == 22


@pytest.fixture
def watching(fresh: Commands, folder: Path) -> Iterator[Process]:
    process = Process(_command("rag", ("add", str(folder), "--sync", "--watch")), fresh.folder, fresh._environment({}))
    assert [process.line().split()[0] for _ in range(2)] == ["added", "added"]
    while process.line() != "watching; Ctrl-C ends":
        pass
    yield process
    process.close()


def test_a_watched_folder_is_followed(watching: Process, fresh: Commands, folder: Path) -> None:
    path = folder / "sub" / "bridge.txt"
    path.parent.mkdir()
    path.write_text("Bridge opens\n\nThe bridge in Rome opened on Friday, the mayor said.\n", encoding="utf-8")
    assert watching.line().startswith("added ")
    assert "Bridge opens" in _ids(fresh)
    path.write_text("Bridge closes\n\nThe bridge in Rome closed on Friday, the mayor said.\n", encoding="utf-8")
    line = watching.line()
    assert line.startswith("updated ")
    assert line.endswith("Bridge closes")
    assert fresh.rag("remove", "news/ferry.txt").code == 0  # nobody is kept from writing meanwhile
    path.unlink()
    lines = [watching.line(), watching.line()]
    assert [line.split()[0] for line in sorted(lines)] == ["added", "removed"]  # and what stands there comes back
    assert set(_ids(fresh)) == {"Ferry sinks", "Dam holds"}
    watching.interrupt()
    assert watching.line() == "stopped watching"
    assert watching.end() == 0


def test_a_watched_folder_tells_of_an_index_that_is_busy_and_tries_again(fresh: Commands, folder: Path) -> None:
    fresh.rag("add", "news")
    process = Process(
        _command("rag", ("add", "news/dam.txt", "--watch")),
        fresh.folder,
        fresh._environment({"RAG_LOCK_SECONDS": "0"}),
    )
    try:
        while process.line() != "watching; Ctrl-C ends":
            pass
        with Index.open(fresh.index, settings=Settings()) as index, index.store.writing():
            _replace(folder / "dam.txt", "Dam leaks\n\nThe dam above Lima leaks, the ministry said on Friday.\n")
            line = process.line()
            assert line.startswith("error: ")
            assert line.endswith("trying again when something changes")
        _replace(folder / "dam.txt", "Dam breaks\n\nThe dam above Lima broke, the ministry said on Friday.\n")
        assert process.line().startswith("updated ")
        (folder / "dam.txt").unlink()
        assert "no such file" in process.line()
        process.interrupt()
        assert process.line() == "stopped watching"
        assert process.end() == 0
        assert set(_ids(fresh)) == {"Dam breaks", "Ferry sinks"}
    finally:
        process.close()


def _replace(path: Path, text: str) -> None:
    """Saves as editors do: another file is put in the place of the old one."""
    path.with_suffix(".tmp").write_text(text, encoding="utf-8")
    path.with_suffix(".tmp").replace(path)
