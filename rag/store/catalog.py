"""The catalog: articles, passages and vectors in SQLite. It is the truth; all else is derived from it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.dates import bounds
from rag.errors import ArticleMissing, IndexDamaged
from rag.store.base import IndexedArticle
from rag.store.manifest import Manifest, article_digest, index_digest
from rag.types import Article, Filter, Passage, Sentence

_SCHEMA = """
CREATE TABLE manifest (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL);
CREATE TABLE articles (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    text TEXT NOT NULL,
    record TEXT NOT NULL,          -- the article as JSON, without its text
    source TEXT,                   -- case-folded
    first_day INTEGER,             -- proleptic ordinals of the first and last day that `published` can mean
    last_day INTEGER
);
CREATE INDEX articles_by_day ON articles (last_day, first_day);
CREATE INDEX articles_digests ON articles (id, digest);
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    article INTEGER NOT NULL REFERENCES articles (key),
    id TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    sentences TEXT NOT NULL,       -- JSON [[start, end, quotable], ...]
    vector BLOB NOT NULL,          -- float32, little-endian
    sentence_vectors BLOB NOT NULL,-- float16, little-endian, one row a sentence
    generation INTEGER NOT NULL
);
CREATE INDEX passages_by_article ON passages (article);
CREATE INDEX passages_by_generation ON passages (generation);
CREATE TABLE removed (key INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE TABLE locations (location TEXT PRIMARY KEY, article INTEGER NOT NULL REFERENCES articles (key));
CREATE INDEX locations_by_article ON locations (article);
"""
_CHUNK = 500


class Catalog:
    """One SQLite file. Readers see the last committed write.

    Raises:
        IndexDamaged: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def create(self, manifest: Manifest) -> None:
        """Lays the tables, in one transaction, unless they are there."""
        self._one("PRAGMA journal_mode = WAL")  # stays with the file; readers go on while a writer is at work
        with self._transaction():
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'manifest'").fetchone():
                for statement in _SCHEMA.split(";\n"):
                    self._db.execute(statement)
                self._db.execute("INSERT INTO manifest VALUES (1, ?)", [manifest.model_dump_json()])

    def manifest_json(self) -> str | None:
        """The stored manifest, or None when the catalog was never laid."""
        if not self._one("SELECT 1 FROM sqlite_master WHERE name = 'manifest'"):
            return None
        row = self._one("SELECT json FROM manifest")
        return str(row[0]) if row else None

    def write(
        self,
        manifest: Manifest,
        upserts: Sequence[IndexedArticle],
        removals: Iterable[str],
        located: Mapping[str, str],
    ) -> Manifest:
        """Applies a write in one transaction and returns the new manifest."""
        removals = list(removals)
        generation = manifest.generation + 1
        with self._transaction():
            for article_id in removals:
                self._remove(article_id, generation)
            for item in upserts:
                self._put(item, generation)
            self._db.executemany(
                "INSERT OR REPLACE INTO locations SELECT ?, key FROM articles WHERE id = ?", located.items()
            )
            if not upserts and not removals:
                return manifest
            changed = manifest.model_copy(
                update={
                    "generation": generation,
                    "articles": self._count("SELECT count(*) FROM articles"),
                    "passages": self._count("SELECT count(*) FROM passages"),
                    "undated": self._count("SELECT count(*) FROM articles WHERE last_day IS NULL"),
                    "digest": index_digest(self._db.execute("SELECT id, digest FROM articles ORDER BY id")),
                }
            )
            self._db.execute("UPDATE manifest SET json = ?", [changed.model_dump_json()])
        return changed

    def _put(self, item: IndexedArticle, generation: int) -> None:
        article = item.article
        locations = [row[0] for row in self._locations_of(article.id)]
        self._remove(article.id, generation)
        first, last = (None, None)
        if article.published:
            first, last = (day.toordinal() for day in bounds(article.published))
        cursor = self._db.execute(
            "INSERT INTO articles (id, digest, text, record, source, first_day, last_day) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                article.id,
                article_digest(article, (indexed.passage for indexed in item.passages)),
                article.text,
                article.model_dump_json(exclude={"text"}),
                article.source.casefold() if article.source else None,
                first,
                last,
            ],
        )
        for location in {*locations, item.location}:
            self._db.execute("INSERT OR REPLACE INTO locations VALUES (?, ?)", [location, cursor.lastrowid])
        self._db.executemany(
            "INSERT INTO passages (article, id, start, end, sentences, vector, sentence_vectors, generation)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    cursor.lastrowid,
                    passage.passage_id,
                    passage.start,
                    passage.end,
                    json.dumps([[s.start, s.end, int(s.quotable)] for s in passage.sentences]),
                    vector.astype("<f4").tobytes(),
                    sentence_vectors.astype("<f2").tobytes(),
                    generation,
                )
                for passage, vector, sentence_vectors in item.passages
            ),
        )

    def _remove(self, article_id: str, generation: int) -> None:
        row = self._db.execute("SELECT key FROM articles WHERE id = ?", [article_id]).fetchone()
        if row is None:
            return
        self._db.execute("INSERT INTO removed SELECT key, ? FROM passages WHERE article = ?", [generation, row[0]])
        self._db.execute("DELETE FROM passages WHERE article = ?", row)
        self._db.execute("DELETE FROM locations WHERE article = ?", row)
        self._db.execute("DELETE FROM articles WHERE key = ?", row)

    def _locations_of(self, article_id: str) -> list[tuple[str]]:
        return self._db.execute(
            "SELECT location FROM locations JOIN articles ON articles.key = article WHERE id = ?", [article_id]
        ).fetchall()

    def article(self, article_id: str) -> Article:
        """An article, whole.

        Raises:
            ArticleMissing: no article has that id.
        """
        row = self._one("SELECT record, text FROM articles WHERE id = ?", [article_id])
        if row is None:
            raise ArticleMissing(f"no article has the id {article_id}", "`rag list` shows the ids")
        return _article(*row)

    def articles(self, where: Filter) -> Iterator[Article]:
        """The articles that pass a filter, in the order of their ids."""
        condition, values = _condition(where)
        query = f"SELECT record, text FROM articles {condition} ORDER BY id"  # noqa: S608 - the condition is ours
        for row in self._rows(query, values):
            yield _article(*row)

    def locations(self) -> dict[str, str]:
        """The article id at each location."""
        rows = self._rows("SELECT location, id FROM locations JOIN articles ON articles.key = article")
        return dict(rows)

    def digests(self) -> dict[str, str]:
        """The digest of each article by its id."""
        return dict(self._rows("SELECT id, digest FROM articles"))

    def passages(self, keys: Sequence[int]) -> dict[int, Passage]:
        """The passages with these keys; a key that is gone is left out."""
        found = {}
        for key, passage_id, article_id, start, end, sentences in self._by_key(
            "SELECT passages.key, passages.id, articles.id, start, end, sentences"
            " FROM passages JOIN articles ON articles.key = article WHERE passages.key IN",
            keys,
        ):
            found[key] = Passage(
                passage_id=passage_id,
                article_id=article_id,
                start=start,
                end=end,
                sentences=tuple(Sentence(start=a, end=b, quotable=bool(q)) for a, b, q in json.loads(sentences)),
            )
        return found

    def vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of these passages."""
        rows = self._by_key("SELECT key, vector FROM passages WHERE key IN", keys)
        return {key: np.frombuffer(blob, "<f4") for key, blob in rows}

    def sentence_vectors(self, keys: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The sentence vectors of these passages, shape (sentences, dimension) each."""
        rows = self._by_key("SELECT key, length(vector) / 4, sentence_vectors FROM passages WHERE key IN", keys)
        return {key: np.frombuffer(blob, "<f2").astype(np.float32).reshape(-1, width) for key, width, blob in rows}

    def keys_where(self, where: Filter) -> NDArray[np.int64]:
        """The keys of the passages whose articles pass a filter."""
        condition, values = _condition(where)
        query = f"SELECT passages.key FROM passages JOIN articles ON articles.key = article {condition}"  # noqa: S608
        return np.fromiter((row[0] for row in self._rows(query, values)), np.int64)

    def keys_of(self, article_ids: Collection[str]) -> list[int]:
        """The keys of the passages of these articles."""
        query = (
            "SELECT passages.key FROM passages JOIN articles ON articles.key = article"
            " WHERE articles.id IN (SELECT value FROM json_each(?))"
        )
        return [row[0] for row in self._rows(query, [json.dumps(sorted(article_ids))])]

    def added_since(self, generation: int) -> Iterator[tuple[int, Passage, Article, NDArray[np.float32]]]:
        """Key, passage, article and vector of what was written after a generation, in the order of the keys."""
        rows = self._rows("SELECT key FROM passages WHERE generation > ? ORDER BY key", [generation])
        keys = [row[0] for row in rows]
        held: Article | None = None
        for at in range(0, len(keys), _CHUNK):
            chunk = keys[at : at + _CHUNK]
            passages, vectors = self.passages(chunk), self.vectors(chunk)
            for key in chunk:
                if held is None or held.id != passages[key].article_id:
                    held = self.article(passages[key].article_id)
                yield key, passages[key], held, vectors[key]

    def removed_since(self, generation: int) -> list[int]:
        """The keys of the passages removed after a generation."""
        return [row[0] for row in self._rows("SELECT key FROM removed WHERE generation > ?", [generation])]

    def _by_key(self, query: str, keys: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for at in range(0, len(keys), _CHUNK):
            chunk = [int(key) for key in keys[at : at + _CHUNK]]
            yield from self._rows(f"{query} ({','.join('?' * len(chunk))})", chunk)

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        return next(self._rows(query, values), None)

    def _rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(query, values)
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def _count(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # a full disk ends the transaction by itself
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def _damaged(self, error: sqlite3.Error) -> IndexDamaged:
        return IndexDamaged(
            f"the catalog {self._path} cannot be used: {error}",
            "Check the folder's permissions and free space, or build the index again with `rag add PATH --index NEW_FOLDER`",
        )


def _article(record: str, text: str) -> Article:
    return Article.model_validate({**json.loads(record), "text": text})


def _condition(where: Filter) -> tuple[str, list[object]]:
    """The SQL condition of a filter. A date that is only a month or a year passes if it can lie inside the bounds."""
    parts: list[str] = []
    values: list[object] = []
    if where.since:
        parts.append("last_day >= ?")
        values.append(where.since.toordinal())
    if where.until:
        parts.append("first_day <= ?")
        values.append(where.until.toordinal())
    if where.source:
        parts.append("source = ?")
        values.append(where.source.casefold())
    if where.without:
        parts.append("articles.id NOT IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(where.without)))
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values
