"""One writer at a time, among threads and processes; who it is, is told to whoever waits in vain."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rag.errors import IndexBusy

if TYPE_CHECKING:
    import filelock

LOCK_FILE, WRITER_FILE = ".lock", ".writer.json"


class Writer(NamedTuple):
    """Who holds a lock: a process, and since when."""

    pid: int
    since: str


class WriterLock:
    """The lock of an index folder. The system lets go of a dead writer's, so none is ever left behind. May be nested.

    Args:
        folder: the index.
        seconds: how long to wait for another writer.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds
        self._thread = threading.RLock()
        self._depth = 0

    @cached_property
    def _file(self) -> filelock.FileLock:
        import filelock  # only writers need it

        return filelock.FileLock(self._folder / LOCK_FILE, thread_local=False)

    @contextlib.contextmanager
    def held(self, seconds: float | None = None) -> Iterator[None]:
        """Holds the lock.

        Args:
            seconds: how long to wait; None: as long as the lock was made for.

        Raises:
            IndexBusy: another writer did not finish in time.
            OSError: the folder cannot be written.
        """
        wait = self._seconds if seconds is None else seconds
        if not self._thread.acquire(timeout=wait):
            raise self._busy()
        try:
            self._take(wait)
            try:
                yield
            finally:
                self._let_go()
        finally:
            self._thread.release()

    def _take(self, wait: float) -> None:
        import filelock

        if not self._depth:
            try:
                self._file.acquire(timeout=wait)
            except filelock.Timeout:
                raise self._busy() from None
            with contextlib.suppress(OSError):  # a full disk: it is for people to read, and no more
                writer = Writer(os.getpid(), dt.datetime.now(dt.UTC).astimezone().isoformat(timespec="seconds"))
                (self._folder / WRITER_FILE).write_text(json.dumps(writer._asdict()) + "\n", encoding="utf-8")
        self._depth += 1

    def _let_go(self) -> None:
        self._depth -= 1
        if not self._depth:
            with contextlib.suppress(OSError):
                (self._folder / WRITER_FILE).unlink()
            self._file.release()

    def _busy(self) -> IndexBusy:
        who = "another process"
        with contextlib.suppress(OSError, ValueError, TypeError):
            writer = Writer(**json.loads((self._folder / WRITER_FILE).read_text(encoding="utf-8")))
            who = f"another process ({writer.pid}, since {writer.since})"
        return IndexBusy(f"{who} is writing to {self._folder}", "Wait until it has finished, then try again")
