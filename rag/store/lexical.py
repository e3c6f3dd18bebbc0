"""The lexical index: tantivy over the passages' stems, derived from the catalog."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from rag import words
from rag.dates import bounds
from rag.errors import IndexDamaged
from rag.store.base import Scored, best
from rag.types import Article, Filter, Passage

_HEAP_BYTES = 50_000_000
_META_FILE = "meta.json"
_MAGIC = 1337
_Found = TypeVar("_Found")


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
    """BM25 over stems. One document of kind `meta` carries the catalog generation, so that it commits with the rest.

    Args:
        folder: where it is; None: in memory alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._index: Any = None
        self._searcher: Any = None
        self.generation = -1
        if folder is None:
            self._open()
        else:
            self.refresh()

    def _open(self) -> None:
        import tantivy

        if self._folder is None:
            self._index = tantivy.Index(_schema())
        else:
            self._index = tantivy.Index(_schema(), path=str(self._folder))
        self._index.config_reader("manual")

    def refresh(self) -> None:
        """Takes over what was committed since. What is damaged, or of another shape, counts as not there, so is built again."""
        try:
            if self._index is None:
                if self._folder is not None and not (self._folder / _META_FILE).exists():
                    return  # opening would make it, and only writers make anything
                self._open()
            self._index.reload()
            self._searcher = self._index.searcher()
            self.generation = self._read_generation()
        except BaseException as error:
            if not _is_damage(error):
                raise
            self._index = self._searcher = None
            self.generation = -1

    def _read_generation(self) -> int:
        import tantivy

        query = tantivy.Query.term_query(_schema(), "kind", "meta")
        hits = self._searcher.search(query, 1).hits
        found = self._searcher.doc(hits[0][1])["generation"] if hits else []
        return int(found[0]) if found else -1  # what was found may be another document, where a list of them is damaged

    def change(
        self,
        generation: int,
        removed: Iterable[int],
        added: Iterable[tuple[int, Passage, Article]],
        *,
        anew: bool = False,
    ) -> None:
        """Takes passages out, puts others in, and commits them with the generation in one step. `refresh` makes it searchable.

        Args:
            generation: of the catalog.
            removed: keys of passages to take out.
            added: passages to put in.
            anew: begin with an empty index.

        Raises:
            OSError: it cannot be written; the state before stays.
        """
        try:
            self._change(generation, removed, added, anew=anew)
        except OSError:
            raise
        except BaseException as error:
            if not _is_damage(error):
                raise
            full = any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
            reason = f"the lexical index cannot be written: {error}"
            raise OSError(errno.ENOSPC if full else errno.EIO, reason) from error

    def _change(
        self, generation: int, removed: Iterable[int], added: Iterable[tuple[int, Passage, Article]], *, anew: bool
    ) -> None:
        import tantivy

        if self._index is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
            self._open()
        self._clear_away()
        writer = self._index.writer(_HEAP_BYTES, 1)
        try:
            writer.garbage_collect_files()  # of a commit that failed: the next one may want to give a file the same name
            if anew:
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
            with contextlib.suppress(ValueError):
                writer.rollback()
            raise
        if self._folder is None:
            self.refresh()

    def _clear_away(self) -> None:
        """Removes what a killed writer was about to give a name; tantivy would leave it for ever."""
        if self._folder is not None:
            for path in self._folder.glob(".tmp*"):
                path.unlink(missing_ok=True)

    def search(self, stems: Sequence[str], n: int, where: Filter) -> list[Scored]:
        """The n keys with the highest BM25 score for any of the stems, best first, ties by key."""
        import tantivy

        if not stems or self._searcher is None:
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
        return self._sound(lambda: best(lambda limit: self._top(wanted, limit), n))

    def _top(self, query: Any, limit: int) -> list[Scored]:
        hits = self._searcher.search(query, limit, count=False).hits
        keys = self._searcher.fast_field_values("key", [address for _, address in hits])
        if None in keys:
            raise ValueError("a document without a key")
        return [Scored(int(key), float(score)) for key, (score, _) in zip(keys, hits, strict=True)]

    def frequencies(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many passages each stem stands."""
        wanted = list(stems)
        if self._searcher is None:
            return dict.fromkeys(wanted, 0)
        return self._sound(lambda: {stem: int(self._searcher.doc_freq("body", stem)) for stem in wanted})

    def keys(self) -> list[int]:
        """The keys of all passages that it holds, in order.

        Raises:
            IndexDamaged: it cannot be read.
        """
        return self._sound(self._keys)

    def _keys(self) -> list[int]:
        import tantivy

        every = tantivy.Query.all_query()
        hits = self._searcher.search(every, max(1, int(self._searcher.num_docs)), count=False).hits
        found = self._searcher.fast_field_values("key", [address for _, address in hits])
        return sorted(int(key) for key in found if key is not None)

    @property
    def documents(self) -> int:
        """How many documents there are, the one that carries the generation included."""
        return int(self._searcher.num_docs) if self._searcher else 0

    def between(self, low: int, high: int) -> list[int]:
        """The keys from `low` to `high` that it holds, in order, each as often as it is there.

        Raises:
            IndexDamaged: it cannot be read.
        """
        return self._sound(lambda: self._between(low, high))

    def _between(self, low: int, high: int) -> list[int]:
        import tantivy

        query = tantivy.Query.range_query(_schema(), "key", tantivy.FieldType.Unsigned, low, high)
        hits = self._searcher.search(query, 2 * (high - low + 1), count=False).hits
        found = self._searcher.fast_field_values("key", [address for _, address in hits])
        return sorted(int(key) for key in found if key is not None)

    def _sound(self, search: Callable[[], _Found]) -> _Found:
        """What a search finds; damage that tantivy meets while searching is named as such."""
        try:
            return search()
        except BaseException as error:
            if not _is_damage(error):
                raise
            where = f"the lexical index {self._folder}" if self._folder else "the lexical index"
            raise IndexDamaged(f"{where} cannot be read", "`rag repair` builds it again") from error


def faults_in(folder: Path) -> list[str]:
    """The files of a lexical index that are not what was written: each ends with the CRC-32 of what is before. They are read and not opened."""
    return [f"{path.name} is not what was written" for path in sorted(folder.iterdir()) if not _is_whole(path)]


def _is_damage(error: BaseException) -> bool:
    """Whether an error is one of tantivy's for files that are not as it left them; a panic is no `Exception`."""
    return isinstance(error, ValueError | OSError) or type(error).__name__ == "PanicException"


def _is_whole(path: Path) -> bool:
    """Whether the footer of one of tantivy's files (JSON with a `crc`, its length, a magic number) fits what is before it."""
    if path.name.startswith(".") or path.suffix in (".json", ".lock"):
        return True  # without a footer; what they say is held against the catalog
    try:
        data = memoryview(path.read_bytes())
        length, magic = struct.unpack("<II", data[-8:])
        footer = json.loads(bytes(data[-8 - length : -8]))
        return bool(magic == _MAGIC and zlib.crc32(data[: -8 - length]) == footer["crc"])
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return False


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
