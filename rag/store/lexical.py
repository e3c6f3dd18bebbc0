"""The lexical index: tantivy over the passages' stems, derived from the catalog."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag import words
from rag.dates import bounds
from rag.errors import IndexDamaged
from rag.store.base import Scored, best
from rag.types import Article, Filter, Passage

_HEAP_BYTES = 50_000_000


@lru_cache(maxsize=1)
def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", stored=True, indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name="whitespace")
    builder.add_text_field("byline", tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("source", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("first_day", indexed=True, fast=True)
    builder.add_integer_field("last_day", indexed=True, fast=True)
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("generation", stored=True)
    return builder.build()


class LexicalIndex:
    """BM25 over stems. One document of kind `meta` carries the catalog generation, so that it commits with the rest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._open()
        except (ValueError, OSError):  # damaged, or of another shape: it is derived, so build it again
            shutil.rmtree(folder)
            self._open()

    def _open(self) -> None:
        import tantivy

        self._folder.mkdir(exist_ok=True)
        self._index = tantivy.Index(_schema(), path=str(self._folder))
        self._index.config_reader("manual")
        self._searcher = self._index.searcher()
        self.generation = self._read_generation()

    def _read_generation(self) -> int:
        import tantivy

        query = tantivy.Query.term_query(_schema(), "kind", "meta")
        hits = self._searcher.search(query, 1).hits
        return int(self._searcher.doc(hits[0][1])["generation"][0]) if hits else -1

    def change(self, generation: int, removed: Iterable[int], added: Iterable[tuple[int, Passage, Article]]) -> None:
        """Takes passages out, puts others in, and commits them with the generation in one step."""
        import tantivy

        writer = self._index.writer(_HEAP_BYTES, 1)
        try:
            if self.generation < 0:
                writer.delete_all_documents()
            for key in removed:
                # By query: `delete_documents_by_term` takes every number for a signed one, and deletes nothing.
                writer.delete_documents_by_query(tantivy.Query.term_query(_schema(), "key", key))
            writer.delete_documents_by_term("kind", "meta")
            for key, passage, article in added:
                writer.add_document(tantivy.Document.from_dict(_document(key, passage, article), _schema()))
            writer.add_document(tantivy.Document.from_dict({"kind": "meta", "generation": generation}, _schema()))
            writer.commit()
            writer.wait_merging_threads()
        except BaseException:
            writer.rollback()
            raise
        self._index.reload()
        self._searcher = self._index.searcher()
        self.generation = generation

    def search(self, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        """The n keys with the highest BM25 score for any of the stems, best first, ties by key."""
        import tantivy

        if not stems:
            return []
        schema, query = _schema(), tantivy.Query
        should, must = tantivy.Occur.Should, tantivy.Occur.Must
        matches = query.boolean_query(
            [
                (should, query.term_query(schema, field, stem))
                for stem in dict.fromkeys(stems)
                for field in ("body", "byline")
            ]
        )
        parts = [(must, matches)]
        if where.since:
            days = query.range_query(schema, "last_day", tantivy.FieldType.Integer, where.since.toordinal(), None)
            parts.append((must, query.const_score_query(days, 0.0)))
        if where.until:
            days = query.range_query(schema, "first_day", tantivy.FieldType.Integer, None, where.until.toordinal())
            parts.append((must, query.const_score_query(days, 0.0)))
        if where.source:
            source = query.term_query(schema, "source", where.source.casefold())
            parts.append((must, query.const_score_query(source, 0.0)))
        wanted = query.boolean_query(parts) if len(parts) > 1 else matches
        try:
            return best(lambda limit: self._top(wanted, limit), n)
        except ValueError as error:
            raise IndexDamaged(
                f"the lexical index {self._folder} cannot be read", "Delete that folder; it is built again when needed"
            ) from error

    def _top(self, query: Any, limit: int) -> list[Scored]:
        hits = self._searcher.search(query, limit, count=False).hits
        keys = self._searcher.fast_field_values("key", [address for _, address in hits])
        return [Scored(int(key), float(score)) for key, (score, _) in zip(keys, hits, strict=True)]

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem stands."""
        return {stem: int(self._searcher.doc_freq("body", stem)) for stem in stems}


def _document(key: int, passage: Passage, article: Article) -> dict[str, Any]:
    text = article.text[passage.start : passage.end]
    document: dict[str, Any] = {"key": key, "body": " ".join(words.stems(f"{article.title}\n{text}"))}
    if article.people and passage.passage_id.endswith("#0"):
        document["byline"] = " ".join(words.stems(", ".join(article.people)))
    if article.source:
        document["source"] = article.source.casefold()
    if article.published:
        first, last = bounds(article.published)
        document |= {"first_day": first.toordinal(), "last_day": last.toordinal()}
    return document
