"""Verifying an index: every digest, every offset, every vector against its row; nothing is written, and nothing caught up."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rag.errors import IndexDamaged, IndexTooNew
from rag.store import audit, checks, migrate, opening, pages, tables
from rag.store.audit import Audit, Counted, Fault, Looked
from rag.store.catalog import Catalog
from rag.store.dense import DenseIndex
from rag.store.derived import DENSE_FOLDER, TERMS_FOLDER
from rag.store.lexical import LexicalIndex
from rag.store.lock import WriterLock
from rag.store.manifest import Manifest
from rag.store.opening import CATALOG_FILE
from rag.store.schema import FORMAT

__all__ = ["Fault", "Verified", "verify"]

Progress = Callable[[str, int, int], None]
_EVERY = 256
LOCK_SECONDS = 10.0


class Verified(NamedTuple):
    """What was looked at, and what is wrong. `unknown` are files in the index's folder that are none of its own: they are left alone."""

    articles: int
    passages: int
    vectors: int
    faults: tuple[Fault, ...]
    unknown: tuple[str, ...] = ()


class Told(NamedTuple):
    """What a catalog says of itself: its manifest, or that of `manifest.json` where it has none that can be read; and what is wrong with it."""

    manifest: Manifest | None
    faults: list[Fault]
    old: int | None = None


def verify(
    folder: Path,
    *,
    progress: Progress = lambda _what, _done, _all: None,
    lock_seconds: float = LOCK_SECONDS,
) -> Verified:
    """Checks the index in a folder.

    Writers wait while the files are looked at, and go on while the rows are.

    Args:
        folder: where it is.
        progress: told what is looked at, how many of how many.
        lock_seconds: how long to wait for a writer.

    Raises:
        IndexMissing: there is none.
        IndexDamaged: it has no catalog, or cannot be read at all.
        IndexTooNew: a newer version of this package wrote it.
        IndexBusy: a writer did not finish in time.
    """
    return _Verifying(folder, progress).run(lock_seconds)


def broken(folder: Path) -> list[Fault]:
    """What is wrong with the file of the catalog before SQLite reads it: its first bytes, and the log beside it."""
    found = [
        Fault("catalog", f"the file {what}", audit.SALVAGED) for what in pages.header_faults(folder / CATALOG_FILE)
    ]
    if not found and pages.Pages(folder / CATALOG_FILE).log_is_damaged:
        found.append(Fault("catalog", "its log is damaged: what was written last would be lost", audit.SALVAGED))
    return found


def told(folder: Path, catalog: Catalog, *, sound: bool) -> Told:
    """The manifest of a catalog.

    Args:
        folder: the index.
        catalog: its catalog.
        sound: whether the tables are known to be those of this format.

    Raises:
        IndexTooNew: a newer version of this package wrote it.
    """
    beside = checks.manifest_file(folder)
    remedy = "repair writes it anew" if beside else "restore manifest.json, which names the model; then repair"
    unreadable = Fault("manifest", "the catalog's manifest cannot be read", remedy)
    try:
        written = catalog.manifest_json() or ""
        number = json.loads(written)["format"]
        if isinstance(number, int) and number < FORMAT and not sound:
            return Told(None, [Fault("catalog", f"it has format {number}", f"{audit.MIGRATED} to {FORMAT}")], number)
        manifest = migrate.read_manifest(folder, written)
    except IndexTooNew:
        if not (sound and beside and beside.format == FORMAT):
            raise
        return Told(beside, [unreadable])
    except (IndexDamaged, ValueError, KeyError, TypeError):
        return Told(beside, [unreadable])
    if manifest.format != FORMAT:
        return Told(beside, [unreadable])
    return Told(manifest, [])


class _Verifying:
    """One run of verifying."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder = folder
        self._progress = progress
        self._faults: list[Fault] = []
        self._dense: DenseIndex | None = None
        self._lexical: LexicalIndex | None = None
        self._unknown: list[str] = []
        self._seen = Verified(0, 0, 0, ())

    def run(self, lock_seconds: float) -> Verified:
        path = opening.found(self._folder)
        with contextlib.ExitStack() as open_files:
            with _nobody_writes(self._folder, lock_seconds):
                self._faults += broken(self._folder)
                if self._faults:
                    return self._verified()  # SQLite would not read it, or not all of it
                try:
                    catalog = open_files.enter_context(contextlib.closing(Catalog(path, writable=False)))
                    manifest = self._begun(catalog)
                except IndexDamaged as error:
                    self._faults.append(Fault("catalog", error.message, audit.SALVAGED))
                    return self._verified()
            if manifest is not None:
                self._rows(catalog, manifest)
        return self._verified()

    def _verified(self) -> Verified:
        return self._seen._replace(faults=tuple(self._faults), unknown=tuple(self._unknown))

    def _begun(self, catalog: Catalog) -> Manifest | None:
        """Looks at what a writer would change under our eyes, and holds on to the catalog as it is now."""
        next(catalog.query("BEGIN"), None)
        ours = tables.has_our_tables(catalog)
        about = told(self._folder, catalog, sound=ours)
        self._faults += about.faults
        if about.old is not None or about.manifest is None:
            return None
        manifest = about.manifest
        if not about.faults and (latest := audit.last_generation(catalog)) > manifest.generation:
            what = f"it is said to be of generation {manifest.generation}, and has rows of {latest}"
            self._faults.append(Fault("manifest", what, audit.SET_RIGHT))
        catalog.understand(manifest)
        self._derived(manifest)
        return manifest

    def _derived(self, manifest: Manifest) -> None:
        self._progress("files", 0, 1)
        dense = DenseIndex(self._folder / DENSE_FOLDER, manifest.model.dimension, manifest.vectors)
        found = checks.dense_faults(dense, manifest)
        self._dense = None if found else dense
        of_words = checks.lexical_faults(self._folder / TERMS_FOLDER)
        if not of_words:
            lexical = LexicalIndex(self._folder / TERMS_FOLDER)
            of_words = checks.lexical_lag(lexical, manifest)
            self._lexical = None if of_words else lexical
        self._faults += [*found, *of_words, *checks.manifest_faults(self._folder, manifest, self._dense)]
        left, unknown = checks.left_over(self._folder, [one.info.file for one in dense.segments])
        for path in left:
            name = path.relative_to(self._folder).as_posix()
            self._faults.append(Fault("file", f"{name} is left over", checks.TAKEN_AWAY))
        self._unknown = [path.relative_to(self._folder).as_posix() for path in unknown]

    def _rows(self, catalog: Catalog, manifest: Manifest) -> None:
        self._progress("tables", 0, 1)
        structure = tables.structure(catalog)
        self._faults += structure
        compared = checks.Compared(self._dense, manifest) if self._dense else None
        counted, ranges = Counted(), []
        try:
            for looked in self._articles(catalog, manifest):
                self._faults += looked.faults
                if compared is not None:
                    compared.add(looked.keys, looked.vectors)
                ranges.append((looked.first, looked.passages))
                if looked.article is not None:
                    counted.add(looked)
                    self._count(looked)
            if structure:
                return
            self._faults += audit.relations(catalog, np.array(ranges, np.int64).reshape(-1, 2))
        except IndexDamaged as error:
            if not structure:
                self._faults.append(Fault("catalog", error.message, audit.SALVAGED))
            return
        self._sums(catalog, manifest, counted)
        if compared is not None:
            self._faults += compared.faults()
        if self._lexical is not None:
            keys = np.fromiter((row[0] for row in catalog.query("SELECT key FROM passages ORDER BY key")), np.int64)
            self._faults += checks.lexical_keys(self._lexical, keys)

    def _articles(self, catalog: Catalog, manifest: Manifest) -> Iterator[Looked]:
        looking = Audit(catalog, manifest)
        keys = looking.keys()
        for number, key in enumerate(keys):
            if not number % _EVERY:
                self._progress("articles", number, len(keys))
            yield looking.look(key)

    def _count(self, looked: Looked) -> None:
        seen = self._seen
        self._seen = seen._replace(
            articles=seen.articles + 1,
            passages=seen.passages + looked.passages,
            vectors=seen.vectors + len(looked.keys),
        )

    def _sums(self, catalog: Catalog, manifest: Manifest, counted: Counted) -> None:
        """Whether the manifest counts what is there. Where an article is not whole, that has been said."""
        if any(fault.part in ("article", "passage") for fault in self._faults):
            return
        right = counted.of(manifest)
        if right != manifest:
            names = [name for name in Manifest.model_fields if getattr(right, name) != getattr(manifest, name)]
            what = f"the catalog's manifest says something else of {', '.join(names)} than its articles do"
            self._faults.append(Fault("manifest", what, audit.SET_RIGHT))
        stored = next(catalog.query("SELECT contents FROM manifest"), None)
        if stored is not None and stored[0] != counted.contents.state:
            self._faults.append(
                Fault("manifest", "the sum behind the digest is not that of the articles", audit.SET_RIGHT)
            )


@contextlib.contextmanager
def _nobody_writes(folder: Path, seconds: float) -> Iterator[None]:
    """Holds the writer's lock; where the folder cannot be written, nobody does."""
    held = WriterLock(folder, seconds).held()
    try:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(str(folder))
        held.__enter__()
    except OSError:
        yield
        return
    try:
        yield
    finally:
        held.__exit__(None, None, None)
