"""An index that is grown to one size after another, and measured at each."""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rag.config import Settings
from rag.embed import Embedder
from rag.errors import BadInput
from rag.evaluate.bench import run_cold
from rag.evaluate.scale_corpus import Recombined, days_that_keep
from rag.evaluate.scale_memory import Memory, memory_of
from rag.evaluate.scale_sample import Sample, corpora_of, questions_of, sample_of
from rag.filters import filter_of
from rag.index import Index
from rag.store import EmbeddedStore, IndexedArticle
from rag.store.manifest import DenseInfo
from rag.types import Article, Filter, Hit

K = 10
SHARE = 0.05
_BATCH = 5_000
_WARM = 50
_SEARCHED, _ASKED = 100, 30
_OPENED = 3
_TIE = 1e-6
_ADDED = "added-"
_ADDED_FEWEST, _ADDED_MOST = 3, 15

Notice = Callable[[str], None]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Job:
    """What to measure: sizes in passages, on which corpus, with which questions, where.

    `sample` is how many passages are real at most, `limit` how many questions are timed, `rounds` how often `ask` is started, `added` how many
    articles are added one by one. `folder` keeps the sample, and the index where none is named.
    """

    sizes: Sequence[int]
    corpora: Sequence[Path] = ()
    questions: Sequence[Path] = ()
    folder: Path = Path("scale")
    index: Path | None = None
    sample: int = 6_000
    limit: int = 300
    rounds: int = 5
    added: int = 7


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(_Frozen):
    """Milliseconds of a search, over questions asked once each."""

    p50: float
    p99: float
    questions: int


class Recall(_Frozen):
    """The share of the exact ten nearest that were found, over questions, and the mean cosine of the nearest and the tenth."""

    recall: float
    first: float
    tenth: float


class Built(_Frozen):
    """Passages that were put in, and seconds spent making them up, in `Store.write` and in `Store.sync`."""

    passages: int
    made: float
    wrote: float
    synced: float


class Figures(_Frozen):
    """All that was measured at one size. Seconds, but for `Latency`; `disk` is bytes of each group of files.

    `kept` is the share of the passages that pass the filter, `full` the share of filtered searches that gave k passages, all of them from those days.
    """

    passages: int
    articles: int
    real: int
    hybrid: Latency
    filtered: Latency
    kept: float
    full: float
    exact: Recall
    exact_filtered: Recall
    memory: Memory | None
    cold: tuple[float, ...]
    added: tuple[float, ...]
    removed: tuple[float, ...]
    disk: dict[str, int]
    opened: float
    built: Built | None
    dense: DenseInfo


def run_scale(job: Job, settings: Settings, embedder: Embedder, notice: Notice = lambda _: None) -> Iterator[Figures]:
    """The figures of each size, smallest first, each as soon as it is measured. Of an index that is there already, only what is missing is built.

    Raises:
        BadInput: the corpus or the questions cannot be used, or the index holds other articles.
    """
    corpora = corpora_of(job.corpora)
    sample = sample_of(
        corpora, embedder, job.folder, limit=job.sample, max_tokens=settings.passage_tokens, notice=notice
    )
    beside = corpora if job.corpora else []
    longest = settings.max_question_chars
    limit = job.limit + min(job.limit, _WARM)
    asked = questions_of(beside, job.questions, sample.ids, limit=limit, longest=longest)
    corpus = Recombined(sample, max_tokens=settings.passage_tokens)
    folder = job.index or job.folder / f"index-{sample.key}-{settings.vectors}"
    settings = settings.model_copy(update={"index": folder, "llm": None})
    for size in sorted(set(job.sizes)):
        built = grow(corpus, size, settings, embedder, notice)
        if built is None:
            notice(f"the index is larger than {size:,} passages already; that size is left out")
            continue
        yield measure(Measuring(settings, embedder, sample, corpus, asked, job, notice), built)


def load_figures(path: Path) -> list[Figures]:
    """The figures of a JSON file that this bench wrote.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return [Figures.model_validate(one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError) as error:
        raise BadInput(f"the figures in {path} cannot be read", "Name a file that --json wrote") from error


def beside(before: Sequence[Figures], now: Sequence[Figures]) -> list[Figures]:
    """The figures of all sizes, smallest first. The newer ones count; what building took is taken over, as nothing was built anew."""
    found = {one.passages: one for one in before}
    for one in now:
        old = found.get(one.passages)
        found[one.passages] = one.model_copy(update={"built": old.built}) if old and one.built is None else one
    return [found[size] for size in sorted(found)]


def grow(corpus: Recombined, size: int, settings: Settings, embedder: Embedder, notice: Notice) -> Built | None:
    """Puts further articles into the settings' index until it has `size` passages, in batches; None where it has more than these by an article.

    Raises:
        BadInput: the index holds other articles.
    """
    with Index.create(settings=settings, embedder=embedder, notice=notice) as index:
        store = index.store
        if left := store.ids(_ADDED, 100):  # by a run that was killed
            index.remove(*left)
        have, start = index.manifest.passages, index.manifest.articles
        if start and store.at(corpus.location(start - 1)) is None:
            raise BadInput(f"the index in {settings.index} was not made from this corpus", "Name another --index")
        last = len(store.keys(store.at(corpus.location(start - 1)) or "")) if start else 0
        if start and have - last >= size:
            return None
        made = wrote = synced = 0.0
        total = have
        articles = corpus.articles(start)
        while total < size:
            begun = time.perf_counter()
            batch = _batch(articles, min(_BATCH, size - total))
            between = time.perf_counter()
            store.write(batch)
            written = time.perf_counter()
            store.sync()
            made, wrote = made + between - begun, wrote + written - between
            synced += time.perf_counter() - written
            total += sum(len(item.passages) for item in batch)
            notice(f"built {total:,} of {size:,} passages: {wrote:.0f} s writing, {synced:.0f} s syncing")
    return Built(passages=total - have, made=made, wrote=wrote, synced=synced)


def _batch(articles: Iterator[IndexedArticle], passages: int) -> list[IndexedArticle]:
    batch: list[IndexedArticle] = []
    total = 0
    while total < passages:
        batch.append(next(articles))
        total += len(batch[-1].passages)
    return batch


class Measuring(NamedTuple):
    """What is needed to measure an index."""

    settings: Settings
    embedder: Embedder
    sample: Sample
    corpus: Recombined
    asked: Sequence[str]
    job: Job
    notice: Notice

    @property
    def questions(self) -> Sequence[str]:
        """Those that are timed."""
        return self.asked[: self.job.limit]

    @property
    def warm_up(self) -> Sequence[str]:
        """Those asked before: others, where there are enough."""
        return self.asked[self.job.limit :] or self.asked[:_WARM]

    def opened(self) -> Index:
        """The index, with the model loaded."""
        return Index.open(settings=self.settings, embedder=self.embedder, notice=self.notice)


def measure(this: Measuring, built: Built) -> Figures:
    """All figures of the index as it is. Articles are added to it and removed again."""
    folder = this.settings.index
    opening = statistics.median(_seconds(lambda: this.opened().close()) for _ in range(_OPENED))
    disk = disk_of(folder)
    with this.opened() as index:
        manifest = index.manifest
        since, until = days_that_keep(SHARE)
        this.notice(f"{manifest.passages:,} passages: asking {len(this.questions)} questions")
        hybrid, _ = latency(partial(index.search, k=K), this)
        filtered, hits = latency(partial(index.search, k=K, since=since, until=until), this)
        where = filter_of(since, until, None)
        store = _embedded(index)
        kept = keys_where(store, where)
        enough = min(K, len(kept))
        full = [len(found) == enough and all(_is_between(hit, since, until) for hit in found) for found in hits]
        this.notice("comparing with exact search")
        vectors = np.stack([this.embedder.encode_query(question) for question in this.questions])
        exact = recall(store, vectors, Filter(), None)
        exact_filtered = recall(store, vectors, where, kept)
    this.notice("asking in new processes")
    memory = memory_of(this.settings, this.questions[:_SEARCHED], this.questions[:_ASKED])
    cold = run_cold(this.settings, this.questions[0], {}, this.job.rounds)["ask"]
    this.notice("adding articles one by one, and removing them")
    with this.opened() as index:
        added, removed = singly(index, articles_to_add(this.sample, this.job.added))
    return Figures(
        passages=manifest.passages,
        articles=manifest.articles,
        real=min(len(this.sample.vectors), manifest.passages),
        hybrid=hybrid,
        filtered=filtered,
        kept=len(kept) / manifest.passages,
        full=float(np.mean(full)),
        exact=exact,
        exact_filtered=exact_filtered,
        memory=memory,
        cold=tuple(cold),
        added=tuple(added),
        removed=tuple(removed),
        disk=disk,
        opened=opening,
        built=built if built.passages else None,
        dense=manifest.dense,
    )


def latency(search: Callable[[str], list[Hit]], this: Measuring) -> tuple[Latency, list[list[Hit]]]:
    """What a search takes when everything is warm, and what it found for each question."""
    for question in this.warm_up:
        search(question)
    milliseconds, found = [], []
    for question in this.questions:
        begun = time.perf_counter()
        found.append(search(question))
        milliseconds.append(1e3 * (time.perf_counter() - begun))
    p50, p99 = (float(np.percentile(milliseconds, share)) for share in (50, 99))
    return Latency(p50=p50, p99=p99, questions=len(milliseconds)), found


def keys_where(store: EmbeddedStore, where: Filter) -> NDArray[np.int64]:
    """The keys of the passages that pass a filter, in order."""
    return np.array(sorted(key for article in store.articles(where) for key in store.keys(article.id)), np.int64)


def recall(store: EmbeddedStore, queries: Floats, where: Filter, kept: NDArray[np.int64] | None) -> Recall:
    """How many of the exact K nearest passages the store finds, by the vectors it has stored. One as near as the last of them counts as one of them.

    Args:
        store: where to look.
        queries: unit vectors, shape (n, dimension).
        where: which articles count.
        kept: the keys of their passages, in order; None: all.
    """
    found = [[scored.key for scored in store.nearest(query, K, where)] for query in queries]
    wanted = np.unique(np.array([key for keys in found for key in keys], np.int64))
    scores = np.full((len(queries), len(wanted)), -np.inf, np.float32)
    best = np.full((len(queries), K), -np.inf, np.float32)
    for keys, vectors in store.vectors():
        here = np.flatnonzero(np.isin(keys, kept)) if kept is not None else np.arange(len(keys))
        if not len(here):
            continue
        compared = queries @ vectors[here].T
        _, left, right = np.intersect1d(wanted, keys[here], assume_unique=True, return_indices=True)
        scores[:, left] = compared[:, right]
        best = -np.partition(-np.hstack([best, compared]), K - 1, axis=1)[:, :K]
    best = -np.sort(-best, axis=1)
    there = np.isfinite(best).sum(axis=1)
    shares = [
        float((scores[row, np.searchsorted(wanted, keys)] >= best[row, there[row] - 1] - _TIE).sum()) / there[row]
        for row, keys in enumerate(found)
        if there[row]
    ]
    last = best[np.arange(len(best)), np.maximum(there, 1) - 1]
    return Recall(
        recall=float(np.mean(shares)) if shares else 1.0, first=float(best[:, 0].mean()), tenth=float(last.mean())
    )


def articles_to_add(sample: Sample, count: int) -> list[Article]:
    """Real articles of usual length under new ids, as if they were news."""
    usual = [
        article
        for article, passages in zip(sample.articles, sample.passages, strict=True)
        if _ADDED_FEWEST <= len(passages) <= _ADDED_MOST
    ]
    chosen = (usual or list(sample.articles))[-count:]
    return [article.model_copy(update={"id": _new_id(article.id), "path": None}) for article in chosen]


def singly(index: Index, articles: Sequence[Article]) -> tuple[list[float], list[float]]:
    """Seconds to add each article by itself, and to remove it again, with the model loaded."""
    index.embedder.encode([articles[0].text])
    added = [_seconds(partial(index.add, article)) for article in articles]
    removed = [_seconds(partial(index.remove, article.id)) for article in articles]
    return added, removed


def disk_of(folder: Path) -> dict[str, int]:
    """Bytes of the files of an index, by what they belong to."""
    sizes: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            group = path.relative_to(folder).parts[0].partition(".")[0] or "other"
            sizes[group] = sizes.get(group, 0) + path.stat().st_size
    return sizes


def _embedded(index: Index) -> EmbeddedStore:
    store = index.store
    if not isinstance(store, EmbeddedStore):
        raise BadInput(f"the index in {index.info.path} is not in a folder", "Name another --index")
    return store


def _is_between(hit: Hit, since: str, until: str) -> bool:
    return since <= (hit.article.published or "") <= until


def _new_id(name: str) -> str:
    return f"{_ADDED}{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
