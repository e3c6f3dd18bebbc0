"""What is derived from the catalog, searched together: the dense and the lexical index, of one generation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.store import dense, segment
from rag.store.base import Scored, best
from rag.store.catalog import Catalog
from rag.store.dense import Candidate, DenseIndex
from rag.store.lexical import LexicalIndex
from rag.store.manifest import DenseInfo, Manifest
from rag.types import Filter

TERMS_FOLDER, DENSE_FOLDER = "terms", "dense"
_BLOCK = 32_768


class Held(NamedTuple):
    """What a generation has more than the files, in memory: an exact FAISS index of the vectors that these lack, and a lexical index of everything.

    `beside` is the generation of the dense files beside which it was made: beside others, vectors would be found twice or not at all.
    """

    generation: int
    beside: int
    vectors: Any
    lexical: LexicalIndex


class Derived:
    """Both indexes of a folder. What they lack of the catalog is caught up on the disk, or held in memory.

    Args:
        folder: the index.
        manifest: of the catalog.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.dense = DenseIndex(folder / DENSE_FOLDER, manifest.model.dimension, manifest.vectors)
        self.lexical = LexicalIndex(folder / TERMS_FOLDER)
        self._held: Held | None = None
        self._selected: tuple[int, Filter, Any, int] | None = None

    @property
    def info(self) -> DenseInfo:
        """How vectors are searched."""
        return self.dense.info

    def refresh(self) -> None:
        """Takes over what was written since, by whomever."""
        self.dense.refresh()
        self.lexical.refresh()

    def is_of(self, generation: int) -> bool:
        """Whether both indexes are, or can be had, of a generation."""
        if self.dense.generation != generation:
            self.dense.refresh()
        if self.lexical.generation != generation:
            self.lexical.refresh()
        if self.dense.generation == self.lexical.generation == generation:
            self._held = None
            return True
        there = (generation, self.dense.generation)
        return self._held is not None and (self._held.generation, self._held.beside) == there

    def hold(self, catalog: Catalog, manifest: Manifest) -> None:
        """Catches up in memory: whatever happens to the disk and to writers, what is in the catalog can be asked."""
        if self.dense.generation > manifest.generation:
            self.dense.forget()
        vectors = segment.exact_index(manifest.model.dimension, manifest.vectors)
        for keys, block in catalog.vectors_after(self.dense.last_key, _BLOCK):
            vectors.add_with_ids(block, keys)
        lexical = LexicalIndex(None)
        lexical.change(manifest.generation, [], catalog.texts_since(-1))
        self._held = Held(manifest.generation, self.dense.generation, vectors, lexical)

    def catch_up(self, catalog: Catalog, manifest: Manifest) -> None:
        """Catches up on the disk; whoever holds the writer's lock calls it, and `refresh` afterwards.

        Raises:
            OSError: it cannot be written; what was there stays.
        """
        generation = manifest.generation
        if self.dense.generation != generation:
            self.dense.update(catalog, generation, manifest.passages)
        if self.lexical.generation != generation:
            since = self.lexical.generation
            anew = not 0 <= since <= generation  # never made, or the catalog is an older one, put back
            removed = [] if anew else catalog.removed_since(since)
            self.lexical.change(generation, removed, catalog.texts_since(-1 if anew else since), anew=anew)

    def nearest(
        self, catalog: Catalog, manifest: Manifest, vector: NDArray[np.float32], n: int, where: Filter
    ) -> list[Scored]:
        """The n passages with the highest cosine to a unit vector, best first; n of them where so many pass the filter.

        Args:
            catalog: of the same generation.
            manifest: the catalog's.
            vector: the question, shape (dimension,).
            n: how many at most.
            where: which articles count.
        """
        only, passing = self._selector(catalog, manifest.generation, where) if where else (None, manifest.passages)
        if not passing:
            return []
        vectors = len(self.dense) + (self._held.vectors.ntotal if self._held else 0)

        def top(limit: int) -> list[Scored]:
            wanted, share = limit, passing / max(1, manifest.passages)
            while True:
                candidates = self.dense.search(vector, wanted, only, share)
                if self._held is not None:
                    candidates += dense.compared(self._held.vectors, vector, wanted, only)
                found = _exact(catalog, vector, candidates, check=vectors != manifest.passages)
                if len(found) >= min(limit, passing) or (share <= 0 and wanted >= vectors):
                    return found[:limit]
                wanted, share = min(4 * wanted, vectors), 0.0  # look into all lists, past what is gone

        return best(top, n)

    def _selector(self, catalog: Catalog, generation: int, where: Filter) -> tuple[Any, int]:
        """A FAISS selector of the passages whose articles pass a filter, and how many they are; the last one is kept, as a question has many parts."""
        import faiss

        if self._selected is None or self._selected[:2] != (generation, where):
            ranges = catalog.ranges_where(where)
            passing = np.zeros(catalog.last_key() + 8, bool)
            for first, count in ranges:
                passing[first : first + count] = True
            selector = faiss.IDSelectorBitmap(np.packbits(passing, bitorder="little"))  # type: ignore[call-arg,arg-type]
            self._selected = (generation, where, selector, int(ranges[:, 1].sum()))
        return self._selected[2:]

    @property
    def _words(self) -> LexicalIndex:
        return self._held.lexical if self._held else self.lexical

    def matching(self, catalog: Catalog, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        """The n passages with the highest BM25 score for any of the stems, best first."""
        if not where.without:
            return self._words.search(stems, n, where)
        hidden = set(catalog.keys_of(where.without))
        found = self._words.search(stems, n + len(hidden), where)
        return [scored for scored in found if scored.key not in hidden][:n]

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem stands."""
        return self._words.frequencies(stems)


def _exact(catalog: Catalog, vector: NDArray[np.float32], found: list[Candidate], *, check: bool) -> list[Scored]:
    """Candidates with their cosines, best first, without those that the catalog no longer has."""
    sure = [candidate for candidate in found if candidate.exact]
    there = catalog.existing([candidate.key for candidate in sure]) if check else None
    scored = [Scored(key, score) for key, score, _ in sure if there is None or key in there]
    keys, vectors = catalog.matrix([candidate.key for candidate in found if not candidate.exact])
    scored += [Scored(key, score) for key, score in zip(keys, (vectors @ vector).tolist(), strict=True)]
    return sorted(scored, key=lambda item: (-item.score, item.key))
