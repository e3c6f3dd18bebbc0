"""Older formats of the catalog to the one that this version writes, and the manifest of any."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from rag.errors import IndexDamaged, IndexTooNew, NoSpace
from rag.store import opening, rows, schema
from rag.store.catalog import Catalog
from rag.store.digest import Contents
from rag.store.lock import WriterLock
from rag.store.manifest import Manifest
from rag.store.schema import FORMAT

_OLD = ("manifest", "articles", "passages", "removed", "locations")


def format_of(folder: Path, written: str) -> int:
    """The format of an index, from its manifest.

    Raises:
        IndexDamaged: the manifest cannot be read.
        IndexTooNew: a newer version of this package wrote it.
    """
    try:
        found = int(json.loads(written)["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder) from error
    if found > FORMAT:
        raise IndexTooNew(
            f"the index in {folder} has format {found}; this version reads up to {FORMAT}", "Upgrade the package"
        )
    return found


def read_manifest(folder: Path, written: str) -> Manifest:
    """The manifest of an index of this format.

    Raises:
        IndexDamaged: it cannot be read.
        IndexTooNew: a newer version of this package wrote it.
    """
    try:
        format_of(folder, written)
        return Manifest.model_validate_json(written)
    except ValidationError as error:
        raise _unreadable(folder) from error


def _unreadable(folder: Path) -> IndexDamaged:
    return IndexDamaged(
        f"the manifest of the index in {folder} cannot be read", "`rag repair` writes it anew from what is there"
    )


def migrate(catalog: Catalog, folder: Path, notice: Callable[[str], None]) -> None:
    """Brings a catalog of an older format to this one, in one transaction; whoever holds the writer's lock calls it.

    Raises:
        IndexDamaged: the catalog cannot be read, or cannot be written.
        NoSpace: the disk is full; the index is as it was before.
    """
    with catalog.transaction() as db:
        written = db.execute("SELECT json FROM manifest").fetchone()[0]
        if format_of(folder, written) == FORMAT:
            return  # another process was faster
        notice(f"bringing the index in {folder} to format {FORMAT}")
        try:
            _from_1(db, json.loads(written))
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise _unreadable(folder) from error
    for path in folder.glob("dense.*.faiss"):  # what format 1 kept of vectors beside the catalog
        path.unlink(missing_ok=True)


def bring_up(catalog: Catalog, folder: Path, notice: Callable[[str], None], lock_seconds: float) -> None:
    """Migrates the index in a folder, alone.

    Raises:
        IndexBusy: another process is writing.
        IndexDamaged: the catalog cannot be read, or cannot be written.
        NoSpace: the disk is full; the index is as it was before.
    """
    try:
        if not opening.is_writable(folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with WriterLock(folder, lock_seconds).held():
            migrate(catalog, folder, notice)
    except OSError as error:
        if isinstance(full := opening.unusable(folder, error), NoSpace):
            raise full from error
        reason = (error.strerror or str(error)).lower()
        raise IndexDamaged(
            f"the index in {folder} is of an older format, and cannot be brought to format {FORMAT}: {reason}",
            "Make the folder writable and run rag migrate, or copy it and do that with the copy",
        ) from error


def _from_1(db: sqlite3.Connection, record: dict[str, Any]) -> None:
    """Format 1: no checks, vectors beside the offsets, a digest over all articles in order; keys and generations stay."""
    indexes = db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for (name,) in indexes:
        db.execute(f'DROP INDEX "{name}"')
    for table in _OLD:
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in schema.statements():
        db.execute(statement)
    contents = Contents()
    articles = db.execute("SELECT key, id, digest, text, record, source, first_day, last_day FROM old_articles")
    for key, article_id, digest, text, written, *rest in articles:
        place = db.execute("SELECT min(key), count(*) FROM old_passages WHERE article = ?", [key]).fetchone()
        check = rows.article_sha256(written, text)
        db.execute(
            "INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [key, article_id, digest, check, text, written, *rest, place[0] or 0, place[1]],
        )
        contents.add(article_id, digest)
    passages = db.execute(
        "SELECT key, article, id, start, end, sentences, generation, vector, sentence_vectors FROM old_passages"
    )
    for key, article, passage_id, start, end, sentences, generation, vector, sentence_vectors in passages:
        crc = rows.passage_crc(passage_id, start, end, sentences)
        db.execute(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [key, article, passage_id, start, end, sentences, crc, generation],
        )
        for table, data, dtype in (("vectors", vector, "<f4"), ("sentence_vectors", sentence_vectors, "<f2")):
            numbers = np.frombuffer(data, dtype).astype(np.float32)
            db.execute(f"INSERT INTO {table} VALUES (?, ?)", [key, rows.sealed(numbers, dtype)])  # noqa: S608
    db.execute("INSERT INTO removed SELECT * FROM old_removed")
    db.execute("INSERT INTO locations (location, article) SELECT location, article FROM old_locations")
    manifest = Manifest.model_validate({**record, "format": FORMAT, "digest": contents.digest})
    values = [manifest.model_dump_json(exclude={"dense"}), contents.state]
    db.execute("INSERT INTO manifest (only, json, contents) VALUES (1, ?, ?)", values)
    for table in ("articles", "passages"):  # keys are never used twice, also those of what is gone
        db.execute(
            "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = ?) WHERE name = ?",
            [f"old_{table}", table],
        )
        if not db.execute("SELECT 1 FROM sqlite_sequence WHERE name = ?", [table]).fetchone():
            db.execute(
                "INSERT INTO sqlite_sequence SELECT ?, seq FROM sqlite_sequence WHERE name = ?", [table, f"old_{table}"]
            )
    for table in ("locations", "passages", "articles", "removed", "manifest"):
        db.execute(f"DROP TABLE old_{table}")
