"""Repairing an index: what is derived is built again, what can be computed is set right, and what is lost is named."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.embed.base import ModelInfo
from rag.errors import IndexDamaged, RagError
from rag.store import audit, checks, opening, salvage
from rag.store.audit import Audit, Counted, Fault, Looked
from rag.store.base import IndexedArticle
from rag.store.catalog import Catalog
from rag.store.dense import STATE_FILE, DenseIndex
from rag.store.derived import DENSE_FOLDER, TERMS_FOLDER
from rag.store.embedded import EmbeddedStore
from rag.store.lexical import LexicalIndex
from rag.store.lock import WriterLock
from rag.store.manifest import Manifest
from rag.store.opening import CATALOG_FILE
from rag.store.salvage import SALVAGED_FILE, Lost, Salvage
from rag.store.verify import LOCK_SECONDS, Progress, Verified, told, verify
from rag.store.writing import Writing
from rag.types import Article

Again = Callable[[Article, str, Manifest], IndexedArticle]
"""Cuts and embeds an article that stands at a location, as a manifest says."""
_BATCH = 32
_TRIES = 2
"""What looks like an index that lags can be a damaged one, which shows once it has been caught up."""
_SHOWN = 5
_IDENTITY = ("model", "chunker", "vectors")
SET_ASIDE = "set-aside"


class Repaired(NamedTuple):
    """What was done, which articles are lost, and what a verification found afterwards."""

    done: tuple[str, ...]
    lost: tuple[Lost, ...]
    verified: Verified


def repair(
    folder: Path,
    *,
    again: Again | None = None,
    vouch: Callable[[ModelInfo], bool] = lambda _: True,
    progress: Progress = lambda _what, _done, _all: None,
    notice: Callable[[str], None] = lambda _: None,
    lock_seconds: float = LOCK_SECONDS,
) -> Repaired:
    """Mends the index in a folder, as far as what is there allows; nothing is deleted that cannot be made again.

    Args:
        folder: where it is.
        again: makes passages and vectors of an article whose own are damaged; None: such an article stays as it is.
        vouch: whether a model is one that is known, where the catalog and `manifest.json` name two.
        progress: told what is done, how many of how many.
        notice: told in a line when something takes long.
        lock_seconds: how long to wait for another writer.

    Raises:
        IndexMissing: there is none.
        IndexDamaged: nothing can be read of it, or it cannot be written.
        IndexTooNew: a newer version of this package wrote it.
        IndexBusy: another process is writing.
        NoSpace: the disk is full; what was there is there still.
    """
    before = verify(folder, progress=progress, lock_seconds=lock_seconds)
    if not before.faults:
        return Repaired((), (), before)
    run = _Repairing(folder, again, vouch, progress)
    after = before
    try:
        if any(fault.remedy.startswith(audit.MIGRATED) for fault in before.faults):
            EmbeddedStore.open(folder, notice=notice, lock_seconds=lock_seconds).close()
            run.done.append("brought it to the format of this version")
            after = verify(folder, progress=progress, lock_seconds=lock_seconds)
        for _ in range(_TRIES):
            if after.faults:
                with WriterLock(folder, lock_seconds).held():
                    run.mend(after.faults)
                run.derive(notice, lock_seconds)
                after = verify(folder, progress=progress, lock_seconds=lock_seconds)
    except OSError as error:
        raise opening.unusable(folder, error) from error
    return Repaired(tuple(run.done), tuple(run.lost), after)


class _Repairing:
    """One run of repairing."""

    def __init__(
        self, folder: Path, again: Again | None, vouch: Callable[[ModelInfo], bool], progress: Progress
    ) -> None:
        self._folder = folder
        self._again = again
        self._vouch = vouch
        self._progress = progress
        self._rebuilt: list[str] = []
        self.done: list[str] = []
        self.lost: list[Lost] = []

    def mend(self, faults: Sequence[Fault]) -> None:
        """The catalog, and whatever of the derived indexes must be built again; whoever holds the writer's lock calls it."""
        broken = any(fault.remedy == audit.SALVAGED for fault in faults)
        built_again = {fault.part for fault in faults if fault.remedy.startswith(checks.BUILT_AGAIN)}
        if broken:
            self._salvage()
            built_again = {"dense", "lexical"}
        with contextlib.closing(Catalog(self._folder / CATALOG_FILE)) as catalog:
            manifest = self._manifest(catalog)
            catalog.understand(manifest)
            if broken or any(fault.part in ("catalog", "article", "passage", "vector", "manifest") for fault in faults):
                self._rows(catalog, manifest)
        self._rebuilt = []
        self._forget(built_again)
        caught_up = {fault.part for fault in faults if fault.remedy == checks.CAUGHT_UP} - built_again
        self._rebuilt += [f"caught up the {part} index" for part in sorted(caught_up)]

    def _salvage(self) -> None:
        self._progress("salvaging", 0, 1)
        found = Salvage(self._folder / CATALOG_FILE)
        said = [_parsed(one) for one in found.manifests()]
        manifest = self._chosen([one for one in said if one is not None], None)
        new = self._folder / SALVAGED_FILE
        written = found.write(new, manifest)
        if not written.articles and manifest.articles:
            new.unlink()
            raise IndexDamaged(
                f"nothing can be read of the articles in {self._folder / CATALOG_FILE}",
                "Restore it from a copy or an export, or remove the folder and add again",
            )
        found.settle()
        kept = salvage.put_in_place(new, self._folder, keep=True)
        self.lost += written.lost
        self.done.append(f"wrote a new catalog of {written.articles} articles; the broken one is kept as {kept}")

    def _manifest(self, catalog: Catalog) -> Manifest:
        """The manifest from which to go on."""
        said = told(self._folder, catalog, sound=True)
        return self._chosen([] if said.faults or not said.manifest else [said.manifest], catalog)

    def _chosen(self, said: Sequence[Manifest], catalog: Catalog | None) -> Manifest:
        beside = checks.manifest_file(self._folder)
        if not said and beside is None:
            raise IndexDamaged(
                f"neither the catalog nor manifest.json in {self._folder} tells which model the index was built with",
                "Restore manifest.json, then run rag repair again",
            )
        mine = said[0] if said else beside
        if mine is None or beside is None or mine == beside:
            return mine or said[0]
        if (
            any(getattr(mine, name) != getattr(beside, name) for name in _IDENTITY)
            and self._belies(mine, catalog)
            and not self._belies(beside, catalog)
        ):
            mine = mine.model_copy(update={name: getattr(beside, name) for name in _IDENTITY})
            self.done.append(f"took the model from manifest.json: {mine.model.name}")
        latest = audit.last_generation(catalog) if catalog else mine.generation
        if mine.generation != beside.generation and latest <= beside.generation == self._of_derived(mine):
            return mine.model_copy(update={"generation": beside.generation})
        return mine.model_copy(update={"generation": max(mine.generation, latest)})

    def _belies(self, manifest: Manifest, catalog: Catalog | None) -> bool:
        """Whether vectors have another size than a manifest says, or its model is not a known one."""
        if catalog is not None:
            row = next(catalog.query("SELECT length(data) FROM vectors LIMIT 1"), None)
            width = 4 if manifest.vectors == "float32" else 2
            if row and row[0] != width * manifest.model.dimension + 4:
                return True
        return not self._vouch(manifest.model)

    def _of_derived(self, manifest: Manifest) -> int | None:
        """The generation of both derived indexes; None where they are of two."""
        dense = DenseIndex(self._folder / DENSE_FOLDER, manifest.model.dimension, manifest.vectors)
        lexical = LexicalIndex(self._folder / TERMS_FOLDER)
        return dense.generation if dense.generation == lexical.generation else None

    def _rows(self, catalog: Catalog, manifest: Manifest) -> None:
        looking, counted = Audit(catalog, manifest), Counted()
        keys = looking.keys()
        whole: list[Looked] = []
        gone: list[Looked] = []
        anew: list[Looked] = []
        ranges: list[tuple[int, int]] = []
        for number, key in enumerate(keys):
            self._progress("articles", number, len(keys))
            looked = looking.look(key)
            if looked.article is None:
                gone.append(looked)
                continue
            counted.add(looked)
            ranges.append((looked.first, looked.passages))
            if looked.columns or looked.moved:
                whole.append(looked.light())
            if looked.anew:
                anew.append(looked.light())
        with catalog.transaction() as db:
            removed = _Setting(db, manifest.generation + 1, self).set_right(gone, whole, ranges)
            right = counted.of(manifest)
            if removed or self.lost:
                right = right.model_copy(update={"generation": manifest.generation + 1})
            values = [right.model_dump_json(exclude={"dense"}), counted.contents.state]
            before = db.execute("SELECT json, contents FROM manifest").fetchone()
            if list(before or []) != values:
                db.execute("DELETE FROM manifest")
                db.execute("INSERT INTO manifest (only, json, contents) VALUES (1, ?, ?)", values)
                self.done.append("set right what the catalog's manifest says")
        if self._again is not None:
            self._make_again(catalog, right, anew, self._again)
        elif anew:
            self.done.append(f"left as they are, without a model: {_some([one.article_id for one in anew])}")

    def _make_again(self, catalog: Catalog, manifest: Manifest, anew: Sequence[Looked], again: Again) -> None:
        for at in range(0, len(anew), _BATCH):
            self._progress("embedding again", at, len(anew))
            batch = anew[at : at + _BATCH]
            made = []
            for looked in batch:
                article = catalog.article(looked.article_id)
                made.append(again(article, catalog.places(article.id)[0], manifest))
            with catalog.transaction() as db:
                for looked in batch:
                    if looked.scattered:
                        manifest = _gathered(db, manifest, looked)
                manifest, _ = Writing(db, manifest).apply(made, [], [], [])
        if anew:
            self.done.append(f"cut and embedded again: {_some([one.article_id for one in anew])}")

    def _forget(self, parts: set[audit.Part]) -> None:
        """Makes derived indexes count as not there, so that they are built again."""
        if "dense" in parts:
            (self._folder / DENSE_FOLDER / STATE_FILE).unlink(missing_ok=True)
            self._rebuilt.append("built the dense index again")
        if "lexical" in parts:
            old, terms = self._folder / checks.OLD_TERMS, self._folder / TERMS_FOLDER
            self._take_away(old)
            if terms.exists():
                terms.rename(old)
            self._rebuilt.append("built the lexical index again")

    def derive(self, notice: Callable[[str], None], lock_seconds: float) -> None:
        """Brings the derived indexes up to the catalog, and takes away what is left over."""
        self._progress("derived indexes", 0, 1)
        manifest = checks.manifest_file(self._folder)
        _, unknown = checks.left_over(self._folder, [])
        self._set_aside([path for path in unknown if path.parent != self._folder])
        try:
            store = EmbeddedStore.open(self._folder, notice=notice, lock_seconds=lock_seconds)
            with contextlib.closing(store), store.writing():
                store.sync()
                files = [one.info.file for one in store.derived.dense.segments]
                for path in checks.left_over(self._folder, files)[0]:
                    self._take_away(path)
            self.done += self._rebuilt
        except RagError as error:
            self.done.append(f"could not build what is derived: {error.message}")
        if checks.manifest_file(self._folder) != manifest:
            self.done.append("wrote manifest.json")

    def _take_away(self, path: Path) -> None:
        if path.is_dir():
            self._set_aside([one for one in path.iterdir() if not checks.is_tantivys(one.name)])
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
            self.done.append(f"took away {path.name}")

    def _set_aside(self, unknown: Sequence[Path]) -> None:
        """Moves files that this package does not know out of folders that are its own."""
        for path in unknown:
            (self._folder / SET_ASIDE).mkdir(exist_ok=True)
            target, number = self._folder / SET_ASIDE / path.name, 1
            while target.exists():
                number += 1
                target = self._folder / SET_ASIDE / f"{path.name}.{number}"
            path.rename(target)
            self.done.append(f"moved {path.name}, which is not a file of an index, into {SET_ASIDE}")


class _Setting:
    """Rows set right, in one transaction."""

    def __init__(self, db: sqlite3.Connection, generation: int, run: _Repairing) -> None:
        self._db = db
        self._generation = generation
        self._run = run

    def set_right(self, gone: Sequence[Looked], whole: Sequence[Looked], ranges: Sequence[tuple[int, int]]) -> int:
        """Takes out what is lost and what belongs to nothing, and sets columns right; how many rows went."""
        for looked in gone:
            places = self._db.execute("SELECT location FROM locations WHERE article = ?", [looked.key]).fetchall()
            self._run.lost.append(Lost(looked.article_id, tuple(sorted(str(row[0]) for row in places))))
            self._db.execute("DELETE FROM locations WHERE article = ?", [looked.key])
            self._db.execute("DELETE FROM articles WHERE key = ?", [looked.key])
        for looked in whole:
            for name, value in looked.columns.items():
                self._db.execute(f"UPDATE articles SET {name} = ? WHERE key = ?", [value, looked.key])  # noqa: S608
            for key in looked.moved:
                self._db.execute("UPDATE passages SET article = ? WHERE key = ?", [looked.key, key])
        if whole:
            self._run.done.append(f"set right the rows of {_some([looked.article_id for looked in whole])}")
        removed = self._take_out_loose(np.array(ranges, np.int64).reshape(-1, 2))
        self._set_locations()
        self._set_sequences()
        return removed + len(gone)

    def _take_out_loose(self, ranges: NDArray[np.int64]) -> int:
        spans = [np.arange(first, first + count) for first, count in ranges]
        known = np.sort(np.concatenate(spans)) if spans else np.empty(0, np.int64)
        loose = {}
        for table, column in (("vectors", "passage"), ("sentence_vectors", "passage"), ("passages", "key")):
            there = np.array([row[0] for row in self._db.execute(f"SELECT {column} FROM {table}")], np.int64)  # noqa: S608
            loose[table] = [(int(key),) for key in np.setdiff1d(there, known)]
            self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", loose[table])  # noqa: S608
        gone = [(key, self._generation) for (key,) in loose["passages"]]
        self._db.executemany("INSERT OR IGNORE INTO removed VALUES (?, ?)", gone)
        if count := sum(map(len, loose.values())):
            self._run.done.append(f"took out {count} rows of passages and vectors that belong to no article")
        return count

    def _set_locations(self) -> None:
        dangling = "SELECT location FROM locations WHERE article NOT IN (SELECT key FROM articles) ORDER BY location"
        for (location,) in self._db.execute(dangling).fetchall():
            self._run.lost.append(Lost(None, (location,)))
            self._db.execute("DELETE FROM locations WHERE location = ?", [location])
        nowhere = "SELECT key, id, record FROM articles WHERE key NOT IN (SELECT article FROM locations) ORDER BY key"
        for key, article_id, record in self._db.execute(nowhere).fetchall():
            path = json.loads(record).get("path") if article_id else None
            place = next(place for place in (path, article_id, f"{article_id}#{key}") if place and self._is_free(place))
            self._db.execute("INSERT INTO locations VALUES (?, ?, NULL)", [place, key])
            self._run.done.append(f"{article_id} stood nowhere; it now stands at {place}")

    def _is_free(self, place: str) -> bool:
        query = "SELECT 1 FROM locations WHERE location = ? OR (location > ? AND location < ?)"
        return self._db.execute(query, [place, f"{place}#", f"{place}$"]).fetchone() is None

    def _set_sequences(self) -> None:
        wrong = [
            (name, high)
            for name, high, said in audit.sequences(self._db.execute)
            if not high <= said <= audit.LARGEST_KEY
        ]
        for name, high in wrong:
            self._db.execute("DELETE FROM sqlite_sequence WHERE name = ?", [name])
            self._db.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", [name, high])
            self._run.done.append(f"set right the next key of {name}")


def _gathered(db: sqlite3.Connection, manifest: Manifest, looked: Looked) -> Manifest:
    """Takes out the passages of an article, wherever they are, so that they can be made again; the manifest then counts none of it."""
    count = db.execute("SELECT passages FROM articles WHERE key = ?", [looked.key]).fetchone()[0]
    keys = db.execute("SELECT key FROM passages WHERE article = ?", [looked.key]).fetchall()
    for table, column in (("vectors", "passage"), ("sentence_vectors", "passage"), ("passages", "key")):
        db.executemany(f"DELETE FROM {table} WHERE {column} = ?", keys)  # noqa: S608 - the names are ours
    gone = [(key, manifest.generation + 1) for (key,) in keys]
    db.executemany("INSERT OR IGNORE INTO removed VALUES (?, ?)", gone)
    db.execute("UPDATE articles SET first_passage = 0, passages = 0 WHERE key = ?", [looked.key])
    return manifest.model_copy(update={"passages": manifest.passages - count})


def _parsed(written: str) -> Manifest | None:
    try:
        return Manifest.model_validate_json(written)
    except ValueError:
        return None


def _some(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
