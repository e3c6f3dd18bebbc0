from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from rag.config import Settings
from rag.embed import ModelInfo, OnnxEmbedder, TextVectors
from rag.errors import BadInput
from rag.evaluate.encoding import OURS, Encoding, batch_name, encoding_page, passages_of, run_encoding
from rag.index import Index
from rag.types import Article, Span
from tests.stand_in import StandIn


class _Recording(StandIn):
    """Keeps the texts and spans that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[Span]] = {}

    def encode_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        self.seen |= {text: list(its) for text, its in zip(texts, spans, strict=True)}
        return super().encode_spans(texts, spans)


@pytest.fixture
def articles(seeds_index: Index) -> list[Article]:
    return [*islice(seeds_index.articles(), 2), Article(id="untitled", text="Rain fell. It did not stop.")]


def test_the_passages_are_those_that_adding_embeds(articles: list[Article], tmp_path: Path) -> None:
    recording = _Recording()
    settings = Settings(index=tmp_path / "index", passage_tokens=60)
    with Index.create(settings=settings, embedder=recording) as index:
        index.add(*articles)
    texts, spans = passages_of(articles, recording, 60, 10_000)
    assert dict(zip(texts, spans, strict=True)) == recording.seen
    assert len(texts) > 5


def test_no_more_passages_than_wanted(articles: list[Article], stand_in: StandIn) -> None:
    every = passages_of(articles, stand_in, 60, 10_000)
    assert passages_of(articles, stand_in, 60, 3) == (every.texts[:3], every.spans[:3])


def test_a_corpus_without_passages_is_named(stand_in: StandIn) -> None:
    with pytest.raises(BadInput, match="no passages"):
        passages_of([], stand_in, 60, 10)


def test_every_encoder_is_timed_on_the_same_passages(articles: list[Article], embedder: OnnxEmbedder) -> None:
    found = run_encoding(embedder, passages_of(articles, embedder, 60, 4), rounds=2)
    assert list(found.rates) == [OURS, batch_name(32), batch_name(64)]
    assert all(len(rates) == 2 and min(rates) > 0 for rates in found.rates.values())
    assert (found.info, found.passages) == (embedder.info, 4)
    assert 10 < found.tokens < 100
    assert found.cosine >= 0.9999
    assert found.ratio(OURS) == 1


def test_the_page() -> None:
    info = ModelInfo(name="some/model", sha256="5" * 64, dimension=4, pooling="mean", max_tokens=256)
    rates = {OURS: [30.0, 20.0, 22.0], batch_name(32): [11.0, 10.0, 8.0]}
    page = encoding_page(Encoding(info, 1000, 156.7, 0.9999998, rates), "wikinews")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert rows == [
        "| encoder | passages a second, median | fastest | slowest | `ask`, times as fast |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| `ask`, with the sentences' vectors | 22.0 | 30.0 | 20.0 | 1.00 |",
        "| `SentenceTransformer.encode`, batches of 32 | 10.0 | 11.0 | 8.0 | 2.20 |",
    ]
    assert page.startswith("# Encoding\n")
    assert "1,000 passages of wikinews, 157 tokens on average, `some/model`" in page
    assert "3 rounds" in page
