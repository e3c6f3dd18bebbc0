"""The derived indexes and the files of an index, held against the catalog."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexDamaged
from rag.store.audit import Fault, Part, Vectors
from rag.store.dense import STATE_FILE, DenseIndex
from rag.store.derived import DENSE_FOLDER, TERMS_FOLDER
from rag.store.lexical import LexicalIndex, faults_in
from rag.store.lock import LOCK_FILE, WRITER_FILE
from rag.store.manifest import Manifest
from rag.store.opening import CATALOG_FILE, MANIFEST_FILE
from rag.store.segment import Segment

BUILT_AGAIN = "repair builds it again from the catalog, without embedding"
CAUGHT_UP = "whatever command opens the index next catches it up from the catalog, and so does repair"
TAKEN_AWAY = "repair takes it away"
OLD_TERMS = f"{TERMS_FOLDER}.old"
_TOLERANCE = {"float32": 1e-6, "float16": 1e-3}
_BLOCK = 16_384
_KNOWN = {CATALOG_FILE, f"{CATALOG_FILE}-wal", f"{CATALOG_FILE}-shm", MANIFEST_FILE, TERMS_FOLDER, DENSE_FOLDER}
_HARMLESS = {LOCK_FILE, WRITER_FILE, "README.md", ".gitignore"}
_LEFT_OVER = re.compile(
    rf"dense\.\d+\.faiss|{re.escape(MANIFEST_FILE)}\.tmp|catalog\.(salvaged|copy)\.tmp(-wal|-shm|-journal)?|{re.escape(OLD_TERMS)}"
)
_SEGMENT = re.compile(r"\d+-[0-9a-f]{8}\.(exact|ivf)|state\.json\.tmp")
_TERMS_FILE = re.compile(r"([0-9a-f]{32})\.(\w+|\d+\.del)")
_TERMS_OTHER = re.compile(r"meta\.json|\.managed\.json|\.tantivy-\w+\.lock|\.tmp\w+")


class Compared:
    """The vectors of the dense index against those of the catalog, which come in blocks.

    Args:
        index: whose generation is that of the catalog.
        manifest: of the catalog.
    """

    def __init__(self, index: DenseIndex, manifest: Manifest) -> None:
        self._held = [_Held(one, _TOLERANCE[manifest.vectors]) for one in index.segments]
        self._keys: list[NDArray[np.int64]] = []
        self._vectors: list[Vectors] = []
        self._waiting = 0
        self._missing = self._twice = 0

    def add(self, keys: NDArray[np.int64], vectors: Vectors) -> None:
        """Takes keys and vectors of the catalog, shapes (n,) and (n, dimension)."""
        if not len(keys):
            return
        self._keys.append(keys)
        self._vectors.append(vectors)
        self._waiting += len(keys)
        if self._waiting >= _BLOCK:
            self._compare()

    def faults(self) -> list[Fault]:
        """What is not as it should be, once all has been added."""
        if self._waiting:
            self._compare()
        found = [what for one in self._held for what in one.faults()]
        found += [f"{self._missing} vectors are in none of its files"] if self._missing else []
        found += [f"{self._twice} vectors are in it twice"] if self._twice else []
        return [Fault("dense", what, BUILT_AGAIN) for what in found]

    def _compare(self) -> None:
        keys, vectors = np.concatenate(self._keys), np.concatenate(self._vectors)
        self._keys, self._vectors, self._waiting = [], [], 0
        times = np.zeros(len(keys), np.int64)
        for one in self._held:
            times += one.compare(keys, vectors)
        self._missing += int((times == 0).sum())
        self._twice += int((times > 1).sum())


class _Held:
    """The vectors of a segment by their keys."""

    def __init__(self, segment: Segment, tolerance: float) -> None:
        self._name = segment.info.file
        self._index = segment.index
        self._exact = segment.info.kind == "exact"
        self._tolerance = tolerance
        keys, self._starts = _listed(segment)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._other = 0
        self._wrong_info = _wrong_info(segment, self._keys)

    def compare(self, keys: NDArray[np.int64], vectors: Vectors) -> NDArray[np.int64]:
        """How often each of these keys is here; vectors that differ are counted."""
        first = np.searchsorted(self._keys, keys)
        times = np.searchsorted(self._keys, keys, side="right") - first
        there = times > 0
        if there.any():
            held, wanted = self._held(self._order[first[there]]), vectors[there]
            if self._exact:
                same = np.abs(held - wanted).max(axis=1) <= self._tolerance
            else:  # by their codes: what came after the lists were trained may lie outside of what they can tell
                codes = self._index.sq.compute_codes(wanted)
                same = (np.abs(held.astype(np.int16) - codes) <= 1).all(axis=1)
            self._other += int((~same).sum())
        return times

    def _held(self, places: NDArray[np.int64]) -> Vectors | NDArray[np.uint8]:
        """The vectors at these places, or their codes where they are in lists."""
        import faiss

        if self._exact:
            found: Vectors = faiss.downcast_index(self._index.index).reconstruct_batch(places)
            return found
        size, lists = self._index.code_size, self._index.invlists
        codes = np.empty((len(places), size), np.uint8)
        numbers = np.searchsorted(self._starts, places, side="right") - 1
        by_list = np.argsort(numbers, kind="stable")
        for at in np.split(by_list, np.flatnonzero(np.diff(numbers[by_list])) + 1):
            number = int(numbers[at[0]])
            there = faiss.rev_swig_ptr(lists.get_codes(number), lists.list_size(number) * size).reshape(-1, size)
            codes[at] = there[places[at] - self._starts[number]]
        return codes

    def faults(self) -> list[str]:
        """What is wrong with this segment, in words."""
        found = [f"{self._name}: {self._wrong_info}"] if self._wrong_info else []
        return found + ([f"{self._other} vectors of {self._name} are not the catalog's"] if self._other else [])


def _listed(segment: Segment) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The keys of a segment in the order in which it holds them, and where each of its lists begins."""
    import faiss

    if segment.info.kind == "exact":
        return faiss.vector_to_array(segment.index.id_map).astype(np.int64), np.zeros(1, np.int64)
    lists = segment.index.invlists
    sizes = [lists.list_size(number) for number in range(lists.nlist)]
    keys = [
        faiss.rev_swig_ptr(lists.get_ids(number), size).astype(np.int64) for number, size in enumerate(sizes) if size
    ]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)[:-1]])
    return (np.concatenate(keys) if keys else np.empty(0, np.int64)), starts


def _wrong_info(segment: Segment, keys: NDArray[np.int64]) -> str:
    """What `state.json` says of a segment that cannot be."""
    info = segment.info
    exact = info.kind == "exact"
    if not info.file.startswith(f"{info.last_key}-") or (len(keys) and keys[-1] > info.last_key):
        return "its highest key is another"
    if exact and (info.lists, info.probes, info.trained_on, info.recall, info.measured) != (0, 0, 0, 1.0, 0):
        return "it has no lists, and is said to"
    if not exact and not (info.lists == segment.index.nlist >= info.probes > 0 and info.trained_on > 0):
        return "it is said to have other lists"
    return ""


def dense_faults(index: DenseIndex, manifest: Manifest) -> list[Fault]:
    """Whether the files of the dense index are whole, and of which generation they are."""
    found = [Fault("dense", what, BUILT_AGAIN) for what in index.faults()]
    return found or _lag("dense", index.generation, manifest.generation)


def lexical_faults(terms: Path) -> list[Fault]:
    """Whether the files of the lexical index are whole; none is opened, as tantivy panics over some damage."""
    try:
        live, found = _live(terms), faults_in(terms)
    except (OSError, ValueError, KeyError, TypeError):
        return [Fault("lexical", "it is not there, or cannot be read", BUILT_AGAIN)]
    named = ((what, _TERMS_FILE.match(what)) for what in found)
    return [Fault("lexical", what, BUILT_AGAIN) for what, name in named if name and name[1] in live]


def lexical_lag(index: LexicalIndex, manifest: Manifest) -> list[Fault]:
    """Whether the lexical index is of the catalog's generation."""
    if index.generation < 0:
        return [Fault("lexical", "it cannot be read", BUILT_AGAIN)]
    return _lag("lexical", index.generation, manifest.generation)


def lexical_keys(index: LexicalIndex, keys: NDArray[np.int64]) -> list[Fault]:
    """Whether the lexical index holds these keys, each once, and no others.

    Args:
        index: whose generation is that of the catalog.
        keys: those of the catalog's passages, in order.
    """
    wrong = 0
    try:
        for at in range(0, len(keys), _BLOCK):
            block = keys[at : at + _BLOCK]
            held = np.array(index.between(int(block[0]), int(block[-1])), np.int64)
            wrong += len(np.setxor1d(held, block)) + len(held) - len(np.unique(held))
    except IndexDamaged as error:
        return [Fault("lexical", error.message, BUILT_AGAIN)]
    wrong = wrong or abs(index.documents - 1 - len(keys))
    return [Fault("lexical", f"{wrong} passages are missing in it, or are too many", BUILT_AGAIN)] if wrong else []


def _lag(part: Part, has: int, wanted: int) -> list[Fault]:
    if has == wanted:
        return []
    what = f"it is of generation {has}, the catalog of {wanted}"
    if has > wanted:
        return [Fault(part, f"{what}: what was written last is not in the catalog", f"{BUILT_AGAIN}; add that again")]
    return [Fault(part, what, CAUGHT_UP)]


def _live(terms: Path) -> set[str]:
    """The names of tantivy's segments that count; it takes others away itself when it next writes."""
    meta = json.loads((terms / "meta.json").read_text(encoding="utf-8"))
    return {segment["segment_id"].replace("-", "") for segment in meta["segments"]}


def left_over(folder: Path, segments: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Files that earlier writes left behind and nothing needs, and files that this package does not know.

    Args:
        folder: the index.
        segments: the files of the dense index that count.
    """
    left: list[Path] = []
    unknown: list[Path] = []
    for path in _entries(folder):
        if path.name in _KNOWN or path.name in _HARMLESS:
            continue
        (left if _LEFT_OVER.fullmatch(path.name) else unknown).append(path)
    for path in _entries(folder / DENSE_FOLDER):
        if path.name == STATE_FILE or path.name in segments:
            continue
        (left if _SEGMENT.fullmatch(path.name) else unknown).append(path)
    unknown += [path for path in _entries(folder / TERMS_FOLDER) if not is_tantivys(path.name)]
    return left, unknown


def is_tantivys(name: str) -> bool:
    """Whether tantivy gives its files such a name."""
    return bool(_TERMS_FILE.fullmatch(name) or _TERMS_OTHER.fullmatch(name))


def _entries(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from sorted(folder.iterdir())


def manifest_faults(folder: Path, manifest: Manifest, index: DenseIndex | None) -> list[Fault]:
    """Whether `manifest.json` says what the catalog and the dense index say.

    Args:
        folder: the index.
        manifest: of the catalog.
        index: the dense index, where it is of the catalog's generation.
    """
    written = manifest_file(folder)
    if written is None:
        return [Fault("manifest", f"{MANIFEST_FILE} cannot be read", "repair writes it anew")]
    names = [
        name for name in Manifest.model_fields if name != "dense" and getattr(written, name) != getattr(manifest, name)
    ]
    if names:
        return [
            Fault("manifest", f"{MANIFEST_FILE} says something else of {', '.join(names)}", "repair writes it anew")
        ]
    if index is None or written.dense == index.info:
        return []
    there = index.info
    how = ("lists", "probes", "recall", "measured")
    same = there.kind == "ivf" and (written.dense.kind, written.dense.vectors) == ("ivf", there.vectors)
    if same and any(
        getattr(written.dense, name) != getattr(there, name) for name in how
    ):  # nobody knows which is right
        return [Fault("dense", f"{STATE_FILE} and {MANIFEST_FILE} differ in how it is searched", BUILT_AGAIN)]
    return [Fault("manifest", f"{MANIFEST_FILE} says something else of dense", "repair writes it anew")]


def manifest_file(folder: Path) -> Manifest | None:
    """The manifest that `manifest.json` has, or None where it cannot be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError):
        return None
