"""One write of the catalog, inside its transaction: articles put in, replaced, moved and taken out, counts and digest kept up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from rag.dates import bounds
from rag.store import rows
from rag.store.base import IndexedArticle, Located
from rag.store.digest import Contents, article_digest
from rag.store.manifest import Manifest


class Writing:
    """One write. What it costs depends on what is written, not on what is there.

    Args:
        db: a connection inside a transaction.
        manifest: of the state before.
    """

    def __init__(self, db: sqlite3.Connection, manifest: Manifest) -> None:
        self._db = db
        self._manifest = manifest
        self._dtype = "<f4" if manifest.vectors == "float32" else "<f2"
        self._generation = manifest.generation + 1
        self._articles = self._passages = self._undated = 0
        self._contents = Contents()
        self._displaced: set[int] = set()

    def save_new(self) -> None:
        """Writes the manifest of an empty index."""
        values = [self._manifest.model_dump_json(), self._contents.state]
        self._db.execute("INSERT INTO manifest (only, json, contents) VALUES (1, ?, ?)", values)

    def apply(
        self,
        upserts: Sequence[IndexedArticle],
        removals: Iterable[str],
        located: Iterable[Located],
        vacated: Iterable[str],
    ) -> tuple[Manifest, list[str]]:
        """Writes, and gives the new manifest and the ids of articles that went because nothing stands where they stood.

        Raises:
            Corrupt: what is there is not what was written.
        """
        try:
            self._contents = Contents(self._db.execute("SELECT contents FROM manifest").fetchone()[0])
        except (TypeError, ValueError) as error:
            raise rows.Corrupt("the sum behind the digest") from error
        changed = False
        for article_id in removals:
            changed |= self._remove(article_id)
        for item in upserts:
            self._put(item)
            changed = True
        for location, article_id, fingerprint in located:
            row = self._db.execute("SELECT key FROM articles WHERE id = ?", [article_id]).fetchone()
            if row is not None:
                self._locate(location, row[0], fingerprint)
        for location in vacated:
            self._displace(location)
            self._db.execute("DELETE FROM locations WHERE location = ?", [location])
        orphans = self._orphans()
        for article_id in orphans:
            changed |= self._remove(article_id)
        if not changed:
            return self._manifest, []
        return self._saved(), orphans

    def _saved(self) -> Manifest:
        before = self._manifest
        changed = before.model_copy(
            update={
                "generation": self._generation,
                "articles": before.articles + self._articles,
                "passages": before.passages + self._passages,
                "undated": before.undated + self._undated,
                "digest": self._contents.digest,
            }
        )
        values = [changed.model_dump_json(exclude={"dense"}), self._contents.state]
        self._db.execute("UPDATE manifest SET json = ?, contents = ?", values)
        return changed

    def _put(self, item: IndexedArticle) -> None:
        article = item.article
        kept = self._db.execute(
            "SELECT location, fingerprint FROM locations JOIN articles ON articles.key = article WHERE id = ?",
            [article.id],
        ).fetchall()
        self._remove(article.id)
        first, last = (None, None)
        if article.published:
            first, last = (day.toordinal() for day in bounds(article.published))
        digest = article_digest(article, (indexed.passage for indexed in item.passages))
        record = article.model_dump_json(exclude={"text"})
        key = self._db.execute(
            "INSERT INTO articles (id, digest, sha256, text, record, source, first_day, last_day, first_passage, passages)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
            [
                article.id,
                digest,
                rows.article_sha256(record, article.text),
                article.text,
                record,
                article.source.casefold() if article.source else None,
                first,
                last,
                len(item.passages),
            ],
        ).lastrowid
        for location, _ in kept:  # read there was the text before: whoever reads it again must look
            self._locate(location, key, None)
        self._locate(item.location, key, item.fingerprint)
        self._put_passages(key, item)
        self._contents.add(article.id, digest)
        self._articles += 1
        self._passages += len(item.passages)
        self._undated += last is None

    def _put_passages(self, article_key: int | None, item: IndexedArticle) -> None:
        first = None
        for passage, vector, sentence_vectors in item.passages:
            place = (passage.passage_id, passage.start, passage.end, rows.sentences_json(passage))
            key = self._db.execute(
                "INSERT INTO passages (article, id, start, end, sentences, crc, generation) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [article_key, *place, rows.passage_crc(*place), self._generation],
            ).lastrowid
            self._db.execute("INSERT INTO vectors VALUES (?, ?)", [key, rows.sealed(vector, self._dtype)])
            self._db.execute("INSERT INTO sentence_vectors VALUES (?, ?)", [key, rows.sealed(sentence_vectors, "<f2")])
            first = first or key
        self._db.execute("UPDATE articles SET first_passage = ? WHERE key = ?", [first or 0, article_key])

    def _remove(self, article_id: str) -> bool:
        row = self._db.execute(
            "SELECT key, digest, first_passage, passages, last_day FROM articles WHERE id = ?", [article_id]
        ).fetchone()
        if row is None:
            return False
        key, digest, first, count, last_day = row
        if not isinstance(first, int) or not isinstance(count, int):
            raise rows.Corrupt(f"where the passages of {article_id} are")
        ours = [first, first + count]
        query = "SELECT count(*) FROM passages WHERE key >= ? AND key < ? AND article = ?"
        if self._db.execute(query, [*ours, key]).fetchone()[0] != count:  # else those of another article would go
            raise rows.Corrupt(f"where the passages of {article_id} are")
        self._db.execute(
            "INSERT INTO removed SELECT key, ? FROM passages WHERE key >= ? AND key < ?", [self._generation, *ours]
        )
        self._db.execute("DELETE FROM vectors WHERE passage >= ? AND passage < ?", ours)
        self._db.execute("DELETE FROM sentence_vectors WHERE passage >= ? AND passage < ?", ours)
        self._db.execute("DELETE FROM passages WHERE key >= ? AND key < ?", ours)
        self._db.execute("DELETE FROM locations WHERE article = ?", [key])
        self._db.execute("DELETE FROM articles WHERE key = ?", [key])
        self._contents.remove(article_id, digest)
        self._articles -= 1
        self._passages -= count
        self._undated -= last_day is None
        return True

    def _locate(self, location: str, key: int | None, fingerprint: str | None) -> None:
        self._displace(location)
        self._db.execute(
            "INSERT OR REPLACE INTO locations (location, article, fingerprint) VALUES (?, ?, ?)",
            [location, key, fingerprint],
        )

    def _displace(self, location: str) -> None:
        row = self._db.execute("SELECT article FROM locations WHERE location = ?", [location]).fetchone()
        if row is not None:
            self._displaced.add(row[0])

    def _orphans(self) -> list[str]:
        """The ids of the articles that stood at the locations changed and stand nowhere now."""
        found = []
        for key in sorted(self._displaced):
            row = self._db.execute(
                "SELECT id FROM articles WHERE key = ? AND NOT EXISTS (SELECT 1 FROM locations WHERE article = articles.key)",
                [key],
            ).fetchone()
            found += [row[0]] if row else []
        return found
