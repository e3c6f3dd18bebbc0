"""The library's front door: open an index, add articles, ask, search."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from rag import chunk, config, embed, ingest, words
from rag.answer import answer_from
from rag.embed import Embedder
from rag.errors import BadInput, BadQuestion, ModelMismatch
from rag.retrieve import Found, Query, retrieve
from rag.store import Chunker, EmbeddedStore, IndexedArticle, IndexedPassage, Manifest, Store
from rag.types import Answer, Article, Filter, Hit, IndexInfo, Span

Status = Literal["added", "updated", "unchanged", "skipped"]
Progress = Callable[[int, int, str], None]
_BATCH_PASSAGES = 256
_TITLE_CHARS = 200
_ANSWER_PASSAGES = 12


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


class Index:
    """An index of articles that answers questions. A context manager; many readers, one writer.

    Open one with `Index.open` or `Index.create`.
    """

    def __init__(
        self,
        store: Store,
        settings: config.Settings,
        embedder: Embedder | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._embedder = embedder
        self._notice = notice

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        settings: config.Settings | None = None,
        embedder: Embedder | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> Index:
        """Opens the index in a folder (default: that of the settings).

        Raises:
            IndexMissing: there is none.
            IndexDamaged: it cannot be read.
            IndexTooNew: a newer version of this package wrote it.
            ModelMismatch: the settings name another model than the index was built with.
        """
        settings = settings or config.load()
        store = EmbeddedStore.open(Path(path or settings.index).expanduser())
        try:
            wanted = embedder.info.name if embedder else settings.model
            _check_model(store.manifest, store.path, wanted)
        except ModelMismatch:
            store.close()
            raise
        return cls(store, settings, embedder, notice)

    @classmethod
    def create(
        cls,
        path: str | Path | None = None,
        *,
        settings: config.Settings | None = None,
        embedder: Embedder | None = None,
        notice: Callable[[str], None] = lambda _: None,
    ) -> Index:
        """Makes an index in a folder, or opens the one that is there.

        Raises:
            ModelMissing: the embedding model is not on this machine.
            ModelMismatch: the index that is there was built with another model.
        """
        settings = settings or config.load()
        folder = Path(path or settings.index).expanduser()
        if EmbeddedStore.exists(folder):
            return cls.open(folder, settings=settings, embedder=embedder, notice=notice)
        embedder = embedder or embed.load(settings.model or config.DEFAULT_MODEL, settings.cache, notice=notice)
        chunker = Chunker(name=chunk.CHUNKER, max_tokens=settings.passage_tokens)
        return cls(EmbeddedStore.create(folder, embedder.info, chunker), settings, embedder, notice)

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the index."""
        self._store.close()

    @property
    def store(self) -> Store:
        """The store underneath."""
        return self._store

    @property
    def manifest(self) -> Manifest:
        """Model, chunker, counts, generation and digest."""
        return self._store.manifest

    @property
    def info(self) -> IndexInfo:
        """Which index this is, as answers name it."""
        manifest = self._store.manifest
        return IndexInfo(
            path=self._store.path,
            articles=manifest.articles,
            passages=manifest.passages,
            digest=manifest.digest,
        )

    @property
    def embedder(self) -> Embedder:
        """The index's model, loaded when first needed."""
        if self._embedder is None:
            model = self._store.manifest.model
            self._embedder = embed.load(model.name, self._settings.cache, sha256=model.sha256, notice=self._notice)
        return self._embedder

    def article(self, article_id: str) -> Article:
        """An article, whole; a prefix of its id is enough where only one has it.

        Raises:
            ArticleMissing: no article has that id.
        """
        if len(article_id) >= 4:
            alike = [known for known in self._store.digests() if known.startswith(article_id)]
            if len(alike) == 1:
                article_id = alike[0]
        return self._store.article(article_id)

    def articles(self, where: Filter | None = None) -> Iterator[Article]:
        """The articles that pass a filter, in the order of their ids."""
        return self._store.articles(where or Filter())

    def add(
        self,
        *sources: str | Path | Article | Iterable[Article],
        progress: Progress = lambda done, total, name: None,
    ) -> AddReport:
        """Adds files, folders and articles; what is there already is left, what changed is replaced.

        A source that cannot be read is reported and skipped; everything else is indexed.

        Args:
            sources: paths of files and folders, `Article` objects, or collections of them.
            progress: called with (passages done, passages known so far, name of the last article).

        Raises:
            IndexBusy: another process is writing.
        """
        return _Adding(self._store, self.embedder, self._settings, progress).run(sources)

    def remove(self, *article_ids: str) -> None:
        """Removes articles.

        Raises:
            ArticleMissing: one of the ids is unknown; then nothing is removed.
        """
        self._store.write([], [self.article(article_id).id for article_id in article_ids])
        self._store.sync()

    def search(
        self,
        question: str,
        *,
        k: int = 10,
        since: dt.date | str | None = None,
        until: dt.date | str | None = None,
        source: str | None = None,
    ) -> list[Hit]:
        """The k best passages for a question, best first.

        Raises:
            BadQuestion: it is empty, too long or has no words.
            BadInput: a date cannot be read.
        """
        found = self._retrieve(self.query(question), k, filter_of(since, until, source))
        return [item.hit for item in found]

    def ask(
        self,
        question: str,
        *,
        k: int | None = None,
        since: dt.date | str | None = None,
        until: dt.date | str | None = None,
        source: str | None = None,
        min_confidence: float | None = None,
    ) -> Answer:
        """Answers a question with verbatim sentences, or says that the articles do not.

        Args:
            question: the question, in words.
            k: how many of the nearest passages the answer shows.
            since: only articles published on this day (`YYYY-MM-DD`) or later.
            until: only articles published on this day or earlier.
            source: only articles of this outlet.
            min_confidence: the confidence, in 0..1, under which to abstain.

        Raises:
            BadQuestion: it is empty, too long or has no words.
            BadInput: a date cannot be read.
        """
        started = time.perf_counter()
        where = filter_of(since, until, source)
        query = self.query(question)
        encoded = time.perf_counter()
        k = k or self._settings.k
        found = self._retrieve(query, max(k, _ANSWER_PASSAGES), where)
        retrieved = time.perf_counter()
        threshold = self._settings.min_confidence if min_confidence is None else min_confidence
        answer = answer_from(self._store, query, found, info=self.info, k=k, min_confidence=threshold)
        timings = {
            "encode": 1e3 * (encoded - started),
            "retrieve": 1e3 * (retrieved - encoded),
            "answer": 1e3 * (time.perf_counter() - retrieved),
        }
        notes = (*answer.notes, *self._filter_notes(where))
        return answer.model_copy(update={"notes": notes, "timings_ms": timings})

    def query(self, question: str) -> Query:
        """A question as retrieval sees it.

        Raises:
            BadQuestion: it is empty, too long or has no words.
        """
        question = question.strip()
        if not question:
            raise BadQuestion("the question is empty", "Ask in a sentence, in quotes")
        limit = self._settings.max_question_chars
        if len(question) > limit:
            raise BadQuestion(
                f"the question has {len(question):,} characters; the limit is {limit:,}", "Ask something shorter"
            )
        if not any(char.isalnum() for char in question):
            raise BadQuestion("the question has no words", "Ask in a sentence, in quotes")
        question = question.encode("utf-8", "replace").decode("utf-8")
        return Query(question, tuple(words.content_words(question)), self.embedder.encode_query(question))

    def _retrieve(self, query: Query, k: int, where: Filter) -> list[Found]:
        return retrieve(
            self._store,
            query,
            k=k,
            where=where,
            candidates=max(k, self._settings.candidates),
            dense_weight=self._settings.dense_weight,
        )

    def _filter_notes(self, where: Filter) -> list[str]:
        undated = self._store.manifest.undated
        if (where.since or where.until) and undated:
            return [f"{undated} article{'s' * (undated > 1)} without a full date left out by the date filter"]
        return []


class _Adding:
    """One run of `Index.add`."""

    def __init__(self, store: Store, embedder: Embedder, settings: config.Settings, progress: Progress) -> None:
        self._store = store
        self._embedder = embedder
        self._settings = settings
        self._progress = progress
        self._outcomes: list[Outcome] = []
        self._located = dict(store.locations())
        self._known = set(store.digests())
        self._pending: list[tuple[Article, list[chunk.Passage], str]] = []
        self._removals: list[str] = []
        self._waiting = 0
        self._done = 0

    def run(self, sources: Iterable[str | Path | Article | Iterable[Article]]) -> AddReport:
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
                yield ingest.Found(source.path or source.id, source)
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
        if article.id in self._known and _same(self._store, article, self._pending):
            self._outcomes.append(Outcome(location, "unchanged", article.id))
            return
        pieces = chunk.passages(article, self._embedder.token_offsets, self._store.manifest.chunker.max_tokens)
        if not pieces:
            self._outcomes.append(Outcome(location, "skipped", reason="no story in it, only boilerplate"))
            return
        replaced = before is not None and before != article.id and list(self._located.values()).count(before) == 1
        if replaced and before is not None:
            self._removals.append(before)
            self._known.discard(before)
        status: Status = "updated" if replaced or article.id in self._known else "added"
        self._outcomes.append(Outcome(location, status, article.id))
        self._located[location] = article.id
        self._known.add(article.id)
        self._pending.append((article, pieces, location))
        self._waiting += len(pieces)

    def _flush(self) -> None:
        if not self._pending and not self._removals:
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
        self._store.write(upserts, self._removals)
        self._done += self._waiting
        self._progress(self._done, self._done, self._pending[-1][0].label if self._pending else "")
        self._pending, self._removals, self._waiting = [], [], 0


def filter_of(since: dt.date | str | None, until: dt.date | str | None, source: str | None) -> Filter:
    """A filter from dates or ISO strings.

    Raises:
        BadInput: a date cannot be read, or the bounds are crossed.
    """
    first, last = _date(since, "since"), _date(until, "until")
    if first and last and first > last:
        raise BadInput(f"since {first} is after until {last}", "Swap them")
    return Filter(since=first, until=last, source=source)


def _date(value: dt.date | str | None, name: str) -> dt.date | None:
    if value is None or isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise BadInput(f"{name} {value!r} is not a date", "Write it as YYYY-MM-DD") from error


def _same(store: Store, article: Article, pending: list[tuple[Article, list[chunk.Passage], str]]) -> bool:
    """Whether the stored article of that id says the same; where its file stands does not count."""
    waiting = next((other for other, _, _ in pending if other.id == article.id), None)
    stored = waiting or store.article(article.id)
    return stored.model_copy(update={"path": None}) == article.model_copy(update={"path": None})


def _check_model(manifest: Manifest, path: str, wanted: str | None) -> None:
    from rag.embed.source import canonical

    if wanted and canonical(wanted) != manifest.model.name:
        raise ModelMismatch(
            f"the index in {path} was built with {manifest.model.name}, not {wanted}",
            f"Unset the model, or build a new index: rag add PATH --index NEW_FOLDER --model {wanted}",
        )
