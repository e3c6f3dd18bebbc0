"""The embedded store: one folder, one catalog, and the dense and lexical indexes derived from it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rag.embed.base import ModelInfo
from rag.errors import IndexBusy, IndexDamaged, IndexMissing, IndexTooNew, RagError
from rag.store.base import IndexedArticle, Scored
from rag.store.catalog import Catalog
from rag.store.dense import DenseIndex
from rag.store.lexical import LexicalIndex
from rag.store.manifest import FORMAT, Chunker, Manifest
from rag.types import Article, Filter, Passage

if TYPE_CHECKING:
    import filelock

CATALOG_FILE, MANIFEST_FILE, TERMS_FOLDER, LOCK_FILE = "catalog.sqlite", "manifest.json", "terms", ".lock"
_LOCK_SECONDS = 10


class EmbeddedStore:
    """A `Store` in a folder. Opened by `open` or `create`.

    A write is durable once the catalog has committed it. The derived indexes carry the generation they were built from; where they lag
    (a process was killed in between), they are caught up from the catalog without embedding anything.
    """

    def __init__(self, folder: Path, catalog: Catalog, manifest: Manifest) -> None:
        self._folder = folder
        self._catalog = catalog
        self._manifest = manifest
        self._dense = DenseIndex(folder, manifest.model.dimension)
        self._lexical = LexicalIndex(folder / TERMS_FOLDER)
        if self._stale():
            self._catch_up()

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Whether a folder holds an index, readable or not."""
        return (folder / CATALOG_FILE).exists() or (folder / MANIFEST_FILE).exists()

    @classmethod
    def open(cls, folder: Path, known: Callable[[Manifest], None] = lambda _: None) -> EmbeddedStore:
        """Opens the index in a folder.

        Args:
            folder: where it is.
            known: called with the manifest as soon as it is read, before the larger files are; what it raises ends the opening.

        Raises:
            IndexMissing: there is none.
            IndexDamaged: it cannot be read.
            IndexTooNew: a newer version of this package wrote it.
        """
        try:
            found = (folder / CATALOG_FILE).is_file()
        except OSError as error:
            raise _unusable(folder, error) from error
        if folder.is_file():
            raise IndexDamaged(f"{folder} is a file, not the folder of an index", "Name another --index")
        if not found:
            if (folder / MANIFEST_FILE).exists():
                raise _lost(folder)
            raise IndexMissing(f"there is no index in {folder}", "Make one: rag add FOLDER_OR_FILES")
        if not os.access(folder / CATALOG_FILE, os.R_OK) or not os.access(folder, os.W_OK | os.X_OK):
            raise IndexDamaged(f"no permission to use the index in {folder}", "Change the folder's permissions")
        catalog = Catalog(folder / CATALOG_FILE)
        try:
            written = catalog.manifest_json()
            if written is None and (folder / MANIFEST_FILE).exists():
                raise _lost(folder)
            if written is None:
                raise IndexMissing(f"there is no index in {folder}", "Make one: rag add FOLDER_OR_FILES")
            manifest = _read_manifest(folder, written)
            known(manifest)
        except RagError:
            catalog.close()
            raise
        return cls._with(folder, catalog, manifest)

    @classmethod
    def create(cls, folder: Path, model: ModelInfo, chunker: Chunker) -> EmbeddedStore:
        """Makes an empty index in a folder, or opens the one that is there.

        Raises:
            IndexDamaged: the folder cannot be written.
        """
        try:
            if folder.is_file():
                raise IndexDamaged(f"{folder} is a file, not the folder of an index", "Name another --index")
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, error) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise IndexDamaged(f"no permission to write in {folder}", "Change its permissions, or name another --index")
        catalog = Catalog(folder / CATALOG_FILE)
        catalog.create(Manifest(model=model, chunker=chunker))
        written = catalog.manifest_json()
        return cls._with(folder, catalog, _read_manifest(folder, written or ""))

    @classmethod
    def _with(cls, folder: Path, catalog: Catalog, manifest: Manifest) -> EmbeddedStore:
        try:
            return cls(folder, catalog, manifest)
        except OSError as error:
            catalog.close()
            raise _unusable(folder, error) from error

    @property
    def manifest(self) -> Manifest:
        """What the index holds, as of the last write."""
        return self._manifest

    @property
    def path(self) -> str:
        """The folder."""
        return str(self._folder)

    def close(self) -> None:
        """Closes the catalog."""
        self._catalog.close()

    def write(
        self,
        upserts: Sequence[IndexedArticle],
        removals: Iterable[str] = (),
        located: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Adds or replaces articles and removes others, all of it or none. `sync` makes the change searchable.

        Raises:
            IndexBusy: another process is writing.
        """
        with self._writing():
            self._refresh()
            self._manifest = self._catalog.write(self._manifest, upserts, removals, located)

    def sync(self) -> None:
        """Brings the dense and lexical indexes and the manifest file up to the catalog."""
        with self._writing():
            self._refresh()
            generation = self._manifest.generation
            if self._dense.generation != generation:
                self._sync_dense(generation)
            if self._lexical.generation != generation:
                self._sync_lexical(generation)
            self._write_manifest()

    def _sync_dense(self, generation: int) -> None:
        since = self._dense.generation
        if since > generation:
            self._dense.clear()
            since = 0
        keys, vectors = [], []
        for key, _, _, vector in self._catalog.added_since(since):
            keys.append(key)
            vectors.append(vector)
        self._dense.change(self._catalog.removed_since(since), keys, vectors)
        self._dense.save(generation)

    def _sync_lexical(self, generation: int) -> None:
        since = self._lexical.generation
        if since > generation:
            self._lexical.generation = since = -1
        added = ((key, passage, article) for key, passage, article, _ in self._catalog.added_since(max(since, 0)))
        self._lexical.change(generation, self._catalog.removed_since(max(since, 0)), added)

    def nearest(self, vector: NDArray[np.float32], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest cosine to a unit vector, best first."""
        return self._dense.search(vector, n, self._catalog.keys_where(where) if where else None)

    def matching(self, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest BM25 score for any of the stems, best first."""
        if not where.without:
            return self._lexical.search(stems, n, where)
        hidden = set(self._catalog.keys_of(where.without))
        found = self._lexical.search(stems, n + len(hidden), where)
        return [scored for scored in found if scored.key not in hidden][:n]

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem stands."""
        return self._lexical.frequencies(stems)

    def keys(self, article_id: str) -> list[int]:
        """The keys of an article's passages, in order; none where there is no such article."""
        return sorted(self._catalog.keys_of([article_id]))

    def passages(self, keys: Sequence[int]) -> dict[int, Passage]:
        """The passages with these keys."""
        return self._catalog.passages(keys)

    def sentence_vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The sentence vectors of these passages, shape (sentences, dimension) each."""
        return self._catalog.sentence_vectors(keys)

    def article(self, article_id: str) -> Article:
        """An article, whole.

        Raises:
            ArticleMissing: no article has that id.
        """
        return self._catalog.article(article_id)

    def articles(self, where: Filter) -> Iterator[Article]:
        """The articles that pass a filter, in the order of their ids."""
        return self._catalog.articles(where)

    def locations(self) -> Mapping[str, str]:
        """The article id at each location that was added."""
        return self._catalog.locations()

    def digests(self) -> Mapping[str, str]:
        """The digest of each article by its id."""
        return self._catalog.digests()

    def _stale(self) -> bool:
        generation = self._manifest.generation
        return self._dense.generation != generation or self._lexical.generation != generation

    def _catch_up(self) -> None:
        """Mends what a killed writer left behind; while a live one is at work, readers see the state before its write."""
        import filelock

        try:
            with self._lock.acquire(timeout=0):
                self.sync()
        except filelock.Timeout:
            return

    def _refresh(self) -> None:
        """Takes over what another process wrote since."""
        self._manifest = _read_manifest(self._folder, self._catalog.manifest_json() or "")

    @cached_property
    def _lock(self) -> filelock.FileLock:
        import filelock  # only writers need it

        return filelock.FileLock(self._folder / LOCK_FILE, timeout=_LOCK_SECONDS)

    def _writing(self) -> AbstractContextManager[Any]:
        import filelock

        try:
            return self._lock.acquire()
        except filelock.Timeout as error:
            raise IndexBusy(
                f"another process is writing to {self._folder}", "Wait until it has finished, then try again"
            ) from error

    def _write_manifest(self) -> None:
        """The manifest as a file for people and scripts; the catalog's own copy is the one that counts."""
        work = self._folder / f"{MANIFEST_FILE}.tmp"
        with work.open("w", encoding="utf-8") as file:
            file.write(self._manifest.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        work.replace(self._folder / MANIFEST_FILE)


def _read_manifest(folder: Path, written: str) -> Manifest:
    try:
        record = json.loads(written)
        if record["format"] > FORMAT:
            raise IndexTooNew(
                f"the index in {folder} has format {record['format']}; this version reads up to {FORMAT}",
                "Upgrade the package",
            )
        return Manifest.model_validate(record)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise IndexDamaged(
            f"the manifest of the index in {folder} cannot be read", "Remove the folder and add the articles again"
        ) from error


def _lost(folder: Path) -> IndexDamaged:
    return IndexDamaged(
        f"the index in {folder} has lost its {CATALOG_FILE}", "Restore it, or remove the folder and add again"
    )


def _unusable(folder: Path, error: OSError) -> IndexDamaged:
    reason = (error.strerror or str(error)).lower()
    return IndexDamaged(
        f"the index folder {folder} cannot be used: {reason}", "Check that path, or name another --index"
    )
