"""The embedded store: one folder, one catalog, and the dense and lexical indexes derived from it."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.embed.base import ModelInfo
from rag.errors import IndexBusy, IndexDamaged, IndexMissing, NoSpace, RagError
from rag.store import dense, migrate, segment
from rag.store.base import IndexedArticle, Located, Scored, best
from rag.store.catalog import Catalog
from rag.store.dense import Candidate, DenseIndex
from rag.store.lexical import LexicalIndex
from rag.store.lock import WriterLock
from rag.store.manifest import Chunker, Manifest, VectorType
from rag.store.schema import FORMAT
from rag.types import Article, Filter, Passage

CATALOG_FILE, MANIFEST_FILE = "catalog.sqlite", "manifest.json"
TERMS_FOLDER, DENSE_FOLDER = "terms", "dense"
LOCK_SECONDS = 10.0
_PATIENCE_SECONDS = 10.0
"""How long a reader waits for a writer that is between the catalog and the derived indexes, which takes it a moment."""
_PAUSE_SECONDS = 0.005
_BLOCK = 32_768
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a write fails with where there is no room for it."""

Notice = Callable[[str], None]


class Held(NamedTuple):
    """What a generation has more than the files, in memory: an exact FAISS index of the vectors that these lack, and a lexical index of everything.

    `beside` is the generation of the dense files beside which it was made: beside others, vectors would be found twice or not at all.
    """

    generation: int
    beside: int
    vectors: Any
    lexical: LexicalIndex


class EmbeddedStore:
    """A `Store` in a folder. Opened by `open` or `create`.

    A write is durable once the catalog has committed it. The derived indexes carry the generation they were built from; where they lag
    (a process was killed in between), they are caught up from the catalog without embedding anything: on the disk, or where nothing can be written
    in memory.
    """

    def __init__(self, folder: Path, catalog: Catalog, manifest: Manifest, notice: Notice, lock_seconds: float) -> None:
        self._folder = folder
        self._catalog = catalog
        self._notice = notice
        self._lock = WriterLock(folder, lock_seconds)
        self._using = threading.Condition()
        self._depth = 0
        self._reader: int | None = None
        self._last = self._pinned = manifest
        catalog.understand(manifest)
        self._dense = DenseIndex(folder / DENSE_FOLDER, manifest.model.dimension, manifest.vectors)
        self._lexical = LexicalIndex(folder / TERMS_FOLDER)
        self._held: Held | None = None
        with self.reading():  # what a killed writer left behind is mended now
            pass

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Whether a folder holds an index, readable or not."""
        return (folder / CATALOG_FILE).exists() or (folder / MANIFEST_FILE).exists()

    @classmethod
    def open(
        cls,
        folder: Path,
        known: Callable[[Manifest], None] = lambda _: None,
        *,
        notice: Notice = lambda _: None,
        lock_seconds: float = LOCK_SECONDS,
    ) -> EmbeddedStore:
        """Opens the index in a folder. One of an older format is migrated first.

        Args:
            folder: where it is.
            known: called with the manifest as soon as it is read, before the larger files are; what it raises ends the opening.
            notice: told in a line when something takes long.
            lock_seconds: how long to wait for another writer.

        Raises:
            IndexMissing: there is none.
            IndexDamaged: it cannot be read.
            IndexTooNew: a newer version of this package wrote it.
        """
        catalog = _catalog(folder)
        try:
            written = catalog.manifest_json()
            if written is None and (folder / MANIFEST_FILE).exists():
                raise _lost(folder)
            if written is None:
                raise _missing(folder)
            if migrate.format_of(folder, written) < FORMAT:
                with WriterLock(folder, lock_seconds).held():
                    migrate.migrate(catalog, folder, notice)
                written = catalog.manifest_json() or ""
            manifest = migrate.read_manifest(folder, written)
            known(manifest)
        except RagError:
            catalog.close()
            raise
        except OSError as error:
            catalog.close()
            raise _unusable(folder, error) from error
        return cls._with(folder, catalog, manifest, notice, lock_seconds)

    @classmethod
    def create(
        cls,
        folder: Path,
        model: ModelInfo,
        chunker: Chunker,
        *,
        vectors: VectorType = "float32",
        notice: Notice = lambda _: None,
        lock_seconds: float = LOCK_SECONDS,
    ) -> EmbeddedStore:
        """Makes an empty index in a folder, or opens the one that is there.

        Raises:
            IndexDamaged: the folder cannot be written.
            NoSpace: the disk is full.
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
        try:
            catalog.create(Manifest(model=model, chunker=chunker, vectors=vectors))
        except RagError:
            catalog.close()
            raise
        catalog.close()
        return cls.open(folder, notice=notice, lock_seconds=lock_seconds)

    @classmethod
    def _with(
        cls, folder: Path, catalog: Catalog, manifest: Manifest, notice: Notice, lock_seconds: float
    ) -> EmbeddedStore:
        try:
            return cls(folder, catalog, manifest, notice, lock_seconds)
        except OSError as error:
            catalog.close()
            raise _unusable(folder, error) from error
        except BaseException:
            catalog.close()
            raise

    @property
    def manifest(self) -> Manifest:
        """What the index holds, as of the last write, or of what is being read."""
        manifest = self._pinned if self._reader == threading.get_ident() else self._last
        return manifest.model_copy(update={"dense": self._dense.info})

    @property
    def path(self) -> str:
        """The folder."""
        return str(self._folder)

    @property
    def catalog(self) -> Catalog:
        """The truth."""
        return self._catalog

    @property
    def dense(self) -> DenseIndex:
        """The index of vectors."""
        return self._dense

    @property
    def lexical(self) -> LexicalIndex:
        """The index of words."""
        return self._lexical

    def close(self) -> None:
        """Closes the catalog."""
        with self._using:
            self._catalog.close()
            if "_truth" in self.__dict__:
                self._truth.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Within it, everything that is read is of one generation, the last one when it began. May be nested; other threads wait."""
        with self._using:
            if not self._depth:
                self._pin()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    self._reader = None
                    self._catalog.unpin()

    def _pin(self) -> None:
        """Holds on to the catalog as it is at a moment at which the derived indexes are of the same generation."""
        patience = time.monotonic() + _PATIENCE_SECONDS
        while True:
            self._catalog.pin()
            try:
                manifest = self._read_manifest()
                if self._is_of(manifest.generation):
                    self._last = self._pinned = manifest
                    self._reader = threading.get_ident()
                    return
            except BaseException:
                self._catalog.unpin()
                raise
            self._catalog.unpin()
            try:
                with self._lock.held(0):
                    self.sync()
            except IndexBusy:  # a writer is at it
                if time.monotonic() > patience:
                    self._hold()
                else:
                    self._using.wait(_PAUSE_SECONDS)  # and lets go meanwhile: the writer may be a thread that waits for it
            except (
                OSError,
                NoSpace,
                IndexDamaged,
            ):  # nothing can be written; if it is the catalog that is damaged, reading it will tell
                self._hold()

    def _read_manifest(self) -> Manifest:
        return migrate.read_manifest(self._folder, self._catalog.manifest_json() or "")

    def _is_of(self, generation: int) -> bool:
        """Whether both derived indexes are, or can be had, of a generation."""
        if self._dense.generation != generation:
            self._dense.refresh()
        if self._lexical.generation != generation:
            self._lexical.refresh()
        if self._dense.generation == self._lexical.generation == generation:
            self._held = None
            return True
        there = (generation, self._dense.generation)
        return self._held is not None and (self._held.generation, self._held.beside) == there

    def _hold(self) -> None:
        """Catches up in memory: whatever happens to the disk and to writers, what is in the catalog can be asked."""
        self._notice("the index cannot be written: what searches need is made in memory")
        self._catalog.pin()
        try:
            manifest = self._read_manifest()
            if self._dense.generation > manifest.generation:
                self._dense.forget()
            vectors = segment.exact_index(manifest.model.dimension, manifest.vectors)
            for keys, block in self._catalog.vectors_after(self._dense.last_key, _BLOCK):
                vectors.add_with_ids(block, keys)
            lexical = LexicalIndex(None)
            lexical.change(manifest.generation, [], self._catalog.texts_since(-1))
            self._held = Held(manifest.generation, self._dense.generation, vectors, lexical)
        finally:
            self._catalog.unpin()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Within it, nobody else writes. May be nested.

        Raises:
            IndexBusy: another process is writing, and did not finish in time.
            IndexDamaged: the folder cannot be written.
        """
        held = self._lock.held()
        try:
            held.__enter__()
        except OSError as error:
            raise _unusable(self._folder, error) from error
        try:
            yield
        finally:
            held.__exit__(None, None, None)

    def write(
        self,
        upserts: Sequence[IndexedArticle],
        removals: Iterable[str] = (),
        located: Iterable[Located] = (),
        vacated: Iterable[str] = (),
    ) -> list[str]:
        """Adds or replaces articles and removes others, all of it or none. `sync` makes the change searchable.

        Returns:
            The ids of the articles that went because nothing stands where they stood.

        Raises:
            IndexBusy: another process is writing.
            NoSpace: the disk is full; the index is as it was before.
        """
        with self.writing():
            before = migrate.read_manifest(self._folder, self._truth.manifest_json() or "")
            self._last, gone = self._truth.write(before, upserts, removals, located, vacated)
            return gone

    @cached_property
    def _truth(self) -> Catalog:
        """The catalog as the writer sees it, through connections of its own: those of readers may hold on to an older state."""
        truth = Catalog(self._catalog.path)
        truth.understand(self._last)
        return truth

    def sync(self) -> None:
        """Brings the dense and lexical indexes and the manifest file up to the catalog.

        Raises:
            IndexBusy: another process is writing.
            NoSpace: the disk is full; what was written is safe, and is caught up later.
        """
        with self.writing():
            try:
                self._sync()
            except OSError as error:
                if error.errno in FULL:
                    raise NoSpace(
                        f"no space left for the search structures of {self._folder}",
                        "Free some: what was added is safe, and is caught up by whatever command comes next",
                    ) from error
                raise _unusable(self._folder, error) from error

    def _sync(self) -> None:
        truth = self._truth
        with self._using:  # another process may have written since
            self._dense.refresh()
            self._lexical.refresh()
        manifest = migrate.read_manifest(self._folder, truth.manifest_json() or "")
        if self._dense.generation != manifest.generation:
            self._dense.update(truth, manifest.generation, manifest.passages)
        if self._lexical.generation != manifest.generation:
            since = self._lexical.generation
            anew = not 0 <= since <= manifest.generation  # never made, or the catalog is an older one, put back
            removed = [] if anew else truth.removed_since(since)
            self._lexical.change(manifest.generation, removed, truth.texts_since(-1 if anew else since), anew=anew)
        self._take_over(manifest)
        if self._dense.wants_lists(manifest.passages):
            self._notice(f"sorting {manifest.passages:,} vectors into lists, so that they need not all be compared")
            self._dense.make_lists(truth, manifest.passages)
            self._take_over(manifest)

    def _take_over(self, manifest: Manifest) -> None:
        """Searches what was written from the next question on; a question under way goes on with what it began with."""
        with self._using:
            self._dense.refresh()
            self._lexical.refresh()
            self._last = manifest
            written = self.manifest.model_dump_json(indent=2) + "\n"
        dense.replace(self._folder / MANIFEST_FILE, written.encode())

    def nearest(self, vector: NDArray[np.float32], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest cosine to a unit vector, best first; n of them where so many pass the filter."""
        with self.reading():
            return self._nearest(vector, n, where)

    def _nearest(self, vector: NDArray[np.float32], n: int, where: Filter) -> list[Scored]:
        passages = self._pinned.passages
        only, passing = self._selector(where) if where else (None, passages)
        if not passing:
            return []
        vectors = len(self._dense) + (self._held.vectors.ntotal if self._held else 0)
        stale = vectors - passages

        def top(limit: int) -> list[Scored]:
            wanted, share = limit, passing / passages
            while True:
                candidates = self._dense.search(vector, wanted, only, share)
                if self._held is not None:
                    candidates += dense.compared(self._held.vectors, vector, wanted, only)
                found = self._exact(vector, candidates, check=bool(stale))
                if len(found) >= min(limit, passing) or (share <= 0 and wanted >= vectors):
                    return found[:limit]
                wanted, share = min(4 * wanted, vectors), 0.0  # look into all lists, past what is gone

        return best(top, n)

    def _exact(self, vector: NDArray[np.float32], found: list[Candidate], *, check: bool) -> list[Scored]:
        """Candidates with their cosines, best first, without those that the catalog no longer has."""
        unsure = [candidate.key for candidate in found if not candidate.exact]
        vectors = self._catalog.vectors(unsure)
        there = self._catalog.existing([candidate.key for candidate in found]) if check else None
        scored = []
        for key, score, exact in found:
            if exact and (there is None or key in there):
                scored.append(Scored(key, score))
            elif key in vectors:
                scored.append(Scored(key, float(vectors[key] @ vector)))
        return sorted(scored, key=lambda item: (-item.score, item.key))

    def _selector(self, where: Filter) -> tuple[Any, int]:
        """A FAISS selector of the passages whose articles pass a filter, and how many they are."""
        import faiss

        ranges = self._catalog.ranges_where(where)
        passing = np.zeros(self._catalog.last_key() + 8, bool)
        for first, count in ranges:
            passing[first : first + count] = True
        bitmap = np.packbits(passing, bitorder="little")
        return faiss.IDSelectorBitmap(bitmap), int(ranges[:, 1].sum())  # type: ignore[call-arg,arg-type]

    @property
    def _words(self) -> LexicalIndex:
        return self._held.lexical if self._held else self._lexical

    def matching(self, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest BM25 score for any of the stems, best first."""
        with self.reading():
            if not where.without:
                return self._words.search(stems, n, where)
            hidden = set(self._catalog.keys_of(where.without))
            found = self._words.search(stems, n + len(hidden), where)
            return [scored for scored in found if scored.key not in hidden][:n]

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem stands."""
        with self.reading():
            return self._words.frequencies(stems)

    def keys(self, article_id: str) -> list[int]:
        """The keys of an article's passages, in order; none where there is no such article."""
        with self._using:
            return self._catalog.keys_of([article_id])

    def passages(self, keys: Sequence[int]) -> dict[int, Passage]:
        """The passages with these keys."""
        with self._using:
            return self._catalog.passages(keys)

    def sentence_vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The sentence vectors of these passages, shape (sentences, dimension) each."""
        with self._using:
            return self._catalog.sentence_vectors(keys)

    def vectors(self, block: int = 32_768) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Keys and vectors of all passages, in order, in blocks: shapes (n,) and (n, dimension)."""
        return self._catalog.vectors_after(0, block)

    def article(self, article_id: str) -> Article:
        """An article, whole.

        Raises:
            ArticleMissing: no article has that id.
            IndexDamaged: what is stored is not what was written.
        """
        with self._using:
            return self._catalog.article(article_id)

    def articles(self, where: Filter) -> Iterator[Article]:
        """The articles that pass a filter, in the order of their ids, as of one moment."""
        return self._catalog.articles(where)

    def ids(self, prefix: str, limit: int) -> list[str]:
        """The first ids that begin so, in order."""
        with self._using:
            return self._catalog.ids(prefix, limit)

    def has(self, article_id: str) -> bool:
        """Whether an article has that id."""
        with self._using:
            return self._catalog.has(article_id)

    def known(self, fingerprint: str) -> str | None:
        """The id of an article that was read from bytes with this fingerprint."""
        with self._using:
            return self._catalog.known(fingerprint)

    def at(self, location: str) -> str | None:
        """The id of the article at a location."""
        with self._using:
            return self._catalog.at(location)

    def places(self, article_id: str) -> list[str]:
        """The locations of an article, in order."""
        with self._using:
            return self._catalog.places(article_id)

    def under(self, place: str) -> Mapping[str, str]:
        """The article id at each location that is a file, in it, or in a folder."""
        with self._using:
            return self._catalog.under(place)

    def locations(self) -> Mapping[str, str]:
        """The article id at each location that was added."""
        with self._using:
            return self._catalog.locations()

    def digests(self) -> Mapping[str, str]:
        """The digest of each article by its id."""
        with self._using:
            return self._catalog.digests()


def _catalog(folder: Path) -> Catalog:
    """The catalog of the index in a folder."""
    try:
        found = (folder / CATALOG_FILE).is_file()
    except OSError as error:
        raise _unusable(folder, error) from error
    if folder.is_file():
        raise IndexDamaged(f"{folder} is a file, not the folder of an index", "Name another --index")
    if not found:
        raise _lost(folder) if (folder / MANIFEST_FILE).exists() else _missing(folder)
    if not os.access(folder / CATALOG_FILE, os.R_OK) or not os.access(folder, os.R_OK | os.X_OK):
        raise IndexDamaged(f"no permission to read the index in {folder}", "Change the folder's permissions")
    return Catalog(
        folder / CATALOG_FILE, writable=os.access(folder, os.W_OK) and os.access(folder / CATALOG_FILE, os.W_OK)
    )


def _missing(folder: Path) -> IndexMissing:
    return IndexMissing(f"there is no index in {folder}", "Make one: rag add FOLDER_OR_FILES")


def _lost(folder: Path) -> IndexDamaged:
    return IndexDamaged(
        f"the index in {folder} has lost its {CATALOG_FILE}", "Restore it, or remove the folder and add again"
    )


def _unusable(folder: Path, error: OSError) -> IndexDamaged | NoSpace:
    if error.errno in FULL:
        return NoSpace(f"no space left for the index in {folder}", "Free some; the index is as it was before")
    reason = (error.strerror or str(error)).lower()
    return IndexDamaged(
        f"the index folder {folder} cannot be used: {reason}", "Check that path, or name another --index"
    )
