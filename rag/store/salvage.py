"""A new catalog from one that SQLite no longer reads whole: every row that passes its check, wherever in the file it is found."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rag.store import rows, schema
from rag.store.catalog import Catalog
from rag.store.manifest import Manifest
from rag.store.opening import CATALOG_FILE
from rag.store.pages import Pages, Row

SALVAGED_FILE = "catalog.salvaged.tmp"
_TABLES = ("articles", "passages", "vectors", "sentence_vectors", "removed", "locations")
_ARTICLE, _PASSAGE, _LOCATION, _SCHEMA, _TWO = 11, 8, 3, 5, 2
_DIGEST_CHARS = 64


class Lost(NamedTuple):
    """An article that is not whole any more, as far as it is known: its id, and where it stood."""

    article_id: str | None
    locations: tuple[str, ...]


class Salvaged(NamedTuple):
    """How many articles were found, and which were there and are not whole."""

    articles: int
    lost: tuple[Lost, ...]


class Salvage:
    """The rows of a broken catalog, sorted by table.

    Rows are read from the pages that their table leads to, and those of articles, passages, removals and locations also from pages to which nothing
    leads any more: their form and their checks tell what they are. What had been removed stays so.

    Args:
        path: the catalog; its log is beside it.
    """

    def __init__(self, path: Path) -> None:
        self._pages = Pages(path)
        self._roots = self._read_roots()
        self._led_to: set[int] = set()
        self._leaves = {name: self._of_table(name) for name in (*_TABLES, "manifest", "sqlite_sequence")}
        strays = set(range(2, self._pages.count + 1)) - self._led_to - self._pages.free()
        self._strays = [number for number in sorted(strays) if self._pages.is_leaf(number)]
        self._ids: dict[int, str] = {}
        self._stood: dict[int, list[str]] = {}

    def manifests(self) -> list[str]:
        """What rows of the manifest say, as JSON."""
        found = [row for leaf in self._leaves["manifest"] for row in self._pages.rows(leaf)]
        found += self._stray_rows()
        return [columns[1] for _, columns in found if len(columns) == 3 and _is_object(columns[1])]  # noqa: PLR2004

    def settle(self) -> None:
        """Writes what the log has committed into the catalog itself, as SQLite does when it is done with a log."""
        self._pages.settle()

    def write(self, target: Path, manifest: Manifest) -> Salvaged:
        """Writes a new catalog, with keys as they were; durable when this returns.

        Passages or vectors that are not whole are missing in it, counts and digest are those of the manifest.

        Raises:
            IndexDamaged: it cannot be written.
            NoSpace: the disk is full.
        """
        for name in (target.name, f"{target.name}-wal", f"{target.name}-shm"):
            target.with_name(name).unlink(missing_ok=True)
        catalog = Catalog(target)
        catalog.create(manifest)
        with catalog.transaction() as db:
            self._fill(db, manifest)
            count = db.execute("SELECT count(*) FROM articles").fetchone()[0]
            lost = self._named(db)
        catalog.close()
        with target.open("rb+") as file:
            os.fsync(file.fileno())
        return Salvaged(count, tuple(lost))

    def _named(self, db: sqlite3.Connection) -> list[Lost]:
        """The articles that rows tell of and that are not there."""
        loose = "SELECT article, min(id) FROM passages WHERE article NOT IN (SELECT key FROM articles) GROUP BY article"
        ids = {key: passage_id.rpartition("#")[0] for key, passage_id in db.execute(loose)} | self._ids
        there = {row[0] for row in db.execute("SELECT id FROM articles")} if ids else set()
        keys = {key for key in ids if ids[key] not in there} | set(self._stood)
        return [Lost(ids.get(key), tuple(sorted(self._stood.get(key, [])))) for key in sorted(keys)]

    def _fill(self, db: sqlite3.Connection, manifest: Manifest) -> None:
        dtype, dimension = ("<f4" if manifest.vectors == "float32" else "<f2"), manifest.model.dimension
        for key, columns in self._rows("removed"):
            if len(columns) == _TWO and _is_number(columns[1]):
                db.execute("INSERT OR IGNORE INTO removed VALUES (?, ?)", [key, min(columns[1], manifest.generation)])
        self._put_articles(db)
        for key, columns in self._rows("passages"):
            if _is_passage(columns):
                kept = [key, *columns[1:7], min(columns[7], manifest.generation)]
                db.execute("INSERT OR IGNORE INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", kept)
        self._put_vectors(db, "vectors", dtype, dimension)
        self._put_vectors(db, "sentence_vectors", "<f2", dimension)
        for _, columns in self._rows("locations"):
            if _is_location(columns):
                self._put_location(db, *columns)
        for _, columns in self._rows("sqlite_sequence"):
            if len(columns) == _TWO and columns[0] in ("articles", "passages") and _is_number(columns[1]):
                db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", [columns[1], columns[0]])

    def _put_vectors(self, db: sqlite3.Connection, table: str, dtype: str, dimension: int) -> None:
        query = f"INSERT OR IGNORE INTO {table} SELECT ?, ? WHERE EXISTS (SELECT 1 FROM passages WHERE key = ?)"  # noqa: S608
        for key, columns in self._rows(table):
            if len(columns) == _TWO and _is_sealed(columns[1], dtype, dimension):
                db.execute(query, [key, columns[1], key])

    def _put_location(self, db: sqlite3.Connection, location: str, key: int, fingerprint: str | None) -> None:
        if db.execute("SELECT 1 FROM articles WHERE key = ?", [key]).fetchone():
            db.execute("INSERT OR IGNORE INTO locations VALUES (?, ?, ?)", [location, key, fingerprint])
        else:
            self._stood.setdefault(key, []).append(location)

    def _put_articles(self, db: sqlite3.Connection) -> None:
        for leaf in self._leaves["articles"]:
            for key, columns in self._pages.rows(leaf):
                if len(columns) == _ARTICLE and _is_article(columns):
                    _put_article(db, key, columns)
                elif len(columns) == _ARTICLE and isinstance(columns[1], str):
                    self._ids[key] = columns[1]
        for key, columns in self._stray_rows():
            if len(columns) == _ARTICLE and _is_article(columns) and not _is_removed(db, *columns[9:]):
                _put_article(db, key, columns)

    def _rows(self, table: str) -> Iterator[Row]:
        for leaf in self._leaves[table]:
            yield from self._pages.rows(leaf)
        if table in ("passages", "removed", "locations"):
            yield from self._stray_rows()

    def _stray_rows(self) -> Iterator[Row]:
        for leaf in self._strays:
            yield from self._pages.rows(leaf)
        for page in self._pages.extra:
            yield from self._pages.rows_in(page)

    def _read_roots(self) -> dict[str, int]:
        """The first page of each table: as the file says, or as a new one has it, where what it says cannot be read."""
        roots = dict(_new_roots(self._pages.size))
        for leaf in self._pages.tree(1).leaves:
            for _, columns in self._pages.rows(leaf):
                if len(columns) == _SCHEMA and columns[0] == "table" and _is_number(columns[3]):
                    roots[str(columns[1])] = columns[3]
        return roots

    def _of_table(self, name: str) -> list[int]:
        leaves = self._pages.tree(self._roots.get(name, 0)).leaves
        mine = [leaf for leaf in leaves if leaf not in self._led_to]
        self._led_to |= set(mine)
        return mine


def _put_article(db: sqlite3.Connection, key: int, columns: Sequence[Any]) -> None:
    article_id = json.loads(columns[5])["id"]
    db.execute("DELETE FROM articles WHERE id = ? AND key < ?", [article_id, key])
    kept = [key, article_id, *columns[2:]]
    db.execute("INSERT OR IGNORE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", kept)


def _is_removed(db: sqlite3.Connection, first: int, count: int) -> bool:
    query = "SELECT 1 FROM removed WHERE key >= ? AND key < ?"
    return db.execute(query, [first, first + count]).fetchone() is not None


def _new_roots(page_size: int) -> dict[str, int]:
    db = sqlite3.connect(":memory:")
    try:
        db.execute(f"PRAGMA page_size = {page_size}")
        for statement in schema.statements():
            db.execute(statement)
        return dict(db.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'"))
    finally:
        db.close()


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < 2**60


def _is_object(value: Any) -> bool:
    with contextlib.suppress(TypeError, ValueError):
        return isinstance(json.loads(value), dict)
    return False


def _is_article(columns: Sequence[Any]) -> bool:
    _, article_id, digest, sha256, text, record, source, *days, first, count = columns
    strings = (article_id, digest, sha256, text, record)
    if not all(isinstance(value, str) for value in strings) or not (source is None or isinstance(source, str)):
        return False
    if not all(_is_number(value) for value in (first, count)) or not all(
        day is None or _is_number(day) for day in days
    ):
        return False
    with contextlib.suppress(rows.Corrupt):
        rows.article_of(record, text, sha256)
        return True
    return False


def _is_passage(columns: Sequence[Any]) -> bool:
    if len(columns) != _PASSAGE:
        return False
    _, article, passage_id, start, end, sentences, crc, generation = columns
    numbers = all(_is_number(value) for value in (article, start, end, crc, generation))
    strings = isinstance(passage_id, str) and isinstance(sentences, str)
    return numbers and strings and rows.passage_crc(passage_id, start, end, sentences) == crc


def _is_sealed(value: Any, dtype: str, dimension: int) -> bool:
    with contextlib.suppress(rows.Corrupt):
        return isinstance(value, bytes) and bool(len(rows.unsealed(value, dtype, dimension)))
    return False


def _is_location(columns: Sequence[Any]) -> bool:
    if len(columns) != _LOCATION:
        return False
    location, article, fingerprint = columns
    sound = fingerprint is None or (isinstance(fingerprint, str) and len(fingerprint) == _DIGEST_CHARS)
    return isinstance(location, str) and _is_number(article) and sound


def put_in_place(new: Path, folder: Path, *, keep: bool) -> str | None:
    """Makes a complete catalog the one of a folder, in one step; whoever holds the writer's lock calls it.

    What the log of the old one holds has been taken into the new one, or into the old one, before.

    Args:
        new: the new catalog, durable, with no log of its own.
        folder: the index.
        keep: keep the old one beside it.

    Returns:
        The name under which the old one is kept.

    Raises:
        OSError: it cannot be done; the old one is in place.
    """
    old = folder / CATALOG_FILE
    log = folder / f"{CATALOG_FILE}-wal"
    name = None
    if keep:
        number = 1
        while (folder / f"catalog.broken-{number}.sqlite").exists():
            number += 1
        name = f"catalog.broken-{number}.sqlite"
        for path, kept in ((log, folder / f"{name}-wal"), (old, folder / name)):
            if path.exists() and path.stat().st_size:
                _copied(path, kept)
        synced(folder)
    for path in (log, folder / f"{CATALOG_FILE}-shm"):  # of the old one: SQLite would lay them over the new one
        path.unlink(missing_ok=True)
    new.replace(old)
    synced(folder)
    return name


def _copied(path: Path, kept: Path) -> None:
    try:
        os.link(path, kept)
    except OSError:  # a file system without links
        shutil.copyfile(path, kept)
        with kept.open("rb+") as file:
            os.fsync(file.fileno())


def synced(folder: Path) -> None:
    """Makes what was renamed in a folder durable.

    Raises:
        OSError: it cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
