"""Adding to an index: read, cut into passages, embed, store, in batches; and what happened to each article."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag import chunk, config, ingest
from rag.embed import Embedder
from rag.store import IndexedArticle, IndexedPassage, Store
from rag.types import Article, Passage, Span

Status = Literal["added", "updated", "unchanged", "skipped"]
Progress = Callable[[int, int, str], None]
_BATCH_PASSAGES = 256
_TITLE_CHARS = 200


@dataclass(frozen=True)
class Outcome:
    """What happened to one thing that was to be added. `named`: the user named it, rather than its folder."""

    location: str
    status: Status
    article_id: str | None = None
    reason: str | None = None
    named: bool = False


@dataclass(frozen=True)
class AddReport:
    """What happened to each article or file, in the order in which they were read."""

    outcomes: tuple[Outcome, ...]

    def count(self, status: Status) -> int:
        """How many have a status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def skipped(self) -> tuple[Outcome, ...]:
        """What was not read, with the reasons."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "skipped")


class Adding:
    """One run of `Index.add`: what is known of the index, and the batch being gathered."""

    def __init__(self, store: Store, embedder: Embedder, settings: config.Settings, progress: Progress) -> None:
        self._store = store
        self._embedder = embedder
        self._settings = settings
        self._progress = progress
        self._outcomes: list[Outcome] = []
        self._located = dict(store.locations())
        self._places = Counter(self._located.values())
        self._known = set(store.digests())
        self._pending: list[tuple[Article, list[Passage], str]] = []
        self._moved: dict[str, str] = {}
        self._displaced: set[str] = set()
        self._first: dict[str, str] = {}
        self._waiting = 0
        self._done = 0

    def run(self, sources: Iterable[str | Path | Article | Iterable[Article]]) -> AddReport:
        """Adds everything the sources hold."""
        for found in self._read(sources):
            if isinstance(found, ingest.Skipped):
                self._outcomes.append(Outcome(found.location, "skipped", reason=found.reason, named=found.named))
                continue
            self._take(found)
            if self._waiting >= _BATCH_PASSAGES:
                self._flush()
        self._flush()
        self._store.sync()
        return AddReport(tuple(self._outcomes))

    def _read(
        self, sources: Iterable[str | Path | Article | Iterable[Article]]
    ) -> Iterator[ingest.Found | ingest.Skipped]:
        for source in sources:
            if isinstance(source, Article):
                yield ingest.Found(source.id, source)  # its path can be that of many: a file of JSON lines
            elif isinstance(source, (str, Path)):
                for path in ingest.discover([source]):
                    if isinstance(path, ingest.Skipped):
                        yield path
                    else:
                        yield from ingest.read_file(
                            path,
                            encoding=self._settings.encoding,
                            max_megabytes=self._settings.max_file_mb,
                        )
            else:
                yield from self._read(source)

    def _take(self, found: ingest.Found) -> None:
        article, location = found.article, found.location
        before = self._located.get(location)
        first = self._first.setdefault(article.id, location)
        if article.id in self._known and _same(self._store, article, self._pending):
            self._outcomes.append(Outcome(location, "unchanged", article.id))
            if before != article.id:
                self._place(article.id, location)
                self._moved[location] = article.id
            return
        if first != location:
            reason = f"has the id {article.id} of another text, {first}; give it an id of its own"
            self._outcomes.append(Outcome(location, "skipped", reason=reason))
            return
        pieces = chunk.passages(article, self._embedder.token_offsets, self._store.manifest.chunker.max_tokens)
        if not pieces:
            self._outcomes.append(Outcome(location, "skipped", reason="no story in it, only boilerplate"))
            return
        self._place(article.id, location)
        replaced = before is not None and not self._places[before]
        status: Status = "updated" if replaced or article.id in self._known else "added"
        self._outcomes.append(Outcome(location, status, article.id))
        self._known.add(article.id)
        self._pending.append((article, pieces, location))
        self._waiting += len(pieces)

    def _place(self, article_id: str, location: str) -> None:
        """Notes that an article stands at a location, and no longer what stood there before."""
        before = self._located.get(location)
        if before is not None:
            self._places[before] -= 1
            self._displaced.add(before)
        self._located[location] = article_id
        self._places[article_id] += 1

    def _flush(self) -> None:
        removals = {article_id for article_id in self._displaced if not self._places[article_id]}
        if not self._pending and not removals and not self._moved:
            return
        texts: list[str] = []
        spans: list[list[Span]] = []
        for article, pieces, _ in self._pending:
            title = f"{article.title[:_TITLE_CHARS]}\n" if article.title else ""
            for piece in pieces:
                texts.append(title + article.text[piece.start : piece.end])
                shift = len(title) - piece.start
                spans.append([Span(s.start + shift, s.end + shift) for s in piece.sentences])
        vectors = iter(self._embedder.encode_spans(texts, spans))
        upserts = [
            IndexedArticle(
                article,
                [IndexedPassage(piece, *vector) for piece, vector in zip(pieces, vectors, strict=False)],
                location,
            )
            for article, pieces, location in self._pending
        ]
        self._store.write(upserts, sorted(removals), self._moved)
        self._done += self._waiting
        self._progress(self._done, self._done, self._pending[-1][0].label if self._pending else "")
        self._known -= removals
        self._pending, self._moved, self._displaced, self._waiting = [], {}, set(), 0


def _same(store: Store, article: Article, pending: list[tuple[Article, list[Passage], str]]) -> bool:
    """Whether the stored article of that id says the same; where its file stands does not count."""
    waiting = next((other for other, _, _ in reversed(pending) if other.id == article.id), None)
    stored = waiting or store.article(article.id)
    return stored.model_copy(update={"path": None}) == article.model_copy(update={"path": None})
