"""The file of a catalog as SQLite sees it, and whether its tables are those of this format."""

from __future__ import annotations

import sqlite3
from typing import Any

from rag.errors import IndexDamaged
from rag.store import schema
from rag.store.audit import SALVAGED, Fault
from rag.store.catalog import Catalog

_FAULTS_OF_SQLITE = 20


def structure(catalog: Catalog) -> list[Fault]:
    """What SQLite finds wrong with the file and its tables. An empty list: every row can be read, and every index agrees with its table."""
    try:
        found = [str(row[0]) for row in catalog.query(f"PRAGMA integrity_check({_FAULTS_OF_SQLITE})")]
        faults = [Fault("catalog", one, SALVAGED) for one in found if one != "ok"]
        if not faults and not has_our_tables(catalog):
            faults.append(Fault("catalog", "its tables are not those of this format", SALVAGED))
    except IndexDamaged as error:
        faults = [Fault("catalog", error.message, SALVAGED)]
    return faults


def has_our_tables(catalog: Catalog) -> bool:
    """Whether the tables and their indexes are those of this format, and nothing else is there."""
    try:
        return _tables(catalog) == _expected()
    except IndexDamaged:
        return False


def _tables(catalog: Catalog) -> set[tuple[str, ...]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"
    return {_plain(row) for row in catalog.query(query)}


def _expected() -> set[tuple[str, ...]]:
    db = sqlite3.connect(":memory:")
    try:
        for statement in schema.statements():
            db.execute(statement)
        return {_plain(row) for row in db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")}
    finally:
        db.close()


def _plain(row: tuple[Any, ...]) -> tuple[str, ...]:
    """A row of the schema without the comments in it."""
    kind, name, table, sql = row
    lines = (line.partition("--")[0] for line in str(sql).splitlines())
    return str(kind), str(name), str(table), " ".join(" ".join(lines).split())
