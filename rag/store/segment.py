"""One file of the dense index: vectors that are searched together, written once and never changed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rag.embed.source import file_sha256
from rag.store.manifest import VectorType

_BLOCK = 1 << 20
_ID_BYTES = 8
_TRAILER_BYTES = 8
"""FAISS writes the number of the ids before them."""


class SegmentInfo(BaseModel):
    """What a segment's file holds, and how to tell whether it still does.

    `last_key` is the highest key when it was made: keys up to it are in this segment or an earlier one, or are gone. `trained_on` is how many vectors
    the lists were made from; `checked` are the two ranges of bytes that are checked at every opening, by `check`: all but the vectors themselves,
    whose damage can change a score or lose a candidate, and is found by `rag verify`, but cannot misread the file; `sha256` is of the whole file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    kind: Literal["exact", "ivf"]
    vectors: int
    last_key: int
    size: int
    sha256: str
    checked: tuple[tuple[int, int], tuple[int, int]]
    check: str
    lists: int = 0
    probes: int = 0
    trained_on: int = 0
    recall: float = 1.0
    measured: int = 0


class Damaged(Exception):
    """A segment's file is not what was written."""


class Segment:
    """An open segment, mapped into memory.

    Raises:
        Damaged: the file is not what was written.
        FileNotFoundError: it is not there.
    """

    def __init__(self, folder: Path, info: SegmentInfo, dimension: int) -> None:
        import faiss

        self.info = info
        self._path = folder / info.file
        if self._path.stat().st_size != info.size or _check(self._path, info.checked) != info.check:
            raise Damaged(self._path)
        try:
            self.index: Any = faiss.read_index(str(self._path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise Damaged(self._path) from error
        if self.index.d != dimension or self.index.ntotal != info.vectors:
            raise Damaged(self._path)

    @property
    def resident_bytes(self) -> int:
        """What an open segment holds in memory, whatever is asked: all but what it maps."""
        return sum(length for _, length in self.info.checked)

    def search(
        self, vector: NDArray[np.float32], n: int, only: Any = None, share: float = 1.0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Keys and scores of the n nearest, best first. Those of an `ivf` segment are approximate.

        Args:
            vector: the question, shape (dimension,).
            n: how many at most.
            only: a FAISS selector of keys.
            share: what share of the vectors the selector lets pass: the fewer, the more lists are looked into.
        """
        import faiss

        n = min(n, self.info.vectors)
        if self.info.kind == "ivf":
            probes = min(self.info.lists, int(np.ceil(self.info.probes / max(share, 1e-9))))
            parameters: Any = faiss.SearchParametersIVF(nprobe=probes, sel=only)  # type: ignore[call-arg]
        else:
            parameters = faiss.SearchParameters(sel=only) if only is not None else None  # type: ignore[call-arg]
        scores, keys = self.index.search(vector[None, :], n, params=parameters)
        there = keys[0] >= 0
        return keys[0][there], scores[0][there]

    def is_whole(self) -> bool:
        """Whether every byte of the file is what was written."""
        return file_sha256(self._path) == self.info.sha256


def exact_index(dimension: int, vectors: VectorType) -> Any:
    """An empty FAISS index that compares every vector, with keys."""
    import faiss

    if vectors == "float32":
        return faiss.IndexIDMap(faiss.IndexFlatIP(dimension))
    half = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    half.is_trained = True  # there is nothing to learn
    return faiss.IndexIDMap(half)


def write(folder: Path, index: Any, last_key: int, **more: Any) -> SegmentInfo:
    """Writes an index as a segment; durable when this returns.

    Raises:
        OSError: it cannot be written.
    """
    import faiss

    kind: Literal["exact", "ivf"] = "ivf" if hasattr(index, "nlist") else "exact"
    target = folder / f"{last_key}-{os.urandom(4).hex()}.{kind}"
    try:
        with target.open("wb") as file:  # given a name, FAISS says nothing when the last bytes do not fit on the disk
            faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    size = target.stat().st_size
    code = index.code_size if kind == "ivf" else index.index.sa_code_size()
    if kind == "ivf":  # lists last: the codes of each, then its ids
        ranges = ((0, size - index.ntotal * (code + _ID_BYTES)), (size, 0))
    else:
        tail = index.ntotal * _ID_BYTES + _TRAILER_BYTES
        ranges = ((0, size - tail - index.ntotal * code), (size - tail, tail))
    return SegmentInfo(
        file=target.name,
        kind=kind,
        vectors=index.ntotal,
        last_key=last_key,
        size=size,
        sha256=file_sha256(target),
        checked=ranges,
        check=_check(target, ranges),
        lists=index.nlist if kind == "ivf" else 0,
        **more,
    )


def in_memory(folder: Path, info: SegmentInfo) -> Any:
    """The index of a segment, read into memory, to which vectors can be added.

    Raises:
        OSError: it cannot be read.
    """
    import faiss

    try:
        return faiss.read_index(str(folder / info.file))
    except RuntimeError as error:
        raise OSError(errno.EIO, f"{info.file} of the dense index cannot be read") from error


def _check(path: Path, ranges: tuple[tuple[int, int], tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start, length in ranges:
            file.seek(start)
            left = length
            while left and (block := file.read(min(left, _BLOCK))):
                digest.update(block)
                left -= len(block)
    return digest.hexdigest()
