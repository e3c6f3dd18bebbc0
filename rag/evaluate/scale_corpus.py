"""A corpus of any size from a sample of real articles: their sentences in new orders, their vectors perturbed.

The first articles are the sample itself, with its own vectors. Each further one is made of runs of sentences of one real article (and its nearest ones,
where it is short), shuffled, some left out, some taken from a second article. A sentence's vector is the real one with a little noise; a passage's
is the mean of its sentences' with more. All dates and outlets are made up: dates are spread evenly, whatever the size, so that a filter keeps a known share.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.evaluate.scale_sample import Sample
from rag.store import IndexedArticle, IndexedPassage
from rag.types import PASSAGE_MAX_CHARS, Article, Passage, Sentence

FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2024, 12, 31)
SENTENCE_NOISE, PASSAGE_NOISE = 0.1, 0.25
"""Length of the noise on a unit vector."""
_DAYS = (LAST_DAY - FIRST_DAY).days + 1
_GOLDEN = 0.6180339887498949
"""Its multiples modulo 1 are spread evenly, however many of them there are."""
_PLACES = (
    "Arnholt",
    "Belmor",
    "Corvale",
    "Dunmere",
    "Estmark",
    "Fallowby",
    "Grenholm",
    "Harwick Bay",
    "Islemont",
    "Juniper",
)
_KINDS = ("Courier", "Gazette", "Herald", "Observer", "Post")
OUTLETS = tuple(f"{place} {kind}" for kind in _KINDS for place in _PLACES)
_BLOCK = 256
_FEWEST, _MOST = 6, 14
_POOL = 80
_REACH = 120
_RUN = 3
_BANK = 16_384
"""How many different noises sentences have: drawing one for each would take longer than all else."""
_DROPPED, _FOREIGN = 0.15, 0.1


class _Cut(NamedTuple):
    """A new article before it has vectors: the numbers of its sentences, and the first and last of each passage."""

    number: int
    source: int
    sentences: list[int]
    windows: list[tuple[int, int]]


class Recombined:
    """An endless sequence of articles, always the same for a sample and a seed.

    Args:
        sample: the real articles.
        max_tokens: how many model tokens a passage has at most.
        seed: of everything that is drawn.
    """

    def __init__(self, sample: Sample, *, max_tokens: int, seed: int = 0) -> None:
        self._sample = sample
        self._max_tokens = max_tokens
        self._seed = seed
        self._texts: list[str] = []
        self._quotable: list[bool] = []
        tokens: list[int] = []
        rows: list[int] = []
        pools: list[NDArray[np.int64]] = []
        row = at = 0
        self._starts: list[tuple[int, int]] = []
        for article, passages in zip(sample.articles, sample.passages, strict=True):
            self._starts.append((at, row))
            at += len(passages)
            first, end = len(self._texts), -1
            for passage in passages:
                for sentence in passage.sentences:
                    if sentence.start >= end:  # the last sentence of the passage before is not counted twice
                        self._texts.append(article.text[sentence.start : sentence.end])
                        self._quotable.append(sentence.quotable)
                        tokens.append(int(sample.tokens[row]))
                        rows.append(row)
                        end = sentence.end
                    row += 1
            pools.append(np.arange(first, len(self._texts)))
        self._tokens = tokens
        self._lengths = [len(text) for text in self._texts]
        self._rows = np.array(rows)
        self._pools = _filled(pools, sample)
        shape = (_BANK, sample.vectors.shape[1])
        self._noise = _noise(shape, SENTENCE_NOISE, np.random.default_rng(seed))

    @property
    def real(self) -> int:
        """How many articles are real: the first ones."""
        return len(self._sample.articles)

    def location(self, number: int) -> str:
        """Where the article of a number is said to stand; it names what the sequence was made from."""
        return f"{self._sample.key}-{self._seed}#{number}"

    def articles(self, start: int = 0) -> Iterator[IndexedArticle]:
        """The articles from a number on, ready to be stored."""
        for number in range(start, self.real):
            yield self._real(number)
        first = max(start - self.real, 0)
        block = first // _BLOCK
        while True:
            yield from self._made(block)[max(first - block * _BLOCK, 0) :]
            block += 1

    def _real(self, number: int) -> IndexedArticle:
        sample = self._sample
        at, row = self._starts[number]
        indexed = []
        for passage in sample.passages[number]:
            end = row + len(passage.sentences)
            indexed.append(
                IndexedPassage(passage, sample.vectors[at], sample.sentence_vectors[row:end].astype(np.float32))
            )
            at, row = at + 1, end
        changes = {"published": _day(number), "source": OUTLETS[number % len(OUTLETS)]}
        article = sample.articles[number].model_copy(update=changes)
        return IndexedArticle(article, indexed, self.location(number))

    def _made(self, block: int) -> list[IndexedArticle]:
        rng = np.random.default_rng([self._seed, block])
        cuts = [self._cut(block * _BLOCK + line, rng) for line in range(_BLOCK)]
        windows = [cut.sentences[first : last + 1] for cut in cuts for first, last in cut.windows]
        drawn = np.array([sentence for window in windows for sentence in window])
        sentences = self._sample.sentence_vectors[self._rows[drawn]].astype(np.float32)
        sentences = _unit(sentences + self._noise[rng.integers(_BANK, size=len(drawn))])
        ends = np.cumsum([len(window) for window in windows]).tolist()
        parts = [sentences[end - len(window) : end] for end, window in zip(ends, windows, strict=True)]
        means = _unit(np.stack([part.sum(axis=0) for part in parts]))
        vectors = _unit(means + _noise(means.shape, PASSAGE_NOISE, rng))
        rows = zip(vectors, parts, strict=True)
        return [self._whole(cut, rows) for cut in cuts]

    def _cut(self, line: int, rng: np.random.Generator) -> _Cut:
        """Draws sentences until they are as many passages as were drawn."""
        source = int(rng.integers(len(self._pools)))
        wanted = int(rng.integers(_FEWEST, _MOST + 1))
        sentences: list[int] = []
        while True:
            sentences += self._drawn(source, rng)
            windows = self._windows(sentences, wanted)
            if len(windows) == wanted:
                return _Cut(self.real + line, source, sentences[: windows[-1][1] + 1], windows)

    def _drawn(self, source: int, rng: np.random.Generator) -> list[int]:
        """Sentences of one article in runs, the runs shuffled, some sentences left out, some runs from another article."""
        pool, other = self._pools[source], self._pools[rng.integers(len(self._pools))]
        if len(pool) > _REACH:
            start = rng.integers(len(pool) - _REACH + 1)
            pool = pool[start : start + _REACH]
        size = len(pool)
        run = np.cumsum(rng.random(size) < 1 / _RUN)
        runs = int(run[-1]) + 1
        place, foreign = rng.random(runs), rng.random(runs) < _FOREIGN
        chosen = np.where(foreign[run], other[np.arange(size) % len(other)], pool)
        order = np.argsort(place[run], kind="stable")
        kept: list[int] = chosen[order[rng.random(size) >= _DROPPED]].tolist()
        return kept

    def _windows(self, sentences: Sequence[int], wanted: int) -> list[tuple[int, int]]:
        """The first and last sentence of each passage, as `rag.chunk` would cut them: neighbours share one sentence where it fits."""
        tokens = [self._tokens[sentence] for sentence in sentences]
        lengths = [self._lengths[sentence] + 1 for sentence in sentences]
        windows: list[tuple[int, int]] = []
        first, count = 0, len(sentences)
        while len(windows) < wanted and first < count:
            last, room, space = first, self._max_tokens - tokens[first], PASSAGE_MAX_CHARS - lengths[first]
            while last + 1 < count and tokens[last + 1] <= room and lengths[last + 1] <= space:
                last += 1
                room -= tokens[last]
                space -= lengths[last]
            if last + 1 == count:
                break  # more could follow
            windows.append((first, last))
            both = tokens[last] + tokens[last + 1] <= self._max_tokens
            shared = last > first and both and lengths[last] + lengths[last + 1] <= PASSAGE_MAX_CHARS
            first = last if shared else last + 1
        return windows

    def _whole(self, cut: _Cut, rows: Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> IndexedArticle:
        name = f"s{cut.number - self.real + 1:07}"
        spans: list[Sentence] = []
        at = 0
        for sentence in cut.sentences:
            end = at + self._lengths[sentence]
            spans.append(Sentence(start=at, end=end, quotable=self._quotable[sentence]))
            at = end + 1
        indexed = []
        for line, (first, last) in enumerate(cut.windows):
            passage = Passage(
                passage_id=f"{name}#{line}",
                article_id=name,
                start=spans[first].start,
                end=spans[last].end,
                sentences=tuple(spans[first : last + 1]),
            )
            indexed.append(IndexedPassage(passage, *next(rows)))
        article = Article(
            id=name,
            text=" ".join([self._texts[sentence] for sentence in cut.sentences]),
            title=f"{self._sample.articles[cut.source].title or 'Report'} ({cut.number})",
            source=OUTLETS[cut.number % len(OUTLETS)],
            published=_day(cut.number),
        )
        return IndexedArticle(article, indexed, self.location(cut.number))


def days_that_keep(share: float) -> tuple[str, str]:
    """The first and last day (`YYYY-MM-DD`) of a span in the middle of all days that so large a share of the articles is from."""
    days = max(1, round(share * _DAYS))
    first = FIRST_DAY + dt.timedelta(days=(_DAYS - days) // 2)
    return first.isoformat(), (first + dt.timedelta(days=days - 1)).isoformat()


def _day(number: int) -> str:
    return (FIRST_DAY + dt.timedelta(days=int(number * _GOLDEN % 1.0 * _DAYS))).isoformat()


def _filled(pools: Sequence[NDArray[np.int64]], sample: Sample) -> list[NDArray[np.int64]]:
    """The sentences of each article; where they are few, those of the articles nearest to it as well."""
    ends = np.cumsum([len(passages) for passages in sample.passages])
    means = _unit(np.add.reduceat(sample.vectors, ends - [len(passages) for passages in sample.passages]))
    filled = []
    for number, pool in enumerate(pools):
        parts, size = [pool], len(pool)
        if size < _POOL:
            for other in np.argsort(-(means @ means[number]), kind="stable"):
                if size >= _POOL:
                    break
                if other != number:
                    parts.append(pools[other])
                    size += len(pools[other])
        filled.append(np.concatenate(parts))
    return filled


def _noise(shape: tuple[int, ...], length: float, rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.standard_normal(shape, dtype=np.float32)
    drawn *= np.float32(length / np.sqrt(shape[-1]))
    return drawn


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    unit: NDArray[np.float32] = vectors / np.maximum(norms, np.float32(1e-12))[:, None]
    return unit
