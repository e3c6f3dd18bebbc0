"""How fast passages are encoded: an embedder against `SentenceTransformer.encode`, alternating, on the same passages."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag import chunk
from rag import passages as embedded
from rag.embed import Embedder, ModelInfo
from rag.embed.export import reference
from rag.embed.source import locate
from rag.errors import BadInput
from rag.evaluate.bench import machine
from rag.types import Article, Span

OURS = "with the sentences' vectors"
_BATCH_SIZES = (32, 64)


class Passages(NamedTuple):
    """Texts as they are embedded, and where the sentences stand in each."""

    texts: Sequence[str]
    spans: Sequence[Sequence[Span]]


@dataclass(frozen=True)
class Encoding:
    """The results of `run_encoding`.

    `rates` has the passages a second of each round, of `OURS` and of the reference by its batch size. `tokens` is the mean of the passages' model tokens;
    `cosine` the least between the two vectors of a passage.
    """

    info: ModelInfo
    passages: int
    tokens: float
    cosine: float
    rates: Mapping[str, Sequence[float]]

    def ratio(self, other: str) -> float:
        """How many times as fast as another the embedder is, by the medians."""
        return statistics.median(self.rates[OURS]) / statistics.median(self.rates[other])


def passages_of(articles: Iterable[Article], embedder: Embedder, max_tokens: int, limit: int) -> Passages:
    """The first passages of articles, at most `limit`, as adding to an index embeds them: under their article's title.

    Raises:
        BadInput: the articles have none.
    """
    texts: list[str] = []
    spans: list[list[Span]] = []
    for article in articles:
        pieces = chunk.passages(article, embedder.token_offsets, max_tokens)[: limit - len(texts)]
        its_texts, its_spans = embedded.texts(article, pieces)
        texts += its_texts
        spans += its_spans
        if len(texts) == limit:
            break
    if not texts:
        raise BadInput("the corpus has no passages", "Name another --corpus")
    return Passages(texts, spans)


def run_encoding(embedder: Embedder, passages: Passages, rounds: int) -> Encoding:
    """Encodes the passages again and again, with the embedder and with `SentenceTransformer.encode`; one unmeasured round first.

    The embedder gives the sentences' vectors too, as adding to an index needs them; the reference gives the texts' alone.

    Raises:
        ModelMissing: the embedder's model is not on this machine.
    """
    texts = list(passages.texts)
    model = reference(locate(embedder.info.name))

    def ours() -> NDArray[np.float32]:
        return np.stack([vectors.text for vectors in embedder.encode_spans(texts, passages.spans)])

    theirs = partial(model.encode, texts, show_progress_bar=False)
    contenders: dict[str, Callable[[], NDArray[np.float32]]] = {OURS: ours}
    contenders |= {batch_name(size): partial(theirs, batch_size=size) for size in _BATCH_SIZES}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    vectors = {name: encode() for name, encode in contenders.items()}
    for _ in range(rounds):
        for name, encode in contenders.items():
            started = time.perf_counter()
            encode()
            rates[name].append(len(texts) / (time.perf_counter() - started))
    expected = vectors[batch_name(_BATCH_SIZES[0])]
    norms = np.linalg.norm(expected, axis=1)  # some models leave their vectors as long as they are
    return Encoding(
        info=embedder.info,
        passages=len(texts),
        tokens=statistics.mean(len(embedder.token_offsets(text)) for text in texts),
        cosine=float(((vectors[OURS] * expected).sum(axis=1) / norms).min()),
        rates=rates,
    )


def batch_name(size: int) -> str:
    """What the reference with this batch size is called among the rates."""
    return f"`SentenceTransformer.encode`, batches of {size}"


def encoding_page(encoding: Encoding, corpus: str) -> str:
    """The results of `run_encoding` as a page of Markdown. `corpus` says what the passages were cut from."""
    rounds = len(encoding.rates[OURS])
    what = f"{encoding.passages:,} passages of {corpus}, {encoding.tokens:.0f} tokens on average, `{encoding.info.name}`, fp32"
    lines = [
        "# Encoding",
        "",
        f"{what}; alternating, {rounds} rounds after one unmeasured. Cosine to the reference's vectors: at least {encoding.cosine:.6f}.",
        machine(),
        "",
        "| encoder | passages a second, median | fastest | slowest | `ask`, times as fast |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, rates in encoding.rates.items():
        label = f"`ask`, {name}" if name == OURS else name
        median = statistics.median(rates)
        lines.append(f"| {label} | {median:.1f} | {max(rates):.1f} | {min(rates):.1f} | {encoding.ratio(name):.2f} |")
    return "\n".join(lines)
