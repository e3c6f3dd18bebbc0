"""Inverted lists: an approximate dense index for collections too large to compare every vector, trained on the vectors themselves.

The vectors are clustered (k-means), each is kept in the list of its cluster as one byte a number, and a search looks into the lists that are nearest
to the question (Jégou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search", 2011, for the lists). The candidates are then compared
by their exact vectors, which the catalog has. How many lists are looked into is chosen by measurement: four times the fewest with which `AIM` of the
exact ten nearest are found, with sentences of the collection as questions.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.store import segment
from rag.store.segment import SegmentInfo

Blocks = Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]

AIM = 0.995
"""The recall that the number of lists looked into is chosen for."""
_SURELY = 4
"""Times as many are looked into: questions are not sentences, and with the fewest that find .995 for these, .98 was found for those."""
NEAREST = 10
MORE = 32
"""How many candidates more than are wanted are compared by their exact vectors; with 300 more, no other ten came out of a million."""
_QUERIES = 256
_TRAINED_ON = 40
"""Vectors a list that k-means is given; FAISS asks for at least 39."""
_ROUNDS = 8
_BLOCK = 32_768
_FEWEST_PROBES = 8


class Vectors(Protocol):
    """Where the exact vectors are: the catalog."""

    def vectors_after(self, key: int, block: int) -> Blocks:
        """Keys and vectors with higher keys, in blocks."""

    def matrix(self, keys: list[int]) -> tuple[list[int], NDArray[np.float32]]:
        """Those of these keys that are there, and their vectors."""

    def some_keys(self, n: int) -> list[int]:
        """The keys of about n passages, evenly spread."""

    def sentence_vectors(self, keys: list[int]) -> dict[int, NDArray[np.float32]]:
        """The sentence vectors of these keys."""

    def last_key(self) -> int:
        """The highest key."""


def make(folder: Path, vectors: Vectors, count: int, dimension: int) -> SegmentInfo:
    """Trains lists on the vectors and puts all of them in.

    Raises:
        OSError: the segment cannot be written.
    """
    import faiss

    lists = min(2 ** round(math.log2(4 * math.sqrt(count))), max(1, count // _TRAINED_ON))
    trained_on = min(count, _TRAINED_ON * lists)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimension),
        dimension,
        lists,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
        False,  # noqa: FBT003 - `by_residual`: an inner product with the vector itself needs no table for each list
    )
    index.cp.niter = _ROUNDS
    index.cp.min_points_per_centroid = 1  # else FAISS writes a warning to standard error where a list is short of them
    _on_all_cores()
    index.train(vectors.matrix(vectors.some_keys(trained_on))[1])
    return _filled(folder, index, vectors, 0, trained_on)


def extend(folder: Path, info: SegmentInfo, vectors: Vectors, gone: NDArray[np.int64]) -> SegmentInfo:
    """The same lists with the vectors that came since, and without those that went.

    Raises:
        OSError: the segment cannot be written.
    """
    index = segment.in_memory(folder, info)
    if len(gone):
        index.remove_ids(gone)
    _on_all_cores()
    return _filled(folder, index, vectors, info.last_key, info.trained_on)


def _filled(folder: Path, index: Any, vectors: Vectors, after: int, trained_on: int) -> SegmentInfo:
    """Puts the vectors with higher keys in, measures, and writes."""
    questions = _questions(vectors)
    exact = np.full((len(questions), NEAREST), -np.inf, np.float32)
    for keys, block in vectors.vectors_after(0, _BLOCK):
        later = keys > after
        if later.any():
            index.add_with_ids(block[later], keys[later])
        exact = -np.sort(-np.hstack([exact, questions @ block.T]), axis=1)[:, :NEAREST]
    probes, recall = _chosen(index, vectors, questions, exact[:, -1])
    return segment.write(
        folder,
        index,
        vectors.last_key(),
        probes=probes,
        recall=recall,
        measured=len(questions),
        trained_on=trained_on,
    )


def _questions(vectors: Vectors) -> NDArray[np.float32]:
    """Sentences of the collection, evenly spread, one a passage."""
    found = vectors.sentence_vectors(vectors.some_keys(_QUERIES))
    rows = [sentences[number % len(sentences)] for number, sentences in enumerate(found.values()) if len(sentences)]
    rows = [row for row in rows if row.any()]
    return np.stack(rows) if rows else vectors.matrix(vectors.some_keys(_QUERIES))[1]


def _chosen(
    index: Any, vectors: Vectors, questions: NDArray[np.float32], tenth: NDArray[np.float32]
) -> tuple[int, float]:
    """How many lists to look into, and the recall with so many.

    Args:
        index: the lists.
        vectors: the exact vectors.
        questions: shape (n, dimension).
        tenth: the exact score of each question's tenth nearest: whatever scores as high is one of the ten.
    """
    import faiss

    def recall(probes: int) -> float:
        parameters = faiss.SearchParametersIVF(nprobe=probes)  # type: ignore[call-arg]
        _, keys = index.search(questions, NEAREST + MORE, params=parameters)
        found = 0
        for question, row, bound in zip(questions, keys, tenth, strict=True):
            _, there = vectors.matrix([int(key) for key in row if key >= 0])
            found += min(NEAREST, int((there @ question >= bound - 1e-6).sum()))
        return found / (NEAREST * len(questions))

    probes = min(_FEWEST_PROBES, index.nlist)
    while probes < index.nlist and recall(probes) < AIM:
        probes = min(2 * probes, index.nlist)
    probes = min(_SURELY * probes, index.nlist)
    return probes, recall(probes)


def _on_all_cores() -> None:
    """Searches run on one core, and FAISS keeps that for whatever comes after."""
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
