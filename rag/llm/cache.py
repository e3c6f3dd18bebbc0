"""Replies kept on disk, so that a question asked again costs nothing."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast, get_args

from rag.llm.base import Limits, Message, Stop, Usage

_T = TypeVar("_T")

_VERSION = 1
_SCHEMA = """
CREATE TABLE replies (
    key TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    stop TEXT NOT NULL,
    requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost REAL,
    bytes INTEGER NOT NULL,        -- of the text, in UTF-8
    used INTEGER NOT NULL          -- grows with every use: the least is what was not used for longest
);
CREATE INDEX replies_by_use ON replies (used, bytes);
"""
_BUSY_SECONDS = 5.0
_OWNER_ONLY = 0o600
_NEXT = "(SELECT coalesce(max(used), 0) + 1 FROM replies)"


@dataclass(frozen=True)
class Kept:
    """A reply that was kept: its whole text, why it ended, and what it took when it was written."""

    text: str
    stop: Stop
    usage: Usage


class ReplyCache:
    """Replies of language models in one SQLite file, for several threads and processes at once.

    It never fails a question. A damaged file is set aside and a new one begun; where the file cannot be read or written, nothing is kept from then
    on; either is told once, in a line. Only the file's owner may read it: replies tell what was asked.
    """

    def __init__(self, path: Path, max_bytes: int, notice: Callable[[str], None] = lambda _: None) -> None:
        """Opens the file when it is first needed.

        Args:
            path: the file; folders that are missing are made.
            max_bytes: of the replies' texts in UTF-8, together; above it those that were not used for longest go. 0 keeps nothing.
            notice: told in a line when replies cannot be kept.
        """
        self._path = path
        self._max_bytes = max_bytes
        self._notice = notice
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._off = max_bytes <= 0

    def get(self, key: str) -> Kept | None:
        """The reply of a key of `key_of`, or None."""
        return self._do(lambda db: _read(db, key))

    def put(self, key: str, text: str, stop: Stop, usage: Usage) -> None:
        """Keeps a reply. The caller puts only replies that came to their end and are worth showing again: none that broke off."""
        try:
            size = len(text.encode())
        except UnicodeEncodeError:  # half a character, which a model can write and a file of text cannot hold
            return
        if size > self._max_bytes:
            return
        row = (key, text, stop, usage.requests, usage.input_tokens, usage.output_tokens, usage.cost, size)
        self._do(lambda db: _write(db, row, self._max_bytes))

    def close(self) -> None:
        """Lets go of the file; nothing is kept afterwards. Closing twice does no harm."""
        with self._lock:
            self._off = True
            self._disconnect()

    def _do(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """What the work gives; None where nothing is kept, or where the file failed, which is dealt with."""
        with self._lock:
            if self._off:
                return None
            try:
                return work(self._connected())
            except (sqlite3.Error, OSError) as error:
                self._disconnect()
                if _is_damage(error):
                    self._set_aside()
                else:
                    self._turn_off(error)
                return None

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(
                os.open(self._path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
            )  # its journals take over these permissions
            if self._path.stat().st_mode & 0o777 != _OWNER_ONLY:
                self._path.chmod(_OWNER_ONLY)
            self._db = _opened(self._path)
        return self._db

    def _disconnect(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _set_aside(self) -> None:
        """Moves a damaged file away, unless another process has done so meanwhile."""
        aside = self._path.with_name(f"{self._path.name}.damaged")
        try:
            with _alone(self._path):
                if _is_sound(self._path):
                    return
                for journal in ("-wal", "-shm"):  # first: a new file must never meet the old one's journal
                    self._path.with_name(self._path.name + journal).unlink(missing_ok=True)
                self._path.replace(aside)
        except OSError as error:  # a time-out of the lock is one too
            self._turn_off(error)
        else:
            self._notice(f"note: the kept replies were damaged; they are set aside as {aside}, and new ones are kept")

    def _turn_off(self, error: Exception) -> None:
        self._off = True
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self._notice(f"note: replies are not kept: {self._path}: {reason.lower()}")


def key_of(
    question: str, index_digest: str, model: str, prompt_digest: str, messages: Sequence[Message], limits: Limits
) -> str:
    """The key under which a reply is kept: a SHA-256, in hexadecimal, of everything that the reply depends on.

    Of the limits, those of the reply count, and those of the connection do not: how long to wait and how often to try changes no reply that came.
    """
    parts = {
        "version": _VERSION,
        "question": question,
        "index": index_digest,
        "model": model,
        "prompt": prompt_digest,
        "messages": [[message.role, message.text] for message in messages],
        "limits": limits.model_dump(exclude={"timeout", "retries"}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if not _is_laid(db):
            with _alone(path):  # several that begin at once
                if not _is_laid(db):
                    _lay(db)
        db.execute("PRAGMA synchronous = NORMAL")  # losing the last replies to a power cut does no harm
    except BaseException:
        db.close()
        raise
    return db


def _is_laid(db: sqlite3.Connection) -> bool:
    """Whether the table is there.

    Raises:
        sqlite3.DatabaseError: the file is damaged, or another version's.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise sqlite3.DatabaseError("not a file of this version")
    return bool(version)


def _lay(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA auto_vacuum = FULL")  # the file shrinks with what it holds; only a new file takes this
    db.execute("PRAGMA journal_mode = WAL")  # stays with the file; readers go on while another writes
    with _transaction(db):
        for statement in _SCHEMA.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {_VERSION}")


def _alone(path: Path) -> AbstractContextManager[object]:
    """No other process makes or moves the file meanwhile."""
    import filelock

    return filelock.FileLock(path.with_name(f"{path.name}.lock"), timeout=_BUSY_SECONDS)


def _read(db: sqlite3.Connection, key: str) -> Kept | None:
    columns = "text, stop, requests, input_tokens, output_tokens, cost"
    row = db.execute(f"SELECT {columns} FROM replies WHERE key = ?", (key,)).fetchone()  # noqa: S608 - no text from outside
    if row is None:
        return None
    text, stop, requests, input_tokens, output_tokens, cost = row
    if stop not in get_args(Stop):
        return None
    db.execute(f"UPDATE replies SET used = {_NEXT} WHERE key = ?", (key,))  # noqa: S608 - no text from outside
    return Kept(text, cast("Stop", stop), Usage(requests, input_tokens, output_tokens, cost))


def _write(db: sqlite3.Connection, row: tuple[object, ...], max_bytes: int) -> None:
    with _transaction(db):
        db.execute(f"INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?, {_NEXT})", row)  # noqa: S608 - no text from outside
        excess = db.execute("SELECT sum(bytes) FROM replies").fetchone()[0] - max_bytes
        gone: list[tuple[int]] = []
        for number, size in db.execute("SELECT rowid, bytes FROM replies ORDER BY used"):
            if excess <= 0:
                break
            gone.append((number,))
            excess -= size
        db.executemany("DELETE FROM replies WHERE rowid = ?", gone)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """What happens inside is written whole or not at all. It begins as a writer, so that it waits for others and never deadlocks."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):  # some errors have ended the transaction already
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _is_damage(error: Exception) -> bool:
    """Whether the file's content is at fault, and not its place, its permissions or the disk."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as db:
            _is_laid(db)
            return bool(db.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False
