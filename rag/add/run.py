"""One run of adding: read, cut into passages, embed, store, batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rag import chunk, config, ingest, passages
from rag.add.gone import Entry, Gone
from rag.add.pending import Pending, Waiting
from rag.add.remove import label
from rag.add.report import AddReport, Outcome, Progress, Progressed, Status
from rag.embed import Embedder, TextVectors
from rag.store import IndexedArticle, Store
from rag.types import Article, Span

Source = str | Path | Article | Iterable[Article]
_BATCH_PASSAGES = 512
"""A few seconds of encoding on two cores, which Ctrl-C waits for; with half as many, what each batch costs the store would count twice."""
_BATCH_ON_DEVICE = 4_096
_PARTS = 4
_BATCH_PLACES = 10_000
_VACATED_AT_ONCE = 1_000


class _File(NamedTuple):
    """A file that is going to be read, and its size in bytes."""

    path: str
    size: int


class _Went(NamedTuple):
    """An article that went because another stands where it stood."""

    outcome: Outcome
    essence: str


class Adding:
    """One run of `Index.add`. It holds one batch of articles, and of the rest what it reports.

    Args:
        store: what is added to.
        embedder: gives the model; asked for when there is something to embed.
        settings: encoding, limits, device.
        progress: told how far the run is.
        sync: whether what is gone from the named files and folders is removed, once everything has been read.
        stopped: asked between batches and articles; once it says True, the batch under way is written and the run ends.
    """

    def __init__(
        self,
        store: Store,
        embedder: Callable[[], Embedder],
        settings: config.Settings,
        progress: Progress = lambda _: None,
        *,
        sync: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._settings = settings
        self._progress = progress
        self._stopped = stopped
        self._batch_passages = _BATCH_PASSAGES if settings.device == "cpu" else _BATCH_ON_DEVICE
        self._files: set[str] = set()
        self._gone = Gone(store, self._files) if sync else None
        self._batch = Pending(store)
        self._outcomes: list[Outcome] = []
        self._reported = 0
        self._went: dict[str, _Went] = {}
        self._seen: set[int] = set()
        self._whole = True
        self._bytes = self._bytes_settled = self._bytes_total = self._passages = 0

    def run(self, sources: Iterable[Source]) -> AddReport:
        """Adds everything that the sources hold.

        Raises:
            IndexBusy: another process is writing.
            NoSpace: the disk is full; what was added before is there.
        """
        with self._store.writing():
            for found in self._read(self._planned(sources)):
                self._take(found)
                if self._batch.passages >= self._batch_passages or len(self._batch) >= _BATCH_PLACES:
                    self._flush()
            self._flush()
            notes: list[str] = []
            if self._gone is not None and self._whole:
                notes = self._gone.notes()
                self._vacate(self._gone.locations())
        removed = (went.outcome for went in self._went.values())
        return AddReport((*self._outcomes, *removed), interrupted=not self._whole, notes=tuple(notes))

    def _planned(self, sources: Iterable[Source]) -> list[_File | ingest.Skipped | Article | Iterable[Article]]:
        """What is going to be read, in order: of files the names and sizes."""
        plan: list[_File | ingest.Skipped | Article | Iterable[Article]] = []
        self._tell("")
        for source in sources:
            if not isinstance(source, (str, Path)):
                plan.append(source)
                continue
            if self._gone is not None:
                self._gone.name(source)
            for found in ingest.discover([source], seen=self._files, without=Path(self._store.path)):
                if self._stopped():
                    self._whole = False
                    return plan
                if isinstance(found, Path):
                    size = ingest.bytes_to_read(found, self._settings.max_file_mb)
                    self._bytes_total += size
                    plan.append(_File(str(found), size))
                else:
                    plan.append(found)
        return plan

    def _read(self, plan: Iterable[_File | ingest.Skipped | Article | Iterable[Article]]) -> Iterator[Entry]:
        for one in plan:
            if self._stopped():
                self._whole = False
                return
            if isinstance(one, _File):
                yield from self._read_file(one)
            elif isinstance(one, ingest.Skipped):
                if self._gone is not None:
                    self._gone.skip(one)
                yield one
            elif isinstance(one, Article):
                yield ingest.Found(one.id, one)  # its path can be that of many: a file of JSON lines
            else:
                for nested in one:
                    yield from self._read(self._planned([nested]))

    def _read_file(self, file: _File) -> Iterator[Entry]:
        name, before = Path(file.path).name, self._bytes

        def told(read: int) -> None:
            if before + read != self._bytes:
                self._told_read(name)  # of what was read before: the article at hand may have to be embedded
                self._bytes = before + min(read, file.size)

        entries: Iterator[Entry] = ingest.read_file(
            Path(file.path),
            encoding=self._settings.encoding,
            max_megabytes=self._settings.max_file_mb,
            known=self._known,
            told=told,
        )
        for entry in entries if self._gone is None else self._gone.follow(file.path, entries):
            if self._stopped():
                self._whole = False
                return
            yield entry
        self._bytes = before + file.size
        self._told_read(name)

    def _known(self, fingerprint: str) -> str | None:
        return self._batch.known(fingerprint)  # of the batch that is being gathered when it is asked

    def _take(self, found: Entry) -> None:
        """Notes what becomes of one thing that was read, and puts it into the batch if it is to be written."""
        location = found.location
        if isinstance(found, ingest.Skipped):
            self._outcomes.append(Outcome(location, "skipped", reason=found.reason, named=found.named))
            return
        if isinstance(found, ingest.Same):
            if self._batch.at(location) != found.article_id:
                self._batch.locate(location, found.article_id, found.fingerprint)
            self._seen.add(hash((found.article_id, location)))
            self._outcomes.append(Outcome(location, "unchanged", found.article_id))
            return
        article = found.article
        held = self._batch.article(article.id)
        if held is not None and _essence(held) == _essence(article):
            if found.fingerprint or self._batch.at(location) != article.id:
                self._batch.locate(location, article.id, found.fingerprint)
            outcome = Outcome(location, "unchanged", article.id, title=article.label)
        else:
            outcome = self._put(found, held)
        if outcome.status != "skipped":
            self._seen.add(hash((article.id, location)))
        self._outcomes.append(outcome)

    def _put(self, found: ingest.Found, held: Article | None) -> Outcome:
        """Puts a new article, or one that changed, into the batch."""
        article, location = found.article, found.location
        first = self._first_in_run(article.id, location) if held else None
        if first is not None:
            differs = "text" if held and held.text != article.text else "description of the same text"
            reason = f"has the id {article.id} of another {differs}, {first}; give it an id of its own"
            return Outcome(location, "skipped", reason=reason)
        pieces = chunk.passages(article, self._embedder().token_offsets, self._store.manifest.chunker.max_tokens)
        if not pieces:
            return Outcome(location, "skipped", reason="no story in it, only boilerplate")
        before = self._batch.at(location)
        self._batch.put(Waiting(article, pieces, location, found.fingerprint))
        status: Status = "added" if held is None else "updated"
        if before is not None and before != article.id:
            self._batch.replaced[before] = len(self._outcomes)
        went = self._went.pop(article.id, None)
        if went is not None:  # it moved, further than one batch
            status = "unchanged" if went.essence == _essence(article) else "updated"
        return Outcome(location, status, article.id, title=article.label)

    def _first_in_run(self, article_id: str, location: str) -> str | None:
        """Where this run has met an article with that id, if elsewhere."""
        places = (place for place in self._batch.places(article_id) if place != location)
        return next((place for place in sorted(places) if hash((article_id, place)) in self._seen), None)

    def _flush(self) -> None:
        """Embeds and writes the batch, and lets readers see it."""
        batch, self._batch = self._batch, Pending(self._store)
        if not len(batch):
            return
        upserts = self._embedded(list(batch.articles.values()))
        went: dict[str, _Went] = {}
        for article_id, place in batch.homeless().items():
            if article_id in batch.replaced:
                at = batch.replaced[article_id]
                self._outcomes[at] = replace(self._outcomes[at], status="updated")
            else:
                went[article_id] = self._went_from(article_id, place)
        left = batch.articles.keys() - {item.article.id for item in upserts}
        if left:  # stopped within a batch that takes minutes: it is as if these had not been read
            self._whole = False
            self._outcomes[self._reported :] = [
                outcome for outcome in self._outcomes[self._reported :] if outcome.article_id not in left
            ]
        self._reported = len(self._outcomes)
        located = [place for place in batch.located.values() if place.article_id not in left]
        for article_id in self._store.write(upserts, (), located):
            if article_id in went:
                self._went[article_id] = went[article_id]
        self._store.sync()
        self._bytes_settled = self._bytes

    def _went_from(self, article_id: str, place: str) -> _Went:
        article = self._store.article(article_id)
        return _Went(Outcome(place, "removed", article_id, title=article.label), _essence(article))

    def _embedded(self, waiting: Sequence[Waiting]) -> list[IndexedArticle]:
        """The articles with their vectors; the first ones only, if the run is stopped within a batch that is far too large."""
        texts: list[str] = []
        spans: list[list[Span]] = []
        for article, pieces, _, _ in waiting:
            its_texts, its_spans = passages.texts(article, pieces)
            texts += its_texts
            spans += its_spans
        vectors = self._vectors(texts, spans, waiting[-1].article.label if waiting else "")
        found, at = [], 0
        for article, pieces, location, fingerprint in waiting:
            its = vectors[at : at + len(pieces)]
            at += len(pieces)
            if len(its) == len(pieces):
                found.append(passages.indexed(article, pieces, its, location, fingerprint))
        return found

    def _vectors(self, texts: Sequence[str], spans: Sequence[Sequence[Span]], name: str) -> list[TextVectors]:
        """The vectors of texts, in their order. A batch is encoded by length, a part at a time, so that progress can be told."""
        found: list[TextVectors] = []
        batches = max(1, len(texts) // self._batch_passages) if texts else 0
        for number in range(batches):
            if number and self._stopped():
                break
            rows = range(len(texts) * number // batches, len(texts) * (number + 1) // batches)
            by_length = sorted(rows, key=lambda row: -len(texts[row]))
            encoded: dict[int, TextVectors] = {}
            size = max(1, self._batch_passages // _PARTS)
            for start in range(0, len(by_length), size):
                part = by_length[start : start + size]
                vectors = self._embedder().encode_spans([texts[row] for row in part], [spans[row] for row in part])
                encoded |= zip(part, vectors, strict=True)
                self._passages += len(part)
                self._tell(name, (len(found) + len(encoded)) / len(texts))
            found += [encoded[row] for row in rows]
        return found

    def _vacate(self, locations: Sequence[str]) -> None:
        """Removes what stood at these locations, unless it stands elsewhere."""
        for start in range(0, len(locations), _VACATED_AT_ONCE):
            if self._stopped():
                self._whole = False
                return
            places = locations[start : start + _VACATED_AT_ONCE]
            stood = {place: article_id for place in places if (article_id := self._store.at(place))}
            titles = {one: label(self._store, one) for one in stood.values()}
            removed = set(self._store.write([], (), (), places))
            self._store.sync()
            for place, article_id in stood.items():
                if article_id in removed:
                    removed.discard(article_id)
                    self._outcomes.append(Outcome(place, "removed", article_id, title=titles[article_id]))

    def _tell(self, name: str, embedded: float = 0.0) -> None:
        """Tells how far the run is; what was read for the batch counts as far as the batch is embedded."""
        waiting = self._bytes - self._bytes_settled
        self._progress(
            Progressed(self._bytes_settled + int(waiting * embedded), self._bytes_total, self._passages, name)
        )

    def _told_read(self, name: str) -> None:
        """Tells that more was read, and has nothing to wait for."""
        if not self._batch.passages:
            self._bytes_settled = self._bytes
            self._tell(name)


def _essence(article: Article) -> str:
    """What an article says, as a hash; where its file stands does not count."""
    return hashlib.sha256(article.model_dump_json(exclude={"path"}).encode("utf-8", "surrogatepass")).hexdigest()
