"""The dense index: FAISS over the passages' vectors, derived from the catalog."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.store.base import Scored, best

_NAME = re.compile(r"dense\.(\d+)\.faiss")


class DenseIndex:
    """Exact inner-product search over unit vectors, hence cosine; ids are catalog keys.

    The file's name carries the catalog generation it was built from.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        import faiss

        self._folder = folder
        self._dimension = dimension
        self.generation = -1
        files = sorted(
            (int(match[1]), path) for path in folder.glob("dense.*.faiss") if (match := _NAME.fullmatch(path.name))
        )
        self._index: Any = None
        for generation, path in reversed(files):
            try:
                index = faiss.read_index(str(path))
            except RuntimeError:  # damaged: it is derived, so build it again
                continue
            if index.d == dimension:
                self._index, self.generation = index, generation
                break
        if self._index is None:
            self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        import faiss

        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(self._dimension))
        self.generation = 0

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def change(self, removed: list[int], keys: list[int], vectors: list[NDArray[np.float32]]) -> None:
        """Takes vectors out and puts others in."""
        if removed:
            self._index.remove_ids(np.array(removed, np.int64))
        if keys:
            self._index.add_with_ids(np.stack(vectors), np.array(keys, np.int64))

    def save(self, generation: int) -> None:
        """Writes the file of a generation, then takes away older ones."""
        import faiss

        target = self._folder / f"dense.{generation}.faiss"
        work = target.with_suffix(".tmp")
        faiss.write_index(self._index, str(work))
        with work.open("rb+") as file:
            os.fsync(file.fileno())
        work.replace(target)
        self.generation = generation
        for path in self._folder.glob("dense.*.faiss"):
            if path != target:
                path.unlink(missing_ok=True)

    def search(self, vector: NDArray[np.float32], n: int, only: NDArray[np.int64] | None) -> list[Scored]:
        """The n nearest keys, among `only` if given, best first, ties by key."""
        import faiss

        if not len(self) or (only is not None and not len(only)):
            return []
        parameters = None
        if only is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(only))  # type: ignore[call-arg]

        def top(wanted: int) -> list[Scored]:
            scores, keys = self._index.search(vector[None, :], min(len(self), wanted), params=parameters)
            return [Scored(int(key), float(score)) for key, score in zip(keys[0], scores[0], strict=True) if key >= 0]

        faiss.omp_set_num_threads(1)  # a single question gains nothing from a second thread, and waits for it
        return best(top, n)
