"""An index that arrives from elsewhere: kept apart until it is checked and complete, then put in its place in one step."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from rag.errors import BadInput, IndexBusy, IndexDamaged, RagError
from rag.store import checks, migrate, opening, salvage
from rag.store.catalog import Catalog
from rag.store.dense import STATE_FILE
from rag.store.derived import DENSE_FOLDER, TERMS_FOLDER
from rag.store.embedded import EmbeddedStore
from rag.store.lock import WriterLock
from rag.store.manifest import Manifest
from rag.store.opening import CATALOG_FILE, MANIFEST_FILE
from rag.store.pages import Pages
from rag.store.schema import FORMAT
from rag.store.verify import LOCK_SECONDS, Progress, verify

_TABLES = {"manifest", "articles", "passages", "vectors", "sentence_vectors", "removed", "locations", "sqlite_sequence"}
_PLAIN = re.compile(r"CREATE (TABLE|(UNIQUE )?INDEX)\b")
_LIVE_FILE = ".importing"


def check_target(folder: Path, *, force: bool) -> None:
    """Raises what speaks against an index in a folder.

    Raises:
        BadInput: there is one already.
        IndexDamaged: the folder cannot be written.
    """
    if EmbeddedStore.exists(folder) and not force:
        raise BadInput(
            f"there is an index in {folder} already",
            "Name another --index, or replace the one that is there with --force",
        )
    if folder.exists() or folder.is_symlink():
        opening.made(folder)


@contextlib.contextmanager
def arriving(folder: Path) -> Iterator[Path]:
    """A new folder beside another, gone at the end of the block. What a killed import left there is taken away first."""
    import filelock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for old in folder.parent.glob(f"{_plain(folder.name)}.import-????????"):
            _take_away(old)
        work = folder.with_name(f"{folder.name}.import-{os.urandom(4).hex()}")
        work.mkdir()
    except OSError as error:
        raise opening.unusable(folder.parent, error) from error
    try:
        with filelock.FileLock(work / _LIVE_FILE):  # so that another import sees that this one lives
            yield work
    except OSError as error:
        raise opening.unusable(folder.parent, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _plain(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _take_away(old: Path) -> None:
    import filelock

    with contextlib.suppress(filelock.Timeout):
        with filelock.FileLock(old / _LIVE_FILE, timeout=0):
            pass
        shutil.rmtree(old, ignore_errors=True)


def checked(work: Path, folder: Path, digest: str, progress: Progress, notice: Callable[[str], None]) -> Manifest:
    """Brings a catalog that came in to this format, builds the derived indexes beside it, and checks all of it.

    Args:
        work: where it is.
        folder: where it will be. Its generation becomes a later one than that of the index there, which others may have open.
        digest: of the contents, as it was said to be.
        progress: told what is done, how many of how many.
        notice: told in a line when something takes long.

    Raises:
        IndexDamaged: it is not sound.
        IndexTooNew: a newer version of this package wrote it.
    """
    path = work / CATALOG_FILE
    written = _read_apart(path)
    if migrate.format_of(work, written) == FORMAT and migrate.read_manifest(work, written).digest != digest:
        raise IndexDamaged("the catalog in it has another digest than the export says")
    (work / MANIFEST_FILE).unlink()  # written anew, once the catalog is known to be right
    progress("building", 0, 1)
    _later(path, _generation(folder))
    with contextlib.closing(EmbeddedStore.open(work, notice=notice)) as store:
        store.sync()
        manifest = store.manifest
    if faults := verify(work, progress=progress).faults:
        raise IndexDamaged(f"{faults[0].article_id or faults[0].part}: {faults[0].what}")
    return manifest


def _read_apart(path: Path) -> str:
    """The manifest of a catalog of which nothing is known: whatever but tables and their indexes is in it, is not looked at but refused."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA cell_size_check = ON")
            tables = db.execute("SELECT tbl_name, coalesce(sql, 'CREATE INDEX') FROM sqlite_master").fetchall()
            if any(table not in _TABLES or not _PLAIN.match(sql) for table, sql in tables):
                raise IndexDamaged("the catalog in it holds something else than an index")
            written = db.execute("SELECT json FROM manifest").fetchone()
            db.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise IndexDamaged(f"the catalog in it cannot be read: {error}") from error
    return str(written[0]) if written else ""


def _later(path: Path, than: int) -> None:
    """Gives a catalog a later generation than another has: to whoever has that open, one number must not mean two things."""
    with contextlib.closing(Catalog(path)) as catalog:
        written = json.loads(catalog.manifest_json() or "")
        if written["generation"] <= than:
            written["generation"] = than + 1
            with catalog.transaction() as db:
                db.execute("UPDATE manifest SET json = ?", [json.dumps(written)])


def _generation(folder: Path) -> int:
    """The latest generation that the index in a folder is known to have; -1 where there is none."""
    found = [-1]
    if (written := checks.manifest_file(folder)) is not None:
        found.append(written.generation)
    with (
        contextlib.suppress(RagError, ValueError, KeyError, TypeError),
        contextlib.closing(Catalog(opening.found(folder), writable=False)) as catalog,
    ):
        found.append(int(json.loads(catalog.manifest_json() or "")["generation"]))
    return max(found)


def settle(work: Path, folder: Path) -> None:
    """Puts a complete index in its place. At every moment there is the old one or the new one; files that are none of an index stay.

    Raises:
        IndexBusy: another process writes to the old one, or reads in it for too long.
        OSError: it cannot be done; the old one is in place.
    """
    if not folder.exists():
        (work / _LIVE_FILE).unlink()
        work.rename(folder)
        salvage.synced(folder.parent)
        return
    with WriterLock(folder, LOCK_SECONDS).held():
        if (folder / CATALOG_FILE).exists():
            _finish_log(folder)
        (folder / DENSE_FOLDER / STATE_FILE).unlink(missing_ok=True)
        for name in (DENSE_FOLDER, TERMS_FOLDER):  # of the old catalog, which builds them again should this be the end
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        salvage.put_in_place(work / CATALOG_FILE, folder, keep=False)
        for name in (DENSE_FOLDER, TERMS_FOLDER, MANIFEST_FILE):
            (work / name).replace(folder / name)
        salvage.synced(folder)


def _finish_log(folder: Path) -> None:
    """Writes what the log of a catalog has into the catalog, so that it is complete without."""
    try:
        with contextlib.closing(sqlite3.connect(folder / CATALOG_FILE, timeout=LOCK_SECONDS)) as db:
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error:
        Pages(folder / CATALOG_FILE).settle()
        return
    if busy:
        raise IndexBusy(f"another process is reading in {folder}", "Wait until it has finished, then try again")
