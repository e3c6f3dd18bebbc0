"""The embedded store: one folder, one catalog, and the dense and lexical indexes derived from it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.embed.base import ModelInfo
from rag.errors import IndexBusy, RagError
from rag.store import dense, migrate, opening
from rag.store.base import IndexedArticle, Located, Scored
from rag.store.catalog import Catalog
from rag.store.derived import DENSE_FOLDER, TERMS_FOLDER, Derived
from rag.store.lock import WriterLock
from rag.store.manifest import Chunker, Manifest, VectorType
from rag.store.opening import CATALOG_FILE, MANIFEST_FILE
from rag.store.schema import FORMAT
from rag.types import Article, Filter, Passage

LOCK_SECONDS = 10.0
_PATIENCE_SECONDS = 10.0
"""How long a reader waits for a writer that is between the catalog and the derived indexes, which takes it a moment."""
_PAUSE_SECONDS = 0.005
_TRIES = 3
_HELD_PASSAGES = 50_000
"""A reader that waits for a writer in vain makes what it needs in memory, for collections up to this size: about ten seconds."""

Notice = Callable[[str], None]


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
        self._derived = Derived(folder, manifest)
        with self.reading():  # what a killed writer left behind is mended now
            pass
        self._tidy()

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
        catalog = opening.catalog_in(folder)
        try:
            written = catalog.manifest_json()
            if written is None and (folder / MANIFEST_FILE).exists():
                raise opening.lost(folder)
            if written is None:
                raise opening.missing(folder)
            if migrate.format_of(folder, written) < FORMAT:
                migrate.bring_up(catalog, folder, notice, lock_seconds)
                written = catalog.manifest_json() or ""
            manifest = migrate.read_manifest(folder, written)
            known(manifest)
        except RagError:
            catalog.close()
            raise
        except OSError as error:
            catalog.close()
            raise opening.unusable(folder, error) from error
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
        opening.made(folder)
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
            raise opening.unusable(folder, error) from error
        except BaseException:
            catalog.close()
            raise

    @property
    def manifest(self) -> Manifest:
        """What the index holds, as of the last write, or of what is being read."""
        manifest = self._pinned if self._reader == threading.get_ident() else self._last
        return manifest.model_copy(update={"dense": self._derived.info})

    @property
    def path(self) -> str:
        """The folder."""
        return str(self._folder)

    @property
    def catalog(self) -> Catalog:
        """The truth."""
        return self._catalog

    @property
    def derived(self) -> Derived:
        """The dense and the lexical index."""
        return self._derived

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
        caught_up = 0
        while True:
            self._catalog.pin()
            try:
                manifest = self._read_manifest()
                if self._derived.is_of(manifest.generation):
                    self._last = self._pinned = manifest
                    self._reader = threading.get_ident()
                    return
            except BaseException:
                self._catalog.unpin()
                raise
            self._catalog.unpin()
            if caught_up == _TRIES:  # what is written does not read back
                self._hold()
                continue
            try:
                with self._lock.held(0):
                    self._catch_up()
                caught_up += 1
            except IndexBusy:  # a writer is between the two
                if time.monotonic() < patience:
                    self._using.wait(
                        _PAUSE_SECONDS
                    )  # and lets go meanwhile: the writer may be a thread that waits for it
                elif manifest.passages > _HELD_PASSAGES:
                    raise
                else:
                    self._hold()
            except (OSError, RagError):
                self._hold()  # nothing can be written; where it is the catalog that is damaged, reading it tells

    def _hold(self) -> None:
        """Catches up in memory."""
        self._notice("the index cannot be written: what searches need is made in memory")
        self._catalog.pin()
        try:
            self._derived.hold(self._catalog, self._read_manifest())
        finally:
            self._catalog.unpin()

    def _read_manifest(self) -> Manifest:
        return migrate.read_manifest(self._folder, self._catalog.manifest_json() or "")

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
            raise opening.unusable(self._folder, error) from error
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
                manifest = self._catch_up()
                if self._derived.dense.wants_lists(manifest.passages):
                    self._notice(
                        f"sorting {manifest.passages:,} vectors into lists, so that they need not all be compared"
                    )
                    self._derived.dense.make_lists(self._truth, manifest.passages)
                    self._take_over(manifest)
            except OSError as error:
                raise opening.unusable(self._folder, error) from error

    def _catch_up(self) -> Manifest:
        """Brings the derived indexes up to the catalog, and gives its manifest."""
        with self._using:  # another process may have written since
            self._derived.refresh()
        manifest = migrate.read_manifest(self._folder, self._truth.manifest_json() or "")
        self._derived.catch_up(self._truth, manifest)
        self._take_over(manifest)
        return manifest

    def _take_over(self, manifest: Manifest) -> None:
        """Searches what was written from the next question on; a question under way goes on with what it began with."""
        with self._using:
            self._derived.refresh()
            self._last = manifest
            written = self._for_people()
        dense.replace(self._folder / MANIFEST_FILE, written)
        self._derived.dense.clear_away()

    def _for_people(self) -> bytes:
        return (self.manifest.model_dump_json(indent=2) + "\n").encode()

    def _tidy(self) -> None:
        """Puts right what a writer that was killed left unfinished beside what counts. If it is not dead but at work, or nothing can be written, so be it."""
        file = self._folder / MANIFEST_FILE
        with contextlib.suppress(OSError, RagError):
            if self._derived.dense.left_over or not file.exists() or file.read_bytes() != self._for_people():
                with self._lock.held(0):
                    self._catch_up()

    def nearest(self, vector: NDArray[np.float32], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest cosine to a unit vector, best first; n of them where so many pass the filter."""
        with self.reading():
            return self._derived.nearest(self._catalog, self._pinned, vector, n, where)

    def matching(self, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest BM25 score for any of the stems, best first."""
        with self.reading():
            return self._derived.matching(self._catalog, stems, n, where)

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem stands."""
        with self.reading():
            return self._derived.frequencies(stems)

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

    def sizes(self) -> Mapping[str, int]:
        """The bytes on the disk of each part of the index, by its name."""
        parts = {"catalog": f"{CATALOG_FILE}*", "vectors": f"{DENSE_FOLDER}/*", "words": f"{TERMS_FOLDER}/*"}
        return {name: sum(_size(path) for path in self._folder.glob(glob)) for name, glob in parts.items()}

    def locations(self) -> Mapping[str, str]:
        """The article id at each location that was added."""
        with self._using:
            return self._catalog.locations()

    def digests(self) -> Mapping[str, str]:
        """The digest of each article by its id."""
        with self._using:
            return self._catalog.digests()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # a writer has just taken it away
        return 0
