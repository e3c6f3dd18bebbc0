"""The dense index: FAISS over the passages' vectors, derived from the catalog, in segments.

New vectors come in small segments in which every vector is compared. Small ones are joined, so that there are never many. Once more than
`EXACT_VECTORS` are compared one by one, they go into inverted lists (`rag.store.lists`). A file that is written is never changed; `state.json` names
those that count and the catalog generation that they were built from, and is replaced in one step. What was removed from the catalog stays in its
segment until that is written anew; whoever searches asks the catalog what is still there.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rag.store import lists, segment
from rag.store.catalog import Catalog
from rag.store.manifest import DenseInfo, VectorType
from rag.store.segment import Damaged, Segment, SegmentInfo

STATE_FILE = "state.json"
_SUFFIXES = (".exact", ".ivf", ".tmp")
EXACT_VECTORS = 50_000
"""So many vectors are compared in about 10 ms; where there are more, lists are faster."""
_BESIDE_SHARE = 0.4
"""Beside lists fewer are compared one by one, as a search takes the time of both."""
_BLOCK = 32_768
_STALE_SHARE = 0.25
_RETRAINED = 4
"""Lists are trained anew when there are so many times the vectors that they were trained for."""
_TRIES = 10


class Candidate(NamedTuple):
    """A key that a search found; `exact` tells whether the score is the cosine, or near it."""

    key: int
    score: float
    exact: bool


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    generation: int
    segments: tuple[SegmentInfo, ...]


class DenseIndex:
    """Inner-product search over unit vectors, hence cosine; ids are catalog keys.

    Args:
        folder: where the segments are.
        dimension: of the vectors.
        vectors: how exact segments keep them.
    """

    def __init__(self, folder: Path, dimension: int, vectors: VectorType) -> None:
        self._folder = folder
        self._dimension = dimension
        self._vectors = vectors
        self._clear()
        self.refresh()

    def _clear(self) -> None:
        self._segments: list[Segment] = []
        self._written = b""
        self.generation = -1

    def refresh(self) -> None:
        """Takes over what another process wrote since. What is damaged counts as not there, so is built again."""
        for _ in range(_TRIES):
            try:
                written = (self._folder / STATE_FILE).read_bytes()
                if written == self._written:
                    return
                state = _State.model_validate_json(written)
                self._segments = [Segment(self._folder, info, self._dimension) for info in state.segments]
                self._written, self.generation = written, state.generation
            except FileNotFoundError:  # none yet, or a writer took a segment away between the two
                self._clear()
                if not (self._folder / STATE_FILE).exists():
                    return
                continue
            except (Damaged, ValidationError, OSError):
                self._clear()
            return

    @property
    def segments(self) -> Sequence[Segment]:
        """The files that count."""
        return self._segments

    @property
    def last_key(self) -> int:
        """The highest key that it was built with."""
        return self._segments[-1].info.last_key if self._segments else 0

    def __len__(self) -> int:
        """How many vectors there are to search, those of removed passages included."""
        return sum(one.info.vectors for one in self._segments)

    @property
    def info(self) -> DenseInfo:
        """How it is searched."""
        infos = [one.info for one in self._segments]
        based = next((info for info in infos if info.kind == "ivf"), None)
        resident = sum(one.resident_bytes for one in self._segments)
        return DenseInfo(
            kind=based.kind if based else "exact",
            vectors=len(self),
            segments=len(infos),
            lists=based.lists if based else 0,
            probes=based.probes if based else 0,
            recall=based.recall if based else 1.0,
            measured=based.measured if based else 0,
            resident_bytes=resident,
            mapped_bytes=sum(info.size for info in infos) - resident,
        )

    def search(self, vector: NDArray[np.float32], n: int, only: Any = None, share: float = 1.0) -> list[Candidate]:
        """The nearest keys of each segment, n at most of each, in no order; of lists more, as their scores are only near the cosine.

        Args:
            vector: the question, a unit vector of shape (dimension,).
            n: how many of each segment.
            only: a FAISS selector of keys.
            share: what share of the vectors the selector lets pass.
        """
        import faiss

        faiss.omp_set_num_threads(1)  # a single question gains nothing from a second thread, and waits for it
        found: list[Candidate] = []
        for one in self._segments:
            exact = one.info.kind == "exact"
            keys, scores = one.search(vector, n if exact else n + lists.MORE, only, share)
            found += [Candidate(int(key), float(score), exact) for key, score in zip(keys, scores, strict=True)]
        return found

    def forget(self) -> None:
        """Counts nothing of what is in the files, until they are others."""
        written = self._written
        self._clear()
        self._written = written

    def update(self, catalog: Catalog, generation: int, alive: int) -> None:
        """Catches up with the catalog: new vectors in segments of their own, small segments joined. `refresh` makes it searchable.

        Args:
            catalog: the truth.
            generation: of the catalog.
            alive: how many passages there are.

        Raises:
            OSError: it cannot be written; the state before stays.
        """
        self._folder.mkdir(exist_ok=True)
        if self.generation > generation:  # the catalog is an older one, put back
            self._clear()
        kept = [one.info for one in self._segments]
        new = [
            self._exact(keys, vectors, int(keys[-1])) for keys, vectors in catalog.vectors_after(self.last_key, _BLOCK)
        ]
        vectors = sum(info.vectors for info in [*kept, *new])
        tail = [info for info in kept if info.kind == "exact"] + new
        stale = vectors - alive > _STALE_SHARE * alive
        if stale and sum(info.vectors for info in tail) <= EXACT_VECTORS and tail:
            tail = self._joined(tail, catalog) if len(tail) > 1 or not new else tail
        while len(tail) > 1 and tail[-2].vectors <= 2 * tail[-1].vectors and _small(tail[-2:]):
            tail[-2:] = self._joined(tail[-2:], catalog)
        self._save(generation, [info for info in kept if info.kind == "ivf"] + tail)

    def wants_lists(self, alive: int) -> bool:
        """Whether so many vectors are compared one by one, or gone from their lists, that lists should be written."""
        based = [one.info.vectors for one in self._segments if one.info.kind == "ivf"]
        compared = len(self) - sum(based)
        stale = len(self) - alive
        most = EXACT_VECTORS * _BESIDE_SHARE if based else EXACT_VECTORS
        return compared > most or bool(based and stale > _STALE_SHARE * alive)

    def make_lists(self, catalog: Catalog, alive: int) -> None:
        """Puts every vector into lists: those that are there, or where these are few for so many vectors, new ones. `refresh` makes them searchable.

        Raises:
            OSError: it cannot be written; the state before stays.
        """
        if not alive:
            self._save(self.generation, [])
            return
        based = next((one.info for one in self._segments if one.info.kind == "ivf"), None)
        if based and alive <= _RETRAINED * based.lists**2 / 16:  # lists are 4 √n for n vectors
            gone = self._gone(based, catalog)
            info = lists.extend(self._folder, based, catalog, gone)
        else:
            info = lists.make(self._folder, catalog, alive, self._dimension)
        self._save(self.generation, [info])

    def _gone(self, info: SegmentInfo, catalog: Catalog) -> NDArray[np.int64]:
        """The keys in lists that the catalog no longer has."""
        import faiss

        held = next(one for one in self._segments if one.info == info).index.invlists
        keys = [
            faiss.rev_swig_ptr(held.get_ids(number), held.list_size(number)).copy()
            for number in range(held.nlist)
            if held.list_size(number)
        ]
        return np.setdiff1d(np.concatenate(keys), catalog.all_keys())

    def faults(self) -> list[str]:
        """What is wrong with the files, in words; empty where nothing is."""
        found = []
        try:
            state = _State.model_validate_json((self._folder / STATE_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            return [f"{STATE_FILE} cannot be read ({type(error).__name__})"]
        for info in state.segments:
            try:
                whole = Segment(self._folder, info, self._dimension).is_whole()
            except (Damaged, OSError):
                whole = False
            if not whole:
                found.append(f"{info.file} is not what was written")
        return found

    @property
    def left_over(self) -> list[Path]:
        """The files that do not count: of a writer that was killed, of one that is at work, or from before the last write."""
        counted = {one.info.file for one in self._segments}
        ours = [path for path in self._folder.glob("*") if path.suffix in _SUFFIXES]
        return [path for path in ours if path.name not in counted]

    def clear_away(self) -> None:
        """Removes the files that do not count; whoever holds the writer's lock calls it, after `refresh`."""
        if self.generation >= 0:
            for path in self.left_over:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _exact(self, keys: NDArray[np.int64], vectors: NDArray[np.float32], last_key: int) -> SegmentInfo:
        index = segment.exact_index(self._dimension, self._vectors)
        index.add_with_ids(vectors, keys)
        return segment.write(self._folder, index, last_key)

    def _joined(self, infos: Sequence[SegmentInfo], catalog: Catalog) -> list[SegmentInfo]:
        """One segment with the vectors of several that the catalog still has."""
        import faiss

        index = segment.exact_index(self._dimension, self._vectors)
        for info in infos:
            held = segment.in_memory(self._folder, info)
            keys = faiss.vector_to_array(held.id_map)
            there = catalog.existing([int(key) for key in keys])
            kept = np.array([int(key) in there for key in keys], bool)
            if kept.any():
                index.add_with_ids(held.index.reconstruct_n(0, held.ntotal)[kept], keys[kept])
        return [segment.write(self._folder, index, infos[-1].last_key)]

    def _save(self, generation: int, infos: Sequence[SegmentInfo]) -> None:
        """Makes these segments the ones that count. One in which nothing is left does not."""
        infos = [info for info in infos if info.vectors]
        state = _State(generation=generation, segments=tuple(infos))
        written = (json.dumps(state.model_dump(), indent=1) + "\n").encode()
        replace(self._folder / STATE_FILE, written)


def compared(index: Any, vector: NDArray[np.float32], n: int, only: Any = None) -> list[Candidate]:
    """The nearest keys of an exact FAISS index in memory, in no order."""
    import faiss

    parameters = faiss.SearchParameters(sel=only) if only is not None else None  # type: ignore[call-arg]
    scores, keys = index.search(vector[None, :], n, params=parameters)
    return [Candidate(int(k), float(s), exact=True) for k, s in zip(keys[0], scores[0], strict=True) if k >= 0]


def _small(infos: Sequence[SegmentInfo]) -> bool:
    return sum(info.vectors for info in infos) <= _BLOCK


def replace(path: Path, data: bytes, synced: Callable[[int], None] = os.fsync) -> None:
    """Puts a file in the place of another in one step, durably.

    Raises:
        OSError: it cannot be written; the file before stays.
    """
    work = path.with_name(f"{path.name}.tmp")
    try:
        with work.open("wb") as file:
            file.write(data)
            file.flush()
            synced(file.fileno())
        work.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            work.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        synced(folder)
    finally:
        os.close(folder)
