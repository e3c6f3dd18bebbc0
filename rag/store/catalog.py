"""The catalog: articles, passages and vectors in SQLite. It is the truth; all else is derived from it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ArticleMissing, IndexDamaged, NoSpace
from rag.store import rows, schema
from rag.store.base import IndexedArticle, Located
from rag.store.manifest import Manifest
from rag.store.writing import Writing
from rag.types import Article, Filter, Passage

_CHUNK = 500
_CACHE_KIB = 16_000
_BUSY_SECONDS = 30.0
_SENTENCE_TYPE = "<f2"
_LARGEST_KEY = 1 << 33
"""So many passages are never added; a key that is larger is damaged, and nothing of its size is to be made."""
_UNSHARED = (sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE)
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
_REFUSED = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; where its message quotes a damaged name, it is the message that cannot be read."""


class Catalog:
    """One SQLite file, with a connection for reading and one for writing. Readers see the last committed write, or the one that is pinned.

    Args:
        path: the file.
        writable: False where the folder cannot be written.

    Raises:
        IndexDamaged: the file cannot be read.
    """

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self._path = path
        self._writable = writable
        self._write_db: sqlite3.Connection | None = None
        self._db = self._connect()
        self._dtype = "<f4"
        self._dimension = 0

    def _connect(self) -> sqlite3.Connection:
        try:
            db = self._connect_to_write() if self._writable else self._connect_read_only()
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        except _REFUSED as error:
            raise self.damaged(error) from error
        return db

    def _connect_to_write(self) -> sqlite3.Connection:
        """Connections share a file beside the catalog. Where a full disk has no room for it, this one does without, and can only read."""
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            db.close()
            if error.sqlite_errorcode not in _UNSHARED:
                raise
        else:
            return db
        with contextlib.suppress(OSError):
            self._path.with_name(f"{self._path.name}-shm").touch()
        name = f"{self._path.absolute().as_uri()}?mode=ro&readonly_shm=1"
        return sqlite3.connect(name, timeout=_BUSY_SECONDS, uri=True, isolation_level=None, check_same_thread=False)

    def _connect_read_only(self) -> sqlite3.Connection:
        """A folder that nobody writes to has no files of a writer beside the catalog, which SQLite would want to make: it is told so."""
        name = self._path.absolute().as_uri()
        for mode in ("mode=ro", "mode=ro&immutable=1"):
            db = sqlite3.connect(f"{name}?{mode}", uri=True, isolation_level=None, check_same_thread=False)
            with contextlib.suppress(sqlite3.OperationalError):
                db.execute("SELECT 1 FROM sqlite_master").fetchone()
                return db
            db.close()
        return sqlite3.connect(f"{name}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def close(self) -> None:
        """Closes the file."""
        if self._write_db is not None:
            self._write_db.close()
            self._write_db = None
        self._db.close()

    def create(self, manifest: Manifest) -> None:
        """Lays the tables, in one transaction, unless they are there."""
        if not self._one("SELECT 1 FROM sqlite_master"):
            self._one(f"PRAGMA page_size = {schema.PAGE_BYTES}")
        self._one("PRAGMA journal_mode = WAL")  # stays with the file; readers go on while a writer is at work
        with self.transaction() as db:
            if not schema.has_tables(db):
                for statement in schema.statements():
                    db.execute(statement)
                Writing(db, manifest).save_new()

    def understand(self, manifest: Manifest) -> None:
        """Takes over from the manifest how vectors are stored."""
        self._dtype = "<f4" if manifest.vectors == "float32" else "<f2"
        self._dimension = manifest.model.dimension

    @property
    def vector_type(self) -> str:
        """The type of the numbers in stored passage vectors, as NumPy names it."""
        return self._dtype

    def manifest_json(self) -> str | None:
        """The stored manifest, or None when the catalog was never laid."""
        if not self._one("SELECT 1 FROM sqlite_master WHERE name = 'manifest'"):
            return None
        row = self._one("SELECT json FROM manifest")
        return str(row[0]) if row else None

    def pin(self) -> None:
        """From here on, what is read is of one moment."""
        self._one("BEGIN")
        self._one("SELECT only FROM manifest")  # SQLite fixes the moment when it first reads

    def unpin(self) -> None:
        """From here on, what is read is the last committed write again."""
        if self._db.in_transaction:
            self._one("COMMIT")

    def write(
        self,
        manifest: Manifest,
        upserts: Sequence[IndexedArticle],
        removals: Iterable[str],
        located: Iterable[Located],
        vacated: Iterable[str],
    ) -> tuple[Manifest, list[str]]:
        """Applies a write in one transaction; the new manifest, and the ids of articles that went because nothing stands where they stood."""
        try:
            with self.transaction() as db:
                return Writing(db, manifest).apply(upserts, removals, located, vacated)
        except rows.Corrupt as error:
            raise self.damaged(f"{error} is not what was stored") from error

    def save(self, manifest: Manifest, contents: bytes) -> None:
        """Sets the manifest and the sum behind its digest right, where they do not tell what is there."""
        with self.transaction() as db:
            db.execute("UPDATE manifest SET json = ?, contents = ?", [manifest.model_dump_json(), contents])

    def article(self, article_id: str) -> Article:
        """An article, whole.

        Raises:
            ArticleMissing: no article has that id.
            IndexDamaged: its row is not what was written.
        """
        row = self._one("SELECT record, text, sha256 FROM articles WHERE id = ?", [article_id])
        if row is None:
            raise ArticleMissing(f"no article has the id {article_id}", "`rag list` shows the ids")
        return self._whole(article_id, *row)

    def articles(self, where: Filter) -> Iterator[Article]:
        """The articles that pass a filter, in the order of their ids, as of the moment of the first."""
        condition, values = _condition(where)
        query = f"SELECT id, record, text, sha256 FROM articles {condition} ORDER BY id"  # noqa: S608 - the condition is ours
        db = self._connect()  # of its own: whoever reads on may take hours, and write meanwhile
        try:
            for row in self._rows(query, values, db):
                yield self._whole(*row)
        finally:
            db.close()

    def _whole(self, article_id: str, record: str, text: str, sha256: str) -> Article:
        try:
            article = rows.article_of(record, text, sha256)
        except rows.Corrupt as error:
            raise self.damaged(f"{error} of {article_id} is not what was stored") from error
        if article.id != article_id:
            raise self.damaged(f"the id of {article_id} is not what was stored")
        return article

    def ids(self, prefix: str, limit: int) -> list[str]:
        """The first ids that begin so, in order."""
        found = self._rows(
            "SELECT id FROM articles WHERE id >= ? AND substr(id, 1, ?) = ? ORDER BY id LIMIT ?",
            [prefix, len(prefix), prefix, limit],
        )
        return [row[0] for row in found]

    def has(self, article_id: str) -> bool:
        """Whether an article has that id."""
        return self._one("SELECT 1 FROM articles WHERE id = ?", [article_id]) is not None

    def known(self, fingerprint: str) -> str | None:
        """The id of an article that was read from bytes with this fingerprint."""
        row = self._one(
            "SELECT id FROM locations JOIN articles ON articles.key = article WHERE fingerprint = ? ORDER BY location",
            [fingerprint],
        )
        return row[0] if row else None

    def at(self, location: str) -> str | None:
        """The id of the article at a location."""
        row = self._one(
            "SELECT id FROM locations JOIN articles ON articles.key = article WHERE location = ?", [location]
        )
        return row[0] if row else None

    def places(self, article_id: str) -> list[str]:
        """The locations of an article, in order."""
        query = "SELECT location FROM locations JOIN articles ON articles.key = article WHERE id = ? ORDER BY location"
        return [row[0] for row in self._rows(query, [article_id])]

    def under(self, place: str) -> dict[str, str]:
        """The article id at each location that is a file, in it, or in a folder."""
        query = (
            "SELECT location, id FROM locations JOIN articles ON articles.key = article"
            " WHERE location = ? OR (location > ? AND location < ?) OR (location > ? AND location < ?)"
        )
        folder = place.rstrip("/")
        return dict(self._rows(query, [place, f"{folder}/", f"{folder}0", f"{place}#", f"{place}$"]))

    def locations(self) -> dict[str, str]:
        """The article id at each location."""
        return dict(self._rows("SELECT location, id FROM locations JOIN articles ON articles.key = article"))

    def digests(self) -> dict[str, str]:
        """The digest of each article by its id."""
        return dict(self._rows("SELECT id, digest FROM articles"))

    def passages(self, keys: Sequence[int]) -> dict[int, Passage]:
        """The passages with these keys; a key that is gone is left out.

        Raises:
            IndexDamaged: a row is not what was written.
        """
        query = (
            "SELECT passages.key, passages.id, articles.id, start, end, sentences, crc"
            " FROM passages JOIN articles ON articles.key = article WHERE passages.key IN"
        )
        try:
            return {key: rows.passage_of(*row) for key, *row in self._by_key(query, keys)}
        except rows.Corrupt as error:
            raise self.damaged(f"{error} is not what was stored") from error

    def existing(self, keys: Sequence[int]) -> set[int]:
        """Which of these keys are those of passages."""
        return {row[0] for row in self._by_key("SELECT key FROM passages WHERE key IN", keys)}

    def vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of these passages."""
        found = self._by_key("SELECT passage, data FROM vectors WHERE passage IN", keys)
        return {key: vectors[0] for key, vectors in self._unsealed(found, self._dtype)}

    def matrix(self, keys: Sequence[int]) -> tuple[list[int], NDArray[np.float32]]:
        """Keys and vectors of those of these passages that are there: n keys, and shape (n, dimension)."""
        found = list(self._by_key("SELECT passage, data FROM vectors WHERE passage IN", keys))
        return [row[0] for row in found], self._stacked(found)

    def _stacked(self, found: Sequence[tuple[Any, ...]]) -> NDArray[np.float32]:
        try:
            return rows.stacked([row[1] for row in found], self._dtype, self._dimension)
        except rows.Corrupt as error:
            raise self.damaged(f"{error} is not what was stored") from error

    def sentence_vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The sentence vectors of these passages, shape (sentences, dimension) each."""
        found = self._by_key("SELECT passage, data FROM sentence_vectors WHERE passage IN", keys)
        return dict(self._unsealed(found, _SENTENCE_TYPE))

    def _unsealed(self, found: Iterable[tuple[Any, ...]], dtype: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
        try:
            for key, blob in found:
                yield key, rows.unsealed(blob, dtype, self._dimension)
        except rows.Corrupt as error:
            raise self.damaged(f"{error} is not what was stored") from error

    def ranges_where(self, where: Filter) -> NDArray[np.int64]:
        """Where the passages of the articles that pass a filter are: first key and number, shape (articles, 2)."""
        condition, values = _condition(where)
        return self._ranges(condition, values)

    def _ranges(self, condition: str, values: Sequence[object]) -> NDArray[np.int64]:
        query = f"SELECT first_passage, passages FROM articles {condition}"  # noqa: S608 - the condition is ours
        try:
            found = np.array(list(self._rows(query, values)), np.int64).reshape(-1, 2)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.damaged("where an article's passages are is not what was stored") from error
        end = self.last_key() + 1
        if len(found) and not 0 <= found.min() <= found.max() <= end >= found.sum(axis=1).max():
            raise self.damaged("where an article's passages are is not what was stored")
        return found

    def keys_of(self, article_ids: Collection[str]) -> list[int]:
        """The keys of the passages of these articles, in order."""
        condition = "WHERE id IN (SELECT value FROM json_each(?))"
        found = self._ranges(condition, [json.dumps(sorted(article_ids))]).tolist()
        return sorted(key for first, count in found for key in range(first, first + count))

    def all_keys(self) -> NDArray[np.int64]:
        """The keys of all passages, in order."""
        ranges = self.ranges_where(Filter())
        keys = [np.arange(first, first + count) for first, count in ranges]
        return np.sort(np.concatenate(keys)) if keys else np.empty(0, np.int64)

    def some_keys(self, n: int) -> list[int]:
        """The keys of at most n passages, evenly spread."""
        keys = self.all_keys()
        return [int(key) for key in keys[np.unique(np.linspace(0, len(keys) - 1, min(n, len(keys))).astype(np.int64))]]

    def last_key(self) -> int:
        """The highest key of a passage; 0 where there is none."""
        row = self._one("SELECT max(key) FROM passages")
        key = int(row[0] or 0) if row else 0
        if key > _LARGEST_KEY:
            raise self.damaged("the key of a passage is not what was stored")
        return key

    def texts_since(self, generation: int) -> Iterator[tuple[int, Passage, Article]]:
        """Key, passage and article of what was written after a generation, in the order of the keys."""
        keys = [
            row[0] for row in self._rows("SELECT key FROM passages WHERE generation > ? ORDER BY key", [generation])
        ]
        held: Article | None = None
        for at in range(0, len(keys), _CHUNK):
            passages = self.passages(keys[at : at + _CHUNK])
            for key in keys[at : at + _CHUNK]:
                if key not in passages:
                    raise self.damaged("the article of a passage is not what was stored")
                if held is None or held.id != passages[key].article_id:
                    held = self.article(passages[key].article_id)
                yield key, passages[key], held

    def vectors_after(self, key: int, block: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Keys and vectors of the passages with higher keys, in order, in blocks: shapes (n,) and (n, dimension)."""
        while True:
            query = "SELECT passage, data FROM vectors WHERE passage > ? ORDER BY passage LIMIT ?"
            found = list(self._rows(query, [key, block]))
            if not found:
                return
            yield np.array([row[0] for row in found], np.int64), self._stacked(found)
            key = found[-1][0]

    def removed_since(self, generation: int) -> list[int]:
        """The keys of the passages removed after a generation."""
        return [row[0] for row in self._rows("SELECT key FROM removed WHERE generation > ?", [generation])]

    def copy_to(self, path: Path) -> None:
        """Writes the catalog, as of this moment, into a file of its own, without what was removed."""
        self._one("VACUUM INTO ?", [str(path)])

    def query(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, for whoever looks at tables as they are.

        Raises:
            IndexDamaged: they cannot be read.
        """
        return self._rows(query, values)

    def _by_key(self, query: str, keys: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for at in range(0, len(keys), _CHUNK):
            chunk = [int(key) for key in keys[at : at + _CHUNK]]
            yield from self._rows(f"{query} ({','.join('?' * len(chunk))})", chunk)

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        return next(self._rows(query, values), None)

    def _rows(
        self, query: str, values: Sequence[object] = (), db: sqlite3.Connection | None = None
    ) -> Iterator[tuple[Any, ...]]:
        try:
            yield from (db or self._db).execute(query, values)
        except _REFUSED as error:
            raise self.damaged(error) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction of the writing connection: all of it, or none."""
        if self._write_db is None:
            self._write_db = self._connect()
        db = self._write_db
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                if db.in_transaction:  # a full disk ends the transaction by itself
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except _REFUSED as error:
            raise self.damaged(error) from error

    def damaged(self, error: Exception | str) -> IndexDamaged | NoSpace:
        """What is raised when the catalog does not give what was stored."""
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) in _FULL:
            return NoSpace(f"no space left for the catalog {self._path}", "Free some; the index is as it was before")
        if isinstance(error, sqlite3.OperationalError):
            remedy = "Check the folder's permissions and free space; `rag verify` tells whether anything is damaged"
        else:
            remedy = "`rag verify` lists what is damaged, `rag repair` mends what can be"
        return IndexDamaged(f"the catalog {self._path} cannot be used: {error}", remedy)


def _condition(where: Filter) -> tuple[str, list[object]]:
    """The SQL condition of a filter. A date that is only a month or a year passes if it can lie inside the bounds."""
    parts: list[str] = []
    values: list[object] = []
    if where.since:
        parts.append("last_day >= ?")
        values.append(where.since.toordinal())
    if where.until:
        parts.append("first_day <= ?")
        values.append(where.until.toordinal())
    if where.source:
        parts.append("source = ?")
        values.append(where.source.casefold())
    if where.without:
        parts.append("articles.id NOT IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(where.without)))
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values
