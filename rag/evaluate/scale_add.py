"""How much of an `add` is spent outside the encoder."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.config import Settings
from rag.embed import Embedder, ModelInfo, TextVectors
from rag.embed.base import Vectors
from rag.evaluate.bench import machine
from rag.evaluate.scale_sample import as_record, corpora_of, cut, ordered
from rag.index import Index
from rag.types import Span

MUST = 0.15


class Added(NamedTuple):
    """One run of adding: articles and passages, seconds in all, and seconds of these in the encoder."""

    articles: int
    passages: int
    seconds: float
    encoding: float

    @property
    def outside(self) -> float:
        """The share of the time that is spent outside the encoder."""
        return 1 - self.encoding / self.seconds


class Timed:
    """An `Embedder` that notes how long it encodes; finding tokens does not count, as that serves cutting."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.seconds = 0.0

    @property
    def info(self) -> ModelInfo:
        """The model's identity."""
        return self._embedder.info

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """As the embedder does."""
        return self._embedder.encode_query(text)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """As the embedder does, timed."""
        begun = time.perf_counter()
        found = self._embedder.encode(texts)
        self.seconds += time.perf_counter() - begun
        return found

    def encode_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        """As the embedder does, timed."""
        begun = time.perf_counter()
        found = self._embedder.encode_spans(texts, spans)
        self.seconds += time.perf_counter() - begun
        return found

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """As the embedder does."""
        return self._embedder.token_offsets(text)


def run_add(
    corpora: Sequence[Path], settings: Settings, embedder: Embedder, *, passages: int, rounds: int
) -> list[Added]:
    """Adds a file of real articles to a new index, several times.

    Args:
        corpora: where the articles are taken from; without any, the seeds.
        settings: of the index.
        embedder: the model, loaded and warm.
        passages: how many passages the articles have at most.
        rounds: how often.

    Raises:
        BadInput: a corpus is not there.
    """
    chosen = [article for article, _ in cut(ordered(corpora_of(corpora)), embedder, passages, settings.passage_tokens)]
    embedder.encode([article.title for article in chosen[:1]])
    done = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "articles.jsonl"
            file.write_text("".join(f"{as_record(article)}\n" for article in chosen), encoding="utf-8")
            timed = Timed(embedder)
            begun = time.perf_counter()
            with Index.create(Path(folder) / "index", settings=settings, embedder=timed) as index:
                index.add(file)
                seconds = time.perf_counter() - begun
                done.append(Added(index.manifest.articles, index.manifest.passages, seconds, timed.seconds))
    return done


def add_page(done: Sequence[Added]) -> str:
    """The results of `run_add` as a page of Markdown."""
    first = done[0]
    middle = statistics.median(one.outside for one in done)
    return "\n".join(
        [
            "# Adding",
            "",
            f"{first.articles:,} real articles of {first.passages:,} passages, from one file of JSON lines into a new index, {len(done)} times, the model loaded.",
            machine(),
            "",
            "| seconds in all | in the encoder | passages a second | share outside the encoder |",
            "| ---: | ---: | ---: | ---: |",
            *(
                f"| {one.seconds:.1f} | {one.encoding:.1f} | {one.passages / one.seconds:.0f} | {one.outside:.1%} |"
                for one in done
            ),
            "",
            f"The median share is {middle:.1%}; it must be at most {MUST:.0%}. Reading, cutting (which finds the model's tokens), storing and indexing are outside.",
        ]
    )
