"""The library's front door: open an index, add articles, ask, search."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rag import chunk, config, embed, words
from rag.answer import PASSAGES, Drafted, Request, answer_to, drafted
from rag.embed import Embedder
from rag.errors import ArticleMissing, BadQuestion, IndexMissing, LLMFailed, LLMMissing, ModelMismatch
from rag.filters import date_of, filter_of, notes_on
from rag.retrieve import Found, Query, reordered, retrieve
from rag.store import Chunker, EmbeddedStore, Manifest, Store
from rag.types import Answer, Article, Filter, Hit, IndexInfo

if TYPE_CHECKING:
    from rag.add import AddReport, Progress, RemoveReport
    from rag.answer.synthesis import OnClaim, Writer
    from rag.llm import LLM
    from rag.rerank import Reranker


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
        self._using = threading.RLock()
        self._writers: dict[int | str, Writer] = {}

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

        Args:
            path: the folder.
            settings: what would else be read from `rag.toml` and the environment.
            embedder: the model to use instead of the one that the index names.
            notice: told in a line when something takes long.

        Raises:
            IndexMissing: there is none.
            IndexDamaged: it cannot be read.
            IndexTooNew: a newer version of this package wrote it.
            ModelMismatch: the settings name another model than the index was built with.
        """
        settings = settings or config.load()
        folder = Path(path or settings.index).expanduser()
        wanted = embedder.info.name if embedder else settings.model
        store = EmbeddedStore.open(
            folder,
            lambda manifest: _check_model(manifest, str(folder), wanted),
            notice=notice,
            lock_seconds=settings.lock_seconds,
        )
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
            with contextlib.suppress(IndexMissing):  # the making of it was killed before there was anything in it
                return cls.open(folder, settings=settings, embedder=embedder, notice=notice)
        embedder = embedder or embed.load(settings.model or config.DEFAULT_MODEL, settings.cache, notice=notice)
        chunker = Chunker(name=chunk.CHUNKER, max_tokens=settings.passage_tokens)
        store = EmbeddedStore.create(
            folder,
            embedder.info,
            chunker,
            vectors=settings.vectors,
            notice=notice,
            lock_seconds=settings.lock_seconds,
        )
        return cls(store, settings, embedder, notice)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the index, and of the language models that it loaded."""
        for key, writer in self._writers.items():
            if isinstance(key, str):
                writer.close()
        self._writers.clear()
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
        """The index's model, loaded when first needed.

        Raises:
            ModelMissing: it is not on this machine.
        """
        if self._embedder is None:
            model = self._store.manifest.model
            self._embedder = embed.load(model.name, self._settings.cache, sha256=model.sha256, notice=self._notice)
        return self._embedder

    @cached_property
    def reader(self) -> Reranker | None:
        """The small reranker that reads the best sentences, unless the settings say `none`."""
        if self._settings.rerank == "none":
            return None
        from rag import rerank

        return rerank.load(rerank.SMALL, self._settings.cache)

    @cached_property
    def reranker(self) -> Reranker | None:
        """The cross-encoder that reorders the best passages, where the settings name one.

        Raises:
            ModelMissing: it is not on this machine.
            BadInput: it is no cross-encoder with one label.
        """
        if self._settings.rerank in ("none", "small"):
            return None
        from rag import rerank

        return rerank.load(self._settings.rerank, self._settings.cache, notice=self._notice)

    def article(self, article_id: str) -> Article:
        """An article, whole; a prefix of its id is enough where only one has it.

        Raises:
            ArticleMissing: no article has that id.
        """
        from rag.add.remove import by_prefix

        try:
            return self._store.article(article_id)
        except ArticleMissing:
            alike = by_prefix(self._store, article_id)
            if alike is None:
                raise
        return self._store.article(alike)

    def articles(self, where: Filter | None = None) -> Iterator[Article]:
        """The articles that pass a filter, in the order of their ids."""
        return self._store.articles(where or Filter())

    def add(
        self,
        *sources: str | Path | Article | Iterable[Article],
        progress: Progress = lambda _: None,
        sync: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> AddReport:
        """Adds files, folders and articles; what is there already is left, what changed is replaced.

        A source that cannot be read is reported and skipped; everything else is indexed. Readers see each batch as soon as it is written; a run that ends
        early loses none of those, and the next one goes on from there.

        Args:
            sources: paths of files and folders, `Article` objects, or collections of them.
            progress: told how far the run is.
            sync: remove what was indexed from the named files and folders and is not there any more, once everything has been read. What cannot be read,
                what was not named, and a folder in which nothing can be read keep what came from them.
            stopped: asked between batches and articles; once it says True, the batch under way is written and the run ends.

        Raises:
            IndexBusy: another process is writing.
            NoSpace: the disk is full; what was added before is there.
            ModelMissing: there is something to embed, and the model is not on this machine.
        """
        from rag.add import Adding

        run = Adding(self._store, lambda: self._ingester, self._settings, progress, sync=sync, stopped=stopped)
        return run.run(sources)

    @cached_property
    def _ingester(self) -> Embedder:
        """What embeds articles: the index's model, on the device of the settings."""
        device = self._settings.device
        if device == "cpu" or not isinstance(self._embedder, embed.OnnxEmbedder | None):
            return self.embedder
        model = self._store.manifest.model
        return embed.load(model.name, self._settings.cache, sha256=model.sha256, notice=self._notice, device=device)

    def remove(self, *ids_or_paths: str | Path) -> RemoveReport:
        """Removes articles, all that are named or none.

        Args:
            ids_or_paths: ids or unique beginnings of ids (4 characters or more), or files and folders that articles were added from, there still or
                not. An article that stands in another place too loses that one, and stays.

        Raises:
            ArticleMissing: something that is named is neither.
            IndexBusy: another process is writing.
        """
        from rag.add import remove

        return remove(self._store, ids_or_paths)

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
        query, where = self.query(question), filter_of(since, until, source)
        with self._store.reading():
            found = self._retrieve(query, k, where)
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
        as_of: dt.date | str | None = None,
        without: Iterable[str] = (),
        llm: LLM | str | None = None,
        on_claim: OnClaim = lambda _claim, _citations: None,
    ) -> Answer:
        """Answers a question with verbatim sentences, or says that the articles do not.

        With a language model, it writes the answer, and what the articles do not support of it is left out. It is asked only where the articles' own
        sentences answer the question surely enough. Several threads may ask at once.

        Args:
            question: the question, in words.
            k: how many of the nearest passages the answer shows.
            since: only articles published on this day (`YYYY-MM-DD`) or later.
            until: only articles published on this day or earlier.
            source: only articles of this outlet.
            min_confidence: the confidence, in 0..1, under which to abstain.
            as_of: the day that `last week` and `latest` are read from; today where none is given.
            without: ids of articles to leave out.
            llm: a language model, or its name, that writes the answer; the settings' own where none is given.
            on_claim: told of each claim that the model makes and the articles support, as soon as that is known.

        Raises:
            BadQuestion: it is empty, too long or has no words.
            BadInput: a date cannot be read.
            LLMMissing: the language model, or what it needs, is not there.
            LLMFailed: it gave no reply that can be used.
            BadPrompt: its prompt cannot be used.
        """
        started = time.perf_counter()
        question = self._checked(question)
        where = filter_of(since, until, source).model_copy(update={"without": frozenset(without)})
        k = k or self._settings.k
        spent = {"encode": 0.0, "retrieve": 0.0}

        def find(text: str, bounds: Filter) -> tuple[Query, list[Found]]:
            begun = time.perf_counter()
            query = self.query(text)
            encoded = time.perf_counter()
            found = self._retrieve(query, max(k, PASSAGES), bounds)
            spent["encode"] += encoded - begun
            spent["retrieve"] += time.perf_counter() - encoded
            return query, found

        request = Request(
            store=self._store,
            find=find,
            where=where,
            as_of=date_of(as_of, "as_of") or dt.datetime.now(dt.UTC).astimezone().date(),
            min_confidence=self._settings.min_confidence if min_confidence is None else min_confidence,
            reader=self._reader_meanwhile(),
        )
        with self._using, self._store.reading():
            asked = drafted(request, question)
            answer = answer_to(request, asked, info=self.info, k=k)
            spent["answer"] = time.perf_counter() - started - sum(spent.values())
            notes = (*answer.notes, *notes_on(where, self._store, nothing=not answer.hits))
        answer = answer.model_copy(update={"notes": notes})
        if llm is not None or self._settings.llm is not None:
            begun = time.perf_counter()
            answer = self._written(request, asked, answer, llm or self._settings.llm or "", on_claim)
            spent["write"] = time.perf_counter() - begun
        timings = {name: 1e3 * seconds for name, seconds in spent.items()}
        return answer.model_copy(update={"timings_ms": timings})

    def _written(self, request: Request, asked: Drafted, answer: Answer, llm: LLM | str, on_claim: OnClaim) -> Answer:
        """The answer as a language model writes it; the extractive one where that is an abstention, or where the model fails and is optional."""
        from rag.answer.synthesis import synthesise

        try:
            writer = self.writer(llm)
            if not answer.abstained:
                return synthesise(writer, request, asked, answer, on_claim)
            note = f"no language model was asked, as nothing answers surely enough: {answer.confidence:.2f} is under {request.min_confidence}"
        except (LLMFailed, LLMMissing) as error:
            if not self._settings.llm_optional:
                raise
            note = f"answered without the language model: {error.message}"
        return answer.model_copy(update={"notes": (*answer.notes, note)})

    def writer(self, llm: LLM | str) -> Writer:
        """What writes answers with a language model, loaded when first asked for.

        Raises:
            LLMMissing: the model, or what it needs, is not there.
            BadPrompt: its prompt cannot be used.
        """
        from rag.answer.synthesis import load_writer

        key = llm if isinstance(llm, str) else id(llm)
        with self._using:
            if key not in self._writers:
                self._writers[key] = load_writer(
                    self._settings, llm, self._store, self.embedder, self._notice, self._using
                )
            return self._writers[key]

    def _reader_meanwhile(self) -> Callable[[], Reranker | None]:
        """What gives the reader, which is loaded beside the encoding of the first question: neither holds the interpreter for long."""
        if "reader" in self.__dict__:
            return lambda: self.reader
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(1)
        loading = pool.submit(lambda: self.reader)
        pool.shutdown(wait=False)
        return loading.result

    def query(self, question: str) -> Query:
        """A question as retrieval sees it.

        Raises:
            BadQuestion: it is empty, too long or has no words.
        """
        question = self._checked(question)
        return Query(question, tuple(words.content_words(question)), self.embedder.encode_query(question))

    def _checked(self, question: str) -> str:
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
        return question.encode("utf-8", "replace").decode("utf-8")

    def _retrieve(self, query: Query, k: int, where: Filter) -> list[Found]:
        depth = max(k, self._settings.rerank_passages) if self.reranker else k
        found = retrieve(
            self._store,
            query,
            k=depth,
            where=where,
            candidates=max(depth, self._settings.candidates),
            dense_weight=self._settings.dense_weight,
            without=self._settings.leave_out,
        )
        if self.reranker:
            found = reordered(self.reranker, query.text, found, self._settings.rerank_passages)
        return found[:k]


def _check_model(manifest: Manifest, path: str, wanted: str | None) -> None:
    from rag.embed.source import canonical

    if wanted and canonical(wanted) != manifest.model.name:
        raise ModelMismatch(
            f"the index in {path} was built with {manifest.model.name}, not {wanted}",
            f"Unset the model, or build a new index: rag add PATH --index NEW_FOLDER --model {wanted}",
        )
