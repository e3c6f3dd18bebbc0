"""The catalog row by row: whether each article, passage and vector is what was written, and agrees with the others."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.dates import bounds
from rag.errors import IndexDamaged
from rag.store import rows
from rag.store.catalog import Catalog
from rag.store.digest import Contents, digest_of
from rag.store.manifest import Manifest
from rag.types import Article

Part = Literal["catalog", "article", "passage", "vector", "dense", "lexical", "manifest", "file"]
Vectors = NDArray[np.float32]

SALVAGED = "repair writes a new catalog of all that is whole, and keeps this one beside it"
ANEW = "repair cuts and embeds the article again"
TAKEN_OUT = "repair takes the article out and names where it stood: add that again"
SET_RIGHT = "repair sets it right"
MIGRATED = "`rag migrate` brings it"
_UNIT = 1e-2
_CRC_BYTES, _HALF_BYTES = 4, 2
LARGEST_KEY = 2**60
_MOST = 2**20


class Fault(NamedTuple):
    """Something that is not as it was written: of which part, what, and what mends it."""

    part: Part
    what: str
    remedy: str
    article_id: str | None = None


class Place(NamedTuple):
    """Where a passage is: its key, its offsets, and start, end and whether it may be quoted of each sentence."""

    key: int
    start: int
    end: int
    sentences: list[tuple[int, int, int]]


@dataclass
class Looked:
    """An article as its rows tell it.

    `article` is None where its own row is not whole. `columns` are those that say something else than the record and the passages do, with what they should
    say. `keys` and `vectors` are those of its passages that are whole, shapes (n,) and (n, dimension).
    """

    key: int
    article_id: str
    article: Article | None = None
    digest: str = ""
    passages: int = 0
    dated: bool = False
    first: int = 0
    keys: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    vectors: Vectors = field(default_factory=lambda: np.empty((0, 0), np.float32))
    columns: dict[str, object] = field(default_factory=dict)
    moved: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def scattered(self) -> bool:
        """Whether it is not known which passages are its own."""
        return any(fault.part == "passage" for fault in self.faults)

    def light(self) -> Looked:
        """The same without text and vectors."""
        return replace(self, article=None, keys=np.empty(0, np.int64), vectors=np.empty((0, 0), np.float32))

    @property
    def anew(self) -> bool:
        """Whether its passages and vectors must be made again."""
        return self.article is not None and any(fault.part in ("passage", "vector") for fault in self.faults)


class Audit:
    """A look at every row of a catalog that SQLite can read.

    Args:
        catalog: with a manifest that it understands.
        manifest: of the catalog.
    """

    def __init__(self, catalog: Catalog, manifest: Manifest) -> None:
        self._catalog = catalog
        self._dtype = "<f4" if manifest.vectors == "float32" else "<f2"
        self._dimension = manifest.model.dimension

    def keys(self) -> list[int]:
        """The keys of all articles.

        Raises:
            IndexDamaged: they cannot be read.
        """
        return [int(row[0]) for row in self._catalog.query("SELECT key FROM articles NOT INDEXED ORDER BY key")]

    def look(self, key: int) -> Looked:
        """An article's row, its passages and their vectors."""
        try:
            row = next(
                self._catalog.query(
                    "SELECT id, record, text, sha256, digest, source, first_day, last_day, first_passage, passages"
                    " FROM articles WHERE key = ?",
                    [key],
                )
            )
            looked = Looked(key, str(row[0]))
            looked.article = rows.article_of(*row[1:4])
        except (IndexDamaged, StopIteration) as error:
            looked = Looked(key, self._id_of(key))
            looked.faults.append(Fault("article", f"its row cannot be read: {error}", TAKEN_OUT, looked.article_id))
            return looked
        except rows.Corrupt as error:
            if _sum(*row[8:]) > 0:  # its passages are known to be of an article, though it is not whole
                looked.first, looked.passages = row[8:]
            looked.faults.append(Fault("article", f"{error} is not what was stored", TAKEN_OUT, looked.article_id))
            return looked
        return self._within(looked, looked.article, row[4:])

    def _id_of(self, key: int) -> str:
        """The id of an article whose row cannot be read as text."""
        try:
            found = next(self._catalog.query("SELECT CAST(id AS BLOB) FROM articles WHERE key = ?", [key]))[0]
            return bytes(found).decode("utf-8", "replace")
        except (IndexDamaged, StopIteration, TypeError):
            return f"(number {key})"

    def _within(self, looked: Looked, article: Article, columns: tuple[Any, ...]) -> Looked:
        digest, source, first_day, last_day, first, count = columns
        days: tuple[int | None, int | None] = (None, None)
        if article.published:
            days = tuple(day.toordinal() for day in bounds(article.published))  # type: ignore[assignment]
        looked.dated = days[1] is not None
        says = {
            "id": (looked.article_id, article.id),
            "source": (source, article.source.casefold() if article.source else None),
            "first_day": (first_day, days[0]),
            "last_day": (last_day, days[1]),
        }
        looked.article_id = article.id
        passages = self._passages(looked, article, first, count, digest)
        if any(fault.part == "passage" for fault in looked.faults):
            looked.first, looked.passages, looked.digest = first, count, str(digest)
            if _sum(first, count) <= 0:
                says |= {"first_passage": (first, 0), "passages": (count, 0)}
                looked.first = looked.passages = 0
        else:
            looked.first, looked.passages = (passages[0].key if passages else 0), len(passages)
            looked.digest = digest_of(article, (place[1:] for place in passages))
            says |= {"first_passage": (first, looked.first), "passages": (count, looked.passages)}
            says |= {"digest": (digest, looked.digest)}
            self._vectors(looked, passages)
        looked.columns = {name: right for name, (said, right) in says.items() if said != right}
        if looked.columns:
            names = ", ".join(looked.columns)
            looked.faults.append(Fault("article", f"its row says something else of {names}", SET_RIGHT, article.id))
        return looked

    def _passages(self, looked: Looked, article: Article, first: Any, count: Any, digest: Any) -> list[Place]:
        """The passages of an article where its row says they are, or else where their own rows say whose they are."""
        query = "SELECT key, article, id, start, end, sentences, crc FROM passages"
        found = self._read(f"{query} WHERE key >= ? AND key < ? ORDER BY key", [first, _sum(first, count)])
        passages, wrong = _checked(article, found, count)
        if not wrong and digest == digest_of(article, (place[1:] for place in passages)):
            looked.moved = [row[0] for row in found if row[1] != looked.key]
            if looked.moved:
                what = "a passage of it is said to be of another article"
                looked.faults.append(Fault("article", what, SET_RIGHT, article.id))
            return passages
        others = self._read(f"{query} WHERE article = ? ORDER BY key", [looked.key])
        again, still = _checked(article, others, len(others))
        if others and not still and digest == digest_of(article, (place[1:] for place in again)):
            return again
        if found and not wrong and found == others:  # then it is the digest that is not what was stored
            return passages
        wrong = wrong or ["its passages are not those that its digest was made of"]
        looked.faults += [Fault("passage", what, ANEW, article.id) for what in wrong]
        return []

    def _vectors(self, looked: Looked, passages: list[Place]) -> None:
        if not passages:
            return
        between = [passages[0].key, passages[-1].key]
        query = "SELECT passage, data FROM {} WHERE passage >= ? AND passage <= ? ORDER BY passage"
        whole = dict(self._read(query.format("vectors"), between))
        sentences = dict(self._read(query.format("sentence_vectors"), between))
        wrong, keys, data, halves = [], [], [], []
        for number, place in enumerate(passages):
            blob: Any = whole.get(place.key)
            if what := _wrong_blob(blob, self._dimension * np.dtype(self._dtype).itemsize):
                wrong.append(f"the vector of passage {number} {what}")
            else:
                keys.append(place.key)
                data.append(memoryview(blob)[:-_CRC_BYTES])
            blob = sentences.get(place.key)
            if what := _wrong_blob(blob, len(place.sentences) * self._dimension * _HALF_BYTES):
                wrong.append(f"the row of sentence vectors of passage {number} {what}")
            else:
                halves.append(memoryview(blob)[:-_CRC_BYTES])
        if not np.isfinite(np.frombuffer(b"".join(halves), "<f2")).all():
            wrong.append("a sentence vector is not finite")
        if keys:
            vectors = np.frombuffer(b"".join(data), self._dtype).reshape(len(keys), -1).astype(np.float32)
            right = (
                np.abs(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)) - 1) <= _UNIT
            )  # what is not finite is not near 1
            wrong += [
                f"the vector of passage {keys[at] - between[0]} has not length 1" for at in np.flatnonzero(~right)
            ]
            looked.keys, looked.vectors = np.array(keys, np.int64)[right], vectors[right]
        looked.faults += [Fault("vector", what, ANEW, looked.article_id) for what in wrong]

    def _read(self, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
        """Rows as far as they can be read: those that cannot are missed by whoever counts them."""
        found: list[tuple[Any, ...]] = []
        try:
            found += self._catalog.query(query, values)
        except IndexDamaged:
            return found
        return found


def relations(catalog: Catalog, ranges: NDArray[np.int64]) -> list[Fault]:
    """What rows say of one another: passages and vectors of no article, locations, and the numbers from which keys are counted on.

    Args:
        catalog: one that SQLite can read.
        ranges: first key and number of passages of each article, shape (articles, 2).
    """
    faults = []
    spans = [np.arange(first, first + count) for first, count in ranges]
    known = np.sort(np.concatenate(spans)) if spans else np.empty(0, np.int64)
    for table, column, name in (
        ("passages", "key", "passages"),
        ("vectors", "passage", "vectors"),
        ("sentence_vectors", "passage", "sentence vectors"),
    ):
        query = f"SELECT {column} FROM {table} NOT INDEXED ORDER BY {column}"  # noqa: S608 - the names are ours
        there = np.fromiter((row[0] for row in catalog.query(query)), np.int64)
        if loose := len(np.setdiff1d(there, known, assume_unique=True)):
            faults.append(Fault("catalog", f"{loose} {name} belong to no article", "repair takes them out"))
    for (location,) in catalog.query(
        "SELECT location FROM locations WHERE article NOT IN (SELECT key FROM articles) ORDER BY location"
    ):
        faults.append(Fault("catalog", f"no article stands at {location}", "repair takes the location out"))
    for (article_id,) in catalog.query(
        "SELECT id FROM articles WHERE key NOT IN (SELECT article FROM locations) ORDER BY id"
    ):
        faults.append(Fault("catalog", "it stands nowhere", "repair gives it a location", article_id))
    for name, high, said in sequences(catalog.query):
        if not high <= said <= LARGEST_KEY:
            faults.append(Fault("catalog", f"the next key of {name} would not be a new one", SET_RIGHT))
    return faults


def sequences(query: Callable[[str], Iterable[tuple[Any, ...]]]) -> list[tuple[str, int, int]]:
    """For each table with keys of its own: its name, the highest key ever used, and the one from which it counts on (-1: none)."""
    said = {str(name): seq for name, seq in query("SELECT name, seq FROM sqlite_sequence")}
    found = []
    for name, highest in (
        ("articles", "SELECT max(key) FROM articles"),
        (
            "passages",
            "SELECT max(coalesce((SELECT max(key) FROM passages), 0), coalesce((SELECT max(key) FROM removed), 0))",
        ),
    ):
        high = int(next(iter(query(highest)))[0] or 0)
        seq = said.get(name, 0 if not high else -1)
        found.append((name, high, seq if isinstance(seq, int) else -1))
    return found


def last_generation(catalog: Catalog) -> int:
    """The latest generation that a row is of."""
    query = "SELECT max(coalesce((SELECT max(generation) FROM passages), 0), coalesce((SELECT max(generation) FROM removed), 0))"
    return int(next(catalog.query(query))[0])


class Counted:
    """What the manifest should say, from the articles."""

    def __init__(self) -> None:
        self.articles = self.passages = self.undated = 0
        self.contents = Contents()

    def add(self, looked: Looked) -> None:
        """Counts an article in."""
        self.articles += 1
        self.passages += looked.passages
        self.undated += not looked.dated
        self.contents.add(looked.article_id, looked.digest)

    def of(self, manifest: Manifest) -> Manifest:
        """A manifest with these counts and this digest."""
        return manifest.model_copy(
            update={
                "articles": self.articles,
                "passages": self.passages,
                "undated": self.undated,
                "digest": self.contents.digest,
            }
        )


def _sum(first: Any, count: Any) -> int:
    """The key after those of an article's passages; 0 where there can be none such."""
    sane = isinstance(first, int) and isinstance(count, int) and 0 <= first < LARGEST_KEY and 0 <= count < _MOST
    return first + count if sane else 0


def _checked(article: Article, found: list[tuple[Any, ...]], count: Any) -> tuple[list[Place], list[str]]:
    """The passages of rows, and what is wrong with them."""
    passages: list[Place] = []
    wrong = [] if len(found) == count else [f"it has {len(found)} passages and should have {count}"]
    for number, (key, _, passage_id, start, end, sentences, crc) in enumerate(found):
        try:
            if rows.passage_crc(passage_id, start, end, sentences) != crc:
                raise ValueError(crc)  # noqa: TRY301 - as what is no JSON
            place = Place(key, start, end, json.loads(sentences))
            what = _out_of_place(place, passage_id, article, number)
        except (ValueError, TypeError):
            what = "is not what was stored"
        else:
            if passages and key != passages[-1].key + 1:
                what = what or "does not follow the one before"
            passages.append(place)
        if what:
            wrong.append(f"passage {number} {what}")
    return passages, wrong


def _out_of_place(place: Place, passage_id: str, article: Article, number: int) -> str:
    if passage_id != f"{article.id}#{number}":
        return f"has the id {passage_id}"
    if not 0 <= place.start < place.end <= len(article.text):
        return "lies outside the text"
    at = place.start
    for start, end, _ in place.sentences:
        if not at <= start < end <= place.end:
            return "has sentences out of order or outside it"
        at = end
    return "" if article.text[place.start : place.end].strip() else "is empty"


def _wrong_blob(blob: object, size: int) -> str:
    if not isinstance(blob, bytes):
        return "is not there"
    if len(blob) != size + _CRC_BYTES:
        return "has another size"
    whole = zlib.crc32(memoryview(blob)[:-_CRC_BYTES]) == int.from_bytes(blob[-_CRC_BYTES:], "little")
    return "" if whole else "is not what was stored"
